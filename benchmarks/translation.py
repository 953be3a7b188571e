"""A training step of translation beside flax's example `wmt`, and what beams and views of other lengths cost.

The same number of layers, channels, heads and pieces, the same sentences and the same dropout, on the same machine, in
rounds that alternate. Both have one matrix of embeddings. The example normalises before each sublayer and has no biases
in its attention; here it is after, with biases. The example's files come from a checkout of flax:

    python -m benchmarks.translation --wmt=PATH/examples/wmt --rounds=9
    python -m benchmarks.translation --layers=6 --width=512 --heads=8 --hidden=2048 --vocabulary=32768

Without them steps are compared with nothing, and the bench says so. Bars: a step takes at most 1.0 times the example's,
three lengths at most 3.1 times one, a beam of 4 at most 6 times greedy translation.
"""

import functools
import pathlib
import sys
import tempfile

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import rounds as taking
from benchmarks import worker
from benchmarks.steps import SEED
from sbn.config import tree
from sbn.config.checks import check
from sbn.data.examples import Feature
from sbn.models.decoding import beam_search, greedy
from sbn.nn.branches import plain_branch
from sbn.tasks.base import TaskData
from sbn.tasks.translation import make_translation
from sbn.train import mesh as meshes
from sbn.train.optimiser import make_optimiser
from sbn.train.plan import make_plan
from sbn.train.schedules import make_schedule
from sbn.train.state import init_state
from sbn.train.step import make_step

LENGTHS = (1.0, 0.5, 1.5)
DROPOUT, SMOOTHING = 0.1, 0.1
END = 1


def make_config(*, layers, width, heads, hidden, views, sentences):
    names = tuple(f"view{k}" for k in range(views))
    changes = {
        "task": "translation",
        "data.name": "reverse",
        "model.name": "transformer",
        "norm.layer": "layer",
        "translation.layers": layers,
        "translation.width": width,
        "translation.heads": heads,
        "translation.hidden": hidden,
        "branches": names,
        "batch_size": sentences,
        "duration": "1000000 steps",
        "loss.label_smoothing": SMOOTHING,
        "optim.name": "adam",
        "optim.lr": 1e-4,
        "optim.weight_decay": 0.0,
        "optim.clip_norm": None,
        "schedule.kind": "inverse_sqrt",
        "schedule.warmup": "1000 steps",
        "eval.evals": ("metrics",),
    }
    changes |= {f"translation.{name}dropout": DROPOUT for name in ("", "attention_", "activation_")}
    changes |= {f"views.{name}.augment": "" for name in names}
    return check(tree.to_config(tree.changed(tree.defaults(), changes)))


