"""Explores finished runs. Written as a notebook by `python -m launch.notebooks`."""

# %% [markdown]
# # Finished runs
#
# A run is a folder, and everything it measured is in JSON files there. This notebook reads the runs below a folder,
# shows those of one experiment beside the paper's numbers, draws them by epoch, and compares two rows. It trains
# nothing. Without runs of your own it shows the small ones that come with the repository.

# %%
# !pip install -q -e .

# %%
import os
import pathlib

import matplotlib.pyplot as plt

from sbn.config import beside
from sbn.report import report
from sbn.report.collect import Run, counted, find_runs
from sbn.report.compare import describe, load_side
from sbn.report.courses import course_of
from sbn.report.measures import parse
from sbn.report.tables import DEFAULT_METRIC

# %% tags=["parameters"]
RUNS = pathlib.Path(os.environ.get("SBN_RUNS", beside.FOLDER / "results"))  # any folder with runs, at any depth
EXPERIMENT = "split_bn"  # or "refine", "consistent", ...
FIRST, SECOND = "table3/weak_augment", "table3/weak_one_norm"

# %% [markdown]
# ## The runs
#
# One line per run of the experiment: row, seed, accuracy on test images, and the overrides.

# %%
found = find_runs(RUNS)
runs, repeated = counted([run for run in found.runs if run.experiment == EXPERIMENT])  # each seed once
for run in runs:
    changed = ", ".join(f"{name}={value}" for name, value in run.overrides.items())
    print(f"{run.row:28} seed {run.seed}  {100 * run.metrics.get(DEFAULT_METRIC, float('nan')):6.2f} %  {changed}")
print("\n".join([*found.problems, *repeated, *found.unfinished]))

# %% [markdown]
# ## Beside the paper's numbers
#
# The table that `sbn report split_bn:table3` prints. `notes` lists what the table leaves out.

# %%
table, notes = report(f"{EXPERIMENT}:{FIRST.split('/')[0]}", root=str(RUNS), format="text")
print(table)
print("\n".join(notes))

# %% [markdown]
# ## Accuracy by epoch
#
# A line is the mean over seeds; the band around it reaches from the lowest to the highest seed.

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
# Runs with the same seed are paired, and tested with Student's paired t-test and the exact sign-flip test, as by
# `sbn report compare split_bn:table3/weak_augment split_bn:table3/weak_one_norm`.

# %%
first, second = (load_side(f"{EXPERIMENT}:{row}", found)[0] for row in (FIRST, SECOND))
print("\n".join(describe(first, second, parse(DEFAULT_METRIC))))

# %% [markdown]
# ## Pictures of evaluators
#
# The pictures that `sbn evaluate --evals=...` wrote, run by run, of all experiments.

# %%
for figure in [file for run in found.runs for file in sorted((run.path / "artifacts").glob("*/*.png"))][:6]:
    print(figure)
    plt.figure(figsize=(8, 6))
    plt.imshow(plt.imread(figure))
    plt.axis("off")
    plt.show()

# %% [markdown]
# ## All results on one page
#
# Every table of every paper with its figures, in one HTML file that you can open or send.

# %%
page, _ = report("", root=str(RUNS), format="html")
pathlib.Path("book.html").write_text(page, encoding="utf-8")
print(f"book.html: {len(page):,} characters")
