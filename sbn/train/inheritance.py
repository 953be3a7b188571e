"""`init.from`: a run that continues from another run's state at the end of a stage."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from etils import epath
from flax import traverse_util
from jax.sharding import Sharding
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.errors import ConfigError, unknown
from sbn.nn import branches
from sbn.runs import files
from sbn.runs.reach import check_answers
from sbn.tasks.base import Variables
from sbn.train import parts
from sbn.train import workdir as workdirs
from sbn.train.checkpoint import Checkpoints
from sbn.train.optimiser import make_optimiser
from sbn.train.plan import NOTHING_BEFORE, Before, Stage
from sbn.train.state import AVERAGED, PLAIN, TrainState, start_average

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Inheritance:
    """What a run takes over from another.

    Attributes:
        before: what its steps and stages are counted on from.
        record: what init.json holds: where from, which step, the checkpoint's checksum, whose run that was (`source`);
            None: nothing is taken over.
        source: the work directory to read; None once the run has a checkpoint of its own, which then tells all.
        branch: the other run's branch that every branch starts from; None: each from that of its own name.
        only: names of the parts of the network to take over; empty: all of it, and momentum and steps with it.
        weights: the other run's weights as they were trained, 'plain', or their average, 'ema'.
    """

    before: Before = NOTHING_BEFORE
    record: Mapping[str, Any] | None = None
    source: epath.Path | None = None
    branch: str | None = None
    only: tuple[str, ...] = ()
    weights: str = PLAIN

    def take_over(
        self, fresh: TrainState, names: tuple[str, ...], sharding: Sharding, *, layout: branches.Layout | None = None
    ) -> tuple[TrainState, Mapping[str, Any] | None]:
        """Returns the state to begin with, and the record complete; `fresh` where there is nothing to read.

        Momentum comes along where the optimiser's state has the same form, and starts at 0 where it has another, with
        averaged weights, which it does not belong to, and with parts alone. With parts alone steps are counted from 0.
        An average that this run keeps goes on from the other run's, if it has one, or begins as the weights.

        Args:
            fresh: the state of a run that starts from nothing.
            names: of its branches.
            sharding: of its arrays.
            layout: the leaves of its variables that have a K axis, where the task knows.

        Raises:
            ConfigError: if the other run's network is another one, has no such branch, or can't be read.
        """
        if self.source is None or self.record is None:
            return jax.device_put(fresh, sharding), self.record
        config, step = files.read_config(self.source), self.record["step"]
        there = tree.branch_names(config)
        rows = _rows(there, names, self.branch, self.source)
        with contextlib.closing(_opened(self.source, config)) as checkpoints:
            try:
                shapes = checkpoints.shapes(step)
                chosen = jax.eval_shape(lambda old: _chosen(old, rows, layout), shapes)
                if self.only:
                    jax.eval_shape(self._merged, chosen, fresh.variables)
                else:
                    _check_same_network(chosen, fresh.variables, self.source)
                old = checkpoints.read(step, like(shapes, config), sharding).state
            except ConfigError:
                raise
            except Exception as error:
                raise _unreadable(self.source, step, error) from error
        if self.weights == AVERAGED and old.ema is None:
            raise ConfigError(f"init.weights = 'ema', and {self.source} was trained without optim.ema")
        variables = _chosen(old.weights(self.weights), rows, layout)
        named = {
            "branches": {name: there[row] for name, row in zip(names, rows, strict=True)},
            "weights": self.weights,
            "only": list(self.only),
        }
        if self.only:
            log.info("takes %s over from step %d of %s", ", ".join(self.only), step, self.source)
            variables = self._merged(variables, fresh.variables)
            average = None if fresh.ema is None else start_average(variables)
            state = fresh._replace(**variables, ema=average)
            return jax.device_put(state, sharding), {**self.record, **named, "momentum": "fresh"}
        opt_state = _map_like(lambda node: _chosen({"params": node}, rows, layout)["params"], old.opt_state, old.params)
        averages = self.weights == AVERAGED
        why = "averaged weights have none" if averages else "the optimiser's state has another form"
        kept = _form(opt_state) == _form(fresh.opt_state) and not averages
        record = {**self.record, **named, "momentum": "carried over" if kept else f"fresh: {why}"}
        log.info("starts from step %d of %s, momentum %s", step, self.source, record["momentum"])
        counter = jnp.asarray(step, jnp.int32)
        ema = None
        if fresh.ema is not None:
            ema = start_average(variables if old.ema is None else _chosen(old.ema, rows, layout))
        state = TrainState(
            counter, variables["params"], variables["batch_stats"], opt_state if kept else fresh.opt_state, ema
        )
        return jax.device_put(state, sharding), record

    def _merged(self, old: Variables, fresh: Variables) -> dict[str, Any]:
        assert self.source is not None
        return parts.merged(old, fresh, self.only, source=self.source)


def find(config: ConfigDict, workdir: epath.Path) -> Inheritance:
    """Returns what the run in `workdir` takes over, reading no arrays yet.

    A run that has a checkpoint does not look at the other one any more.

    Raises:
        ConfigError: if there is no run to start from, or it is not as far as the config wants it.
    """
    init = config.init
    if init["from"] is None:
        for name, default in {"stage": None, "branch": None, "only": (), "weights": PLAIN}.items():
            if init[name] != default:
                raise ConfigError(
                    f"init.{name} = {init[name]!r} has no effect without init.from: set init.from to the work "
                    f"directory of the run to start from, or leave out init.{name}"
                )
        return Inheritance()
    recorded = files.read(workdir, files.INIT)
    if recorded is not None and recorded["from"] not in (None, init["from"]):
        other = f"that began from {recorded['from']}, this one from {init['from']}"
        raise ConfigError(f"{workdir / files.INIT} is of another run: {other}")
    if recorded is not None and files.saved_steps(workdir):
        return Inheritance(_before(recorded, init.only), recorded)
    source = epath.Path(init["from"])
    check_answers(source)
    if source.resolve() == workdir.resolve():
        raise ConfigError(f"init.from = {init['from']!r} is the work directory of this very run")
    position = {"from": init["from"], **_position(source, init.stage)}
    if recorded is not None and any(recorded.get(name) != value for name, value in position.items()):
        raise ConfigError(f"init.from = {init['from']!r} has changed since {workdir} started from it: {recorded}")
    record = {**position, "source": workdirs.read_origin(source, before=position["step"])}
    return Inheritance(_before(position, init.only), record, source, init.branch, init.only, init.weights)


def _before(position: Mapping[str, Any], only: tuple[str, ...]) -> Before:
    """What steps and stages are counted on from: a run that takes parts over is a new one, from step 0."""
    return NOTHING_BEFORE if only else Before(position["step"], position["stages"])


def _position(source: epath.Path, stage: str | None) -> dict[str, Any]:
    """{'step', 'stages', 'stage', 'checksum'} of the checkpoint that is wanted."""
    try:
        config = files.read_config(source)
    except ConfigError as error:
        raise ConfigError(f"init.from: {error}") from None
    result = files.read(source, files.RESULT)
    if stage is None and result is None:
        raise ConfigError(
            f"init.from = {str(source)!r} is not finished: let it finish, or set init.stage to a stage that has ended "
            f"(stages: {', '.join(config.stages)})"
        )
    if stage is not None and stage not in config.stages:
        raise unknown(f"value of init.stage (a stage of {source}):", stage, config.stages)
    last = result["steps"] if result else None
    seen: list[Mapping[str, Any]] = []
    first_format: list[int] = []  # checkpoints that do not say where stages end
    with contextlib.closing(_opened(source, config)) as checkpoints:
        for step in checkpoints.steps():
            try:
                meta = checkpoints.meta(step)
            except Exception as error:
                raise _unreadable(source, step, error) from error
            if "stages" in meta:
                if step == last if stage is None else (meta["stage"] == stage and meta["stage_done"]):
                    return {name: meta[name] for name in ("step", "stages", "stage", "checksum")}
                seen.append(meta)
            else:
                first_format.append(step)
    lacking = f"init.from = {str(source)!r} has no checkpoint"
    if first_format and not seen:
        raise ConfigError(
            f"init.from = {str(source)!r} holds checkpoints of sbn's first format (the newest is of step "
            f"{first_format[0]}), which can't be taken over: train that run again"
        )
    if stage is not None:
        raise ConfigError(f"{lacking} of the end of stage {stage!r}")
    if not seen:
        raise ConfigError(f"{lacking} at all")
    ends = [f"init.stage={meta['stage']} (step {meta['step']})" for meta in seen if meta["stage_done"]]
    way_out = f"begin from the end of a stage, {' or '.join(ends)}" if ends else "no stage's end is there either"
    raise ConfigError(f"{lacking} of its end, step {last}, the newest is of step {seen[0]['step']}: {way_out}")


def _opened(source: epath.Path, config: ConfigDict) -> Checkpoints:
    if not (source / "checkpoints").exists():
        raise ConfigError(f"init.from = {str(source)!r} has no checkpoint at all")
    names = tree.branch_names(config)
    return Checkpoints(source / "checkpoints", keep=config.save.keep, branches=names, config=config, create=False)


def _rows(there: tuple[str, ...], names: tuple[str, ...], branch: str | None, source: epath.Path) -> list[int]:
    """Which branch of the other run each of `names` starts from."""
    if branch is not None and branch not in there:
        raise unknown(f"value of init.branch (a branch of {source}):", branch, there)
    if branch is None and len(there) == 1:
        branch = there[0]  # a plain network: all start from it
    for name in names:
        if branch is None and name not in there:
            raise unknown(
                f"branch of {source}:", name, there, beside="; init.branch names one that all branches start from"
            )
    return [there.index(branch or name) for name in names]


def _chosen(variables: Variables, rows: list[int], layout: branches.Layout | None) -> Variables:
    """The branches `rows` of another run's variables, or of those that have a K axis."""
    if len(set(rows)) == len(rows):
        return branches.take_branches(variables, rows, layout=layout)
    one = branches.select_branch(variables, rows[0], layout=layout)
    return branches.from_plain(one, len(rows), layout=layout)


