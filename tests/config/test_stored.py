"""What a run stored, held against its row as it is now."""

import pytest

from sbn.config import tree
from sbn.config.schema import KEYS, NEUTRAL
from sbn.config.stored import differences

ROW = tree.defaults()


def stored(**changes):
    """The nested config of a run, `changes` by dotted key with '__' for the dot; None removes the key."""
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    flat = {**ROW, **{name: value for name, value in changes.items() if value is not None}}
    return tree.to_config({name: flat[name] for name in flat if changes.get(name, "") is not None}).to_dict()


def test_the_same_config_differs_in_nothing_and_another_in_what_was_changed():
    assert differences(stored(), ROW) == {}
    assert differences(stored(optim__lr=0.2), ROW) == {"optim.lr": (0.2, 0.1)}
    assert differences(stored(optim__lr=0.2), ROW, passed_over=["optim.lr"]) == {}


@pytest.mark.parametrize("name", [key.name.replace("*", "main") for key in KEYS if not key.free])
def test_a_key_that_was_not_there_yet_had_its_default(name):
    older = stored(**{name: None})
    assert differences(older, ROW) == {}
    if name not in NEUTRAL:
        assert list(differences(older, {**ROW, name: "another"})) == [name]


def test_a_key_of_a_stage_that_was_not_there_had_the_value_of_all_stages():
    older = stored(optim__lr=0.2)
    of_row = {**ROW, "optim.lr": 0.2}
    assert differences(older, {**of_row, "stage.refine.optim.lr": 0.2}) == {}
    assert differences(older, {**of_row, "stage.refine.optim.lr": 0.1}) == {"stage.refine.optim.lr": (0.2, 0.1)}


def test_what_only_says_when_something_is_written_may_differ_in_a_stage_too():
    assert differences(stored(log__every="5 steps", stage__train__eval__every="1 epochs"), ROW) == {}


def test_a_default_that_was_spelt_out_is_the_same_and_another_value_is_not():
    assert differences(stored(model__shortcut="pool_pad"), ROW) == {}
    assert differences(stored(model__shortcut="conv"), ROW) == {"model.shortcut": ("conv", None)}


def test_what_is_said_of_a_view_that_no_stage_trains_on_makes_no_difference():
    with_unused = {**ROW, "views.aux.augment": "crop(4)"}
    nested = tree.to_config(with_unused).to_dict()
    assert differences(nested, ROW) == {}
    assert differences(stored(), with_unused) == {}
    both = {**ROW, "branches": ("main", "aux"), "views.aux.augment": "flip"}
    assert differences(tree.to_config(both).to_dict(), {**both, "views.aux.augment": "crop(4)"}) == {
        "views.aux.augment": ("flip", "crop(4)")
    }
