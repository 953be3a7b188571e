"""Checkpoints come back bit for bit, and damage is noticed."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.runs.seals import unsealed
from sbn.train import mesh as meshes
from sbn.train.checkpoint import Checkpoints, checksum
from sbn.train.plan import Stage
from sbn.train.state import TrainState


def state_of(step: int) -> TrainState:
    rng = np.random.default_rng(step)
    kernel = jnp.asarray(rng.normal(size=(64, 64)), jnp.float32)
    momentum = jnp.asarray(rng.normal(size=(64, 64)), jnp.float32)
    return TrainState(
        jnp.asarray(step, jnp.int32),
        {"kernel": kernel},
        {"mean": jnp.ones((2, 3)) * step},
        (momentum, jnp.asarray(step, jnp.int32)),
    )


@pytest.fixture
def sharding():
    return meshes.replicated(meshes.make_mesh(batch_size=8))


def checkpoints(folder, **options):
    return Checkpoints(folder / "checkpoints", **{"keep": 2, "branches": ("main", "aux"), **options})


@pytest.fixture
def written(tmp_path):
    store = checkpoints(tmp_path)
    for step in (10, 20, 30):
        store.save(step, state_of(step), seconds=step / 2)
    store.close()
    return tmp_path


def restore(folder, sharding, **options):
    store = checkpoints(folder, **options)
    found = store.restore(state_of(0), sharding)
    store.close()
    return found


def test_the_newest_comes_back_bit_for_bit(written, sharding):
    found = restore(written, sharding)
    assert found.seconds == 15
    assert jax.tree.structure(found.state) == jax.tree.structure(state_of(30))
    for a, b in zip(jax.tree.leaves(found.state), jax.tree.leaves(state_of(30)), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_only_the_newest_few_are_kept(written):
    assert sorted(path.name for path in (written / "checkpoints").iterdir()) == ["20", "30"]


def test_the_ends_of_stages_are_kept_besides_and_say_so(tmp_path, sharding):
    config = ConfigDict()
    stages = (Stage("train", 0, 0, 20, config), Stage("refine", 1, 20, 60, config))
    for until in (30, 60):  # two processes: the second inherits what the first kept
        store = checkpoints(tmp_path, keep=1, stages=stages)
        for step in range(until - 20, until + 1, 10):
            store.save(step, state_of(step), seconds=0)
        store.close()
    store = checkpoints(tmp_path, create=False)
    assert store.steps() == [60, 20]
    for step, place in ((60, ("refine", 2, True)), (20, ("train", 1, True))):
        meta = store.meta(step)
        assert (meta["stage"], meta["stages"], meta["stage_done"]) == place
    store.close()


def test_shapes_are_known_without_reading(written):
    store = checkpoints(written, create=False)
    shapes = store.shapes(30)
    store.close()
    assert {name: jax.tree.map(lambda leaf: leaf.shape, shapes[name]) for name in shapes} == {
        "params": {"kernel": (64, 64)},
        "batch_stats": {"mean": (2, 3)},
    }


def test_an_empty_directory_has_none(tmp_path, sharding):
    assert restore(tmp_path, sharding) is None


def largest_files(folder):
    return sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)[-3:]


@pytest.mark.parametrize("damage", ["cut", "zeroed", "flipped", "gone", "pipe"])
def test_a_damaged_newest_one_is_reported_and_the_one_before_is_used(written, sharding, damage, caplog):
    for path in largest_files(written / "checkpoints/30"):
        content = path.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        changed = {"cut": content[:middle], "zeroed": bytes(len(content)), "flipped": flipped}
        if damage in changed:
            path.write_bytes(changed[damage])
            continue
        path.unlink()
        if damage == "pipe":  # whoever opens one waits for somebody to write into it
            os.mkfifo(path)
    found = restore(written, sharding)
    assert int(found.state.step) == 20
    assert found.seconds == 10
    assert "checkpoint 30 is damaged" in caplog.text
    assert (written / "damaged_30").is_dir()
    assert not (written / "checkpoints/30").exists()


def test_one_that_was_copied_from_another_run_is_refused(tmp_path, sharding, tiny):
    """Training would go on from it, and its numbers would be measured, as those of the run that it was copied to."""
    config = tiny({"seed": 1})
    store = checkpoints(tmp_path, config=config)
    store.save(10, state_of(10), seconds=3)
    store.close()
    moved = tiny({"seed": 1, "save.every": "7 steps", "eval.average": "logits"})  # what no state depends on
    assert int(restore(tmp_path, sharding, config=moved).state.step) == 10
    for other, said in ((tiny({"seed": 2}), "seed: 1 there, 2 here"), (tiny({"seed": 1, "optim.lr": 0.5}), "optim.lr")):
        with pytest.raises(ConfigError, match=f"checkpoint 10 in .* is of another run \\({said}"):
            restore(tmp_path, sharding, config=other)
    assert int(restore(tmp_path, sharding).state.step) == 10


@pytest.mark.parametrize(("before", "after"), [("0.51", "0.57"), ('"seconds": 3', '"seconds": 8'), ('"aux"', '"auy"')])
def test_another_value_in_what_is_kept_beside_the_arrays_is_damage(tmp_path, sharding, caplog, before, after):
    """The lines of metrics.jsonl above all, which a run that goes on puts back."""
    store = checkpoints(tmp_path)
    for step in (10, 20):
        lines = f'{{"step": {step}, "test/main/accuracy": 0.51}}\n'
        store.save(step, state_of(step), seconds=3, lines=lines)
    store.close()
    path = tmp_path / "checkpoints/20/meta/metadata"
    content = path.read_text()
    assert before in content
    path.write_text(content.replace(before, after))
    found = restore(tmp_path, sharding)
    assert found.lines == '{"step": 10, "test/main/accuracy": 0.51}\n'
    assert "checkpoint 20 is damaged and set aside (it was changed since" in caplog.text


def test_checkpoints_without_a_checksum_of_their_own_are_read(written, sharding):
    path = written / "checkpoints/30/meta/metadata"
    path.write_text(json.dumps(unsealed(json.loads(path.read_text()))))
    assert int(restore(written, sharding).state.step) == 30


def test_a_reader_passes_damage_over_and_changes_nothing(written, sharding):
    for path in largest_files(written / "checkpoints/30"):
        path.write_bytes(b"")
    assert int(restore(written, sharding, create=False).state.step) == 20
    assert (written / "checkpoints/30").is_dir()
    assert not (written / "damaged_30").exists()


def test_after_damage_the_same_step_can_be_saved_again(written, sharding):
    for path in largest_files(written / "checkpoints/30"):
        path.write_bytes(b"")
    store = checkpoints(written)
    assert int(store.restore(state_of(0), sharding).state.step) == 20
    store.save(30, state_of(30), seconds=1)
    store.close()
    assert int(restore(written, sharding).state.step) == 30


def test_a_write_that_a_kill_cut_short_is_no_checkpoint(written, sharding):
    draft = written / "checkpoints/40.orbax-checkpoint-tmp"
    draft.mkdir()
    (draft / "half").write_text("x")
    assert int(restore(written, sharding).state.step) == 30


def test_branches_are_known_by_name_and_others_refused(written, sharding):
    with pytest.raises(ConfigError, match=r"holds the branches \['main', 'aux'\], not \['aux', 'main'\]"):
        restore(written, sharding, branches=("aux", "main"))
    assert not (written / "damaged_30").exists()


def test_where_none_can_be_read_nothing_is_moved_and_nothing_starts_over(written, sharding, monkeypatch):
    """As with a disk that fails for a while: the run must not begin again from nothing."""
    monkeypatch.setattr(Checkpoints, "read", lambda *a: (_ for _ in ()).throw(OSError("Input/output error")))
    with pytest.raises(ConfigError, match=r"none of the checkpoints.*Input/output error"):
        restore(written, sharding)
    assert sorted(path.name for path in (written / "checkpoints").iterdir()) == ["20", "30"]


def test_the_checksum_sees_one_bit():
    state = state_of(1)
    kernel = np.asarray(state.params["kernel"]).copy()
    kernel.view(np.uint32)[5, 5] ^= 1
    assert checksum(state) != checksum(state._replace(params={"kernel": jnp.asarray(kernel)}))


def test_a_state_of_another_form_is_called_so(written, sharding):
    """As of an optimiser whose state has other parts by now: the message speaks of versions, not of trees."""
    store = checkpoints(written, create=False)
    other = state_of(0)._replace(opt_state={"count": jnp.zeros((), jnp.int32)})
    with pytest.raises(ConfigError, match=r"none .* can be read \(it holds other arrays than today's code makes"):
        store.restore(other, sharding)
    store.close()
