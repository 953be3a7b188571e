"""`python -m sbn.evaluate --workdir=DIR`: the evaluators of a run on its newest checkpoint, as training ran them."""

import argparse
import json
import sys
from collections.abc import Sequence

import jax
from etils import epath

from sbn.config.errors import ConfigError, unknown
from sbn.evals.make import make_evaluators
from sbn.train import mesh as meshes
from sbn.train import workdir as workdirs
from sbn.train.checkpoint import Checkpoints
from sbn.train.optimiser import make_optimiser, make_schedule
from sbn.train.process import prepare
from sbn.train.setup import make_setup
from sbn.train.state import init_state


def evaluate(workdir: epath.PathLike, *, evals: Sequence[str] = ()) -> tuple[int, dict[str, float]]:
    """Evaluates the newest checkpoint of a run; changes nothing.

    Args:
        workdir: of the run.
        evals: names of evaluators; all of them if empty.

    Returns:
        the step of the checkpoint, and numbers by name.

    Raises:
        ConfigError: if there is no run, no checkpoint, or no such evaluator.
    """
    workdir = workdirs.checked_path(workdir)
    config = workdirs.read_config(workdir)
    setup = make_setup(config)
    evaluators = make_evaluators(config, setup.task, setup.mesh, setup.test)
    for name in evals:
        if name not in evaluators:
            raise unknown("evaluator", name, evaluators)
    if not (workdir / "checkpoints").exists():
        raise ConfigError(f"{workdir} has no checkpoint yet")
    checkpoints = Checkpoints(
        workdir / "checkpoints", keep=config.save.keep, branches=setup.task.branches, create=False
    )
    optimiser = make_optimiser(setup.plan.stages[0], make_schedule(setup.plan))
    state = jax.eval_shape(lambda: init_state(setup.task, optimiser, seed=config.seed))
    restored = checkpoints.restore(state, meshes.replicated(setup.mesh))
    checkpoints.close()
    if restored is None:
        raise ConfigError(f"{workdir} has no checkpoint yet")
    chosen = [evaluators[name] for name in evals or evaluators]
    return int(restored.state.step), {
        name: value for evaluator in chosen for name, value in evaluator(restored.state.variables)
    }


def main(argv: Sequence[str]) -> None:
    """Prints one number a line, or JSON."""
    parser = argparse.ArgumentParser("python -m sbn.evaluate", description="Evaluates a run.")
    parser.add_argument("--workdir", required=True, metavar="DIR", help="of the run")
    parser.add_argument("--evals", default="", metavar="NAME,NAME", help="evaluators; default: all")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    prepare()
    try:
        step, scores = evaluate(options.workdir, evals=[name for name in options.evals.split(",") if name])
    except ConfigError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    if options.json:
        print(json.dumps({"step": step, **scores}))
        return
    print(f"step {step}")
    for name, value in scores.items():
        print(f"{name:32} {value:.6f}")


if __name__ == "__main__":
    main(sys.argv[1:])
