"""docs/own_data.md works as it is written, in a folder outside the repository: what it makes is what it trains on."""

import re
import shlex
import sys

import pytest

from sbn.config import command_line
from sbn.train.setup import make_setup
from tests.conftest import ROOT

PAGE = (ROOT / "docs/own_data.md").read_text()
CODE = dict(re.findall(r"<!-- code: (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = dict(re.findall(r"<!-- command: (\w+) -->\n```bash\n(.*?)```", PAGE, re.DOTALL))
MADE = {"folder": (80, 20, 2), "arrays": (80, 20, 10), "function": (80, 80, 2)}


def test_every_example_has_its_command():
    assert CODE.keys() == COMMANDS.keys() == MADE.keys()


@pytest.mark.parametrize("name", MADE)
def test_what_an_example_makes_is_what_its_command_trains_on(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    exec(compile(CODE[name], "docs/own_data.md", "exec"), {})
    words = shlex.split(COMMANDS[name].replace("\\\n", " "))[2:]
    others, dotted = command_line.split(words)
    (experiment,) = (word.removeprefix("--config=") for word in others if word.startswith("--config="))
    config = command_line.request(experiment, dotted).config
    setup = make_setup(config)
    train, test, classes = MADE[name]
    assert (len(setup.train), len(setup.test), setup.train.classes) == (train, test, classes)
    assert len(setup.train.features["label"].classes) == classes
    assert all(0 < value < 1 for value in (*setup.channels.mean, *setup.channels.std))
    sys.modules.pop("stripes", None)
