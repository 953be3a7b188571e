"""Many seeds in one program do what they do one after the other; nothing here is timed."""

import jax
import numpy as np
import pytest

from benchmarks import replicas


@pytest.mark.slow
def test_mapped_replicas_train_as_alone_and_a_mistaken_batch_is_seen():
    step, states, batches = replicas.make_parts("cifar_resnet-8-2", 4, 2, "float32")
    assert not np.array_equal(batches[0]["inputs"]["image"], batches[1]["inputs"]["image"])
    alone = replicas.Runner(lambda state, batch: step(state, batch, {}, {}), states, batches)
    vmapped = replicas.make_program("vmap", step, 2)
    together = replicas.Runner(vmapped, [replicas.stacked(states)], [replicas.stacked(batches)])
    assert replicas.apart(alone, together) == 0
    alone()
    assert replicas.apart(alone, together) > 0.01
    together()
    assert replicas.apart(alone, together) < 1e-4  # float32 through one step of rate 0.1
    assert [int(state.step) for state in alone.states] == together.states[0].step.tolist() == [1, 1]
    together.states, together.batches = [replicas.stacked(states)], [replicas.stacked(batches[::-1])]
    together()
    assert replicas.apart(alone, together) > 0.01
    assert not jax.tree.leaves(states[0])[0].is_deleted()


@pytest.mark.slow
def test_every_variant_trains_every_replica_on_its_own_batch_from_its_own_start():
    settings = {"batch": 8, "rounds": 1, "variants": "vmap,map,unrolled", "precision": "float32"}
    lines, facts = replicas.bench(models="cifar_resnet-8-2", replicas="2", **settings)
    found = {name.split()[3].strip(":"): value for name, value in facts.items() if name.endswith("differ by")}
    assert set(found) == {"vmap", "map", "unrolled"}
    assert max(found.values()) < 1e-3  # float32 through two steps; of another batch they are 0.01 apart and more
    assert len(lines) == 9


def test_what_is_misspelt_is_named_with_the_nearest():
    settings = {"batch": 4, "rounds": 1, "variants": "vmpa", "precision": "float32"}
    with pytest.raises(ValueError, match="vmap"):
        replicas.bench(models="cifar_resnet-8-2", replicas="2", **settings)
