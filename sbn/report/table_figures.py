"""Figures of whole tables, drawn from files that their rows' runs wrote: `python -m sbn.report figures refine:figure4`.

A table names one of TABLE_FIGURES. A figure is a matplotlib Figure; `sbn.figures` draws it from numbers and arrays.
"""

import json
import math
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sbn.config import arguments, beside
from sbn.config.command_line import flags
from sbn.config.errors import ConfigError, unknown
from sbn.config.rows import Row, Table, experiment_file, load_experiment
from sbn.figures import bars, curves, features, trade_offs
from sbn.figures.make import to_png
from sbn.report import branch_views
from sbn.report.collect import Run, find_runs
from sbn.report.courses import mean_course
from sbn.report.first_stages import alike
from sbn.report.measures import Measure, measure_of, measured, parse, shown_scale
from sbn.report.refusals import refuse
from sbn.runs import commands
from sbn.runs.arrays import read_arrays
from sbn.runs.atomic import replace_bytes
from sbn.runs.content import Damaged, first_line
from sbn.runs.text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DrawnRow(NamedTuple):
    """A row, and those of its runs that are drawn."""

    row: Row
    runs: Sequence[Run]


Rows = Mapping[str, DrawnRow]


class Drawn(NamedTuple):
    """A figure, and notes on what it does not show."""

    figure: "Figure"
    notes: Sequence[str] = ()


def _needed(experiment: str, name: str, table: Table) -> str:
    """What a figure is drawn of, where there is none of it."""
    rows = list(dict.fromkeys(row.runs_of or f"{name}/{own}" for own, row in table.rows.items()))
    evals = list(dict.fromkeys(each for row in table.rows.values() for each in row.evals))
    shown = ", ".join(f"{experiment}:{row}" for row in rows[:3])
    more = f" and {len(rows) - 3} more rows" if len(rows) > 3 else ""
    measured = f", measured by `{beside.shown('python -m sbn.evaluate')} --evals={','.join(evals)}`" if evals else ""
    return f"it shows finished runs of {shown}{more}{measured}, and there are none below --root"


def draw_table(name: str, table: Table, runs: Sequence[Run]) -> Drawn | None:
    """Returns the figure of a table; None if it has none, or its runs wrote nothing that can be drawn.

    It is of runs that changed nothing; where there are none, of those with overrides, if all have the same.

    Args:
        name: of the table.
        table: its rows and the name of its figure.
        runs: of its experiment.

    Raises:
        ConfigError: for an unknown figure, and where what the runs left is not what it is made of.
    """
    if not table.figure:
        return None
    if table.figure not in TABLE_FIGURES:
        raise unknown(f"figure of table {name}", table.figure, TABLE_FIGURES)
    own = {row_name: (f"{name}/{row_name}", row.runs_of) for row_name, row in table.rows.items()}
    there = [run for run in runs if any(run.plain_row in names for names in own.values())]
    overrides = {json.dumps(run.overrides, sort_keys=True): run.overrides for run in there}
    if not overrides:
        return None
    # Runs that changed nothing; where there are none, those that all changed the same things.
    if "{}" not in overrides and len(overrides) > 1:
        return None
    chosen = overrides.get("{}", next(iter(overrides.values())))
    rows, read = {}, []
    for row_name, row in table.rows.items():
        mine = [run for run in there if run.plain_row in own[row_name] and run.overrides == chosen]
        reading = _reading(mine)
        rows[row_name] = DrawnRow(row, alike([run for run in mine if run.reading == reading])[0])
        read += [f"{row_name} in the reading {reading}"] * bool(reading)
    try:
        drawn = TABLE_FIGURES[table.figure](rows)
    except (LookupError, ValueError, TypeError, ArithmeticError, StopIteration) as error:
        raise ConfigError(f"no figure of table {name}: its runs left other arrays ({first_line(error)})") from None
    if drawn is None:
        return None
    changed = ", ".join(f"{key}={value}" for key, value in chosen.items())
    return Drawn(drawn.figure, [*[f"runs with {changed}"] * bool(chosen), *read, *drawn.notes])


def _reading(runs: Sequence[Run]) -> str:
    """The reading whose runs are drawn of a row: as it stands, or else the one that most of its runs are in."""
    there = [run.reading for run in runs]
    return "" if "" in there or not there else max(sorted(set(there)), key=there.count)


