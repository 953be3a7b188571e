"""Trains a network with split BatchNorms and looks at it. Written as a notebook by `python -m launch.notebooks`."""

# %% [markdown]
# # Split BatchNorms in a few minutes
#
# Every image goes through the network twice: once weakly augmented (the *main* view), once strongly (the *aux* view),
# and each view is normalised by a BatchNorm of its own. This notebook trains such a network on rendered images, with
# nothing to download, and looks at what the two branches have learned.

# %% [markdown]
# ## Setup
#
# In the folder of the repository. On Colab: upload or clone it, go there with `%cd`, and run this cell. Where the
# packages are there already, it does nothing but look.

# %%
# !pip install -q -e .

# %%
import os
import pathlib
from typing import Any

import matplotlib.pyplot as plt

from experiments.quickstart import STRONG, WEAK, get_config
from sbn.data import sheet
from sbn.evaluate import evaluate
from sbn.report.collect import read_run, with_evaluations
from sbn.train import Origin, train

# %% tags=["parameters"]
TINY = bool(os.environ.get("SBN_TINY"))  # a few steps on a few images, to see that it all runs
EPOCHS = 2 if TINY else 15
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
# A view is a string of operations. The first column has the images, the others six draws of each.

# %%
print("main:", WEAK)
print("aux: ", STRONG)
RUN.parent.mkdir(parents=True, exist_ok=True)
views = RUN.parent / "views.png"
sheet.make([WEAK, STRONG], sheet.first_images("shapes", data_dir=None, count=4), views, draws=6, seed=0)
show(views)

# %% [markdown]
# ## Training
#
# `get_config('table/row,key=value')` is a row of an experiment, and `train(config, workdir)` trains it. Run the cell
# again when it was interrupted: it goes on where it was, and once done it returns at once.

# %%
changes: dict[str, Any] = {"duration": f"{EPOCHS} epochs", "eval.every": "1 epoch"}
if TINY:
    changes |= {"data.train_examples": 64, "data.test_examples": 32, "batch_size": 32}
config = get_config(",".join(["methods/weak_augment", *(f"{key}={value}" for key, value in changes.items())]))
result = train(config, RUN, origin=Origin("quickstart", "methods/weak_augment", changes))
for name, value in result["metrics"].items():
    print(f"{name:32} {value:.4f}")

# %% [markdown]
# ## Accuracy by epoch
#
# Of the main branch, of the auxiliary one, and of the mean of both predictions. All that a run measures lies in its
# work directory as JSON; the report and this cell read the same files.

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
# How far apart are the statistics, scales and biases of the two, layer by layer? And what does a layer make of the same
# images under one branch and under the other?

# %%
step, numbers = evaluate(RUN, evals=["branches"])
show(RUN / "artifacts/branches" / f"{step}.png")

# %% [markdown]
# ## The λ sweep
#
# λ main + (1 − λ) aux: in the paper the main branch is better on clean images, the auxiliary one on corrupted ones, and
# mixtures trade one for the other. The corruptions are made here, of two types, and are not the benchmark's; a network
# as small as this one need not show what the paper's shows.

# %%
settings = {
    "eval.corruptions.source": "generated",
    "eval.corruptions.kinds": ("gaussian_noise", "contrast"),
    "eval.corruptions.examples": 16 if TINY else 500,
}
step, numbers = evaluate(RUN, evals=["mix"], overrides=settings)
show(RUN / "artifacts/mix" / f"{step}.png", width=7)

# %% [markdown]
# ## All in one place
#
# What was evaluated now belongs to the run, as what training measured does. Next: `explore_runs`, which reads
# finished runs, and `your_own_model`, which puts split BatchNorms into a network of yours. For a paper's tables, see
# the README.

# %%
run, problems = with_evaluations(run)
for name, value in run.metrics.items():
    if name.startswith("test/") and name.endswith("accuracy"):
        print(f"{name:32} {value:.4f}")
assert not problems
