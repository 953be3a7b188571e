"""Trains a network with split BatchNorms and looks at it. Written as a notebook by `python -m launch.notebooks`."""

# %% [markdown]
# # Split BatchNorms in a few minutes
#
# Every image goes through the network twice: once weakly augmented (the *main* view), once strongly augmented (the
# *aux* view). Each view is normalised by its own BatchNorm. This notebook trains such a network on built-in images, so
# nothing is downloaded, and shows what the two branches have learned.

# %%
# !pip install -q -e .

# %%
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt

from sbn.config import beside, command_line
from sbn.data import sheet
from sbn.evaluate import evaluate
from sbn.report.collect import read_run, with_evaluations
from sbn.train import Origin, train

beside.make_importable()  # finds the row of experiments/quickstart.py that is used below

# %% tags=["parameters"]
TINY = bool(os.environ.get("SBN_TINY"))  # a few steps on a few images, to see that it all runs
EPOCHS = 2 if TINY else 15
ROW = "quickstart:methods/weak_augment"
RUN = pathlib.Path("runs/notebook/weak_augment/seed0")


# %%


def show(path: pathlib.Path, *, width: float = 12.0) -> None:
    """Shows a picture, `width` inches wide."""
    image = plt.imread(path)
    plt.figure(figsize=(width, width * image.shape[0] / image.shape[1]))
    plt.imshow(image)
    plt.axis("off")
    plt.show()


# %% [markdown]
# ## The views
#
# A view is a string of augmentation ops. The first column has the images, the others six random draws of each.

# %%
shown = command_line.request(ROW, {}).config.views
WEAK, STRONG = shown.main.augment, shown.aux.augment
print("main:", WEAK)
print("aux: ", STRONG)
RUN.parent.mkdir(parents=True, exist_ok=True)
views = RUN.parent / "views.png"
sheet.make([WEAK, STRONG], sheet.first_images("shapes", data_dir=None, count=4), views, draws=6, seed=0)
show(views)

# %% [markdown]
# ## Training
#
# `train(config, workdir)` trains the row. If you interrupt this cell, run it again: it continues from the last
# checkpoint. Once the run is done, the cell returns its result at once.

# %%
changes: dict[str, Any] = {"duration": f"{EPOCHS} epochs", "eval.every": "1 epoch"}
if TINY:
    changes |= {"data.train_examples": 64, "data.test_examples": 32, "batch_size": 32}
row = command_line.request(ROW, {key: str(value) for key, value in changes.items()})
result = train(row.config, RUN, origin=Origin(row.experiment, row.row, row.overrides))
for name, value in result["metrics"].items():
    print(f"{name:32} {value:.4f}")

# %% [markdown]
# ## Accuracy by epoch
#
# Test accuracy of the main branch, the auxiliary branch, and the mean of both predictions (`mix_0.5`). Everything that
# a run measures is in JSON files in its work directory; this cell and the report read the same files.

# %%
run = read_run(RUN)
for name in ("main", "aux", "mix_0.5"):
    measured = run.course(f"test/{name}/accuracy").items()
    plt.plot(
        [step / (run.steps_per_epoch or 1) for step, _ in measured],
        [100 * accuracy for _, accuracy in measured],
        marker="o",
        label=name,
    )
plt.xlabel("epoch")
plt.ylabel("test accuracy (%)")
plt.legend()
plt.show()

# %% [markdown]
# ## The branches
#
# How different are the statistics, scales and biases of the two branches, layer by layer? And how different is the
# output of a layer for the same images in one branch and in the other?

# %%
step, numbers = evaluate(RUN, evals=["branches"])
show(RUN / "artifacts/branches" / f"{step}.png")

# %% [markdown]
# ## The λ sweep
#
# Predictions can be mixed: λ main + (1 − λ) aux. In the paper the main branch is better on clean images, the auxiliary
# branch on corrupted images, and mixtures are in between. The corruptions here are generated, of two types, and not the
# benchmark's files. A network as small as this one may show something else than the paper's.

# %%
settings = {
    "eval.corruptions.source": "generated",
    "eval.corruptions.kinds": ("gaussian_noise", "contrast"),
    "eval.corruptions.examples": 16 if TINY else 500,
}
step, numbers = evaluate(RUN, evals=["mix"], overrides=settings)
show(RUN / "artifacts/mix" / f"{step}.png", width=7)

# %% [markdown]
# ## All results of the run
#
# Evaluations become part of the run, like everything that training measured. Next: the notebook `explore_runs` reads
# finished runs, `own_data_and_network` uses your own images and network, and `your_own_model` puts split BatchNorms
# into your own training code. The README says how to run the papers' tables.

# %%
run, problems = with_evaluations(run)
for name, value in run.metrics.items():
    if name.startswith("test/") and name.endswith("accuracy"):
        print(f"{name:32} {value:.4f}")
assert not problems
