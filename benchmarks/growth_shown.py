"""What `growth` found as a table and as a picture: a column for what grows, time above memory, beside proportion."""

import numpy as np

from sbn.figures.labels import COLOURS

ACROSS = {"batch": "batch (examples)", "width": "width", "depth": "depth (layers)", "branches": "branches"}
MARKERS = {"split": "o", "one batch": "s", "one by one": "^"}


def table(rows):
    """Returns the points as text."""
    cells = [("", "", "ms a step", "spread", "images/s", "GFLOP", "temporary MiB", "state MiB")]
    for row in rows:
        low, median, high = np.quantile(row["wall"], [0.25, 0.5, 0.75])
        numbers = (f"{1e3 * median:.1f}", f"{1e3 * low:.1f} to {1e3 * high:.1f}", f"{row['images'] / median:.0f}")
        counts = (f"{row['work'] / 1e9:.2f}", f"{row['memory'] / 2**20:.1f}", f"{row['state'] / 2**20:.2f}")
        cells.append((f"{row['axis']} {row['value']}", row["way"], *numbers, *counts))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(c.ljust(w) if n < 2 else c.rjust(w) for n, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    )


def draw(rows, base, firsts):
    """Returns the figure.

    Args:
        rows: of all axes, as `growth.measured` gives them.
        base: what stands still while something else grows.
        firsts: by axis, the value that proportion starts from.
    """
    from matplotlib.figure import Figure

    axes = list(dict.fromkeys(row["axis"] for row in rows))
    figure = Figure(figsize=(max(6.4, 0.6 + 3.1 * len(axes)), 5.8), layout="constrained")
    grid = figure.subplots(2, len(axes), squeeze=False, sharex="col")
    for axis, (above, below) in zip(axes, grid.T, strict=True):
        own = [row for row in rows if row["axis"] == axis]
        _time(above, own, firsts[axis])
        _memory(below, own, firsts[axis])
        below.set_xlabel(ACROSS[axis])
        for panel in (above, below):
            panel.set_xticks(apart({row["value"] for row in own}))
            panel.set_xlim(0)
            panel.set_ylim(0)
            panel.grid(alpha=0.3, linewidth=0.6)
            panel.spines[["top", "right"]].set_visible(False)
    grid[0, 0].set_ylabel("time of a step (ms)")
    grid[1, 0].set_ylabel("temporary memory (MiB)")
    handles = {}
    for panel in grid.flat:
        handles |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    labels = sorted(handles, key=lambda label: label not in MARKERS)
    shown = [handles[label] for label in labels]
    figure.legend(shown, labels, loc="outside lower center", ncols=5 if len(axes) > 2 else 2, frameon=False)
    still = f"WRN-{base['depth']}-{base['width']}, {base['batch']} examples, {base['branches']} branches"
    figure.suptitle(f"A training step as one thing grows from {still}", fontsize=11)
    return figure


def apart(values):
    """Returns those of the values whose labels have room beside each other, from the largest down."""
    kept = [max(values)]
    for value in sorted(values, reverse=True):
        if kept[-1] - value >= 0.09 * kept[0]:
            kept.append(value)
    return kept[::-1]


def _curves(rows):
    """Yields (way, its rows by rising value, how it looks)."""
    for number, (way, marker) in enumerate(MARKERS.items()):
        own = sorted((row for row in rows if row["way"] == way), key=lambda row: row["value"])
        if own:
            # thinner and smaller from one to the next: where they meet all can be seen
            sizes = {"markersize": 7 - 1.75 * number, "linewidth": 2.4 - 0.7 * number}
            yield way, own, {"color": COLOURS[number], "marker": marker, "label": way, **sizes}


def _time(panel, rows, first):
    for way, own, looks in _curves(rows):
        low, median, high = 1e3 * np.quantile([row["wall"] for row in own], [0.25, 0.5, 0.75], axis=1)
        values = [row["value"] for row in own]
        panel.errorbar(values, median, yerr=[median - low, high - median], capsize=2, zorder=3, **looks)
        if way == "split":
            (start,) = (n for n, value in enumerate(values) if value == first)
            work = np.array([row["work"] for row in own])
            _ideal(panel, values, median[start] * work / work[start], "in proportion to the operations")


def _memory(panel, rows, first):
    for way, own, looks in _curves(rows):
        values, memory = [row["value"] for row in own], [row["memory"] / 2**20 for row in own]
        panel.plot(values, memory, zorder=3, **looks)
        if way == "split":
            start = memory[values.index(first)]
            _ideal(panel, values, [start * value / first for value in values], "in proportion to what grows")


def _ideal(panel, values, ideal, label):
    style = "--" if "operations" in label else ":"
    panel.plot(values, ideal, color="0.4", linestyle=style, linewidth=1.2, label=label, zorder=2)
