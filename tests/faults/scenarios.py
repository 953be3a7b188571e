"""Commands that write files, what lies there before, and what has to lie there once they have run to their end."""

import hashlib
import json
import pathlib
import re
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

from sbn.runs import files
from sbn.runs.seals import SEAL

_TIMES = ("seconds", "time", "steps_per_second", "seconds_left", SEAL)  # and the checksum over them
_DRAFT = re.compile(r"\..*\.[0-9a-f]{16}\.draft")
ROW = "--config=small.py:table/row"
ALSO = "--also=safetensors,stablehlo"


class Scenario(NamedTuple):
    """A command, in a folder that holds copies of what `before` names.

    Attributes:
        words: of the command; {} stands for the folder.
        before: makes what lies there, given what starts commands, the folder, and that of an uninterrupted run.
        trains: in which folder there a run is trained.
        whole: is given the folder right after a kill, and fails where what lies there is taken for whole and is not.
    """

    words: tuple[str, ...]
    before: Callable[[Any, pathlib.Path, pathlib.Path], Any] = lambda warm, folder, run: None
    trains: str = ""
    whole: Callable[[Any, pathlib.Path], Any] = lambda warm, folder: None


def _finished(warm, folder, run):
    shutil.copytree(run, folder / "run")


def _damaged(warm, folder, run):
    """The newest checkpoint can't be read, and one of the same step was set aside once before."""
    _finished(warm, folder, run)
    (folder / "run/result.json").unlink()
    for part in (folder / "run/checkpoints/4/optimiser").rglob("*"):
        if part.is_file():
            part.write_bytes(b"")
    shutil.copytree(folder / "run/checkpoints/4", folder / "run/damaged_4")


def _exported(warm, folder, run):
    """Another branch of the run was exported to the same folder before."""
    _finished(warm, folder, run)
    assert warm.run("sbn.export", f"--workdir={folder}/run", f"--out={folder}/net", "--branch=aux").code == 0


def _loads_whole(warm, folder):
    """What can be loaded is what its description says."""
    said = warm.run("tests.faults.ends", "export", folder / "net")
    assert said.code in (0, 2), said


def _exported_for_others(warm, folder, run):
    """As `_exported`, with the files for other programs; a copy is kept beside it."""
    _finished(warm, folder, run)
    words = (f"--workdir={folder}/run", f"--out={folder}/net", "--branch=aux", ALSO)
    assert warm.run("sbn.export", *words).code == 0
    shutil.copytree(folder / "net", folder / "older")


def _of_one_branch(warm, folder):
    """No file for other programs is left of the older branch beside the newer one's arrays."""
    _loads_whole(warm, folder)
    found = {
        file.name: file.read_bytes() == (folder / "older" / file.name).read_bytes() for file in _shown(folder / "net")
    }
    assert found["variables.msgpack"] or not any(found.values()), found


def _shown(folder):
    return [file for file in folder.iterdir() if not _DRAFT.fullmatch(file.name)]


def _tree(warm, folder, run):
    from tests.faults import records

    records.write(folder / "tfds", "toys", {"train": 6, "test": 4})


def _texts(warm, folder, run):
    """Sentences, and an archive of others that lies there already."""
    (folder / "texts").mkdir()
    for language, lines in (("en", ["a dog runs", "a cat runs"]), ("de", ["ein Hund rennt", "eine Katze rennt"])):
        (folder / f"texts/train.{language}").write_text("\n".join(lines * 4))
    (folder / "pairs.npz").write_bytes(b"older")


SCENARIOS = {
    "train": Scenario(("sbn.train", ROW, "--workdir={}/run"), trains="run"),
    "train after damage": Scenario(("sbn.train", ROW, "--workdir={}/run"), _damaged, trains="run"),
    "refine another run": Scenario(
        (
            "sbn.train",
            ROW,
            "--config.init.from={}/run",
            "--config.stage.train.duration=1 steps",
            "--config.stage.refine.duration=1 steps",
            "--workdir={}/new",
        ),
        _finished,
        trains="new",
    ),
    "evaluate": Scenario(
        ("sbn.evaluate", "--workdir={}/run", "--evals=accuracy,branches", "--config.eval.average=logits"), _finished
    ),
    "export": Scenario(("sbn.export", "--workdir={}/run", "--out={}/net"), _exported, whole=_loads_whole),
    "export for other programs": Scenario(
        ("sbn.export", "--workdir={}/run", "--out={}/net", ALSO), _exported_for_others, whole=_of_one_branch
    ),
    "report": Scenario(("sbn.report", "small.py", "--root={}", "--format=html", "--out={}/book.html"), _finished),
    "prepare": Scenario(("sbn.data.prepare", "toys", "{}/tfds", "--out={}/toys.npz"), _tree),
    "prepare sentences": Scenario(
        ("sbn.data.prepare", "pairs", "{}/texts", "--languages=en,de", "--vocabulary=24", "--out={}/pairs.npz"), _texts
    ),
    "sheet": Scenario(
        ("sbn.augment", "sheet", "flip", "--images=2", "--out={}/sheet.png"),
    ),
    "figure1": Scenario(
        ("sbn.augment", "figure1", "--images=2", "--out={}/figure.png"),
    ),
    "corruptions": Scenario(
        (
            "sbn.data.corruptions",
            "--data=shapes",
            "--kinds=brightness",
            "--examples=4",
            "--out={}/made",
            "--sheet={}/corruptions.png",
        ),
    ),
}

# Dearer by far: a kill takes half a CPU minute
OTHER_TASKS = {
    task: Scenario(("sbn.train", f"--config=small_tasks.py:table/{task}", "--workdir={}/run"), trains="run")
    for task in ("detection", "segmentation", "translation")
}


def words_of(scenario, folder):
    return [word.format(folder) for word in scenario.words]


def outcome(scenario, folder, ended):
    """Everything that must be the same after a kill: {name: content}, and what was printed."""
    assert ended.code == 0, ended
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or _DRAFT.fullmatch(path.name):
            continue
        if "/checkpoints/" in name or "/damaged_" in name:  # the arrays' files have random names
            found["/".join(name.split("/")[: 3 if "/checkpoints/" in name else 2])] = "there"
            if name.endswith("/meta/metadata"):
                found[name] = str(json.loads(path.read_text())["checksum"])  # of every array
        elif path.name == files.PROVENANCE:  # holds every start
            found[name] = "a list"
        elif path.suffix == ".json":
            found[name] = json.dumps(_timeless(json.loads(path.read_text())), sort_keys=True)
        else:
            found[name] = _hash(path.read_bytes().replace(str(folder).encode(), b"FOLDER"))
    if not scenario.trains:
        lines = [line for line in ended.out.splitlines() if "images/s" not in line]  # the rate
        found["printed"] = "\n".join(lines)
    return {name: content.replace(str(folder), "FOLDER") for name, content in found.items()}


def _timeless(value):
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if name not in _TIMES}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _hash(content):
    return hashlib.sha256(content).hexdigest()
