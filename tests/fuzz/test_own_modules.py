"""What users write in Python: an experiments file, a function that gives examples. It works, or a line says why not."""

import importlib
import sys
from typing import Any

import numpy as np
from hypothesis import strategies as st

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.list import main as list_main
from tests.fuzz.cases import LENGTHS, tried
from tests.fuzz.damage import other_bytes
from tests.fuzz.judge import judge

FILE = """\
from sbn.config.rows import Paper, Row, Table

PAPER = "What it says (They 2020)"
BASE = {"data.name": "shapes", "branches": ("main", "aux"), "views.aux.augment": "randaugment(2, 9)|flip"}
TABLES = {
    "table1": Table("One", {"a": Row({"optim.lr": 0.1}, (Paper(94.9, "test/main/accuracy"),), "where", runs=4)}),
    "table2": Table("Two", {"b": Row({"seed": 1}), "c": Row({}, needs={"init.from": "table2/b"})}),
}
"""
_EXPRESSIONS = (
    *(
        "None",
        "3",
        "-1",
        "10**400",
        "1e999",
        "''",
        "'a'",
        "[]",
        "{}",
        "()",
        "{1: 2}",
        "{'a': 3}",
        "{'': Row({})}",
        "Row",
        "Row()",
    ),
    *("object()", "(lambda: 1)", "1 / 0", "no_such_name", "__import__('no_such_module')", "__import__('sys').exit(0)"),
    *(
        "exec('raise BaseException')",
        "open('no such file')",
        "'\\x1b[2J'",
        "'a\\nb'",
        "float('nan')",
        "'\\ud800'",
        "b'a'",
    ),
    *(
        "Table('', {})",
        "Table(3, 4)",
        "Row(3)",
        "Row({'no.key': 1})",
        "Row({'optim.lr': object()})",
        "Paper(1, 2)",
        "[Paper]",
    ),
    *("{'table1': None}", "{'a/b': Table('', {})}", "type('T', (), {})", "iter([])", "print", "NotImplemented", "..."),
)


@st.composite
def other_python(draw: Any, text: str) -> bytes:
    """Draws Python like `text` with another expression somewhere, a line gone or there twice, or other bytes."""
    kind = draw(st.sampled_from(("value", "value", "value", "line", "bytes")))
    if kind == "bytes":
        return draw(other_bytes(text.encode()))
    lines = text.splitlines(keepends=True)
    if kind == "line":
        place = draw(st.integers(0, len(lines) - 1))
        return "".join([*lines[:place], *(lines[place] * draw(st.sampled_from((0, 2)))), *lines[place + 1 :]]).encode()
    tokens = [
        token
        for token in (
            '"shapes"',
            '("main", "aux")',
            "0.1",
            "94.9",
            '"test/main/accuracy"',
            "4)",
            '"One"',
            "Row({})",
            '{"seed": 1}',
            '"table2/b"',
            '"where"',
            "BASE = {",
            "TABLES = {",
        )
        if token in text
    ]
    token = draw(st.sampled_from(tokens))
    new = draw(st.sampled_from(_EXPRESSIONS))
    if token.endswith("{"):
        name = token.split()[0]
        return f"{text}{name} = {new}\n".encode(errors="surrogatepass")
    return text.replace(token, new + ")" * token.endswith("4)"), 1).encode(errors="surrogatepass")


@LENGTHS
def test_an_experiments_file_is_listed_or_refused_in_one_line(length, here):
    words = ["mine.py"]
    (here / "mine.py").write_text(FILE)
    assert judge(list_main, words, prog="python -m sbn.list", folder=here).code == 0

    @tried(length, short=25, long=800, content=other_python(FILE))
    def _(content):
        (here / "mine.py").write_bytes(content)
        judge(list_main, words, prog="python -m sbn.list", folder=here)


_BODIES = (
    *(
        "return None",
        "return 3",
        "raise KeyError('a')",
        "raise SystemExit(0)",
        "return {}",
        "return in_memory({}, name='a')",
    ),
    *("return in_memory({'image': IMAGES, 'label': [0, 1, 0]}, name='a', classes=2)", "return in_memory(3, name='a')"),
    *(
        "return in_memory({'image': IMAGES}, name='a')",
        "return in_memory({'image': IMAGES, 'label': [5] * 3}, name='a')",
    ),
    *("return in_memory({'x': np.full(3, np.nan)}, name='a')", "return in_memory({'image': IMAGES[:0]}, name='a')"),
    *(
        "return in_memory({'tokens': [[1], [2, 3], []]}, name='a')",
        "return Lazy()",
        "return Lazy",
        "return Lazy(features={})",
    ),
    *(
        "return Lazy(load=lambda ids: {})",
        "return Lazy(load=lambda ids: 1 / 0)",
        "return Lazy(load=lambda ids: {'x': ids[:1]})",
    ),
    *(
        "return Lazy(load=lambda ids: {'x': None})",
        "return Lazy(features={'x': 3})",
        "return Lazy(length=-1)",
        "return Lazy(length=0)",
    ),
    *(
        "return Lazy(length='a')",
        "return Lazy(features=[])",
        "return Lazy(load=lambda ids: 3)",
        "return Lazy(load=None)",
    ),
)
MODULE = """
import numpy as np
from sbn.data.examples import Feature, in_memory
IMAGES = np.zeros((3, 8, 8, 3), np.uint8)
class Lazy:
    def __init__(self, features=None, load=None, length=3):
        self.features = {{'x': Feature('array')}} if features is None else features
        self._length = length
        self.load = load or (lambda ids: {{'x': np.asarray(ids)}})
    def __len__(self):
        return self._length
    def fingerprint(self):
        return 'a'
THREE = 3
def make({parameters}):
    {body}
{more}
"""
_PARAMETERS = ("split", "split, data", "", "*, other", "split, /", "*args", "**more", "split=3, x=1")
_MORE = (
    "",
    "",
    "",
    "1 / 0",
    "import no_such_module",
    "raise SystemExit(3)",
    "def",
    "make = 3",
    "del make",
    "raise KeyboardInterrupt",
)
_NAMES = (
    "make",
    "make",
    "make",
    "THREE",
    "THREE.real",
    "Lazy",
    "no",
    "np.zeros",
    "make.__call__",
    "IMAGES",
    "Lazy.load",
)


@LENGTHS
def test_a_function_that_gives_examples_works_or_is_refused_in_one_line(length, here, monkeypatch):
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    @tried(
        length,
        short=40,
        long=1500,
        body=st.sampled_from(_BODIES),
        parameters=st.sampled_from(_PARAMETERS),
        more=st.sampled_from(_MORE),
        name=st.sampled_from(_NAMES),
    )
    def _(body, parameters, more, name):
        (here / "my_own_data.py").write_text(MODULE.format(body=body, parameters=parameters, more=more))
        sys.modules.pop("my_own_data", None)
        importlib.invalidate_caches()
        data = tree.to_config(tree.changed(tree.defaults(), {"data.name": f"my_own_data:{name}"})).data
        told = ""
        try:
            found = sources.load(data, "train")
        except ConfigError as error:
            told = str(error)
        except KeyboardInterrupt:
            assert "KeyboardInterrupt" in more
        else:
            assert len(found) > 0
            arrays = found.load(np.arange(len(found)))
            assert {len(array) for array in arrays.values()} == {len(found)}
        assert "\n" not in told

    sys.modules.pop("my_own_data", None)
