"""The JSON files of a work directory: what each holds, and the one place that reads and writes them.

Every file says its `format`, and holds a checksum of its own. What was written before files did so, or before a field
existed, is read as well: such a field has its default.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from ml_collections import ConfigDict

from sbn.config import numerals, tree
from sbn.config.errors import ConfigError
from sbn.config.schema import is_incidental
from sbn.runs.atomic import replace_bytes
from sbn.runs.content import Damaged, Path, read_json
from sbn.runs.kinds import (
    ABSENT,
    Kind,
    Wrong,
    anything,
    count,
    listing,
    mapping,
    measurement,
    number,
    optional,
    record,
    span,
    text,
    truth,
    whole,
)
from sbn.runs.seals import sealed

FORMAT: Final = 1  # of every file here

CONFIG, RESULT, PROGRESS = "config.json", "result.json", "progress.json"
JOB, INIT, PROVENANCE, DATA = "job.json", "init.json", "provenance.json", "data.json"
_NO_CONFIG: Final = (ConfigError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
REPLACEABLE: Final = (PROGRESS, PROVENANCE)  # nothing needs them: damaged ones make way for new ones


def _source(name: str, value: Any) -> dict[str, Any] | None:
    """Whose run another one began from, and whose that one began from, and so on."""
    return optional(_SOURCE)(name, value)


_NAMES: Final[Mapping[str, tuple[Kind, Any]]] = {
    "experiment": (optional(text), ABSENT),
    "row": (optional(text), ABSENT),
    "seed": (optional(whole), ABSENT),
    "overrides": (optional(mapping()), ABSENT),
}
_SOURCE = record({}, **_NAMES, stages=(optional(mapping(span)), ABSENT), source=(_source, ABSENT))
_INIT = record(
    {},
    step=(count, 0),
    stages=(count, 0),
    source=(_source, None),
    checksum=(optional(whole), None),
    only=(listing(text), []),
    **{"from": (optional(text), None), "stage": (optional(text), None), "branches": (optional(mapping(text)), None)},
)
_START = record({}, **_NAMES, argv=(listing(text), []))

_KINDS: Final[Mapping[str, Kind]] = {
    CONFIG: mapping(),
    RESULT: record(
        {
            "experiment": text,
            "row": text,
            "seed": whole,
            "overrides": mapping(),
            "metrics": mapping(measurement),
            "seconds": number,
            "steps": count,
            "config": mapping(),
        },
        stages=(mapping(span), {}),
        steps_per_epoch=(optional(count), None),
        init=(optional(_INIT), None),
        log=(optional(record({"lines": count, "crc32": count})), None),  # of metrics.jsonl
    ),
    PROGRESS: record(
        {},
        step=(optional(count), None),
        total=(optional(count), None),
        stages=(mapping(span), {}),
        steps_per_second=(optional(number), None),
        seconds=(optional(number), None),
        seconds_left=(optional(number), None),
        time=(number, 0.0),
        failed=(optional(text), None),
    ),
    JOB: record(
        {},
        engine=(text, ""),
        host=(text, ""),
        pid=(optional(whole), None),
        began=(optional(text), None),
        time=(number, 0.0),
        code=(optional(whole), None),
        gave_up=(truth, False),
    ),
    INIT: _INIT,
    PROVENANCE: record({"starts": listing(_START)}),
    DATA: record(
        {},
        mean=(optional(listing(number)), None),
        std=(optional(listing(number)), None),
        fingerprints=(mapping(text), {}),
        batches=(optional(mapping()), None),
    ),
    "evaluation": record(
        {"overrides": mapping(), "metrics": mapping(measurement)},
        step=(anything, None),
        config=(optional(mapping()), None),  # of the run
    ),
}


def read(workdir: Path, name: str) -> dict[str, Any] | None:
    """Returns the content of a work directory's file, every field checked; None if there is no such file.

    Args:
        workdir: a path.
        name: CONFIG, RESULT ...

    Raises:
        Damaged: if it can't be read, or is not what such a file holds.
    """
    return _read(workdir / name, name)


def glance(workdir: Path, name: str) -> dict[str, Any]:
    """Returns the content of a file; if it is missing or damaged, that of a file without any field."""
    try:
        found = read(workdir, name)
    except Damaged:
        found = None
    return _KINDS[name]("", {"starts": []} if name == PROVENANCE else {}) if found is None else found


def artifact_folder(evaluator: str) -> str:
    """Returns the folder in artifacts/ of an evaluator; of a user's own, 'package.module:Name', it has no colon."""
    return evaluator.replace(":", ".")


