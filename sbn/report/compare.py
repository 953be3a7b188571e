"""Compares two rows, seed by seed.

    python -m sbn.report compare split_bn:table3/weak_augment split_bn:table3/shared_affine --root=runs

Runs with the same seed see the images in the same order with the same random draws, so differences per seed say more
than two means. Prints the differences, their mean with its confidence interval, Student's paired t-test, and the exact
sign-flip test, which assumes only that without an effect a difference is as likely as its negative. Runs with overrides
are compared with runs that have the same overrides; to select overrides, add them to the row:
`table3/weak_augment,optim.lr=0.05`.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Final

from sbn.config import arguments, readings, rows, tree
from sbn.config.errors import ConfigError, unknown
from sbn.config.schema import NEUTRAL
from sbn.report.collect import Found, Run, find_runs
from sbn.report.first_stages import alike
from sbn.report.measures import Measure, measured, parse, shown_scale
from sbn.report.refusals import refuse
from sbn.report.significance import DRAWN, LEVEL, PairedTest, paired_test
from sbn.report.tables import DEFAULT_METRIC, main_metric
from sbn.runs import commands
from sbn.runs.text import plain

_SHOWN: Final = 8  # rows that an error names


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the rows that are compared: its full name with the experiment, its runs that count, its table's metric."""

    name: str
    runs: list[Run]
    overrides: Mapping[str, object]
    metric: str = DEFAULT_METRIC


def load_side(text: str, found: Found) -> tuple[Side, list[str]]:
    """Returns the row that EXPERIMENT:TABLE/ROW[@READING][,KEY=VALUE] names with its runs, and notes on those refused.

    Raises:
        ConfigError: if there is no such experiment, row or key, or if the row has no runs.
    """
    path, _, rest = text.partition(":")
    experiment = rows.load_experiment(rows.experiment_file(path))
    row, overrides = rows.split_argument(rest)
    content = experiment.row(row)
    shown = experiment.canonical(content.runs_of or row)
    plain, _ = readings.split(shown)
    named = experiment.rows()
    own = [run for run in found.runs if run.experiment == experiment.name and run.plain_row in named]
    own = [run for run in own if (named[run.plain_row].runs_of or run.plain_row) == plain]
    counted, refused = refuse(experiment, own)
    runs = [run for run in counted if run.row == shown]
    if not runs:
        others = sorted({run.row for run in counted})
        there = [f" but of {', '.join(others)}"] * bool(others) + [f" but {line}" for line in refused[:1]]
        rows_with_runs = sorted({run.row for run in found.runs if run.experiment == experiment.name})[:_SHOWN]
        there += [f" below --root, which has runs of: {', '.join(rows_with_runs) or 'no row'}"]
        raise ConfigError(f"no runs of {experiment.name}:{shown}{there[0]}")
    checked = tree.changed({}, overrides)
    changes = {name: checked[name] for name in overrides if name not in NEUTRAL}
    table = experiment.tables.get(row.split("/")[0], rows.Table("", {}))
    return Side(f"{experiment.name}:{row}", runs, changes, main_metric(table, runs)), refused


def _key(overrides: Mapping[str, object]) -> str:
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in overrides.items()}
    return ", ".join(f"{name}={value}" for name, value in sorted(plain.items()))


def pair(first: Side, second: Side) -> dict[str, tuple[list[Run], list[Run]]]:
    """Returns the runs to be paired, by the overrides that they have in common; '' for none.

    Raises:
        ConfigError: if nothing of one was run like anything of the other.
    """
    sides = [
        {variant: [run for run in side.runs if _key(run.overrides) == variant] for variant in _variants(side)}
        for side in (first, second)
    ]
    if first.overrides or second.overrides:
        wanted = [_key(side.overrides) for side in (first, second)]
        for side, own, variant in zip((first, second), sides, wanted, strict=True):
            if variant not in own:
                there = [text or "none" for text in own]
                if not variant:
                    raise ConfigError(f"{side.name} has no runs without overrides; its runs have: {'; '.join(there)}")
                raise unknown(f"overrides of the runs of {side.name}:", variant, there)
        return {" against ".join(text or "none" for text in wanted): (sides[0][wanted[0]], sides[1][wanted[1]])}
    common = {variant: (runs, sides[1][variant]) for variant, runs in sides[0].items() if variant in sides[1]}
    if not common:
        there = [
            f"{side.name} with {' or '.join(map(repr, own))}" for side, own in zip((first, second), sides, strict=True)
        ]
        raise ConfigError(f"nothing to compare: the two rows have no runs with the same overrides, {'; '.join(there)}")
    return common


def _variants(side: Side) -> list[str]:
    return sorted({_key(run.overrides) for run in side.runs})


