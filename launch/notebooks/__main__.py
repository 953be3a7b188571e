"""`python -m launch.notebooks --out=notebooks` writes every notebook."""

import argparse
import json
import pathlib
from collections.abc import Sequence

from launch.notebooks.convert import read_cells, to_notebook
from sbn.runs.atomic import replace_text

TEXTS = pathlib.Path(__file__).parent / "text"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser("python -m launch.notebooks", description="Writes the notebooks for Colab.")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("notebooks"), help="folder (notebooks)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    for script in sorted(TEXTS.glob("*.py")):
        cells = read_cells(script.read_text(encoding="utf-8"))
        path = options.out / f"{script.stem}.ipynb"
        replace_text(path, json.dumps(to_notebook(cells), indent=1, ensure_ascii=False) + "\n")
        print(f"{path}: {len(cells)} cells")


if __name__ == "__main__":
    main()
