"""What the methods do, on rendered images, in under three minutes on two CPU cores, with no download.

    python -m experiments.quickstart

trains three rows one after the other: RandAugment for five epochs; RandAugment for four, refined for one without it; and
a network with one BatchNorm for whole images and one for their small copies, for four epochs, then refined for one.
It prints their table and the accuracy of each BatchNorm on each kind of image, and writes both to a page with pictures.
Runs this small can't reach a paper's accuracies: they show only what held on every seed that was tried.
"""

import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from sbn.config import arguments, beside
from sbn.config.environment import environment
from sbn.config.errors import unknown
from sbn.config.rows import Row, Table, make_config
from sbn.runs import commands, processes

WEAK = "crop(3)|flip|cutout(8)"
STANDARD = "crop(3)|flip"
STRONG = f"randaugment(2, 4)|{WEAK}"
SMALL = "resize_and_pad(12)"
MAIN = "test/main/accuracy"

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

# Four epochs, and a fifth without the strong augmentation, through the main BatchNorm. The rate begins anew, where the
# paper keeps a small one: networks that saw as little as these have far to go yet
REFINED: dict[str, Any] = {
    "stages": ("train", "refine"),
    "duration": "4 epochs",
    "stage.refine.duration": "1 epochs",
    "stage.refine.branches": ("main",),
    "stage.refine.views.main.augment": STANDARD,
}
COPIES: dict[str, Any] = {
    "branches": ("main", "aux"),
    "views.main.augment": STANDARD,
    "views.aux.augment": f"{STANDARD}|{SMALL}",
    "views.aux.draws": "main",
    "eval.evals": ("accuracy", "affinity"),
    "eval.affinity.pipelines": (SMALL,),
    "eval.affinity.draws": 1,
}
BY_STAGE = tuple(f"{MAIN}@{stage}" for stage in ("train", "refine"))

TABLES = {
    "shown": Table(
        "Refinement, and separate BatchNorms for small copies (WRN-10-1, shapes, one seed)",
        {
            "randaugment": Row({"branches": ("main",), "views.main.augment": STRONG}, where="five epochs"),
            "refined": Row(
                {"branches": ("main",), "views.main.augment": STRONG, **REFINED},
                where="four epochs, then one without RandAugment",
                metrics=BY_STAGE,
            ),
            "split_refined": Row(
                {**COPIES, **REFINED},
                where="split BatchNorms for four epochs, then one epoch of the main branch",
                metrics=BY_STAGE,
            ),
        },
        figure="branches",
    ),
    "methods": Table("Weak Augment, small (WRN-10-1, shapes)", {"weak_augment": Row({})}),
}


BRANCHES = (
    "split_refined after four epochs: test accuracy (%) by BatchNorm and kind of images. Each BatchNorm is good on the",
    "images that it was trained on, main on whole images and aux on their small copies, and bad on the others:",
)
LAST = (
    "With one seed and 1,000 test images, a difference of less than four points between two methods means nothing.",
    "This runs the paper's own table of what split BatchNorms gain, with ten seeds, on an accelerator:",
    "    python -m launch.sweep --experiment=split_bn:table3 --seeds=0:10 --root=runs",
    "Next, open the page with these tables and pictures in a browser:",
)


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)


@commands.command("python -m experiments.quickstart")
def main(argv: Sequence[str]) -> int:
    """Trains every row, then prints the results; returns the first exit code that is not 0."""
    parser = arguments.Parser(
        "python -m experiments.quickstart",
        description="Trains small networks on built-in images and shows the results.",
    )
    parser.add_argument("--root", type=arguments.path, default="runs/quickstart", help="folder for the runs")
    options, overrides = parser.parse_known_args(argv)
    for word in overrides:
        if not word.startswith("--config."):
            raise unknown("argument", word.partition("=")[0], ("--root", "--config.KEY"))
    root, table = pathlib.Path(options.root), f"{__file__}:shown"
    rows = TABLES["shown"].rows
    for at, (name, row) in enumerate(rows.items(), start=1):
        print(f"\nrun {at} of {len(rows)}: {name}, {row.where}", flush=True)
        command = ["-m", "sbn", "train", f"--config={table}/{name}", f"--workdir={root / name / 'seed0'}", *overrides]
        if code := processes.run([sys.executable, *command], env=environment()):
            return code
    # only here: whoever lists rows need not wait for it
    from sbn.report import branch_views, report
    from sbn.report.collect import read_run
    from sbn.runs.atomic import write_output

    page = root / "page.html"
    write_output(str(page), report(table, root=str(root), format="html")[0].encode())
    known = branch_views.lines(read_run(root / "split_refined/seed0"))
    shown = report(table, root=str(root), format="text")[0]
    print("\n".join(["", shown, *BRANCHES, *known, "", *map(beside.shown_text, LAST), str(page)]))
    return 0


if __name__ == "__main__":
    commands.start(main)
