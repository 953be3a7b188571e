"""An exported segmentation network says of an image's own pixels what the run's evaluation says of them."""

import json

import jax
import numpy as np
import pytest

from sbn import export
from sbn.config.errors import ConfigError
from sbn.evals.metrics import Pairs
from sbn.runs import files
from tests.fuzz import annotated_sets
from tests.tasks.finished import finished
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

    def level(setup, made):
        seen = setup.task.seen(setup.test.load(np.arange(2))["image"])[:, None]
        (maps,) = setup.task.model.apply(made, seen, train=False, through=(1,))
        made["params"]["head"]["classes"]["bias"] -= np.asarray(maps).mean(axis=(0, 1, 2, 3))  # or one class wins all

    folder, setup, state = finished(config, tmp_path_factory, adjust=level)
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
