"""What the bench of growth compares, with made-up numbers; and that the step it measures is the one it says."""

import jax
import numpy as np
import pytest

from benchmarks import growth, growth_shown, steps

BASE = {"depth": 10, "width": 1, "batch": 4, "branches": 2}


def row(axis, value, *seconds, way="split", work=1.0, memory=1, state=0):
    counted = {"images": 8, "work": work, "memory": memory, "state": state}
    return {
        "axis": axis,
        "value": value,
        "way": way,
        "wall": np.array(seconds),
        "cpu": 2 * np.array(seconds) ** 2,
        **counted,
    }


def ratios(rows, first):
    return {line["name"]: line["ratio"] for line in growth.compared(rows, first=first)}


def test_one_thing_grows_and_the_base_is_among_the_points():
    found = growth.points("batch", [16, 8], BASE)
    assert list(found) == [("split", 4), ("split", 8), ("split", 16)]
    assert found["split", 8] == {**BASE, "batch": 8}


def test_branches_start_from_one_and_are_had_in_three_ways():
    found = growth.points("branches", [3], BASE)
    assert list(found) == [("split", 1), ("split", 3), ("one batch", 3), ("one by one", 3)]
    assert found["one batch", 3] == {**BASE, "branches": 3, "kind": "shared"}
    assert found["one by one", 3] == {**BASE, "branches": 3, "kind": "shared", "sequential": True}


def test_time_is_divided_by_the_works_growth_within_rounds():
    rows = [row("width", 1, 1.0, 2.0, 1.0, work=10, memory=4), row("width", 2, 6.0, 9.0, 3.0, work=30, memory=6)]
    # by the clock ratios of 6, 4.5 and 3 a round, three times the work; CPU time goes with the square
    assert ratios(rows, 1) == {"width 2: time / work": 1.5, "width 2: time / work, cpu": 6.75, "width 2: memory": 1.5}


def test_branches_are_held_to_k_times_the_memory_of_one_and_to_the_other_ways():
    rows = [
        row("branches", 1, 1.0, memory=10),
        row("branches", 2, 2.0, work=2.0, memory=22),
        row("branches", 2, 1.0, way="one batch", memory=20),
        row("branches", 2, 3.0, way="one by one", memory=11),
    ]
    assert ratios(rows, 1) == {
        "branches 2: time / work": 1,
        "branches 2: time / work, cpu": 2,
        "branches 2: memory": 2.2,
        "branches 2: memory / 2 x one": 1.1,
        "branches 2: split / one batch": 2,
        "branches 2: split / one batch, cpu": 4,
        "branches 2: split / one batch, memory": 1.1,
        "branches 2: one by one / split": 1.5,
        "branches 2: one by one / split, cpu": 2.25,
        "branches 2: one by one / split, memory": 0.5,
    }
    assert [line["name"] for line in growth.compared(rows, first=1) if line["bar"]] == ["branches 2: memory / 2 x one"]


def test_a_branch_more_is_the_mean_of_those_beyond_the_first():
    mebi = 2**20
    rows = [row("branches", k, 1.0, memory=(5 + 3 * k) * mebi, state=(1 + k) * mebi) for k in (4, 1, 2)]
    rows.append(row("branches", 8, 1.0, way="one by one", memory=99 * mebi))
    assert list(growth.a_branch_more(rows).values()) == [1, 3]


def test_the_table_shows_medians_and_units():
    text = growth_shown.table([row("batch", 4, 0.001, 0.002, 0.009, work=3e9, memory=2**21, state=2**19)])
    header, line = (part.split() for part in text.splitlines())
    assert {"ms", "images/s", "GFLOP", "MiB"} <= set(header)
    assert line == ["batch", "4", "split", "2.0", "1.5", "to", "5.5", "4000", "3.00", "2.0", "0.50"]


def test_the_picture_draws_every_way_and_proportion_from_the_base():
    rows = [row("batch", v, s, work=w, memory=m * 2**20) for v, s, w, m in ((2, 0.003, 2, 3), (4, 0.005, 5, 8))]
    rows += [row("branches", k, 0.002 * k, work=k, memory=2**20) for k in (1, 2)]
    rows += [row("branches", 2, 0.01, way=way) for way in ("one batch", "one by one")]
    figure = growth_shown.draw(rows, BASE, {"batch": 4, "branches": 1})
    panels = np.array(figure.axes).reshape(2, 2)
    assert [panel.get_xlabel() for panel in panels[1]] == ["batch (examples)", "branches"]
    time, memory = ({line.get_label(): line.get_xydata().tolist() for line in p.lines} for p in panels[:, 1])
    assert time["in proportion to the operations"] == [[1, 2], [2, 4]]
    assert memory["in proportion to what grows"] == [[1, 1], [2, 2]]
    assert memory["split"] == [[1, 1], [2, 1]]
    above, below = ({line.get_label(): line.get_xydata().tolist() for line in p.lines} for p in panels[:, 0])
    assert above["in proportion to the operations"] == [[2, 2], [4, 5]]  # both go through the base, which is 4 here
    assert below["in proportion to what grows"] == [[2, 4], [4, 8]]
    assert set(memory) == {"split", "one batch", "one by one", "in proportion to what grows"}


def test_labels_that_would_meet_are_left_out():
    assert growth_shown.apart({8, 16, 32, 64, 128}) == [16, 32, 64, 128]
    assert growth_shown.apart({1, 2, 8}) == [1, 2, 8]


@pytest.fixture(scope="module")
def ways():
    base = {**BASE, "side": 16}
    return {way: steps.Step(**{**base, **changes}) for way, changes in growth.WAYS.items()}


def test_the_step_is_that_of_the_loop_and_moves_its_state(ways):
    step = ways["split"]
    before = jax.device_get(step.state)
    step()
    after = jax.device_get(step.state)
    assert int(after.step) == 1
    for part in ("params", "batch_stats", "opt_state"):
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(getattr(after, part)))
        assert not all(map(np.array_equal, *(jax.tree.leaves(getattr(s, part)) for s in (before, after))))


def test_the_ways_differ_in_statistics_and_not_in_work(ways):
    rows = {way: len(step.state.batch_stats["final_norm"]["mean"]) for way, step in ways.items()}
    assert rows == {"split": 2, "one batch": 1, "one by one": 1}
    work = [step.work for step in ways.values()]
    assert max(work) <= 1.01 * min(work)  # the same convolutions; the sums of two branches are a little more or less
    # of what is kept, the branches' own are the statistics, scales and biases: a small part
    assert 1 < ways["split"].kept / ways["one batch"].kept < 1.05


def test_the_filled_state_has_the_scale_of_a_fresh_one():
    config = steps.make_config(**BASE)
    assert config.branches == ("view0", "view1")
    leaf = jax.ShapeDtypeStruct
    state = steps.TrainState(
        leaf((), np.int32),
        {"norm": {"scale": leaf((2, 3), np.float32)}, "conv": {"kernel": leaf((3, 3, 100, 50), np.float32)}},
        {"norm": {"var": leaf((2, 3), np.float32), "mean": leaf((2, 3), np.float32)}},
        {"norm": {"scale": leaf((2, 3), np.float32)}},
    )
    filled = steps.filled(state)
    assert [x.max() for x in (filled.params["norm"]["scale"], filled.batch_stats["norm"]["var"])] == [1, 1]
    assert [x.max() for x in (filled.opt_state["norm"]["scale"], filled.batch_stats["norm"]["mean"])] == [0, 0]
    # 900 inputs of unit variance give outputs of unit variance
    np.testing.assert_allclose(filled.params["conv"]["kernel"].std(), 900**-0.5, rtol=0.01)