# (prefix, suffix, what the curve is called): of augmented images it is the running loss that training logs
_CURVES = (
    ("train/", "/loss", "augmented training images"),
    ("train_clean/", "/cross_entropy", "training images"),
    ("test/", "/loss", "test images"),
)


def _loss_curves(rows: Rows) -> Drawn | None:
    panels, borders, notes = {}, {}, []
    for name, (row, runs) in rows.items():
        measured_by_epoch = [run for run in runs if run.steps_per_epoch]
        found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for prefix, suffix, title in _CURVES:
            metrics = dict.fromkeys(key for run in measured_by_epoch for key in run.courses)
            own = [key for key in metrics if key.startswith(prefix) and key.endswith(suffix) and key.count("/") == 2]
            branches = {key: key.split("/")[1] for key in own if not key.split("/")[1].startswith("mix_")}
            for metric, branch in branches.items():
                course = mean_course(measured_by_epoch, metric, running=prefix == "train/")
                if len(course[0]):
                    found[title if len(branches) == 1 else f"{title}, {branch}"] = course
        if found:
            panels[name] = found
            first = measured_by_epoch[0]
            ends = [stop for _, stop in first.stages.values()]
            borders[name] = [stop / (first.steps_per_epoch or 1) for stop in ends[:-1]]
            if row.during and curves.dotted(found, borders[name]):
                notes.append(f"{name}: no course by epoch without training with {' '.join(flags(row.during))}")
    return Drawn(curves.draw_losses(panels, borders=borders), notes) if panels else None


def _spectra(rows: Rows) -> Drawn | None:
    notes: list[str] = []
    spectra: dict[str, dict[str, np.ndarray]] = {"intra_class": {}, "all_classes": {}}
    classes = 0
    for name, (row, runs) in rows.items():
        arrays = [found for run in runs if (found := _arrays(run, "spectra", row, notes))]
        for metric, lines in spectra.items() if arrays else ():
            own = [next(value for key, value in found.items() if key.endswith(f"/{metric}")) for found in arrays]
            lines[name] = np.mean(own, axis=0)
        for found in arrays:
            classes = next(int(value) for key, value in found.items() if key.endswith("/classes"))
    if not classes:
        return None
    for metric, lines in spectra.items():
        reference, *others = lines
        for name in others:
            ratios = features.spectrum_ratios(lines[name], lines[reference], classes=classes)
            words = ", ".join(f"{span}: {value:.3g}" for span, value in ratios.items())
            notes.append(f"{name}, {metric}: mean ratio to {reference} of the singular values {words}")
    return Drawn(features.draw_spectra(spectra["intra_class"], spectra["all_classes"], classes=classes), notes)


def _removal(rows: Rows) -> Drawn | None:
    """Rows end with the epoch, and name a measure of accuracy first."""
    errors: dict[float, list[float]] = {}
    for name, (row, runs) in rows.items():
        epoch = re.search(r"(\d+)$", name)
        values = _measured(runs, parse(row.metrics[0])) if row.metrics else []
        if epoch and values:
            errors[float(epoch[1])] = [100 - value for value in values]
    labels = {"across": "epoch at which the augmentation is removed", "up": "test error (%), mean, least and most"}
    return Drawn(curves.draw_ranges(errors, **labels)) if errors else None


def _bars(rows: Rows) -> Drawn | None:
    """Rows are called GROUP_BAR, and have one number of the paper."""
    groups: dict[str, dict[str, bars.Bar]] = {}
    for name, (row, runs) in rows.items():
        group, _, bar = name.partition("_")
        (paper, *_) = row.paper
        groups.setdefault(group, {})[bar] = (_measured(runs, measure_of(paper)), paper.value)
    any_runs = any(runs for _, runs in rows.values())
    return Drawn(bars.draw_groups(groups, up="test accuracy (%); black: the paper's")) if any_runs else None


def _densities(rows: Rows) -> Drawn | None:
    """Panels say whose runs they show: a figure's rows may be called no more than a, b, c."""
    notes: list[str] = []
    panels = {}
    for name, (row, runs) in rows.items():
        there = [(run, arrays) for run in runs if (arrays := _arrays(run, "features", row, notes))]
        if there:
            run, arrays = there[0]
            panels[f"{name}: {row.runs_of.partition('/')[2]}" if row.runs_of else name] = arrays
            if len(there) > 1:
                notes.append(f"{name}: of seed {run.seed} alone, one of {len(there)} runs")
    return Drawn(features.draw_density_panels(panels), notes) if panels else None


