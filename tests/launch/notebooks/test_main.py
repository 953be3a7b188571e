"""The command writes notebooks that Jupyter reads, with all that their scripts say."""

import ast
import sys

import pytest

from launch.notebooks.__main__ import TEXTS, main
from tests.conftest import ROOT

SCRIPTS = sorted(TEXTS.glob("*.py"))


@pytest.fixture
def notebooks(tmp_path, capsys):
    """By name, as nbformat reads them."""
    pytest.importorskip("jupytext", reason="Jupytext is not installed")
    import nbformat

    main([f"--out={tmp_path}"])
    printed = capsys.readouterr().out
    assert all(f"{script.stem}.ipynb: " in printed for script in SCRIPTS)
    found = {path.stem: nbformat.read(path, as_version=4) for path in tmp_path.iterdir()}
    assert sorted(found) == [script.stem for script in SCRIPTS]
    return found


def test_they_are_valid_and_begin_with_a_title(notebooks):
    import nbformat

    for notebook in notebooks.values():
        nbformat.validate(notebook)
        assert notebook.cells[0].cell_type == "markdown"
        assert notebook.cells[0].source.startswith("# ")
        assert sum(cell.metadata.get("tags") == ["parameters"] for cell in notebook.cells) == 1


def test_their_code_is_python_but_for_the_installation(notebooks):
    for notebook in notebooks.values():
        sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        assert "%pip install -q -e ." in sources[0]
        ast.parse("\n".join(sources[1:]))


def test_nothing_of_a_script_is_lost(notebooks):
    for script in SCRIPTS:
        together = "\n".join(cell.source for cell in notebooks[script.stem].cells)
        _docstring, *lines = script.read_text().splitlines()
        for line in lines:
            if line == "# !pip install -q -e .":
                continue  # the notebook has a longer way to install
            bare = line.strip().removeprefix("#").strip()
            assert bare in together or line.startswith("# %%")


def test_the_command_writes_the_same_each_time(notebooks, tmp_path):
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    main([f"--out={tmp_path}"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_jupytext_one_line_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    with pytest.raises(SystemExit) as stopped:
        main([f"--out={tmp_path / 'out'}"])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install -e '.[notebooks]'" in line
    assert not (tmp_path / "out").exists()


def test_the_repository_has_the_notebooks_as_they_are_written_today(notebooks, tmp_path):
    for name in notebooks:
        assert (ROOT / f"notebooks/{name}.ipynb").read_bytes() == (tmp_path / f"{name}.ipynb").read_bytes(), name


def test_with_a_repository_they_open_in_colab_and_install_from_there(tmp_path):
    pytest.importorskip("jupytext", reason="Jupytext is not installed")
    main([f"--out={tmp_path}", "--repository=someone/theirs"])
    text = (tmp_path / "explore_runs.ipynb").read_text()
    assert "colab.research.google.com/github/someone/theirs/blob/main/notebooks/explore_runs.ipynb" in text
    assert "git clone -q --depth 1 https://github.com/someone/theirs " in text


def test_a_repository_is_owner_and_name(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([f"--out={tmp_path}", "--repository=https://somewhere/x/y"])
    assert "write OWNER/NAME" in capsys.readouterr().err
