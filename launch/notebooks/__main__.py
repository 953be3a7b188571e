"""`python -m launch.notebooks --out=notebooks` writes every notebook."""

import argparse
import json
import pathlib
from collections.abc import Sequence

from launch.notebooks.convert import read_cells, to_notebook
from sbn.config import arguments

TEXTS = pathlib.Path(__file__).parent / "text"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser("python -m launch.notebooks", description="Writes the notebooks for Colab.")
    parser.add_argument("--out", type=arguments.path, default="notebooks", help="folder (notebooks)")
    options = parser.parse_args(argv)
    folder = pathlib.Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    for script in sorted(TEXTS.glob("*.py")):
        cells = read_cells(script.read_text(encoding="utf-8"))
        path = folder / f"{script.stem}.ipynb"
        path.write_text(json.dumps(to_notebook(cells), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path}: {len(cells)} cells")


if __name__ == "__main__":
    main()
