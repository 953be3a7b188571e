"""Shows how two runs differ.

    python -m sbn.report difference runs/a/seed0 runs/b/seed0

Prints every config key whose value differs, fingerprints of the data if they differ, where the runs were started
(version of sbn, commit, packages, devices) if that differs, and the final metrics of both beside each other. It
computes no statistics: `python -m sbn.report compare` tests two rows over their seeds.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from sbn.config import arguments, tree
from sbn.runs import commands, files
from sbn.runs.text import plain

_LONGEST = 80  # characters of a value


def describe(first: pathlib.Path, second: pathlib.Path) -> list[str]:
    """Returns the lines of the comparison of two work directories.

    Raises:
        ConfigError: if one of them holds no run.
        Damaged: if a file of one can't be read.
    """
    lines = [f"first   {first}", f"second  {second}", ""]
    configs = [tree.flatten(files.read_config(path)) for path in (first, second)]
    lines += _differing("config", *configs) or ["config: the same", ""]
    prints = [(files.read(path, files.DATA) or {"fingerprints": {}})["fingerprints"] for path in (first, second)]
    if all(prints):  # older runs have none
        lines += _differing("data, as fingerprints of splits", *prints)
    starts = [files.glance(path, files.PROVENANCE) for path in (first, second)]
    lines += _differing("environment", *(_environment(start) for start in starts))
    results = [files.read(path, files.RESULT) for path in (first, second)]
    metrics = [result["metrics"] if result else {} for result in results]
    for path, result in zip((first, second), results, strict=True):
        lines += [f"{path} has no result yet"] * (result is None)
    rows = [(name, *(measured.get(name) for measured in metrics)) for name in dict.fromkeys([*metrics[0], *metrics[1]])]
    width = max([6, *(len(name) for name, *_ in rows)])
    if rows:
        lines.append(f"{'metric':{width}}  {'first':>9}  {'second':>9}  difference")
    for name, one, other in rows:
        apart = f"{other - one:+10.4f}" if one is not None and other is not None else f"{'–':>10}"
        lines.append(f"{name:{width}}  {_number(one)}  {_number(other)}  {apart}")
    return lines


def _number(value: float | None) -> str:
    return f"{'–':>9}" if value is None else f"{value:9.4f}"


def _environment(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What the newest start of a run recorded, but for its times, places and command line, which always differ."""
    starts = provenance["starts"]
    own = ("time", "began", "host", "pid", "command", "argv", "arguments", "workdir")
    flat: dict[str, Any] = {}
    for name, value in (starts[-1] if starts else {}).items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{key}": item for key, item in value.items()}
        elif name not in own:
            flat[name] = value
    return flat


def _differing(title: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """A line for each name whose values differ."""
    names = [name for name in dict.fromkeys([*first, *second]) if first.get(name) != second.get(name)]
    if not names:
        return []
    width = max(map(len, names))
    return [
        f"{title}:",
        *(f"  {name:{width}}  {_shown(first, name)}  ->  {_shown(second, name)}" for name in names),
        "",
    ]


def _shown(values: Mapping[str, Any], name: str) -> str:
    text = repr(values[name]) if name in values else "not set"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."  # uncommitted changes, say


@commands.command("python -m sbn.report difference")
def main(argv: Sequence[str]) -> None:
    """Runs `python -m sbn.report difference`."""
    parser = arguments.Parser(prog="python -m sbn.report difference", description=__doc__)
    for name in ("first", "second"):
        parser.add_argument(name, metavar=name.upper(), type=arguments.path, help="work directory of a run")
    options = parser.parse_args(argv)
    print(plain("\n".join(describe(pathlib.Path(options.first), pathlib.Path(options.second)))))


if __name__ == "__main__":
    commands.start(main)
