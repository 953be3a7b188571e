"""Both methods side by side on the rendered data set `shapes`, in under three minutes on two CPU cores, with no download.

    python -m experiments.quickstart

trains three rows one after the other and prints their table: RandAugment alone, weak and strong views through one
BatchNorm, and weak and strong views through split BatchNorms. The numbers show that everything works, and nothing
more: the runs are far too small for the differences that the paper reports.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from sbn.config import arguments
from sbn.config.environment import environment
from sbn.config.rows import Row, Table, make_config
from sbn.runs import commands, processes

WEAK = "crop(3)|flip|cutout(8)"
STRONG = f"randaugment(2, 4)|{WEAK}"

BASE: dict[str, Any] = {
    "data.name": "shapes",
    "data.style": "clear",
    "data.image_size": 24,
    "data.train_examples": 4000,
    "data.test_examples": 1000,
    "model.depth": 10,
    "model.width": 1,
    "branches": ("main", "aux"),
    "views.main.augment": WEAK,
    "views.aux.augment": STRONG,
    "duration": "5 epochs",
    "batch_size": 64,
    "eval.every": "5 epochs",
    "save.every": "2 epochs",
    "log.every": "1 epoch",
    "log.tensorboard": False,
}

TABLES = {
    "methods": Table(
        "RandAugment, and two ways to add weakly augmented images (WRN-10-1, shapes)",
        {
            "randaugment": Row({"branches": ("main",), "views.main.augment": STRONG}),
            "weak_one_norm": Row({"norm.kind": "shared"}),
            "weak_augment": Row({}),
        },
    )
}


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)


@commands.command("python -m experiments.quickstart")
def main(argv: Sequence[str]) -> int:
    """Runs every row, then prints the table; returns the first exit code that is not 0."""
    parser = argparse.ArgumentParser(
        "python -m experiments.quickstart", description="Both methods side by side on rendered images."
    )
    parser.add_argument("--root", type=arguments.path, default="runs/quickstart", help="where the runs go")
    options, overrides = parser.parse_known_args(argv)
    for row in TABLES["methods"].rows:
        print(f"\n{row}", flush=True)
        command = [
            sys.executable,
            "-m",
            "sbn.train",
            f"--config={__file__}:methods/{row}",
            f"--workdir={options.root}/{row}/seed0",
            *overrides,
        ]
        if code := processes.run(command, env=environment()):
            return code
    print()
    report = [sys.executable, "-m", "sbn.report", f"{__file__}:methods", f"--root={options.root}"]
    return processes.run(report, env=environment())


if __name__ == "__main__":
    commands.start(main)
