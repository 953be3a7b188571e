"""Tests the papers' claims on the existing runs.

    python -m sbn.report claims --root=runs
    python -m sbn.report claims weak_beats_randaugment --root=runs
    python -m sbn.report claims --root=runs --figure=claims.png --format=markdown --out=claims.md

Prints for every claim: the mean effect over seeds, its confidence interval (Student's t), the p-value of the exact
sign-flip test (one-sided, in the direction of the claim), and a verdict: shown, opposite, or not shown at this size.
A claim gets no verdict until it has the number of seeds that it asks for. The commands that make its runs follow.
"""

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from sbn.config import arguments, beside
from sbn.config.claims import Claim, chosen
from sbn.config.errors import ConfigError, unknown
from sbn.config.metric_kinds import kind_of
from sbn.config.rows import Experiment, experiment_file, load_experiment
from sbn.figures.forest import Effect, draw_forest
from sbn.figures.make import to_png
from sbn.report.collect import find_runs
from sbn.report.measures import parse
from sbn.report.refusals import refuse
from sbn.report.significance import LEVEL
from sbn.report.verdicts import Judged, judge_all
from sbn.runs import commands
from sbn.runs.atomic import write_output
from sbn.runs.text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADER: Final = ("claim", "effect", f"{LEVEL:.0%} interval", "seeds", "p", "paper", "verdict")
NUMERIC: Final = range(1, 6)  # columns set flush right
NONE: Final = "–"
_POINTS, _NATS, _ORDER = "percentage points", "nats", "Kendall's tau"


def unit(claim: Claim) -> str:
    """What the effect of a claim is measured in."""
    if claim.order:
        return _ORDER
    return _POINTS if all(kind_of(parse(term.measure).metric).fraction for term in claim.terms) else _NATS


def cells(judged: Judged) -> tuple[str, ...]:
    """The cells of a claim, one for each column of HEADER."""
    claim, test, places = judged.claim, judged.test, 2 if unit(judged.claim) == _POINTS else 3
    return (
        claim.name,
        NONE if test is None else f"{test.mean:+.{places}f}",
        NONE if test is None or test.interval is None else "[{:+.{p}f}, {:+.{p}f}]".format(*test.interval, p=places),
        f"{len(judged.effects)}/{claim.seeds}",
        NONE if judged.p is None else f"{judged.p:.3f}",
        NONE if claim.paper is None else f"{claim.paper:+g}",
        judged.said,
    )


def command(experiment: Experiment, claim: Claim, root: str) -> str:
    """The command lines that train the missing runs of a claim and then test it."""
    rows = " ".join(f"--experiment={experiment.name}:{row}" for row in claim.rows)
    where = f"--root={shlex.quote(root)}"
    sweep = beside.shown(f"python -m launch.sweep {rows} --seeds=0:{claim.seeds} {where}")
    return f"{sweep} && {beside.shown(f'python -m sbn.report claims {claim.name} {where}')}"


def forest(judged: Sequence[Judged]) -> "Figure":
    """The forest plot of claims, those of a unit together."""
    panels: dict[str, list[Effect]] = {}
    for one in judged:
        mean, interval = (None, None) if one.test is None else (one.test.mean, one.test.interval)
        effect = Effect(one.claim.text, mean, interval, list(one.effects.values()), one.said, one.claim.paper)
        panels.setdefault(unit(one.claim), []).append(effect)
    return draw_forest({f"effect, {name}; above 0: as claimed": effects for name, effects in panels.items()})


def text(experiment: Experiment, judged: Sequence[Judged], root: str) -> str:
    """For a terminal: the table, then each claim in words with its command."""
    table = [HEADER, *map(cells, judged)]
    widths = [max(len(row[k]) for row in table) for k in range(len(HEADER))]
    lines = ["  ".join(map(_set, range(len(HEADER)), row, widths)).rstrip() for row in table]
    lines.insert(1, "-" * max(map(len, lines)))
    for one in judged:
        lines += ["", f"{one.claim.name}: {one.claim.text} ({one.claim.where}): {one.said}"]
        lines += [f"  {said}" for said in _told(one)]
        lines.append(f"  {command(experiment, one.claim, root)}")
    return "\n".join(lines) + "\n"


def _set(column: int, cell: str, width: int) -> str:
    return cell.rjust(width) if column in NUMERIC else cell.ljust(width)


def markdown(experiment: Experiment, judged: Sequence[Judged], root: str) -> str:
    """For a README."""
    rule = "|".join(" ---: " if k in NUMERIC else " --- " for k in range(len(HEADER)))
    rows = [" | ".join((one.claim.text, *cells(one)[1:])) for one in judged]
    table = [f"| {' | '.join(HEADER)} |", f"|{rule}|", *(f"| {row} |" for row in rows)]
    told = [
        f"* {one.claim.text} ({one.claim.where}). {' '.join(_told(one))} `{command(experiment, one.claim, root)}`"
        for one in judged
    ]
    return "\n".join([*table, "", *told]) + "\n"


_FORMATS: Final = {"text": text, "markdown": markdown}


def _told(one: Judged) -> Iterable[str]:
    yield from (f"{note}." for note in one.notes)
    if one.lacks:
        yield f"Its premise is not shown here, without which it says something else: {', '.join(one.lacks)}."
    if one.verdict != "shown" and one.claim.settled_by:
        yield f"What would settle it: {one.claim.settled_by}."


@commands.command("python -m sbn.report claims")
def main(argv: Sequence[str]) -> None:
    """Runs `python -m sbn.report claims`."""
    parser = arguments.Parser(
        prog="python -m sbn.report claims",
        description=__doc__,
    )
    parser.add_argument("names", nargs="*", metavar="CLAIM", help="claims to test (default: all)")
    parser.add_argument("--experiment", default="claims", help="experiments file with the claims (default: claims)")
    arguments.add_root(parser)
    parser.add_argument("--format", default="text", help=f"{', '.join(_FORMATS)} (default: text)")
    parser.add_argument("--out", type=arguments.path, metavar="FILE", help="write to this file instead of printing")
    parser.add_argument("--figure", type=arguments.path, metavar="FILE", help="draw the forest plot to this PNG file")
    options = parser.parse_args(argv)
    if options.format not in _FORMATS:
        raise unknown("format", options.format, _FORMATS)
    experiment = load_experiment(experiment_file(options.experiment))
    if not experiment.claims:
        raise ConfigError(f"{experiment.path} has no CLAIMS")
    found = find_runs(options.root)
    runs, refused = refuse(experiment, [run for run in found.runs if run.experiment == experiment.name])
    judged = judge_all(experiment, chosen(experiment.claims, options.names), runs)
    printed = plain(_FORMATS[options.format](experiment, judged, options.root))
    if options.out:
        write_output(options.out, printed.encode())
    else:
        print(printed, end="")
    if options.figure:
        write_output(options.figure, to_png(forest(judged)))
    for note in dict.fromkeys([*found.problems, *refused]):
        commands.say(f"note: {note}")
