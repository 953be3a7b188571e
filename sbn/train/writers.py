"""Where numbers go: metrics.jsonl, the one that everything here reads, and TensorBoard beside it."""

import importlib.util
import json
from collections.abc import Mapping
from typing import Any

from etils import epath

from sbn.data.host.without_gpu import hide_gpus


def write_atomically(path: epath.Path, value: Any) -> None:
    """Writes JSON so that a reader, or a kill, finds the old file or the new one whole."""
    replace_text(path, json.dumps(value, indent=1, default=str) + "\n")


def replace_text(path: epath.Path, text: str) -> None:
    """Replaces the content of a file in one go."""
    replace_bytes(path, text.encode())


def replace_bytes(path: epath.Path, content: bytes) -> None:
    """Replaces the content of a file in one go."""
    draft = path.parent / f".{path.name}.draft"
    draft.write_bytes(content)
    draft.replace(path)


class Writers:
    """Writes scalars by step; of several processes one writes.

    Args:
        workdir: of the run.
        step: the step training goes on from; lines of later steps, left by a killed process, are dropped.
        tensorboard: whether to write event files too, where TensorFlow is there to do it.
        active: whether this process is the one that writes.
    """

    def __init__(self, workdir: epath.Path, *, step: int, tensorboard: bool, active: bool) -> None:
        self._path = workdir / "metrics.jsonl"
        self._active = active
        self._events: Any = None
        if not active:
            return
        lines = [json.dumps(line) + "\n" for line in read_metrics(self._path) if line["step"] <= step]
        replace_text(self._path, "".join(lines))
        if tensorboard and importlib.util.find_spec("tensorflow") and importlib.util.find_spec("tensorboard"):
            hide_gpus()
            from clu.metric_writers import SummaryWriter

            self._events = SummaryWriter(str(workdir / "tensorboard"))

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds one line of scalars."""
        if not self._active:
            return
        with self._path.open("a") as file:
            file.write(json.dumps({"step": step, **scalars}) + "\n")
        if self._events is not None:
            self._events.write_scalars(step, scalars)

    def close(self) -> None:
        """Flushes what is pending."""
        if self._events is not None:
            self._events.close()


def read_metrics(path: epath.Path) -> list[dict[str, Any]]:
    """Returns the lines of a metrics.jsonl; a last line cut short by a kill is not one."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines
