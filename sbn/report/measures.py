"""Which value of a metric is reported: of which stage; the last, the best, or a median over epochs."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Sequence

from sbn.config.errors import ConfigError, unknown
from sbn.config.metric_kinds import base_name, kind_of
from sbn.config.rows import STATISTICS, Paper
from sbn.report.collect import Run

EPOCHS = 10  # that median_last_10 is over


@dataclasses.dataclass(frozen=True)
class Measure:
    """A number that a run has.

    Attributes:
        metric: its name.
        stage: '' for the run.
        statistic: one of STATISTICS.
        higher_is_better: as a paper's number declares it; None: as the metric's name says.
    """

    metric: str
    stage: str = ""
    statistic: str = "last"
    higher_is_better: bool | None = dataclasses.field(default=None, compare=False)

    @property
    def text(self) -> str:
        """METRIC[@STAGE][:STATISTIC], as `parse` reads it."""
        stage = f"@{self.stage}" if self.stage else ""
        return self.metric + stage + (f":{self.statistic}" if self.statistic != "last" else "")

    @property
    def better(self) -> Callable[[Iterable[float]], float] | None:
        """Max or min, whichever finds the best of the metric's values; None where neither high nor low is better."""
        higher = kind_of(self.metric).higher_is_better if self.higher_is_better is None else self.higher_is_better
        return None if higher is None else max if higher else min


def parse(text: str) -> Measure:
    """Reads METRIC[@STAGE][:STATISTIC].

    Raises:
        ConfigError: for an unknown statistic, and for the best of a metric of which neither high nor low is better.
    """
    rest, _, statistic = text.partition(":")
    metric, _, stage = rest.partition("@")
    if statistic and statistic not in STATISTICS:
        raise unknown(f"statistic in {text!r}:", statistic, STATISTICS)
    measure = Measure(metric.strip(), stage.strip(), statistic or "last")
    if statistic == "best" and not measure.better:
        raise ConfigError(
            f"{text!r}: the name {base_name(measure.metric)!r} does not say whether high or low is better; a name that "
            "ends with accuracy, score, error or loss does"
        )
    return measure


def measure_of(paper: Paper) -> Measure:
    """Returns the measure that the paper's number is compared with."""
    return Measure(paper.metric, paper.stage, paper.statistic, paper.higher_is_better)


def shown_scale(metric: str) -> float:
    """Returns the factor by which a metric is shown: 100 (percent) for fractions, otherwise 1."""
    return 100.0 if kind_of(metric).fraction else 1.0


def of_every_stage(measure: Measure, runs: Sequence[Run]) -> list[Measure]:
    """Returns every statistic of `measure`'s metric, the best where it has one, in every stage that `runs` have."""
    stages = dict.fromkeys(stage for run in runs for stage in run.stages)
    shown = [statistic for statistic in STATISTICS if statistic != "best" or measure.better]
    return [dataclasses.replace(measure, stage=stage, statistic=statistic) for stage in stages for statistic in shown]


def length(run: Run, stage: str) -> int | None:
    """Returns how many steps a run's stage, or '' the run, takes; None if it has no such stage."""
    if not stage:
        return run.steps
    return run.stages[stage][1] - run.stages[stage][0] if stage in run.stages else None


def measured(run: Run, measure: Measure) -> tuple[float | None, str]:
    """Returns the number as the run wrote it, or None; and a note on it, or ''."""
    if measure == Measure(measure.metric):
        return run.metrics.get(measure.metric), ""
    if not run.stages or not run.steps_per_epoch:
        return None, "runs that did not record their stages"
    if measure.stage and measure.stage not in run.stages:
        return None, f"runs without a stage {measure.stage}"
    spans = [run.stages[measure.stage]] if measure.stage else list(run.stages.values())
    start, stop = spans[0][0], spans[-1][1]
    values = {step: value for step, value in run.course(measure.metric).items() if start < step <= stop}
    epochs = min(EPOCHS, math.ceil((stop - start) / run.steps_per_epoch))
    return _STATISTICS[measure.statistic](values, measure, stop, run.steps_per_epoch, epochs)


def _last(
    values: dict[int, float], measure: Measure, stop: int, per_epoch: int, epochs: int
) -> tuple[float | None, str]:
    return values.get(stop), ""


def _best(
    values: dict[int, float], measure: Measure, stop: int, per_epoch: int, epochs: int
) -> tuple[float | None, str]:
    finite = [value for value in values.values() if math.isfinite(value)]
    if not finite:
        return (math.nan if values else None), ""
    if not (best := measure.better):
        return None, f"{measure.metric} has no best"
    return best(finite), f"best of {len(values)} evaluations"


def _median(
    values: dict[int, float], measure: Measure, stop: int, per_epoch: int, epochs: int
) -> tuple[float | None, str]:
    found = [values[step] for epoch in range(epochs) if (step := stop - epoch * per_epoch) in values]
    if not found:
        return None, ""
    note = "" if len(found) == EPOCHS else f"median of {len(found)} epochs of {EPOCHS}"
    return (statistics.median(found) if all(map(math.isfinite, found)) else math.nan), note


_STATISTICS = {"last": _last, "best": _best, "median_last_10": _median}
assert tuple(_STATISTICS) == STATISTICS
