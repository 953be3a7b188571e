"""An exported segmentation network says of an image's own pixels what the run's evaluation says of them."""

import contextlib
import json

import jax
import numpy as np
import pytest
from etils import epath

from sbn import export
from sbn.config.errors import ConfigError
from sbn.data import record
from sbn.evals.metrics import Pairs
from sbn.runs import files
from sbn.train import workdir as workdirs
from sbn.train.checkpoint import Checkpoints
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import TrainState
from tests.fuzz import annotated_sets
from tests.tasks.test_segmentation import SMALL


@pytest.fixture(scope="module")
def run(tiny, tmp_path_factory):
    """A run's folder, its setup, its config, and variables in which no two branches agree."""
    changes = {
        "data.name": annotated_sets.masked_folder(tmp_path_factory.mktemp("masks")),
        "data.train_examples": None,
        "data.test_examples": None,
        "data.image_size": None,
        "data.style": "plain",
        "data.path": "host",
        "batch_size": 2,
        "eval.augment": "fit(24, 32)",
        **{f"views.{view}.augment": "fit(24, 32)|flip" for view in ("main", "aux")},
        "segmentation.own_size": True,
        "segmentation.align_corners": False,
    }
    config = tiny({**SMALL, **changes})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        setup = make_setup(config)
    folder, random = epath.Path(tmp_path_factory.mktemp("runs") / "run"), np.random.default_rng(1)
    optimiser = make_optimiser(setup.plan.stages[0], make_schedule(setup.plan.stages[0], setup.plan))
    shapes = jax.eval_shape(setup.task.init, jax.random.key(0))
    made = jax.tree_util.tree_map_with_path(
        lambda path, leaf: (1.0 * (path[-1].key == "var") + random.uniform(-0.3, 0.3, leaf.shape)).astype(np.float32),
        shapes,
    )
    seen = setup.task.seen(setup.test.load(np.arange(2))["image"])[:, None]
    (maps,) = setup.task.model.apply(made, seen, train=False, through=(1,))
    made["params"]["head"]["classes"]["bias"] -= np.asarray(maps).mean(axis=(0, 1, 2, 3))  # or one class wins all
    momenta = jax.eval_shape(optimiser.init, shapes["params"])
    momenta = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), momenta)
    state = TrainState(np.asarray(setup.plan.total, np.int32), made["params"], made["batch_stats"], momenta, None)
    data = record.describe(config.data.name, setup.train, setup.test, setup.channels)
    workdirs.begin(folder, config, {"commit": "abc", "time": "now", "argv": ["python"]}, data=data)
    names, stages = setup.task.branches, setup.plan.stages
    with contextlib.closing(Checkpoints(folder / "checkpoints", keep=1, branches=names, stages=stages)) as store:
        store.save(setup.plan.total, state, seconds=1.0)
    return folder, setup, config, state


def test_it_says_of_the_pixels_of_a_file_what_evaluation_says(run, tmp_path):
    folder, setup, config, state = run
    export.export(folder, out=tmp_path / "aux", branch="aux")
    network = export.load(tmp_path / "aux")
    assert tuple(network.about["class_names"]) == annotated_sets.CLASSES
    inputs, _ = Pairs(setup.test, setup.materials(config))[slice(0, 2)]
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    there = np.asarray(jax.jit(setup.task.outputs)(variables, inputs))[:, 1]  # of the second branch
    for i, (height, width) in enumerate(setup.test.index.sizes):
        found = network.segment(setup.test.original(i)["image"])
        assert (found.shape, found.dtype) == ((height, width), np.uint8)
        # Two programs, of one branch and of two, round differently: a pixel between two classes may change sides
        assert (found != there[i, :height, :width]).mean() < 0.02
        assert len(np.unique(found)) > 1
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ConfigError, match=r"must be \(H, W, 3\) uint8"):
            network.segment(wrong)


def test_a_run_that_does_not_name_its_classes_can_not_be_exported(run, tmp_path):
    (tmp_path / "old").mkdir()
    for name in (files.CONFIG, files.DATA):
        (tmp_path / "old" / name).write_text((run[0] / name).read_text())
    (tmp_path / "old/checkpoints").symlink_to(run[0] / "checkpoints")
    data = json.loads((run[0] / files.DATA).read_text())
    lacking = {name: value for name, value in data.items() if name not in ("mask_classes", "own_checksum")}
    (tmp_path / "old" / files.DATA).write_text(json.dumps(lacking))
    with pytest.raises(ConfigError, match="older version"):
        export.export(tmp_path / "old", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
