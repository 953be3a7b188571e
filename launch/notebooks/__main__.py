"""`python -m launch.notebooks --out=notebooks --repository=OWNER/NAME` writes every notebook, with a link to Colab."""

import pathlib
import re
from collections.abc import Sequence
from typing import Any

from sbn.config import arguments
from sbn.config.errors import ConfigError
from sbn.runs import commands
from sbn.runs.atomic import replace_text

# The first cell, in place of the line that installs. Colab has its own JAX and TensorFlow; pip replaces them if
# they are too old; a kernel that has loaded the old ones has to be restarted.
_INSTALL = """\
# Installs sbn, unless it is installed. If pip asks for a restart (Runtime > Restart session), run this cell again.
import importlib.util
import pathlib
import shutil

if importlib.util.find_spec("sbn") is None:
    above = [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]
    folder = next((path for path in above if (path / "sbn" / "nn").is_dir()), None)
    if folder is None:  # not inside the repository, as on Colab
        {fetch}
        folder = pathlib.Path("sbn_repository")
    %cd -q {{folder}}
    extra = "[cuda]" if shutil.which("nvidia-smi") else ""
    %pip install -q -e .{{extra}}
print("sbn is installed")"""
_FETCH = "!git clone -q --depth 1 https://github.com/{repository} sbn_repository"
_NO_FETCH = 'raise SystemExit("open this notebook inside the repository")'
_BADGE = "[Open in Colab](https://colab.research.google.com/github/{repository}/blob/main/notebooks/{name}.ipynb)"

TEXTS = pathlib.Path(__file__).parent / "text"


@commands.command("python -m launch.notebooks")
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = arguments.Parser(
        "python -m launch.notebooks",
        description="Writes the notebooks for Colab and Jupyter.",
        examples=("--out=notebooks", "--out=notebooks --repository=OWNER/NAME"),
    )
    parser.add_argument(
        "--out", type=arguments.path, default="notebooks", help="folder to write them to (default: notebooks)"
    )
    parser.add_argument(
        "--repository",
        default="",
        metavar="OWNER/NAME",
        help="the repository on GitHub: the notebooks get a link that opens them in Colab, and install sbn from there",
    )
    options = parser.parse_args(argv)
    if options.repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", options.repository):
        raise ConfigError(f"--repository={options.repository} is not a repository: write OWNER/NAME")
    arguments.check_folder(options.out)
    try:
        import jupytext
    except ImportError:
        raise ConfigError("this needs Jupytext: pip install -e '.[notebooks]', or pip install jupytext") from None
    folder = pathlib.Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    for script in sorted(TEXTS.glob("*.py")):
        notebook = jupytext.read(script, fmt="py:percent")
        del notebook.cells[0]  # the script's docstring
        _complete(notebook.cells, script.stem, options.repository)
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"cell-{number}"  # else drawn at random
        path = folder / f"{script.stem}.ipynb"
        replace_text(path, jupytext.writes(notebook, fmt="ipynb"))
        print(f"{path}: {len(notebook.cells)} cells")


def _complete(cells: list[Any], name: str, repository: str) -> None:
    """Puts the code that installs sbn into the first code cell, and a link to Colab below the title."""
    fetch = _FETCH.format(repository=repository) if repository else _NO_FETCH
    first = next(cell for cell in cells if cell.cell_type == "code")
    first.source = _INSTALL.format(fetch=fetch)
    if repository:
        title, _, text = cells[0].source.partition("\n")
        cells[0].source = f"{title}\n\n{_BADGE.format(repository=repository, name=name)}\n{text}"


if __name__ == "__main__":
    commands.start(main)
