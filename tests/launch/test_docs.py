"""The commands of docs/sweeps.md: flags, rows, extras and markers are there, and every sweep can be planned."""

import configparser
import importlib.util
import re
import shlex

import pytest

from launch import status, sweep
from sbn.report import __main__ as report
from tests.conftest import ROOT

TEXT = (ROOT / "docs/sweeps.md").read_text()
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def commands():
    """The words of every command; `...` stands for the arguments of the sweep before."""
    found, before = [], []
    for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if not (words := shlex.split(line, comments=True)):
                continue
            if "&&" in words:
                found.append(words[: words.index("&&")])
                words = words[words.index("&&") + 1 :]
            if words[:2] == ["sbn", "sweep"]:
                given = [word for word in words[2:] if word != "..."]
                before = given if "..." not in words else [*before, *given]
                words = [*words[:2], *before]
            found.append(words)
    return found


def extra(words):
    """`pip install -e .[NAME]`, or of a package that an extra names too."""
    if words[0] == "-e":
        assert words[1][2:-1] in SETUP["options.extras_require"]
    else:
        assert words[0] in SETUP["options.extras_require"]["sky"]


def marker(words):
    assert words[0] == "-m"
    assert re.search(rf"^{words[1]}:", SETUP["tool:pytest"]["markers"], re.MULTILINE)


def swept(words):
    if "--engine=slurm" in words and importlib.util.find_spec("submitit") is None:
        pytest.skip("submitit is not installed")
    assert sweep.main([*words, "--dry_run"]) == 0


def told(words):
    assert status.main(words) == 1  # nothing is done


HOW = {
    ("pip", "install"): extra,
    ("sbn", "sweep"): swept,
    ("sbn", "status"): told,
    ("sbn", "report"): report.main,  # a mistake ends it
    ("python", "-m", "pytest"): marker,
    ("apt-get", "install"): lambda words: None,
    ("sky", "check"): lambda words: None,
}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_is_what_its_program_takes(words, fake_sky, tmp_path, monkeypatch):
    """In an empty folder, which stands for the bucket too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (how,) = (start for start in HOW if tuple(words[: len(start)]) == start)
    HOW[how]([word.replace("gs://my-bucket", str(tmp_path)) for word in words[len(how) :]])


def test_every_command_is_among_them():
    sweeps = [words for words in commands() if words[:2] == ["sbn", "sweep"]]
    assert len(sweeps) == len(re.findall(r"^sbn sweep", TEXT, re.MULTILINE)) == 4
    assert {word for words in sweeps for word in words if "engine=" in word} == {"--engine=slurm", "--engine=sky"}
