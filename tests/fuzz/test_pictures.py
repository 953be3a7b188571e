"""Commands that draw images and make corrupted ones, with command lines that are nearly right. They load TensorFlow."""

import shutil
from typing import Any

import pytest

from sbn.augment import __main__ as augment
from sbn.config import tree
from sbn.data import sources
from sbn.data.corruptions import __main__ as corruptions
from tests.fuzz.cases import tried
from tests.fuzz.command_lines import nearly
from tests.fuzz.judge import judge

pytestmark = pytest.mark.slow

FEW = ("--kinds=fog,contrast", "--data=shapes", "--seed=3", "--examples=2")
COMMANDS = {
    "augment": (
        augment.main,
        (
            ("sheet", "randaugment(3, 4)|crop(4)|flip", "cutout(16)", "--images=2", "--draws=2", "--out=a.png"),
            ("figure1", "--data=shapes", "--images=2", "--seed=1", "--out=a.png"),
        ),
        ("--images", "--draws", "--seed", "--boxes", "--data", "--data_dir", "--out"),
    ),
    "data.corruptions": (
        corruptions.main,
        ((), (*FEW, "--out=a"), (*FEW, "--image=1", "--sheet=a.png"), (*FEW, "--frost=procedural", "--out=a")),
        ("--kinds", "--frost", "--seed", "--examples", "--out", "--sheet", "--image", "--data", "--data_dir"),
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_line_works_or_is_refused_in_one_line(name, here, monkeypatch):
    load = sources.load_images

    def first(data: Any, split: str, **more: Any) -> sources.LabelledImages:
        some = tree.to_config({f"data.{key}": value for key, value in {**data.to_dict(), "test_examples": 4}.items()})
        return load(some.data, split, **more)

    monkeypatch.setattr(corruptions.sources, "load_images", first)
    main, valid, flags = COMMANDS[name]

    @tried("long", short=0, long=200, words=nearly(valid, flags=flags))
    def _(words):
        judge(main, words, prog=f"python -m sbn.{name}", folder=here)
        for made in here.iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()
