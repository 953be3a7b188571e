"""`python -m sbn.evaluate --workdir=DIR --evals=NAME,NAME`: measures a checkpoint of a run, as training does."""

if __name__ == "__main__":  # before jax is loaded, which takes seconds
    from sbn.runs import commands

    commands.begin()

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from etils import epath
from ml_collections import ConfigDict

from sbn.config import arguments, command_line, tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError, unknown
from sbn.config.evaluation import ANALYSES
from sbn.evals.base import add, run
from sbn.evals.make import make_evaluators
from sbn.runs import commands, files
from sbn.train import evaluation, inheritance
from sbn.train import mesh as meshes
from sbn.train import workdir as workdirs
from sbn.train.checkpoint import Checkpoints
from sbn.train.optimiser import make_optimiser
from sbn.train.process import prepare
from sbn.train.schedules import make_schedule
from sbn.train.setup import Setup, make_setup
from sbn.train.state import AVERAGED, PLAIN, WEIGHTS, TrainState, init_state, of_average


def evaluate(
    workdir: epath.PathLike,
    *,
    evals: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    stage: str | None = None,
    weights: str = PLAIN,
) -> tuple[int, dict[str, float]]:
    """Evaluates a checkpoint of a run.

    Changes nothing that training wrote but the arrays and figures of these evaluators for that step, which are the
    same unless `overrides` say otherwise. The scalars go to artifacts/EVALUATOR/STEP.json, where the report reads them.

    Args:
        workdir: of the run.
        evals: names of evaluators; empty for the run's own, `eval.evals`.
        overrides: `eval` keys by dotted name, with values other than the run's.
        stage: the stage at whose end; None: the newest checkpoint.
        weights: 'plain', as they are trained, or 'ema', their average, of a run with `optim.ema`: scalars are then
            called 'test_ema/...', and files lie in artifacts/EVALUATOR_ema.

    Returns:
        the step of the checkpoint, and scalars by name.

    Raises:
        ConfigError: if there is no run, no checkpoint, or no such evaluator, or an override is of another key.
        OSError: once all is measured, if some of it can't be written.
    """
    step, scalars, unwritten = _evaluated(workdir, evals, overrides or {}, stage, weights)
    if unwritten is not None:
        raise unwritten
    return step, scalars


def _evaluated(
    workdir: epath.PathLike, evals: Sequence[str], overrides: Mapping[str, Any], stage: str | None, weights: str
) -> tuple[int, dict[str, float], OSError | None]:
    """The step, the scalars, and the first error of writing them."""
    workdir = workdirs.checked_path(workdir)
    trained = files.read_config(workdir)
    config = overridden(trained, overrides, evals=evals)
    before = inheritance.find(config, workdir).before
    recorded = files.read(workdir, files.DATA)
    setup = make_setup(config, before, recorded=recorded)
    if config.eval.augment == trained.eval.augment:  # else test images are others on purpose
        setup.check_data(config, recorded, where=workdir)
    evaluators = make_evaluators(setup.materials(config, workdir=workdir))
    state = _restore(workdir, config, setup, stage)
    step, variables = int(state.step), state.weights(weights)
    scalars: dict[str, float] = {}
    unwritten: OSError | None = None
    for name, evaluator in evaluators.items():
        numbers, arrays = run(evaluator, variables, step=step)
        folder = files.artifact_folder(name)
        if weights == AVERAGED:
            numbers, folder = of_average(numbers), f"{folder}_{weights}"
        add(scalars, numbers, evaluator=name)
        try:
            evaluation.write_arrays(workdir, name, step, arrays, config=trained, folder=folder)
            evaluation.write_scalars(workdir, folder, step, numbers, overrides, config=trained)
        except OSError as error:  # what took hours is shown first
            unwritten = unwritten or error
    return step, scalars, unwritten


def overridden(config: ConfigDict, overrides: Mapping[str, Any], *, evals: Sequence[str] = ()) -> ConfigDict:
    """Returns a run's config with other `eval` keys.

    Raises:
        ConfigError: for a key outside `eval`: the run was made with it.
    """
    for name in overrides:
        tree.key_of(name)
        if not name.startswith("eval."):
            raise ConfigError(f"--config.{name} can't be changed after training: only keys that begin with 'eval.' can")
    chosen = {"eval.evals": tuple(evals)} if evals else {}
    return check(tree.to_config(tree.changed(tree.flatten(config), {**overrides, **chosen})))


