"""Scripts in cells become notebooks: by hand, by the format's own rules, and by Jupytext where it is installed."""

import ast
import json
import re

import pytest

from launch.notebooks.__main__ import TEXTS, main
from launch.notebooks.convert import Cell, read_cells, to_notebook

SCRIPT = '''"""No cell."""

import nothing

# %% [markdown]
# # A title
#
# Text with `code`, and a list:
#
# * one

# %%
# !pip install -q -e .
# %cd somewhere
# a comment, 100 % of it

# %% tags=["parameters"]
STEPS = 3


def double(x):
    # !not a magic, it stands inside
    return 2 * x


# %%

# %%
double(STEPS)
'''


def test_cells_are_what_stands_between_the_marks():
    assert read_cells(SCRIPT) == [
        Cell("markdown", "# A title\n\nText with `code`, and a list:\n\n* one"),
        Cell("code", "!pip install -q -e .\n%cd somewhere\n# a comment, 100 % of it"),
        Cell(
            "code",
            "STEPS = 3\n\n\ndef double(x):\n    # !not a magic, it stands inside\n    return 2 * x",
            ("parameters",),
        ),
        Cell("code", "double(STEPS)"),
    ]


@pytest.mark.parametrize("script", ["# %% [raw]\nx = 1", "# %%title\n", "# %% tags=parameters\n"])
def test_unknown_marks_are_errors(script):
    with pytest.raises(ValueError, match=r"no mark of a cell|Expecting"):
        read_cells(script)


def test_code_in_a_markdown_cell_is_an_error():
    with pytest.raises(ValueError, match="no comment: 'x = 1'"):
        read_cells("# %% [markdown]\n# Text\nx = 1\n")


def test_a_notebook_has_what_its_format_asks_for():
    notebook = json.loads(json.dumps(to_notebook(read_cells(SCRIPT))))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert [cell["cell_type"] for cell in notebook["cells"]] == ["markdown", "code", "code", "code"]
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", cell["id"])
        assert ("outputs" in cell) == ("execution_count" in cell) == (cell["cell_type"] == "code")
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        assert not cell["source"][-1].endswith("\n")
    assert len({cell["id"] for cell in notebook["cells"]}) == 4
    assert notebook["cells"][2]["metadata"] == {"tags": ["parameters"]}
    assert "".join(notebook["cells"][3]["source"]) == "double(STEPS)"


def test_the_command_writes_every_notebook_the_same_each_time(tmp_path, capsys):
    main([f"--out={tmp_path / 'a'}"])
    printed = capsys.readouterr().out
    main([f"--out={tmp_path / 'b'}"])
    names = sorted(path.stem for path in TEXTS.glob("*.py"))
    assert all(f"a/{name}.ipynb: " in printed for name in names)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [f"{name}.ipynb" for name in names]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                lines = [line for line in cell["source"] if not line.startswith(("!", "%"))]
                ast.parse("".join(lines))


@pytest.mark.parametrize("script", sorted(TEXTS.glob("*.py")), ids=lambda path: path.stem)
def test_nothing_of_a_script_is_lost(script):
    cells = read_cells(script.read_text())
    assert cells[0].kind == "markdown"
    assert cells[0].text.startswith("# ")
    assert sum(cell.tags == ("parameters",) for cell in cells) == 1
    together = "\n".join(cell.text for cell in cells)
    _docstring, *lines = script.read_text().splitlines()
    for line in lines:
        bare = line.strip().removeprefix("#").strip()
        assert bare in together or line.startswith("# %%")


@pytest.mark.parametrize("script", sorted(TEXTS.glob("*.py")), ids=lambda path: path.stem)
def test_jupytext_reads_the_same_cells(script):
    jupytext = pytest.importorskip("jupytext", reason="Jupytext is not installed")
    theirs = [
        (cell.cell_type, cell.source.strip(), tuple(cell.metadata.get("tags", ())))
        for cell in jupytext.read(script, fmt="py:percent").cells
        if cell.source.strip()
    ]
    ours = read_cells(script.read_text())
    assert theirs[-len(ours) :] == [tuple((cell.kind, cell.text, cell.tags)) for cell in ours]


def test_nbformat_finds_them_valid(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    main([f"--out={tmp_path}"])
    for path in tmp_path.iterdir():
        nbformat.validate(nbformat.read(path, as_version=4))