def describe(first: Side, second: Side, measure: Measure) -> list[str]:
    """Returns the comparison, a line each thing.

    Raises:
        ConfigError: if no seed has the number in both rows, whatever the overrides.
    """
    scale = shown_scale(measure.metric)
    unit = " points" if scale == 100 else ""
    printed: list[str] = []
    without: list[str] = []
    for variant, (ours, theirs) in pair(first, second).items():
        (ours, told), (theirs, more) = alike(ours), alike(theirs)
        values = [{run.seed: measured(run, measure)[0] for run in runs} for runs in (ours, theirs)]
        known = [{s: v * scale for s, v in side.items() if v is not None} for side in values]
        seeds = sorted(known[0].keys() & known[1].keys())
        finite = [seed for seed in seeds if all(math.isfinite(side[seed]) for side in known)]
        if not finite:
            have = " and ".join(
                f"{side.name} has it of {sorted(own) or 'none'}"
                for side, own in zip((first, second), known, strict=True)
            )
            ended = f", and in one row or both these diverged: seeds {_listed(seeds)}" if seeds else ""
            changed = f" [{variant}]" if variant else ""
            without.append(f"no seed of which both rows have {measure.text}{changed}: {have}{ended}")
            continue
        differences = [known[0][seed] - known[1][seed] for seed in finite]
        printed += [f"{first.name} - {second.name}", measure.text + (f" [{variant}]" if variant else ""), ""]
        printed += [f"{'seed':>6}  {'first':>9}  {'second':>9}  {'difference':>10}"]
        printed += [
            f"{seed:>6}  {known[0][seed]:>9.3f}  {known[1][seed]:>9.3f}  {difference:>+10.3f}"
            for seed, difference in zip(finite, differences, strict=True)
        ]
        printed += ["", *_sentences(paired_test(differences), unit)]
        if diverged := sorted(set(seeds) - set(finite)):
            printed.append(f"diverged in one row or both, in no number above: seeds {_listed(diverged)}")
        if alone := sorted((values[0].keys() | values[1].keys()) - set(seeds)):
            printed.append(f"without their like in the other row, in no number above: seeds {_listed(alone)}")
        printed += [f"{side.name}: {note}" for side, notes in ((first, told), (second, more)) for note in notes]
        printed.append("")
    if not printed:
        raise ConfigError("; ".join(without))
    return [*printed, *without] if without else printed[:-1]


def _sentences(test: PairedTest, unit: str) -> list[str]:
    around = (
        "" if test.interval is None else f", {LEVEL:.0%} interval [{test.interval[0]:+.3f}, {test.interval[1]:+.3f}]"
    )
    lines = [f"mean difference  {test.mean:+.3f}{unit}{around}, {test.n} pair{'s' * (test.n > 1)}"]
    if test.t is None:
        why = "one pair" if test.n == 1 else "the differences have no spread"
        lines.append(f"paired t         none: {why}")
    else:
        lines.append(f"paired t         {test.t:+.3f}, {test.n - 1} degrees of freedom, p = {test.p:.4g}")
    flips = f"all {2**test.n} flips" if test.exact else f"{DRAWN} flips drawn"
    least = f"; {test.n} pair{'s' * (test.n > 1)} can't give less than {2 / 2**test.n:.4g}" if test.exact else ""
    return [*lines, f"sign-flip test   p = {test.sign_flip_p:.4g} ({flips}{least})"]


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


@commands.command("python -m sbn.report compare")
def main(argv: Sequence[str]) -> None:
    """Runs `python -m sbn.report compare`."""
    parser = arguments.Parser(
        prog="python -m sbn.report compare",
        description=__doc__,
    )
    for name in ("first", "second"):
        parser.add_argument(name, metavar=name.upper(), help="EXPERIMENT:TABLE/ROW[@READING][,KEY=VALUE...]")
    arguments.add_root(parser)
    parser.add_argument(
        "--metric",
        metavar="METRIC[@STAGE][:STATISTIC]",
        help=f"metric to compare (default: the main metric of the first row's table, mostly {DEFAULT_METRIC})",
    )
    options = parser.parse_args(argv)
    found = find_runs(options.root)
    first, notes = load_side(options.first, found)
    measure = parse(options.metric or first.metric)
    second, more = load_side(options.second, found)
    known = {metric for run in (*first.runs, *second.runs) for metric in run.metrics}
    if measure.metric not in known:
        raise unknown("metric", measure.metric, known)
    printed = describe(first, second, measure)
    print(plain("\n".join(printed)))
    for note in dict.fromkeys([*found.problems, *notes, *more]):
        commands.say(f"note: {note}")