def _restore(workdir: epath.Path, config: ConfigDict, setup: Setup, stage: str | None) -> TrainState:
    ends = {known.name: known.stop for known in setup.plan.stages}
    if stage is not None and stage not in ends:
        raise unknown("value of --stage", stage, ends)
    if not (workdir / "checkpoints").exists():
        raise ConfigError(f"{workdir} has no checkpoint yet: train it first")
    checkpoints = Checkpoints(
        workdir / "checkpoints", keep=config.save.keep, branches=setup.task.branches, config=config, create=False
    )
    optimiser = make_optimiser(setup.plan.stages[0], make_schedule(setup.plan.stages[0], setup.plan))
    state = jax.eval_shape(lambda: init_state(setup.task, optimiser, seed=config.seed, ema=config.optim.ema))
    sharding = meshes.replicated(setup.mesh)
    with contextlib.closing(checkpoints):
        if stage is None:
            restored = checkpoints.restore(state, sharding)
        elif ends[stage] not in checkpoints.steps():
            raise ConfigError(f"{workdir} has no checkpoint of the end of stage {stage!r}, step {ends[stage]}, yet")
        else:
            try:
                restored = checkpoints.read(ends[stage], state, sharding)
            except ConfigError:
                raise
            except Exception as error:
                raise ConfigError(f"checkpoint {ends[stage]} in {workdir} can't be read ({error})") from error
    if restored is None:
        raise ConfigError(f"{workdir} has no checkpoint yet: train it first")
    return restored.state


@commands.command("python -m sbn.evaluate")
def main(argv: Sequence[str]) -> None:
    """Prints one number per line, or JSON."""
    parser = arguments.Parser(
        "python -m sbn.evaluate",
        description="Evaluates a checkpoint of a run. Change evaluation keys by --config.eval.KEY=VALUE.",
        examples=(
            "--workdir=runs/weak_augment/seed0",
            "--workdir=runs/weak_augment/seed0 --evals=mix,fourier --config.eval.fourier.examples=100",
        ),
        epilog=(
            f"Evaluators: metrics, accuracy (classification), {', '.join(ANALYSES[:7])},\n"
            f"{', '.join(ANALYSES[7:])}, bleu (translation), masks (segmentation),\n"
            "or package.module:Name. Arrays and figures go to artifacts/ in the work directory."
        ),
    )
    parser.add_argument(
        "--workdir", type=arguments.path, required=True, metavar="DIR", help="work directory of the run"
    )
    parser.add_argument(
        "--evals", default="", metavar="NAME,NAME", help="evaluators to run (default: the run's eval.evals)"
    )
    parser.add_argument(
        "--stage",
        metavar="NAME",
        help="evaluate the checkpoint at the end of this stage (default: the newest checkpoint)",
    )
    parser.add_argument(
        "--weights", choices=WEIGHTS, default=PLAIN, help="weights as trained, or their moving average (optim.ema)"
    )
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    others, dotted = command_line.split(argv)
    options = parser.parse_args(others)
    prepare()
    overrides = {name: tree.literal(name, text) for name, text in dotted.items()}
    evals = [name for name in options.evals.split(",") if name]
    began = int(time.time())  # file systems keep whole seconds at least
    step, scalars, unwritten = _evaluated(options.workdir, evals, overrides, options.stage, options.weights)
    if options.json:
        print(json.dumps({"step": step, **scalars}))
    else:
        print(f"step {step}")
        width = max([32, *map(len, scalars)])
        for name, value in scalars.items():
            print(f"{name:{width}} {value:{'.6f' if abs(value) < 1e6 else '.0f'}}")
        for file in sorted(epath.Path(options.workdir).glob(f"artifacts/*/{step}.png")):
            if file.stat().mtime >= began:
                print(f"figure: {file}")
    if unwritten is not None:
        raise unwritten


if __name__ == "__main__":
    commands.start(main)
