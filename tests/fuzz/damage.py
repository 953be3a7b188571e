"""What happens to files: bits, cuts, other types, huge numbers, other names, folders and links in their place."""

import copy
import json
import os
import pathlib
import shutil
from typing import Any

from hypothesis import strategies as st

# What JSON can hold and no field wants; a str beginning with '@' is written as it is, without the sign
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63 - 1,
    2**64,
    1.5,
    -1e300,
    "@1e999",
    "@NaN",
    "@-Infinity",
    "@" + "9" * 400,
    "@" + "9" * 5000,
    "@" + "[" * 2000,
    "@" + "[" * 70 + "]" * 70,
    "",
    "a",
    "../../a",
    "/dev/null/a",
    "a\x00b",
    "a\nb\x1b[2J",
    '@"\\ud800"',
    "é😀",
    "a" * 5000,
    "nan",
    "3",
    "5 epochs",
    "file:/a",
    [],
    [1],
    [1, 2],
    ["a"],
    [[]],
    {},
    {"a": 1},
    {"": None},
    {"a.b": "c"},
)


def places(value: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Returns where the parts of a JSON value stand, the value itself first."""
    found = [so_far]
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        found += places(each, (*so_far, key))
    return found


def to_text(value: Any) -> bytes:
    """Returns JSON, in which texts that begin with '@' stand for what follows it."""
    raw: dict[str, str] = {}

    def named(each: Any) -> Any:
        if isinstance(each, str) and each.startswith("@"):
            raw[f"raw{len(raw)}raw"] = each[1:]
            return f"raw{len(raw) - 1}raw"
        if isinstance(each, dict):
            return {key: named(inner) for key, inner in each.items()}
        return [named(inner) for inner in each] if isinstance(each, list) else each

    text = json.dumps(named(value))
    for name, written in raw.items():
        text = text.replace(f'"{name}"', written)
    return text.encode()


@st.composite
def other_json(draw: Any, content: bytes) -> bytes:
    """Draws JSON like `content`, in which up to two values are others, gone, moved or twice there."""
    value = json.loads(content)
    for _ in range(draw(st.integers(1, 2))):
        if not (inside := places(value)[1:]):
            break
        *above, last = draw(st.sampled_from(inside))
        node = value
        for key in above:
            node = node[key]
        kind = draw(st.sampled_from(("other", "other", "other", "gone", "name", "copy")))
        if not isinstance(node, dict | list) or (isinstance(node, dict) and last not in node):
            continue
        if kind == "gone":
            del node[last]
        elif kind == "name" and isinstance(node, dict):
            node[draw(st.sampled_from(("", "a", "@", "é", "\x1b[2J", "a" * 300)))] = node.pop(last)
        elif kind == "copy":
            copied = copy.deepcopy(node[last])
            node[last] = {"a": copied} if draw(st.booleans()) else [copied, copied]
        else:
            node[last] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))  # the second change may be within
    return to_text(value)


@st.composite
def other_bytes(draw: Any, content: bytes) -> bytes:
    """Draws bytes like `content`: with bits turned, cut short, with parts that are zero, twice there or gone."""
    kind = draw(st.sampled_from(("bit", "bit", "bits", "cut", "zeros", "gone", "twice", "more", "empty", "other")))
    size = len(content)
    start = draw(st.integers(0, max(size - 1, 0)))
    stop = min(size, start + draw(st.integers(1, 40)))
    if kind in ("bit", "bits"):
        changed = bytearray(content)
        for _ in range(1 if kind == "bit" else 5):
            if changed:
                changed[draw(st.integers(0, size - 1))] ^= 1 << draw(st.integers(0, 7))
        return bytes(changed)
    return {
        "cut": content[:start],
        "zeros": content[:start] + bytes(stop - start) + content[stop:],
        "gone": content[:start] + content[stop:],
        "twice": content[:stop] + content[start:],
        "more": content + draw(st.binary(min_size=1, max_size=20)),
        "empty": b"",
        "other": draw(st.binary(max_size=40)),
    }[kind]


REPLACED = ("folder", "gone", "link to nothing", "link to itself", "pipe")  # what stands in the place of a file


def replace(path: pathlib.Path, by: bytes | str) -> None:
    """Puts bytes, or one of `REPLACED`, in the place of a file."""
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(by, bytes):
        path.write_bytes(by)
    elif by == "folder":
        path.mkdir()
    elif by.startswith("link"):
        path.symlink_to(path.name if by.endswith("itself") else "nothing there")
    elif by == "pipe":
        os.mkfifo(path)


def remove(path: pathlib.Path) -> None:
    """Removes whatever has a name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
