"""`train(config, workdir)`: the whole interface, and the loop, to be read from top to bottom."""

import contextlib
import functools
import logging
from typing import Any

import jax
from etils import epath
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.checks import check
from sbn.evals.make import make_evaluators
from sbn.runs import files
from sbn.runs.lock import Lock, clear
from sbn.runs.progress import Progress
from sbn.train import inheritance, preemption, provenance, trackers
from sbn.train import mesh as meshes
from sbn.train import workdir as workdirs
from sbn.train.checkpoint import Checkpoints
from sbn.train.evaluation import Evaluation, summary
from sbn.train.feed import call_sizes, in_calls, make_feed
from sbn.train.optimiser import make_optimiser
from sbn.train.pending import Diverged, Pending, check_finite
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state
from sbn.train.step import make_step
from sbn.train.workdir import Origin
from sbn.train.writers import Writers

log = logging.getLogger(__name__)


def train(config: ConfigDict, workdir: epath.PathLike, *, origin: Origin | None = None) -> dict[str, Any]:
    """Trains the experiment that `config` describes, or resumes it.

    Killed at any moment and started again, it resumes from the newest undamaged checkpoint and ends with the same
    bits. Called for a finished run, it returns the result at once.

    Args:
        config: as a row gives it.
        workdir: where everything about the run goes.
        origin: the row it came from, recorded with the result.

    Returns:
        what result.json holds; 'metrics' are those of the last evaluation.

    Raises:
        ConfigError: if the config can't be run, or the directory contains a run of another config.
        Diverged: if the loss is not finite.
        Preempted: after saving, if a signal asked it to stop.
    """
    config, workdir, origin = check(config), workdirs.checked_path(workdir), origin or Origin()
    done = workdirs.finished(workdir, config)
    if done is not None:
        clear(workdir)
        log.info("%s is done: nothing to do", workdir)
        return done
    with workdirs.locked(workdir) as lock, contextlib.ExitStack() as closing:
        done = workdirs.finished(workdir, config)  # by another process, just before this one got the lock
        return done or _run(config, workdir, origin, lock=lock, closing=closing)


def _run(
    config: ConfigDict,
    workdir: epath.Path,
    origin: Origin,
    *,
    lock: Lock | None,
    closing: contextlib.ExitStack,
) -> dict[str, Any]:
    inherited, make_trackers = inheritance.find(config, workdir), trackers.find(config.log.trackers)
    recorded = files.read(workdir, files.DATA)
    setup = make_setup(config, inherited.before, recorded=recorded)
    data = setup.check_data(config, recorded, where=workdir) | setup.check_batches(recorded, where=workdir)
    plan, mesh, task = setup.plan, setup.mesh, setup.task
    feed = make_feed(setup, config)
    evaluators = make_evaluators(setup.materials(config, workdir=workdir))
    evaluation = Evaluation(evaluators, plan, workdir, config=config)

    # Start, or restore
    optimiser = make_optimiser(plan.stages[0], make_schedule(plan.stages[0], plan))
    state = init_state(task, optimiser, seed=config.seed, ema=config.optim.ema)
    layout = getattr(task, "layout", None)
    state, began = inherited.take_over(state, task.branches, meshes.replicated(mesh), layout=layout)
    said = [*map(str, tree.flatten(config).values()), f"experiments file {origin.experiment}.py"]
    start = provenance.collect(data["fingerprints"], said=said)
    workdirs.begin(workdir, config, start, origin=origin, inherited=began, data=data)
    known = {"branches": task.branches, "config": config, "stages": plan.stages, "layout": layout}
    checkpoints = Checkpoints(workdir / "checkpoints", keep=config.save.keep, **known)
    closing.callback(checkpoints.close)  # however this ends, what is being written is finished
    restored = checkpoints.restore(state, meshes.replicated(mesh))
    state, seconds = (restored.state, restored.seconds) if restored else (state, 0.0)
    step = int(state.step)
    log.info("%s: %s step %d of %d", workdir, "resumes after" if restored else "starts at", step, plan.total)
    if setup.batching.shapes > 1:
        log.info("%s: batches have %d shapes: the step is compiled once for each", workdir, setup.batching.shapes)
    if never := getattr(setup.batching, "never", 0):
        log.warning(
            "%s: %d of the %d training examples are never in a batch: their buckets hold fewer than fill one",
            *(workdir, never, len(setup.train)),
        )
    leads = jax.process_index() == 0  # of several processes one writes, and talks
    kept = restored.lines if restored else ""
    own = trackers.make(make_trackers, config=tree.flatten(config), workdir=str(workdir)) if leads else []
    log_to: dict[str, Any] = {"tensorboard": config.log.tensorboard, "trackers": own}
    writers = Writers(workdir, step=step, active=leads, kept=kept, lock=lock, **log_to)
    closing.callback(writers.close)
    shape: dict[str, Any] = {"total": plan.total, "stages": plan.spans, "batch_size": setup.examples_per_step}
    progress = Progress(workdir, start=step, seconds=seconds, active=leads, **shape)
    pending = Pending()
    results: dict[str, float] = {}

    def write_pending() -> None:
        scalars = pending.flush()
        writers.write(step, scalars)
        shown = {name.removeprefix("train/"): value for name, value in scalars.items() if name.endswith(("loss", "lr"))}
        progress.report(step, shown)

    def due(step: int) -> bool:
        return plan.log.due(step) or plan.save.due(step) or bool(evaluation.due(step))

    # Train
    notice = closing.enter_context(preemption.watch())  # before there is a step to save, a signal ends at once
    for stage in plan.stages:
        if step >= stage.stop:
            continue
        prepare, schedule = feed.prepare(stage), make_schedule(stage, plan)
        making = functools.partial(make_step, task, stage, schedule, mesh, prepare=prepare)
        take = {steps: making(steps=steps) for steps in {1, config.steps_per_call}}
        sizes = call_sizes(step, stage.stop, most=config.steps_per_call, due=due)
        for steps, (batch, numbers) in in_calls(feed.batches(stage, step), sizes):
            placed = meshes.place(mesh, batch, axis=int(steps > 1)), meshes.place_whole(mesh, numbers)
            state, metrics = take[steps](state, *placed, feed.resident)
            step += steps
            pending.add(step, metrics)
            progress.tick(step)
            stop = notice.given or checkpoints.reached_preemption(step)
            saving, evaluating = plan.save.due(step) or stop, evaluation.due(step)
            try:
                # A log line is cut at every checkpoint, so that a restored run writes the same lines.
                if plan.log.due(step) or saving or evaluating:
                    write_pending()
                if saving or evaluating:
                    check_finite(state)
            except Diverged as error:
                progress.failed(step, str(error))
                raise
            if evaluating:
                results = evaluation.run(evaluating, step, state)
                writers.write(step, results)
                if step < plan.total:  # the last ones are the result
                    progress.show(summary(results))
                progress.restart_rate()
            if saving:
                checkpoints.save(step, state, seconds=progress.seconds(), lines=writers.lines)
            if stop and step < plan.total:
                raise preemption.Preempted(f"asked to stop: saved after step {step}, start the same command again")

    # Finish
    if not results:  # killed between the last checkpoint and result.json
        results = evaluation.run(evaluation.due(step), step, state)
    checkpoints.wait()
    seconds, proof = progress.seconds(), writers.settle()
    return workdirs.finish(workdir, config, origin, plan=plan, seconds=seconds, metrics=results, log=proof)