def like(shapes: Variables, config: ConfigDict) -> TrainState:
    """Returns the shapes and types of a run's state, from its config and the shapes of its variables; reads no data."""
    stage = Stage("", 0, 0, 0, tree.stage_config(config, config.stages[0]))
    momenta = jax.eval_shape(make_optimiser(stage, optax.constant_schedule(0.0)).init, shapes["params"])
    average = None if config.optim.ema is None else {name: shapes[name] for name in ("params", "batch_stats")}
    return TrainState(jnp.zeros((), jnp.int32), shapes["params"], shapes["batch_stats"], momenta, average)


def _form(tree: Any) -> Any:
    return jax.tree.structure(tree), [leaf.shape for leaf in jax.tree.leaves(tree)]


def _map_like(change: Callable[[Any], Any], opt_state: Any, params: Any) -> Any:
    """`opt_state` with `change` made to whatever in it has the form of the parameters."""
    form = _form(params)

    def is_like(node: Any) -> bool:  # an optimiser may keep rows and columns in place of a matrix (adafactor)
        return bool(_form(node) == form)

    return jax.tree.map(lambda node: change(node) if is_like(node) else node, opt_state, is_leaf=is_like)


def _check_same_network(old: Variables, new: Variables, source: epath.Path) -> None:
    there, here = (traverse_util.flatten_dict(dict(variables), sep="/") for variables in (old, new))
    for name in [*here, *there]:
        shapes = [str(tuple(flat[name].shape)) if name in flat else "missing" for flat in (there, here)]
        if shapes[0] != shapes[1]:
            raise ConfigError(
                f"init.from = {str(source)!r} holds another network: {name} is {shapes[0]} there and {shapes[1]} here"
            )


def _unreadable(source: epath.Path, step: int, error: Exception) -> ConfigError:
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ConfigError(f"checkpoint {step} in {source} can't be read ({why})")