def read_evaluation(path: Path) -> dict[str, Any] | None:
    """Returns what `python -m sbn.evaluate` left in artifacts/EVALUATOR/STEP.json; None where there is no such file.

    Raises:
        Damaged: if it can't be read, or is something else.
    """
    return _read(path, "evaluation")


def _read(path: Path, kind: str) -> dict[str, Any] | None:
    content = read_json(path)
    if content is None:
        if path.exists():
            raise Damaged(path, "it holds no object")
        return None
    if kind == PROVENANCE and isinstance(content, list):
        content = {"starts": content}
    try:
        if not isinstance(content, dict):
            raise Wrong("it holds no object")
        if (found := content.get("format", FORMAT)) != FORMAT:
            raise Wrong(f"format {found!r} where {FORMAT} is known")
        return _KINDS[kind]("", content)
    except Wrong as error:
        raise Damaged(path, str(error)) from None


def read_config(workdir: Path) -> ConfigDict:
    """Returns the config of the run in a work directory.

    Raises:
        ConfigError: if there is no run.
        Damaged: if its config can't be read, is none, or is another one than its result says.
    """
    content = read(workdir, CONFIG)
    if content is None:
        why = f"it has no {CONFIG}" if workdir.exists() else "there is no such folder"
        raise ConfigError(f"{workdir} holds no run: {why}")
    content.pop("format", None)
    try:
        config = tree.checked(content)
    except _NO_CONFIG as error:
        raise Damaged(workdir / CONFIG, f"{error}: it is not the config of a run") from None
    _check_against_result(workdir, config)
    return config


def _check_against_result(workdir: Path, config: ConfigDict) -> None:
    """Refuses a config that is not the one that a finished run says it had; older runs have no other proof of it."""
    try:
        result = read(workdir, RESULT)
        different = differences(config, result["config"]) if result else {}
    except _NO_CONFIG:  # whoever needs the result is told
        return
    for name, (here, there) in different.items():
        raise Damaged(workdir / CONFIG, f"{name} is {here!r} in it, {there!r} in {RESULT}")


def differences(config: ConfigDict, other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Returns {key: (value, value in `other`)} where two configs are not of one run.

    Raises:
        ConfigError: or another of `_NO_CONFIG`, if one is no config of today.
    """
    found = tree.difference(tree.flatten(config), tree.flatten(tree.checked(other)))
    return {name: pair for name, pair in found.items() if not is_incidental(name)}


def other_run(config: Mapping[str, Any], said: Any) -> str:
    """Returns what tells the run of a config from the one that a file says it is of: 'seed: 1 there, 0 here'; or ''.

    How runs are evaluated does not count. Files of older versions say nothing, None, and are believed.
    """
    if said is None or said == config:
        return ""
    try:
        found = differences(tree.checked(config), said)
    except _NO_CONFIG:
        return "its config is none of today's" if isinstance(said, Mapping) else "it holds no config"
    shown = [f"{name}: {there!r} there, {here!r} here" for name, (here, there) in found.items() if _is_trained(name)]
    return "; ".join(shown[:3])


def _is_trained(name: str) -> bool:
    return not name.startswith("eval.")


def write(workdir: Path, name: str, content: Mapping[str, Any]) -> None:
    """Writes a file of a work directory whole: a reader, or a kill, finds the old one or the new one.

    Args:
        workdir: a folder.
        name: of the file.
        content: its fields, but for the format.

    Raises:
        OSError: if it can't be written.
    """
    path = workdir / name
    if name in REPLACEABLE and path.is_dir():
        path.rename(path.parent / f"{name}.damaged")
    if name == PROVENANCE:  # the one file that is a list
        write_json(path, [{"format": FORMAT, **start} for start in content["starts"]])
    else:
        write_json(path, {"format": FORMAT, **content})


def write_json(path: Path, value: Mapping[str, Any] | list[Mapping[str, Any]]) -> None:
    """Writes an object, or a list of objects, as JSON, whole, each with its checksum, readable for people."""
    value = [sealed(each) for each in value] if isinstance(value, list) else sealed(value)
    replace_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def saved_steps(workdir: Path) -> list[int]:
    """Returns the steps of a run's checkpoints, ascending, by the names of their folders; nothing is opened."""
    folder = workdir / "checkpoints"
    try:
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    except OSError:
        return []
    return sorted(step for name in names if (step := numerals.whole(name)) is not None and step >= 0)
