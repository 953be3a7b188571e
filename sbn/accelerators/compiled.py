"""Programs compiled for chips that are not there: asked of an environment of their own, and kept for next time."""

import dataclasses
import hashlib
import importlib.metadata
import json
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sbn.accelerators import environment
from sbn.accelerators.chips import Topology
from sbn.accelerators.costs import Costs
from sbn.config.environment import cache_folder
from sbn.config.errors import ConfigError
from sbn.runs.atomic import replace_text

_NO_PROGRAM = ("seed", "log.", "save.")  # keys that change no program


@dataclasses.dataclass(frozen=True)
class Asked:
    """A program to compile.

    Attributes:
        flat: the config, by dotted names.
        program: 'step', or 'evaluation': one forward pass of all branches.
    """

    flat: Mapping[str, Any]
    program: str = "step"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of it.

    Attributes:
        costs: of the program; None where there is none.
        held: bytes of memory that it needs on a chip; None if it could not be made at all.
        facts: of the run: 'examples' and 'images' per step, its 'steps' and 'epochs', 'parameters' of the network.
        seconds: that compiling took, when it was done.
        error: one line, why there is no program.
        fresh: whether it was made now, not read from the cache.
    """

    costs: Costs | None = None
    held: int | None = None
    facts: Mapping[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    fresh: bool = False


def cache() -> pathlib.Path:
    """Returns the folder of what was compiled, in the user's cache."""
    return cache_folder() / "accelerators"


def known(asked: Asked, where: Topology) -> Answer | None:
    """Returns the answer if the same was asked of the same code before; starts nothing."""
    try:
        return _read(json.loads(_memo(asked, where).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def compile_all(programs: Sequence[Asked], where: Topology) -> Iterator[Answer]:
    """Yields the answer to each program, in order, as soon as it is there. A program takes seconds to minutes.

    What was asked of the same code before is not compiled again; nor is a program that comes out the same.

    Args:
        programs: what to compile.
        where: for which chips.

    Raises:
        ConfigError: if there is no environment for it, or it ends without an answer.
    """
    answers = [known(asked, where) for asked in programs]
    fresh = [asked for asked, answer in zip(programs, answers, strict=True) if answer is None]
    made = _worker(fresh, where) if fresh else iter(())
    for asked, answer in zip(programs, answers, strict=True):
        if answer is None:
            found = next(made)
            answer = dataclasses.replace(_read(found), fresh=True)
            if not answer.error:
                _write(_memo(asked, where), found)
        yield answer


def _worker(programs: Sequence[Asked], where: Topology) -> Iterator[dict[str, Any]]:
    python = environment.interpreter(where.chip.kind)
    listed = [{"config": dict(asked.flat), "program": asked.program} for asked in programs]
    request = {"topology": where.name, "cache": str(cache() / "programs"), "programs": listed}
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as question:
        json.dump(request, question)
        question.seek(0)
        process = subprocess.Popen(
            [str(python), "-m", "sbn.accelerators.worker"],
            stdin=question,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=environment.variables(where.chip.kind),
        )
        assert process.stdout is not None
        try:
            for _ in programs:
                line = process.stdout.readline()
                if not line:
                    said.seek(0)
                    last = [text.strip() for text in said if text.strip()]
                    raise ConfigError(f"compiling for {where.name} ended early: {last[-1] if last else 'no word why'}")
                yield json.loads(line)
        finally:
            process.terminate()
            process.stdout.close()
            process.wait()


def _read(found: Mapping[str, Any]) -> Answer:
    if "error" in found:
        return Answer(error=found["error"])
    costs = Costs.from_json(found["costs"]) if "costs" in found else None
    held = costs.held if costs else found["held"]
    return Answer(costs, held, found["facts"], found["seconds"])


def _memo(asked: Asked, where: Topology) -> pathlib.Path:
    """The file of an answer by what was asked, of which code and which versions."""
    config = {name: value for name, value in asked.flat.items() if not name.startswith(_NO_PROGRAM)}
    text = json.dumps([where.name, asked.program, config, _versions(), _code()], sort_keys=True, default=str)
    return cache() / "asked" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def _versions() -> list[str]:
    return [importlib.metadata.version(name) for name in ("jax", "flax", "optax")]


def _code() -> str:
    digest = hashlib.sha256()
    for file in sorted(pathlib.Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _write(file: pathlib.Path, found: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_text(file, json.dumps(found))
