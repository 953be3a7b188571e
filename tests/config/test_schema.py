"""The schema is complete, documented, and is all that code reads."""

import ast
import json
import pathlib

import pytest

from sbn.config import command_line, tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.config.key import check_value
from sbn.config.schema import BY_NAME, KEYS
from sbn.config.stored import differences

SOURCE = pathlib.Path(__file__).parents[2] / "sbn"
# names that hold a config, or the part of one called after the name
ROOTS = ("config", "stage_config")
PARTS = {name for key in KEYS for name in key.name.split(".")[:-1] if name != "*"}


def _chains() -> set[tuple[str, ...]]:
    """Every dotted attribute chain in the source, as ('config', 'optim', 'lr')."""
    chains = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            while isinstance(node, ast.Attribute):
                names.insert(0, node.attr)
                node = node.value
            if names and isinstance(node, ast.Name):
                chains.add((node.id, *names))
    return chains


def test_every_key_has_a_good_default_and_a_sentence():
    for key in KEYS:
        check_value(key, key.default, name=key.name)
        assert key.doc.endswith("."), key.name


def test_every_declared_key_is_read_and_every_read_key_is_declared():
    declared = {tuple(part for part in key.name.split(".") if part != "*") for key in KEYS}
    read, unknown = set(), []
    for chain in _chains():
        for start, name in enumerate(chain):
            rest = chain[start + 1 :]
            if name == "config" and rest:
                if rest[0] in ("stage", "stages", "to_dict", "views") or "sbn" in chain:
                    read |= {("stages",)} if rest[0] == "stages" else set()
                    continue
                match = next((rest[:n] for n in (1, 2, 3) if rest[:n] in declared), None)
                if match:
                    read.add(match)
                elif any(key[: len(rest)] == rest for key in declared):
                    continue  # config.eval.fourier, of config.eval.fourier.norm
                elif (rest[0] not in PARTS and chain[0] not in ("tf", "jax", "config_flags")) or (
                    rest[0] in PARTS and len(rest) > 1
                ):
                    unknown.append(chain)
        if chain[0] in PARTS | {"stage", "view"} and len(chain) > 1:  # optim = stage.config.optim; optim.lr
            short = chain[:2] if chain[0] in PARTS else chain[1:3]
            read |= {key for key in declared if key == short or (chain[0] == "view" and key == ("views", chain[1]))}
            read |= {key for key in declared if chain[0] == "stage" and key in (chain[1:2], chain[1:3])}
    assert not unknown, f"keys read that nobody declares: {unknown}"
    # read through a comprehension over views; and 'from', which Python keeps for itself, as config.init["from"]
    # and how often each evaluator runs, which `train/plan` reads by the evaluator's name
    rhythms = {key for key in declared if (key[0], key[-1]) == ("eval", "every")}
    missing = declared - read - {("views", "weight"), ("init", "from")} - rhythms
    assert not missing, f"keys declared that nobody reads: {sorted(missing)}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optim.lrr": 1.0}, ["optim.lrr", "optim.lr"]),
        ({"views.main.augmnt": ""}, ["views.main.augmnt", "views.main.augment"]),
        ({"norm.kind": "spilt"}, ["spilt", "'split'", "shared"]),
        ({"seed": "three"}, ["seed", "'three'", "whole number"]),
        ({"seed": True}, ["seed", "True", "whole number"]),
        ({"seed": -1}, ["seed", "-1", "0"]),
        ({"seed": 2**31}, ["seed", "2147483648", "too large"]),
        ({"seed": 10**400}, ["seed", "about 400 digits", "too large"]),
        ({"seed": "9" * 5000}, ["seed", "999...", "whole number"]),
        ({"optim.lr": 10**400}, ["optim.lr", "about 400 digits", "finite"]),
        ({"model.width": 10**6}, ["model.width", "1000000", "16384"]),
        ({"duration": "9" * 400 + " steps"}, ["duration", "999", "the most is"]),
        ({"optim.lr": float("inf")}, ["optim.lr", "inf", "finite"]),
        ({"model.width": 0}, ["model.width", "0", "1"]),
        ({"duration": "5 epoks"}, ["duration", "'5 epoks'", "epochs"]),
        ({"duration": "1.5 steps"}, ["1.5 steps", "whole"]),
        ({"optim.nesterov": 1}, ["optim.nesterov", "True or False"]),
        ({"eval.low_pass.widths": (3, 2.5)}, ["eval.low_pass.widths", "2.5", "tuple of whole numbers"]),
        ({"branches": "main"}, ["branches", "'main'", "tuple"]),
        ({"stage.refine.seed": 1}, ["stage.refine.seed"]),
        ({"stage.refine.optim.lrr": 1.0}, ["stage.refine.optim.lrr", "stage.refine.optim.lr"]),
        ({"stage": 1}, ["'stage'"]),
        ({"views.main": ""}, ["views.main"]),
    ],
)
def test_bad_changes_are_named_with_what_would_do(changes, words):
    with pytest.raises(ConfigError) as caught:
        tree.changed(tree.defaults(), changes)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


