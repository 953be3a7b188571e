"""Draws a table's runs as one picture: `python -m sbn.report.draw refine:figure4 --root=runs --out=pictures`."""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from sbn.config.errors import ConfigError, unknown
from sbn.config.rows import experiment_file, load_experiment
from sbn.figures.make import to_png
from sbn.report.collect import find_runs
from sbn.report.drawings import draw_table


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sbn.report.draw", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", metavar="FILE[:TABLE]", help="an experiments file and, to draw one, its table")
    parser.add_argument("--root", default="runs", help="folder with the runs, at any depth (default: runs)")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."), help="folder for EXPERIMENT_TABLE.png")
    options = parser.parse_args(argv)
    try:
        path, _, only = options.target.partition(":")
        experiment = load_experiment(experiment_file(path))
        if only and only not in experiment.tables:
            raise unknown(f"table of {path}", only, experiment.tables)
        found = find_runs(options.root)
        runs = [run for run in found.runs if run.experiment == experiment.name]
        for name, table in experiment.tables.items():
            drawn = draw_table(name, table, runs) if only in ("", name) else None
            if drawn is None:
                if only == name:
                    why = "no run left what it is made of" if table.picture else "this table has none"
                    raise ConfigError(f"no picture of {experiment.name}:{name}: {why}")
                continue
            options.out.mkdir(parents=True, exist_ok=True)
            file = options.out / f"{experiment.name}_{name}.png"
            file.write_bytes(to_png(drawn.figure))
            print(file)
            for note in drawn.notes:
                print(f"note: {note}", file=sys.stderr)
        # a mean over the seeds that are left says nothing of one that diverged
        for line in (*found.problems, *found.unfinished):
            print(f"note: not drawn: {line}", file=sys.stderr)
    except ConfigError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
