"""metrics.jsonl: a line of numbers per step at which something was measured, and what proves that none is lost."""

import json
import logging
import os
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sbn.runs.atomic import naming, replace_text
from sbn.runs.content import Damaged, Path, parse, read_bytes
from sbn.runs.kinds import Wrong, count, measurement

log = logging.getLogger(__name__)

METRICS: Final = "metrics.jsonl"
Line = Mapping[str, Any]  # {'step': 390, 'test/main/accuracy': 0.5, ...}


class Log:
    """The metrics.jsonl of a run that trains.

    Args:
        path: of the file.
        step: the step that training goes on from; lines of later steps, left by a killed process, are dropped.
        kept: the lines that the checkpoint of that step holds: they are put back if the file has lost any. None: of a
            checkpoint that holds none, whose lines are those of the file.

    Raises:
        Damaged: if the file is all there is, and can't be read.
    """

    def __init__(self, path: Path, *, step: int, kept: str | None) -> None:
        self._path = path
        if kept is None:
            kept = "".join(json.dumps(line) + "\n" for line in read_lines(path) if line["step"] <= step)
        elif not _begins(path, kept.encode()):
            log.warning("%s was not as the checkpoint of step %d has it: restored from that", path, step)
        self._lines = [kept]
        replace_text(path, kept)

    def append(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds a line."""
        line = json.dumps({"step": step, **scalars}) + "\n"
        with naming(self._path), self._path.open("a") as file:
            file.write(line)
        self._lines.append(line)

    @property
    def text(self) -> str:
        """All lines, to be kept with a checkpoint."""
        self._lines = ["".join(self._lines)]
        return self._lines[0]

    def settle(self) -> dict[str, int]:
        """Has all lines outlast a power loss; returns what the result says of them."""
        if "://" not in str(self._path):
            with open(self._path, "rb") as file:
                os.fsync(file.fileno())
        return proof(self.text.encode())


def proof(content: bytes) -> dict[str, int]:
    """Returns how many lines a metrics.jsonl has, and its checksum."""
    return {"lines": content.count(b"\n"), "crc32": zlib.crc32(content)}


def read_lines(path: Path, *, proven: Mapping[str, int] | None = None) -> list[Line]:
    """Returns the lines of a metrics.jsonl; none where there is no file.

    Args:
        path: of the file.
        proven: what the run's result says of it; None: older runs, and those that are not done, say nothing, and a last
            line that a kill cut short is passed over.

    Raises:
        Damaged: if it can't be read, or is not what the result says.
    """
    content = read_bytes(path) or b""
    if proven is not None and (found := proof(content)) != dict(proven):
        if found["lines"] != proven["lines"]:
            raise Damaged(path, f"{found['lines']} lines where the run wrote {proven['lines']}")
        raise Damaged(path, "it was changed since the run wrote it")
    lines: list[Line] = []
    texts = content.split(b"\n")
    for place, text in enumerate(texts, start=1):
        if not text:
            continue
        try:
            lines.append(_line(parse(text)))
        except ValueError as error:
            if place == len(texts):
                continue
            raise Damaged(path, f"line {place}: {error}") from None
    return lines


def courses(*sources: Iterable[Line]) -> dict[str, dict[int, float]]:
    """Returns {metric: {step: value}}, steps ascending: one value per metric and step, of the first source that has it.

    Args:
        sources: lines, of which the last one counts; first what training itself measured, then what was measured later.
    """
    found: dict[str, dict[int, float]] = {}
    for source in reversed(sources):
        for line in source:
            for name, value in line.items():
                if name != "step":
                    found.setdefault(name, {})[line["step"]] = value
    return {name: dict(sorted(values.items())) for name, values in found.items()}


def _line(value: Any) -> Line:
    if not isinstance(value, dict) or "step" not in value:
        raise Wrong("no line of metrics")
    return {
        "step": count("step", value["step"]),
        **{name: measurement(name, each) for name, each in value.items() if name != "step"},
    }


def _begins(path: Path, kept: bytes) -> bool:
    try:
        return (read_bytes(path) or b"").startswith(kept)
    except Damaged:
        return False
