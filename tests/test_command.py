"""The command `sbn`: what it runs, what it says, how shells complete it; and the wheel that brings it."""

import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

import sbn
from sbn import __main__ as command
from sbn import list as listing
from sbn.completion import completions
from sbn.config import beside
from sbn.config.rows import experiment_files, load_experiment
from sbn.config.schema import KEYS
from sbn.runs import commands
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def called_as_before(monkeypatch):
    monkeypatch.setattr(beside, "_called", False)


def test_help_explains_every_command_in_a_line(capsys):
    assert command.main(["--help"]) == 0
    printed = capsys.readouterr().out
    for name, each in command.COMMANDS.items():
        assert f"  {name} " in printed
        assert each.help in printed
    assert max(map(len, printed.splitlines())) <= 120


def test_a_command_does_what_its_module_does(capsys):
    command.main(["list", "split_bn:table3"])
    through_sbn = capsys.readouterr().out
    listing.main(["split_bn:table3"])
    assert capsys.readouterr().out == through_sbn


def test_every_command_is_a_module_with_a_main():
    import importlib.util

    for each in command.COMMANDS.values():
        assert importlib.util.find_spec(each.module), each


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["trian"], "sbn: unknown command 'trian'; did you mean 'train'?"),
        (["train"], "sbn train: the following arguments are required: --workdir, --config"),
        (["report", "compare", "a"], "sbn report compare: the following arguments are required: SECOND"),
        (
            ["report", "differnce", "a", "b"],
            "sbn report: unknown command or experiment 'differnce'; did you mean 'difference'?",
        ),
        (["report", "split_bn", "refine"], "sbn report: 'split_bn refine': name one experiment, FILE[:TABLE]"),
        (["augment", "shet", "flip"], "sbn augment: unknown command 'shet'; did you mean 'sheet'? (choices: figure1,"),
        (["prepare", "a", "--model=bp"], "sbn prepare: unknown --model 'bp'; did you mean 'bpe'?"),
        (["prepare", "a", "--ratio=2"], "sbn prepare: --ratio is for sentences: give --languages"),
        (["prepare", "multi30k", "/no/folder"], "sbn prepare: there is no file or folder /no/folder"),
        (["completion", "bahs"], "sbn completion: unknown shell 'bahs'; did you mean 'bash'?"),
    ],
)
def test_mistakes_are_one_line_that_calls_the_command_as_the_user_did(words, line, capsys, monkeypatch):
    monkeypatch.setenv("SBN_LARGE_PAGES", "0")
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(line)
    assert "\n" not in said


def test_a_dry_run_prints_the_config_and_writes_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("SBN_LARGE_PAGES", "0")
    run = tmp_path / "run"
    words = ["--config=split_bn:table3/weak_augment,optim.lr=0.3", f"--workdir={run}", "--dry_run"]
    command.main(["train", *words])
    printed = capsys.readouterr().out.splitlines()
    assert "optim.lr = 0.3" in printed
    assert "branches = ('main', 'aux')" in printed
    assert not run.exists()


def test_commands_that_are_printed_are_in_the_words_of_the_user():
    line = "python -m sbn.report split_bn:table3 --root=runs"
    assert beside.shown(line) == line
    beside.set_called()
    assert beside.shown(line) == "sbn report split_bn:table3 --root=runs"
    assert beside.shown("python -m launch.status") == "sbn status"
    assert beside.shown("python -m sbn.accelerators.environment tpu") == "python -m sbn.accelerators.environment tpu"


def test_the_version_is_the_packages(capsys):
    command.main(["--version"])
    assert capsys.readouterr().out == f"sbn {sbn.__version__}\n"


def test_a_tab_completes_commands_rows_keys_and_flags():
    assert completions("sbn tra") == ["train "]
    assert completions("sbn train --config=spl", whole=True) == ["--config=split_bn:"]
    # bash has cut the word at its last '=' or ':', and wants what stands behind
    assert completions("sbn train --config=split_bn:table3/weak_a") == ["table3/weak_augment"]
    assert completions("sbn train --config.norm.ki") == ["--config.norm.kind="]
    assert "--dry_run" in completions("sbn sweep --")
    assert "--metric" in completions("sbn report compare --m")


def test_every_row_and_key_can_be_completed():
    for path in experiment_files():
        rows = completions(f"sbn train --config={path.stem}:", whole=True)
        assert {f"--config={path.stem}:{name}" for name in load_experiment(path).rows()} <= set(rows)
    assert completions("sbn train --config.", whole=True) == sorted(f"--config.{key.name}=" for key in KEYS)


def test_a_tab_after_words_that_mean_nothing_prints_no_error():
    environment = {**os.environ, "COMP_LINE": "sbn list nosuch:", "COMP_POINT": "16", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "sbn"], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_what_a_shell_left_behind_of_a_tab_keeps_no_command_from_running(monkeypatch, capsys):
    """`sbn train ...` would print completions, train nothing, and end with code 0."""
    monkeypatch.setenv("COMP_LINE", "sbn lis")
    assert command.main(["sbn", "lis", "sbn"]) == 0  # as bash asks
    assert capsys.readouterr().out == "list \n"
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sbn ")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("setuptools", reason="building a wheel takes setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("sbn", "experiments", "launch", "setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)

    def build(kind, within):
        command = [sys.executable, "setup.py", "-q", kind, f"--dist-dir={folder}"]
        subprocess.run(command, cwd=within, check=True, capture_output=True)

    build("sdist", source)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:  # the wheel is built of what the sdist holds, as pip does
        packed.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    build("bdist_wheel", unpacked)
    (path,) = folder.glob("*.whl")
    return path


def test_a_wheel_claims_no_import_name_but_sbn(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (top,) = [name for name in names if name.endswith("top_level.txt")]
        assert archive.read(top).split() == [b"sbn"]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"sbn"}
    packaged = {name.removeprefix("sbn/bundled/") for name in names if name.startswith("sbn/")}
    for path in [*ROOT.glob("sbn/**/*.py"), *ROOT.glob("experiments/*.py"), *ROOT.glob("launch/**/*.py")]:
        assert str(path.relative_to(ROOT)) in packaged, path
    assert "sbn/py.typed" in packaged


def test_an_installed_wheel_lists_and_plans_the_papers_rows_from_an_empty_folder(wheel, tmp_path):
    installed, here = tmp_path / "installed", tmp_path / "here"
    here.mkdir()
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*install, f"--target={installed}", str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def run(*words):
        done = subprocess.run(
            [sys.executable, str(installed / "bin/sbn"), *words],
            cwd=here,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("list", "split_bn:table3").startswith("split_bn:table3 ")
    planned = run("sweep", "--experiment=split_bn:table3", "--root=runs", "--dry_run")
    assert "--config=split_bn:table3/weak_augment" in planned
    assert "optim.lr = " in run("train", "--config=quickstart:methods/weak_augment", "--workdir=runs", "--dry_run")
    assert run("--version").startswith("sbn ")
    assert list(here.iterdir()) == []


def test_a_current_folder_that_was_deleted_is_told_where_it_is_needed(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    started = []
    monkeypatch.setattr(commands, "start", started.append)
    command.begin()
    assert started == [command.main]
    with pytest.raises(FileNotFoundError) as raised:
        os.getcwd()
    assert commands.describe(raised.value) == ("the current folder was deleted: change to another one", 2)
