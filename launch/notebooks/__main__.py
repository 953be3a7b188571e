"""`python -m launch.notebooks --out=notebooks` writes every notebook."""

import pathlib
from collections.abc import Sequence

from sbn.config import arguments
from sbn.config.errors import ConfigError
from sbn.runs import commands
from sbn.runs.atomic import replace_text

TEXTS = pathlib.Path(__file__).parent / "text"


@commands.command("python -m launch.notebooks")
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = arguments.Parser("python -m launch.notebooks", description="Writes the notebooks for Colab.")
    parser.add_argument(
        "--out", type=arguments.path, default="notebooks", help="folder to write them to (default: notebooks)"
    )
    options = parser.parse_args(argv)
    arguments.check_folder(options.out)
    try:
        import jupytext
    except ImportError:
        raise ConfigError("it needs Jupytext: pip install -e '.[notebooks]', or pip install jupytext") from None
    folder = pathlib.Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    for script in sorted(TEXTS.glob("*.py")):
        notebook = jupytext.read(script, fmt="py:percent")
        del notebook.cells[0]  # the script's docstring
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"cell-{number}"  # else drawn at random
        path = folder / f"{script.stem}.ipynb"
        replace_text(path, jupytext.writes(notebook, fmt="ipynb"))
        print(f"{path}: {len(notebook.cells)} cells")


if __name__ == "__main__":
    commands.start(main)
