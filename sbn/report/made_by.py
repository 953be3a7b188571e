"""Which commits of this project made the runs of a report, as they recorded them."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from sbn.report.collect import Run
from sbn.runs import files

_MOST: Final = 4  # commits that are named; the rest is counted


def commits(runs: Iterable[Run]) -> str:
    """Returns a sentence with the commit of the newest start of every run, '' for no runs; each run counts once."""
    there = {run.path: run for run in runs}
    if not there:
        return ""
    found = Counter(map(_commit, there.values()))
    unknown = found.pop("", 0)
    if not found:
        return f"None of the {len(there)} runs recorded its commit."
    named = [f"{commit} ({count})" for commit, count in found.most_common(_MOST)]
    if more := len(found) - len(named):
        named.append(f"{more} more")
    said = [f"{', '.join(named)}"] * bool(named) + [f"{unknown} recorded none"] * bool(unknown)
    return f"Commits of the {len(there)} runs: {'; '.join(said)}."


def _commit(run: Run) -> str:
    starts = files.glance(run.path, files.PROVENANCE)["starts"]
    commit, diff = (starts[-1].get(name) for name in ("commit", "diff")) if starts else (None, None)
    return f"{commit[:8]}{' with changes' * bool(diff)}" if isinstance(commit, str) else ""