STEPS = {"duration": "10 epochs", "schedule.kind": "step"}


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule.boundaries": ("4 epochs", "9.5 epochs"), "schedule.warmup": "10 epochs"},
        {"schedule.boundaries": ("4000 steps", "20 steps"), "schedule.warmup": "1e9 examples"},
        {"schedule.boundaries": ("12 epochs",), "schedule.span": "run", "schedule.warmup": "11 epochs"},
    ],
)
def test_schedules_that_fit_or_can_not_be_told_without_the_data_are_left_to_the_run(changes):
    check(tree.to_config(tree.changed(tree.defaults(), {**STEPS, **changes})))


TWO = {"branches": ("main", "aux"), "views.aux.augment": "flip"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stages": ()}, ["stages"]),
        ({"stages": ("a", "a")}, ["stages", "contains a duplicate"]),
        ({"eval.high_pass.widths": (3, 5, 3)}, ["eval.high_pass.widths", "(3, 5, 3)", "contains a duplicate"]),
        ({"stage.refine.optim.lr": 0.1}, ["refine", "train"]),
        ({"branches": ()}, ["branches"]),
        ({"branches": ("main", "axu"), "views.aux.augment": ""}, ["axu", "'aux'"]),
        ({"branches": ("main", "main")}, ["contains a duplicate"]),
        ({"optim.ema": 0.9, "views.ema.augment": "flip"}, ["views.ema: with optim.ema", "test_ema/"]),
        ({"optim.ema": 0.9, "views.aux_ema.augment": "flip"}, ["views.aux_ema: with optim.ema"]),
        ({**TWO, "views.main.weight": 1.0}, ["views.*.weight", "main", "aux"]),
        ({**TWO, "views.main.weight": 0.0, "views.aux.weight": 0.0}, ["weight"]),
        ({**TWO, "views.aux.draws": "aux"}, ["views.aux.draws"]),
        ({**TWO, "views.aux.draws": "mian"}, ["mian", "'main'"]),
        ({**TWO, "views.aux.draws": "main", "views.main.draws": "aux"}, ["draws"]),
        ({"schedule.kind": "step"}, ["schedule.boundaries"]),
        ({"schedule.boundaries": ("1 epoch",)}, ["schedule.kind"]),
        (
            {**STEPS, "schedule.boundaries": ("5 epochs", "4 epochs")},
            ["schedule.boundaries", "must increase", "10 epochs"],
        ),
        (
            {**STEPS, "schedule.boundaries": ("5 epochs", "10 epochs")},
            ["schedule.boundaries", "be less than", "10 epochs"],
        ),
        ({"duration": "10 epochs", "schedule.warmup": "11 epochs"}, ["schedule.warmup", "'11 epochs'", "10 epochs"]),
        ({"duration": "0 epochs"}, ["duration"]),
        ({"norm.group_size": 3}, ["norm.group_size", "3", "128"]),
        ({"eval.mix": (0.5, 1.5)}, ["eval.mix", "1.5"]),
        ({"model.dropout": 1.0}, ["model.dropout"]),
        ({"stage.train.model.dropout": 1.0}, ["model.dropout"]),
        ({"model.name": "preact_resnet", "stage.train.model.dropout": 0.3}, ["model.dropout", "wide_resnet"]),
        ({"data.style": "sketch"}, ["data.style", "cifar10"]),
        ({"data.name": "shapes", "data.dir": "x"}, ["data.dir", "shapes"]),
        ({"data.name": "shapes", "data.archive": "x"}, ["data.archive", "shapes"]),
        ({"data.archive": "x", "data.dir": "y"}, ["data.archive", "data.dir"]),
        ({"data.name": "shapes", "data.image_size": 10**6}, ["data.image_size", "GiB"]),
        ({"data.name": "shapes", "data.train_examples": 2**31 - 1}, ["data.train_examples", "GiB"]),
    ],
)
def test_impossible_combinations_are_refused_in_one_line(changes, words):
    config = tree.to_config(tree.changed(tree.defaults(), changes))
    with pytest.raises(ConfigError) as caught:
        check(config)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_config_survives_json_and_a_missing_key_takes_its_default():
    flat = tree.changed(
        tree.defaults(), {**TWO, "optim.lr": 1, "stages": ("train", "refine"), "stage.refine.duration": "2 epochs"}
    )
    config = check(tree.to_config(flat))
    assert config.optim.lr == 1.0
    assert isinstance(config.optim.lr, float)
    again = tree.checked(json.loads(json.dumps(config.to_dict())))
    assert tree.flatten(again) == tree.flatten(config)
    assert tree.flatten(tree.checked({"seed": 3}))["optim.lr"] == 0.1


