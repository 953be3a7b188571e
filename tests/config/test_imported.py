import hashlib
import pathlib
import re

import pytest

from sbn.config import imported
from sbn.config.errors import ConfigError


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A function that writes a module of the user's own and returns its file."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, text):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return path

    return write


def test_names_of_the_package_are_no_import_paths():
    assert imported.is_import_path("mine.networks:Net")
    assert imported.is_import_path("mine:Net.small")
    for name in ("wide_resnet", "folder:/data", "mine:", ":Net", "mine/x.py:Net", "cifar10:3.0.2", "a b:C"):
        assert not imported.is_import_path(name), name


def test_a_thing_is_loaded_and_recorded_with_the_hash_of_its_file(outside):
    path = outside("sbn_test_good", "class Net:\n    small = 3\n")
    assert imported.load("sbn_test_good:Net.small", key="model.name") == 3
    record = imported.loaded()["sbn_test_good:Net.small"]
    assert record == {"file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_this_name\n", ("ModuleNotFoundError", "nothing_of_this_name")),
        ("x = 1\ny = undefined\n", ("NameError", "line 2")),
        ("def f(:\n", ("line 1", "sbn_test_bad")),
        ("import sys\nsys.exit(3)\n", ("ends the program",)),
    ],
)
def test_what_can_not_be_imported_is_one_line_with_the_reason(outside, text, words):
    outside("sbn_test_bad", text)
    with pytest.raises(ConfigError) as caught:
        imported.load("sbn_test_bad:Net", key="model.name")
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in ("model.name", "sbn_test_bad:Net", *words))


@pytest.mark.usefixtures("outside")
def test_a_folder_without_code_is_no_module_of_its_name(tmp_path):
    (tmp_path / "only_a_folder").mkdir()
    with pytest.raises(ConfigError, match=r"there is no only_a_folder\.py, only a folder"):
        imported.load("only_a_folder:Net", key="model.name")


def test_a_name_that_the_module_lacks_gets_its_nearest(outside):
    outside("sbn_test_names", "class Network: pass\n")
    with pytest.raises(ConfigError, match="did you mean 'Network'"):
        imported.load("sbn_test_names:Netwrk", key="model.name")


def test_code_of_ones_own_does_not_change_the_folder_that_paths_are_from(outside, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    outside("sbn_test_moves", "import os\nos.chdir('/')\n\ndef make():\n    os.chdir('/')\n    return os.getcwd()\n")
    make = imported.load("sbn_test_moves:make", key="data.name")
    assert imported.call(make, {}, key="data.args", name="make") == "/"
    assert pathlib.Path.cwd() == tmp_path


MAKERS = """
class Part:
    weight = 3

    def __init__(self, one, other):
        self.given = (one, other)

    def measure(self):
        pass

class Hidden(Part):
    @property
    def weight(self):
        raise KeyError("gone")

def none(one, other): pass
def a_class(one, other): return Part
def narrow(one): pass
def ends(one, other): raise SystemExit(3)
number = 3
"""


def test_what_a_part_is_made_of_is_given_in_order_and_whatever_is_no_such_part_is_one_line(outside):
    outside("sbn_test_parts", MAKERS)

    def make(name, *parts):
        given = {"task": 1, "config": 2}
        return imported.make(f"sbn_test_parts:{name}", given, key="eval.x", parts=parts, kind="some.Part")

    assert make("Part", "measure", "weight").given == (1, 2)
    for name, words in {
        "number": "eval.x: 'sbn_test_parts:number' can't be called: it is a int",
        "none": "eval.x: 'sbn_test_parts:none' makes a NoneType, which lacks measure, weight (some.Part)",
        "a_class": "eval.x: 'sbn_test_parts:a_class' makes the class Part, not one of its objects (some.Part)",
        "Hidden": "eval.x: sbn_test_parts:Hidden(task, config) fails: KeyError: 'gone' .*",
        "narrow": r"eval.x: sbn_test_parts:narrow(task, config) fails: TypeError: narrow() takes 1 .*",
        "ends": "eval.x: sbn_test_parts:ends(task, config) fails: it ends the program (sys.exit)",
    }.items():
        with pytest.raises(ConfigError, match=re.escape(words).replace(r"\.\*", ".*") + "$"):
            make(name, "measure", "weight")
