"""A view with data of its own: another data set, of its own length, order and epochs, through a branch of its own."""

import json
import re

import jax
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import shapes
from sbn.data.pixels import unpack
from sbn.evaluate import evaluate
from sbn.train import Preempted, preemption, train
from sbn.train.feed import make_feed
from sbn.train.setup import make_setup
from tests.e2e import runs

OWN = {"views.aux.data.style": "sketch", "views.aux.data.train_examples": 24}


def fed(config, *, start=0, count=None):
    """The batches of the first stage as the task takes them, from a step on."""
    setup = make_setup(config)
    feed, stage = make_feed(setup, config), setup.plan.stages[0]
    prepare = jax.jit(feed.prepare(stage))
    found = [jax.tree.map(np.asarray, prepare(*one, feed.resident)) for one in feed.batches(stage, start)]
    return found[:count]


@pytest.fixture(scope="module")
def batches(tiny):
    """Ten steps of 8: five an epoch of 40 plain images, three of 24 sketches."""
    return fed(tiny({**OWN, "views.main.augment": "", "views.aux.augment": ""}))


def test_every_view_has_images_and_labels_of_its_own_data(batches):
    plain = shapes.render(np.arange(40), size=16)
    sketch = shapes.render(np.arange(24), size=16, style="sketch")
    for batch in batches:
        assert batch["id"].shape == batch["targets"]["label"].shape == (8, 2)
        for k, data in enumerate((plain, sketch)):
            ids = batch["id"][:, k]
            np.testing.assert_array_equal(unpack(batch["inputs"]["image"][:, k])[0], data.images[ids])
            np.testing.assert_array_equal(batch["targets"]["label"][:, k], data.labels[ids])


def test_each_data_set_has_epochs_and_an_order_of_its_own(batches):
    ids = np.stack([batch["id"] for batch in batches])  # (10, 8, 2)
    assert [len(set(ids[start : start + 5, :, 0].ravel())) for start in (0, 5)] == [40, 40]
    assert [len(set(ids[start : start + 3, :, 1].ravel())) for start in (0, 3, 6)] == [24, 24, 24]
    assert not np.array_equal(ids[:3, :, 1], ids[3:6, :, 1])
    assert (ids[..., 0] == ids[..., 1]).mean() < 0.2  # the same scene twice is chance


def test_two_data_sets_of_one_length_are_not_in_one_order(tiny):
    (batch, *_) = fed(tiny({"views.aux.data.style": "sketch"}), count=1)
    assert (batch["id"][:, 0] != batch["id"][:, 1]).sum() > 4


def test_both_data_paths_and_any_start_give_the_same_batches(tiny):
    host = fed(tiny({**OWN, "data.path": "host"}))
    device = fed(tiny({**OWN, "data.path": "device"}), start=6)
    jax.tree.map(np.testing.assert_array_equal, host[6:], device)


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("domains")
    return path / "run", train(tiny({**OWN, "data.path": "device"}), path / "run")


def test_every_branch_is_measured_on_every_test_split(trained):
    workdir, result = trained
    names = {name for name in result["metrics"] if name.endswith("accuracy") and "top5" not in name}
    assert {f"{split}/{branch}/accuracy" for split in ("test", "test_aux") for branch in ("main", "aux")} <= names
    _, found = evaluate(workdir)
    assert found == pytest.approx(result["metrics"], rel=1e-6)
    recorded = json.loads((workdir / "data.json").read_text())
    assert recorded["examples"] == {"train": 40, "test": recorded["examples"]["test"], "train_aux": 24} | {
        "test_aux": recorded["examples"]["test"]
    }
    assert len(set(recorded["fingerprints"].values())) == 4


def test_a_run_that_stops_within_an_epoch_of_either_ends_with_the_same_bits(tiny, trained, tmp_path, monkeypatch):
    notices = []

    class Stop(preemption.Notice):
        @property
        def given(self):
            notices.append(1)
            return len(notices) == 4

        @given.setter
        def given(self, value):
            pass

    config = tiny({**OWN, "data.path": "device"})
    monkeypatch.setattr(preemption, "Notice", Stop)
    with pytest.raises(Preempted):
        train(config, tmp_path / "run")
    monkeypatch.undo()
    train(config, tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(trained[0]))


def test_a_run_goes_on_with_the_same_data_alone(tiny, trained):
    with pytest.raises(ConfigError, match=r"views.aux.data"):
        train(tiny({**OWN, "data.path": "device", "views.aux.data.train_examples": 32}), trained[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"views.aux.data.styel": "sketch"}, "did you mean 'views.aux.data.style'"),
        ({"views.aux.data.path": "device"}, "unknown config key 'views.aux.data.path'"),
        ({"views.aux.data.style": "oil"}, "views.aux.data.style"),
        ({"views.aux.data.test_split": "validation"}, "views.aux.data: data.test_split = 'validation' has no effect"),
        ({"views.aux.data.train_examples": 4}, "views.aux.data: batch_size = 8 is more than its 4 examples"),
        ({"views.aux.data.image_size": 24}, "views.aux.data: its test images have 24 x 24 pixels, the run's 16 x 16"),
        ({**OWN, "views.aux.draws": "main"}, "views.aux.draws = 'main': 'aux' has data of its own"),
        ({**OWN, "loss.consistency": 1.0}, "compares views of the same examples"),
        ({**OWN, "eval.evals": ("losses",)}, "'losses' measures views of the run's own data"),
        ({**OWN, "eval.evals": ("accuracy", "views")}, "as all views see them, and 'aux' has data of its own"),
        ({"views.aux.data.name": "folder:nowhere"}, "views.aux.data: data.name = 'folder:nowhere'"),
    ],
)
def test_what_a_view_can_not_have_is_refused_in_one_line(tiny, changes, message, tmp_path):
    with pytest.raises(ConfigError, match=re.escape(message)):
        train(tiny(changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow  # a run of segmentation does, and is measured
def test_both_data_sets_can_go_through_one_set_of_statistics(tiny, tmp_path):
    """Statistics are those of both batches together: of one alone they would be others."""
    short = {"data.path": "device", "norm.kind": "shared", "duration": "1 steps", "eval.every": "0 steps"}
    both = train(tiny({**OWN, **short}), tmp_path / "both")
    train(tiny({**short, "branches": ("main",)}), tmp_path / "alone")
    means = [runs.final_state(tmp_path / name).batch_stats["final_norm"]["mean"] for name in ("both", "alone")]
    assert means[0].shape == means[1].shape == (1, 64)
    assert (means[0] != means[1]).any()
    assert {"test/main/accuracy", "test_aux/main/accuracy"} <= both["metrics"].keys()
    assert not any("/aux/" in name or "mix" in name for name in both["metrics"])


def test_a_view_whose_data_are_the_runs_is_one_of_the_same_examples(tiny):
    config = tiny({"views.aux.data.style": "plain"})
    assert make_setup(config).domains == ()


def test_classes_are_checked_by_name(tiny, tmp_path):
    images, labels = np.zeros((16, 16, 16, 3), np.uint8), np.arange(16) % 10
    images[::2] = 255
    path = str(tmp_path / "others.npz")
    splits = {f"{split}_images": images for split in ("train", "test")} | {
        "train_labels": labels,
        "test_labels": labels,
    }
    np.savez(path, **splits, class_names=[*"abcdefghij"])
    said = r"views.aux.data: the classes of label, 10 \(a, b, .* are not those of the run's"
    with pytest.raises(ConfigError, match=said):
        make_setup(tiny({"views.aux.data.name": path}))