def test_a_stage_has_its_own_values_and_the_shared_ones():
    changes = {
        **TWO,
        "stages": ("train", "refine"),
        "stage.refine.branches": ("main",),
        "stage.refine.optim.lr": 0.01,
        "optim.momentum": 0.8,
    }
    config = check(tree.to_config(tree.changed(tree.defaults(), changes)))
    first, second = tree.stage_config(config, "train"), tree.stage_config(config, "refine")
    assert (first.optim.lr, second.optim.lr) == (0.1, 0.01)
    assert (first.optim.momentum, second.optim.momentum) == (0.8, 0.8)
    assert (first.branches, second.branches) == (("main", "aux"), ("main",))


OPEN = ("model.name", "optim.name", "schedule.kind", "task")


@pytest.mark.parametrize("name", OPEN)
def test_names_of_the_users_own_are_taken_and_wrong_built_in_ones_get_their_nearest(name):
    choice = BY_NAME[name].choices[0]
    assert tree.changed(tree.defaults(), {name: "mine.nets:Net"})[name] == "mine.nets:Net"
    with pytest.raises(ConfigError, match=f"did you mean '{choice}'"):
        tree.changed(tree.defaults(), {name: f"{choice}x"})


def test_evaluators_of_the_users_own_stand_beside_the_built_in_ones():
    assert tree.changed(tree.defaults(), {"eval.evals": ("accuracy", "mine:measure")})
    with pytest.raises(ConfigError, match=r"mine\.measure"):
        tree.changed(tree.defaults(), {"eval.evals": ("accuracy", "mine.measure")})


MINE = {"model.name": "mine:Net"}


def test_free_keys_are_kept_shown_stored_and_read_back_exactly():
    given = {
        "model.args.widths": (8, (16, 32)),
        "model.args.activation": "gelu",
        "model.args.number": "3",
        "model.args.stem.kernel": 3,
        "model.args.scale": None,
        "stage.refine.schedule.args.end_value": 0.5,
    }
    stages = {"stages": ("train", "refine"), "schedule.kind": "linear_schedule"}
    config = check(tree.to_config(tree.changed(tree.defaults(), {**MINE, **stages, **given})))
    assert config.model.args.to_dict() == {
        "widths": (8, (16, 32)),
        "activation": "gelu",
        "number": "3",
        "stem": {"kernel": 3},
        "scale": None,
    }
    assert tree.stage_config(config, "refine").schedule.args.end_value == 0.5
    assert not tree.stage_config(config, "train").schedule.args
    stored = json.loads(json.dumps(config.to_dict()))
    assert tree.flatten(tree.checked(stored)) == tree.flatten(config)
    _, dotted = command_line.split(command_line.flags(given))
    assert {name: tree.literal(name, text) for name, text in dotted.items()} == given


def test_free_keys_that_differ_make_another_run():
    flat = tree.changed(tree.defaults(), {**MINE, "model.args.depth": 3})
    stored = tree.to_config(tree.defaults() | MINE).to_dict()
    assert differences(stored, flat) == {"model.args.depth": ("(not set)", 3)}
    assert differences(tree.to_config(flat).to_dict(), tree.defaults() | MINE) == {"model.args.depth": (3, "(not set)")}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model.args.depth": 3}, ["model.args.depth", "wide_resnet", "package.module:Class"]),
        ({**MINE, "model.depth": 16}, ["model.depth", "mine:Net", "model.args.KEY"]),
        ({**MINE, "model.remat": True}, ["model.remat", "mine:Net"]),
        ({**MINE, "model.args.kinds": {"a": 1}}, ["model.args.kinds", "name.key=value"]),
        ({**MINE, "model.args.kinds": 1, "model.args.kinds.a": 1}, ["model.args.kinds", "model.args.kinds.a"]),
        ({**MINE, "model.args.1": 1}, ["model.args.1", "name"]),
        ({**MINE, "model.args": 1}, ["'model.args'"]),
        ({"schedule.args.power": 2}, ["schedule.args.power", "cosine"]),
        ({"optim.args.b1": 0.5}, ["optim.args.b1", "sgd"]),
    ],
)
def test_free_keys_without_a_reader_or_a_value_are_refused_in_one_line(changes, words):
    with pytest.raises(ConfigError) as caught:
        check(tree.to_config(tree.changed(tree.defaults(), changes)))
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        (TWO, ("main", "aux")),
        ({**TWO, "norm.kind": "shared"}, ("main",)),
        ({**TWO, "stages": ("a", "b"), "stage.a.branches": ("aux",)}, ("aux", "main")),
    ],
)
def test_branches_are_the_views_of_all_stages_in_order(changes, names):
    assert tree.branch_names(tree.to_config(tree.changed(tree.defaults(), changes))) == names
