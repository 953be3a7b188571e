"""Every key, right and wrong values: what is taken is kept, and the command that is recorded says the same."""

import json
import sys
import types
from typing import Any

import pytest
from hypothesis import strategies as st

import sbn.train
from sbn.config import command_line, tree
from sbn.config.key import Key
from sbn.config.schema import KEYS
from sbn.train.__main__ import main
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.judge import judge
from tests.fuzz.values import numbers, paths, texts, written

_RIGHT = {
    "bool": ("True", "False", "true"),
    "int": ("1", "8", "64", "1e3"),
    "float": ("0.5", "1", "1e-4", "0"),
    "str": ("main", "shapes", "crop(4)|flip", "folder:a", "a.npz", "a.b:c"),
    "duration": ("5 epochs", "100 steps", "1e3 examples", "0 steps"),
    "names": ("main", "main,aux", "('main',)", "accuracy,mix"),
    "ints": ("8,16", "(8, 16)", "()"),
    "floats": ("0.5,0.5,0.5", "(0.1,)", "0,1"),
    "durations": ("1 epoch,2 epochs", "('1 epoch',)"),
    "literal": ("1", "(1, 2)", "'a'", "None"),
}


# One of each task, with views of one and of several data sets, in a reading, and with stages
ROWS = (
    "quickstart:methods/weak_augment",
    "quickstart:methods/weak_augment",
    "detection:shapes/split",
    "segmentation:shapes/sketch_cn",
    "consistent:table1/resnet32_transformed_bn@sequential",
    "refine:table1/preactresnet18_cifar100_mixup",
)


def _names(key: Key) -> st.SearchStrategy[str]:
    views = ("main", "aux", "new", "é", "")
    name = st.sampled_from(views).map(lambda view: key.name.replace("views.*", f"views.{view}").replace("*", "a"))
    of_view = name.map("views.aux.{}".format)  # which has a data set of its own by such keys
    return st.one_of(name, name, name, of_view, name.map("stage.main.{}".format), name.map("stage.other.{}".format))


@st.composite
def overrides(draw: Any) -> dict[str, str]:
    """Draws up to three keys, each with a value as a command line gives it."""
    found = {}
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from(KEYS))
        right = st.sampled_from([*_RIGHT[key.kind], *map(str, key.choices), str(key.default), "None"])
        found[draw(_names(key))] = draw(st.one_of(right, right, right, numbers.map(written), texts, paths))
    return found


@pytest.fixture
def trained(here, monkeypatch) -> list[Any]:
    """The configs that training was asked for, with what was changed; nothing is trained."""
    found: list[Any] = []

    def train(config: Any, workdir: Any, origin: Any) -> dict[str, dict[str, float]]:
        found.append((config, origin))
        return {"metrics": {}}

    monkeypatch.setitem(vars(sbn.train), "train", train)
    monkeypatch.setitem(vars(sbn.train), "Origin", lambda experiment, row, overrides: (row, overrides))
    monkeypatch.setitem(sys.modules, "sbn.train.process", types.SimpleNamespace(prepare=lambda: None))
    return found


@LENGTHS
def test_a_config_is_taken_as_it_is_written_or_refused_in_one_line(length, here, trained):
    for row in ROWS:
        ended = judge(main, [f"--config={row}", "--workdir=a"], prog="python -m sbn.train", folder=here)
        assert (ended.code, len(trained)) == (0, 1)
        trained.clear()

    @tried(length, short=80, long=3000, row=st.sampled_from(ROWS), given=overrides())
    def _(row, given):
        words = [f"--config.{name}={value}" for name, value in given.items()]
        ended = judge(main, [f"--config={row}", *words, "--workdir=a"], prog="python -m sbn.train", folder=here)
        if ended.code != 0:
            return
        config, (name, made) = trained.pop()
        # a file gives it back, and so does the command that the run is recorded with
        assert tree.checked(json.loads(json.dumps(config.to_dict()))) == config
        others, dotted = command_line.split(command_line.flags({**made, "seed": config.seed}))
        assert others == []
        assert command_line.request(f"{row.partition(':')[0]}:{name}", dotted).config == config
