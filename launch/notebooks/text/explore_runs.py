"""Explores finished runs. Written as a notebook by `python -m launch.notebooks`."""

# %% [markdown]
# # Finished runs
#
# A run is a folder; all that it measured lies there as JSON. This notebook reads every run below a folder, and needs
# neither JAX nor TensorFlow for it.

# %%
# !pip install -q -e .

# %%
import os
import pathlib

import matplotlib.pyplot as plt

from sbn.report import report
from sbn.report.collect import Run, counted, find_runs
from sbn.report.compare import describe, load_side
from sbn.report.courses import course_of
from sbn.report.measures import parse
from sbn.report.tables import DEFAULT_METRIC

# %% tags=["parameters"]
RUNS = pathlib.Path(os.environ.get("SBN_RUNS", "results"))  # any folder with runs, at any depth
EXPERIMENT = "split_bn"
FIRST, SECOND = "table3/weak_augment", "table3/weak_one_norm"

# %% [markdown]
# ## What is there
#
# One line a run: row, seed, what was changed on top of the row, and accuracy.

# %%
found = find_runs(RUNS)
runs, repeated = counted(found.runs)  # each seed once
for run in runs:
    changed = ", ".join(f"{name}={value}" for name, value in run.overrides.items())
    print(f"{run.row:28} seed {run.seed}  {100 * run.metrics.get(DEFAULT_METRIC, float('nan')):6.2f} %  {changed}")
print("\n".join([*found.problems, *repeated, *found.unfinished]))

# %% [markdown]
# ## Beside the paper's numbers
#
# The same table as `python -m sbn.report split_bn:table3` prints. `notes` says what it leaves out.

# %%
table, notes = report(f"{EXPERIMENT}:{FIRST.split('/')[0]}", root=str(RUNS), format="text")
print(table)
print("\n".join(notes))

# %% [markdown]
# ## Accuracy by epoch
#
# Mean over seeds, and from the least to the most of them.

# %%
groups: dict[str, list[Run]] = {}
for run in runs:
    groups.setdefault(run.variant, []).append(run)
for group in groups.values():
    course = course_of(group, DEFAULT_METRIC)
    if course:
        at, least, mean, most = zip(*course, strict=True)
        (line,) = plt.plot(at, mean, label=f"{group[0].row}, {len(group)} seeds")
        plt.fill_between(at, least, most, color=line.get_color(), alpha=0.15)
plt.xlabel("epoch" if all(run.steps_per_epoch for run in runs) else "step")
plt.ylabel("test accuracy (%)")
if groups:
    plt.legend()
plt.show()

# %% [markdown]
# ## Two rows against each other
#
# Seed by seed, with Student's paired t and the exact sign-flip test: the same as
# `python -m sbn.report compare split_bn:table3/weak_augment split_bn:table3/weak_one_norm`.

# %%
first, second = (load_side(f"{EXPERIMENT}:{row}", found)[0] for row in (FIRST, SECOND))
print("\n".join(describe(first, second, parse(DEFAULT_METRIC))))

# %% [markdown]
# ## Pictures of evaluators
#
# What `python -m sbn.evaluate --evals=...` drew, run by run.

# %%
for figure in [file for run in runs for file in sorted((run.path / "artifacts").glob("*/*.png"))][:6]:
    print(figure)
    plt.figure(figsize=(8, 6))
    plt.imshow(plt.imread(figure))
    plt.axis("off")
    plt.show()

# %% [markdown]
# ## The whole book as one page
#
# Every table of every paper, with curves and figures inside: one file, to be opened or sent as it is.

# %%
page, _ = report("", root=str(RUNS), format="html")
pathlib.Path("book.html").write_text(page, encoding="utf-8")
print(f"book.html: {len(page):,} characters")