def _inference(rows: Rows) -> Drawn | None:
    notes: list[str] = []
    lines = {}
    for name, (row, runs) in rows.items():
        arrays = [found for run in runs if (found := _arrays(run, "sizes", row, notes))]
        alike_sizes = [found for found in arrays if np.array_equal(found["sizes/sizes"], arrays[0]["sizes/sizes"])]
        if len(alike_sizes) < len(arrays):
            notes.append(f"{name}: {len(arrays) - len(alike_sizes)} of {len(arrays)} runs have other sizes, not drawn")
        if arrays:
            own = np.mean([found["sizes/own/accuracy"] for found in alike_sizes], axis=0)
            lines[name] = trade_offs.SizeCurve(arrays[0]["sizes/sizes"], arrays[0]["sizes/multiply_adds"], own)
    return Drawn(trade_offs.draw_sizes(lines), notes) if lines else None


def _branches(rows: Rows) -> Drawn | None:
    figure = branch_views.draw({name: runs for name, (_, runs) in rows.items()})
    return Drawn(figure, ["after the first stage, by branch and kind of test images"]) if figure else None


TABLE_FIGURES: Mapping[str, Callable[[Rows], Drawn | None]] = {
    "loss_curves": _loss_curves,
    "spectra": _spectra,
    "removal": _removal,
    "bars": _bars,
    "densities": _densities,
    "inference": _inference,
    "branches": _branches,
}


def _measured(runs: Sequence[Run], measure: Measure) -> list[float]:
    """As they are shown, those that are there and finite."""
    values = [measured(run, measure)[0] for run in runs]
    return [shown_scale(measure.metric) * value for value in values if value is not None and math.isfinite(value)]


def _arrays(run: Run, evaluator: str, row: Row, notes: list[str]) -> dict[str, np.ndarray]:
    """What an evaluator left for the end of the row's last stage, or of the run."""
    stage = row.stages[-1] if row.stages else ""
    if stage and stage not in run.stages:
        return {}
    step = run.stages[stage][1] if stage else run.steps
    try:
        return read_arrays(run.path / "artifacts" / evaluator / f"{step}.npz", config=run.config) or {}
    except Damaged as error:
        notes.append(f"{error}; not drawn")
        return {}


@commands.command("python -m sbn.report figures")
def main(argv: Sequence[str]) -> None:
    """Runs `python -m sbn.report figures`."""
    parser = arguments.Parser(
        prog="python -m sbn.report figures",
        description="Draws the tables that are figures in their paper, from the runs.",
        examples=("consistent:figure1 --root=runs --out=figures",),
    )
    parser.add_argument("target", metavar="FILE[:TABLE]", help="experiments file, and optionally one of its tables")
    arguments.add_root(parser)
    parser.add_argument(
        "--out",
        type=arguments.path,
        default=".",
        help="folder to write EXPERIMENT_TABLE.png to (default: the current one)",
    )
    options = parser.parse_args(argv)
    arguments.check_folder(options.out)
    path, _, only = options.target.partition(":")
    experiment = load_experiment(experiment_file(path))
    if only and only not in experiment.tables:
        raise unknown(f"table of {path}", only, experiment.tables)
    found, some = find_runs(options.root), False
    runs, refused = refuse(experiment, [run for run in found.runs if run.experiment == experiment.name])
    for name, table in experiment.tables.items():
        drawn = draw_table(name, table, runs) if only in ("", name) else None
        if drawn is None:
            if only == name:
                why = _needed(experiment.name, name, table) if table.figure else "this table has none"
                raise ConfigError(f"no figure of {experiment.name}:{name}: {why}")
            continue
        pathlib.Path(options.out).mkdir(parents=True, exist_ok=True)
        file = pathlib.Path(options.out) / f"{experiment.name}_{name}.png"
        replace_bytes(file, to_png(drawn.figure))
        print(plain(str(file)))
        some = True
        for note in drawn.notes:
            commands.say(f"note: {note}")
    if not some:
        named = [name for name, table in experiment.tables.items() if table.figure]
        there = f"{', '.join(named)} can be drawn once there are runs" if named else "none of its tables is drawn"
        commands.say(f"note: no figure of {experiment.name}: {there} (--root={options.root})")
    # a mean over the seeds that are left says nothing of one that diverged
    for line in (*found.problems, *refused, *found.unfinished):
        commands.say(f"note: not drawn: {line}")
