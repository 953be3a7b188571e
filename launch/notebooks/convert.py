"""Scripts in cells to notebooks, in the percent format that Jupytext, VS Code and Spyder read."""

import hashlib
import json
import re
from typing import Any, NamedTuple

_MARK = re.compile(r"# %%(?: \[(?P<kind>markdown)\])?(?: tags=(?P<tags>\[.*\]))?\s*$")
_MAGIC = re.compile(r"# (?=[!%])")  # a line for the notebook alone, which a script takes for a comment


class Cell(NamedTuple):
    """A cell: 'code' or 'markdown', its text, and its tags."""

    kind: str
    text: str
    tags: tuple[str, ...] = ()


def read_cells(script: str) -> list[Cell]:
    """Returns the cells of a script; what stands before the first mark, a docstring say, is none of them.

    Raises:
        ValueError: for a mark that is none of the known, and for text in a markdown cell that is no comment.
    """
    cells: list[Cell] = []
    lines: list[str] = []
    found: tuple[str, tuple[str, ...]] | None = None

    def close() -> None:
        if found and (text := _text(found[0], lines)):
            cells.append(Cell(found[0], text, found[1]))

    for line in script.splitlines():
        if line.startswith("# %%"):
            mark = _MARK.match(line)
            if mark is None:
                raise ValueError(f"no mark of a cell: {line!r}")
            close()
            found = (mark["kind"] or "code", tuple(json.loads(mark["tags"] or "[]")))
            lines = []
        else:
            lines.append(line)
    close()
    return cells


def _text(kind: str, lines: list[str]) -> str:
    if kind == "code":
        return "\n".join(_MAGIC.sub("", line) if _MAGIC.match(line) else line for line in lines).strip("\n")
    bare = [line for line in lines if line.strip()]
    if wrong := [line for line in bare if not line.startswith("#")]:
        raise ValueError(f"in a markdown cell, and no comment: {wrong[0]!r}")
    return "\n".join(line[2:] for line in lines).strip("\n")


def to_notebook(cells: list[Cell]) -> dict[str, Any]:
    """Returns a notebook (format 4.5), to be written as JSON; the same cells give the same one."""
    made = []
    for number, cell in enumerate(cells):
        content: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": hashlib.sha256(f"{number} {cell.text}".encode()).hexdigest()[:12],
            "metadata": {"tags": list(cell.tags)} if cell.tags else {},
            "source": cell.text.splitlines(keepends=True),
        }
        made.append({**content, "execution_count": None, "outputs": []} if cell.kind == "code" else content)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
