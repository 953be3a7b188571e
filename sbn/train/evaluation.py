"""Evaluators within a run: which are due at a step, and where what they yield goes."""

from collections.abc import Mapping, Sequence

from etils import epath

from sbn.evals.base import Evaluator, run
from sbn.train import artifacts, averaging
from sbn.train.plan import Plan
from sbn.train.state import TrainState


class Evaluation:
    """The evaluators of a run.

    Args:
        evaluators: by name.
        plan: of the run, which says when each is due.
        workdir: where arrays go.
    """

    def __init__(self, evaluators: Mapping[str, Evaluator], plan: Plan, workdir: epath.Path) -> None:
        self._evaluators, self._workdir = evaluators, workdir
        self._rhythms = {name: plan.evals[name] for name in evaluators}

    def due(self, step: int) -> list[str]:
        """Returns the names of those that run once `step` steps are done."""
        return [name for name, rhythm in self._rhythms.items() if rhythm.due(step)]

    def run(self, names: Sequence[str], step: int, state: TrainState) -> dict[str, float]:
        """Runs evaluators, writes their arrays and figures, and returns their scalars.

        Where an average of the weights is kept, the task's own metrics are measured with it too.
        """
        scalars: dict[str, float] = {}
        for name in names:
            numbers, arrays = run(self._evaluators[name], state.variables, step=step)
            artifacts.write(self._workdir, name, step, arrays)
            scalars |= numbers
            if state.ema is not None and name in averaging.MEASURED:
                numbers, _ = run(self._evaluators[name], state.ema, step=step)
                scalars |= averaging.named(numbers)
        return scalars


def summary(scalars: Mapping[str, float]) -> str:
    """Returns a line for the terminal: every metric, but not its details, which may be hundreds."""
    return "  ".join(f"{name} {value:.4f}" for name, value in scalars.items() if name.count("/") < 3)