def pairs(*, sentences, length, vocabulary):
    """Random sentences of nearly `length` tokens, their ends counted, and their translations."""
    rng = np.random.default_rng(0)

    def one():
        found = rng.integers(3, vocabulary, (sentences, length), np.int32)
        ends = rng.integers(length * 5 // 6, length + 1, sentences)[:, None]
        places = np.arange(1, length + 1)
        return np.where(places < ends, found, np.where(places == ends, END, 0)).astype(np.int32)

    return one(), one()


class Step:
    """The step of sbn itself, of one view or of three lengths.

    Attributes:
        task: that it trains.
        state: that it goes on from.
    """

    def __init__(self, config, source, target, *, vocabulary):
        views = len(config.branches)
        pieces = tuple(map(str, range(vocabulary)))
        features = {name: Feature("tokens", (None,), pieces) for name in ("source", "target")}
        self.task = make_translation(config, TaskData(features))
        mesh = meshes.make_mesh(batch_size=len(source), devices=jax.devices()[:1])
        plan = make_plan(config, examples=len(source))
        (stage,), schedule = plan.stages, make_schedule(plan.stages[0], plan)
        fresh = jax.jit(lambda: init_state(self.task, make_optimiser(stage, schedule), seed=0))()
        self.state = jax.device_put(fresh, meshes.replicated(mesh))
        width = source.shape[1]
        lengths = [-(-int(width * share * 2) // 2) for share in LENGTHS[:views]]
        seen = tuple(np.resize(source, (len(source), 2 * width))[:, :length] for length in lengths)
        batch = {"inputs": {"source": source[:, None] if views == 1 else seen}, "targets": {"target": target}}
        self._batch = meshes.place(mesh, batch)
        self._take = make_step(self.task, stage, schedule, mesh, prepare=lambda fed, numbers, resident: fed)
        self.parameters = sum(leaf.size for leaf in jax.tree.leaves(self.state.params))

    def run(self, times):
        for _ in range(times):
            self.state, metrics = self._take(self.state, self._batch, {}, SEED)
            jax.block_until_ready((self.state, metrics))


def searches(step, source, *, beam, longer):
    """Returns functions that translate, with the greedy choice and with a beam."""
    network = step.task.model.network
    own = plain_branch({"params": step.state.params}, 0, layout=step.task.layout)
    own = jax.tree.map(jnp.copy, own)  # steps give their state away
    # The best logit is above 0: nothing ends before its time, and both say as much
    own["params"]["embedding"] = own["params"]["embedding"].at[END].set(0.0)
    longest = source.shape[1] + longer
    first = jax.jit(greedy, static_argnums=(0, 3))
    several = jax.jit(beam_search, static_argnums=(0, 3, 5))
    return {
        "greedy": lambda: first(network, own, source, longest),
        "beam": lambda: several(network, own, source, beam, 0.6, longest)[0],
    }


def bench(*, wmt, layers, width, heads, hidden, vocabulary, sentences, length, beam, longer, rounds, steps):
    if wmt and not (pathlib.Path(wmt) / "models.py").is_file():
        raise SystemExit(f"--wmt={wmt} is not the folder examples/wmt of flax: it has no models.py")
    source, target = pairs(sentences=sentences, length=length, vocabulary=vocabulary)
    size = {"layers": layers, "width": width, "heads": heads, "hidden": hidden}
    made = {
        views: Step(make_config(**size, views=views, sentences=sentences), source, target, vocabulary=vocabulary)
        for views in (1, 3)
    }
    for step in made.values():
        step.run(1)
    found = searches(made[1], source, beam=beam, longer=longer)
    said = {name: int((np.asarray(search()) > 0).sum()) for name, search in found.items()}
    measures = {
        "one length": taking.clocked(functools.partial(made[1].run, steps)),
        "three lengths": taking.clocked(functools.partial(made[3].run, steps)),
        **{
            name: taking.clocked(lambda search=search: jax.block_until_ready(search()))
            for name, search in found.items()
        },
    }
    facts = {
        "parameters": made[1].parameters,
        "tokens a step, source and target": int((source > 0).sum() + (target > 0).sum()),
    }
    facts |= {f"{name}: tokens": count for name, count in said.items()}
    if wmt:
        times = _beside(wmt, measures, facts, source, target, rounds=rounds, steps=steps, vocabulary=vocabulary, **size)
    else:
        facts["flax's example"] = "not compared with: --wmt=PATH names its folder, examples/wmt of a checkout of flax"
        times = taking.interleaved(measures, rounds)
    for name in ("one length", "wmt"):
        if name in times:
            facts[f"{name}: seconds a step"] = float(np.median(times[name]["wall"])) / steps
    return read(times, beam=beam), facts


def _beside(wmt, measures, facts, source, target, *, rounds, **settings):
    """The rounds, those of flax's example among them."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "pairs.npz"
        np.savez(file, source=source, target=target)
        settings |= {"folder": str(pathlib.Path(wmt).resolve()), "file": str(file)}
        settings |= {"dropout": DROPOUT, "smoothing": SMOOTHING}
        with worker.Worker(sys.executable, "benchmarks.translation_flax", **settings) as rival:
            facts["parameters of flax's"] = rival.facts["parameters"]
            # it has two LayerNorms more, and no biases in three attentions of each of our pairs of layers
            wanted = facts["parameters"] + 4 * settings["width"] - 12 * settings["width"] * settings["layers"]
            if rival.facts["parameters"] != wanted:
                raise RuntimeError(f"{wanted} parameters were expected there, and it has {rival.facts['parameters']}")
            return taking.interleaved({**measures, "wmt": rival.measure("step")}, rounds)


def read(times, *, beam):
    """Returns the lines."""
    lines = taking.timed("three lengths / one", times["three lengths"], times["one length"], bar=3.1)
    lines += taking.timed(f"beam of {beam} / greedy", times["beam"], times["greedy"], bar=1.5 * beam)
    if "wmt" in times:
        lines = taking.timed("step / flax's wmt", times["one length"], times["wmt"], bar=1.0) + lines
    return lines


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        wmt=("", ""),
        layers=(2, 1),
        width=(128, 8),
        heads=(4, 2),
        hidden=(512, 16),
        vocabulary=(4000, 20),
        sentences=(84, 4),
        length=(24, 8),
        beam=(4, 2),
        longer=(16, 2),
        rounds=(9, 2),
        steps=(3, 1),
    )
