"""`python -m sbn.export --workdir=DIR --branch=NAME --out=FOLDER`: one branch of a run as a plain network of its own.

`load('FOLDER').logits(images)` classifies; of a translation run `load('FOLDER').translate(texts)` translates, of a
detection run `load('FOLDER').detect(image)` finds objects, of a segmentation run `load('FOLDER').segment(image)` says
what every pixel shows.

FOLDER gets `variables.msgpack`, {'params', 'batch_stats'} as Flax writes them, every K axis of length 1, and
`model.json`: the settings of the model, what images are normalised with, what the branch was trained on, which may be
another size than that of evaluation, and where all of it comes from. `load` makes both a network again; without this
package `flax.serialization.msgpack_restore(file.read_bytes())` gives the arrays. Neither needs TensorFlow or the data,
but for the vocabulary of a translation, which becomes a file of the export, `vocabulary.npz`.

For other programs `--also=safetensors` writes the arrays to `variables.safetensors`, and `--also=stablehlo` a
classifier of images to `network.stablehlo`, which `jax.export.deserialize` reads (`sbn.tasks.portable`).
"""

if __name__ == "__main__":  # before jax is loaded, which takes seconds
    from sbn.runs import commands

    commands.begin()

import contextlib
import logging
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath
from flax import serialization
from ml_collections import ConfigDict

from sbn.config import arguments, imported, tree
from sbn.config.errors import ConfigError, unknown
from sbn.config.imported import is_import_path
from sbn.data import eval_view
from sbn.models import make_model
from sbn.nn.branches import Layout, select_branch
from sbn.runs import commands, files
from sbn.runs.atomic import replace_bytes
from sbn.runs.content import Damaged, first_line, read_bytes, read_json
from sbn.runs.kinds import Wrong, count, listing, mapping, number, optional, record, text
from sbn.tasks import detector, passes, pixel_classifier, portable, translator
from sbn.tasks.base import Variables
from sbn.tasks.detector import Detector
from sbn.tasks.exported import channels_of, origin
from sbn.tasks.pixel_classifier import PixelClassifier
from sbn.tasks.plain import Plain
from sbn.tasks.translator import Translator
from sbn.train import inheritance
from sbn.train import workdir as workdirs
from sbn.train.checkpoint import Checkpoints, Restored
from sbn.train.process import prepare
from sbn.train.state import PLAIN, WEIGHTS

log = logging.getLogger(__name__)

FORMAT = 1
VARIABLES, ABOUT = "variables.msgpack", "model.json"
_ALWAYS = {"branch": text, "classes": count, "config": mapping()}
_CHECKSUM = (optional(count), None)  # of a file beside it; older exports do not say
_OF_IMAGES = record({**_ALWAYS, "mean": listing(number), "std": listing(number)}, crc32=_CHECKSUM)
_SEARCH = record({"beam": count, "length_penalty": number, "longer": count})
_OF_TEXTS = record({**_ALWAYS, "search": _SEARCH}, crc32=_CHECKSUM, vocabulary_crc32=_CHECKSUM)
_READ_BY_MODELS = ("model.", "norm.", "precision", "translation.", "detection.", "segmentation.")


def export(
    workdir: epath.PathLike,
    *,
    out: epath.PathLike,
    branch: str | None = None,
    stage: str | None = None,
    weights: str = PLAIN,
    also: Sequence[str] = (),
) -> Mapping[str, Any]:
    """Writes one branch of a run's checkpoint to a folder, and returns what its `model.json` holds.

    Args:
        workdir: of the run.
        out: the folder, made if missing; an export that lies there is replaced.
        branch: its name; None: the first.
        stage: the stage at whose end; None: the newest checkpoint that is whole.
        weights: 'plain', as they were trained, or 'ema', their average, of a run with `optim.ema`.
        also: other formats to write, 'safetensors' or 'stablehlo'.

    Raises:
        ConfigError: if there is no run, checkpoint, branch or stage of that name, or `out` is a file; or if the network
            can't be written in one of the formats.
    """
    portable.check(also)
    workdir, out = workdirs.checked_path(workdir), epath.Path(out)
    config = files.read_config(workdir)
    names = tree.branch_names(config)
    branch = names[0] if branch is None else branch
    if branch not in names:
        raise unknown("value of --branch", branch, names)
    if stage is not None and stage not in config.stages:
        raise unknown("value of --stage", stage, config.stages)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out={out} is a file: name a folder")
    if is_import_path(network := config.model.name):
        imported.load(network, key="model.name")
    found = _read(workdir, config, stage)
    step, every = int(found.state.step), found.state.weights(weights)
    recorded = files.read(workdir, files.DATA)
    known = detector.described(config, recorded) or pixel_classifier.described(config, recorded)
    vocabulary = translator.vocabulary_of(config, recorded, where=workdir) if config.task == "translation" else None
    classes = len(vocabulary) if vocabulary else _classes(known, recorded, every)
    layout = found.layout
    if layout is None and vocabulary:  # of an older run
        layout = translator.task_of(config, vocabulary).layout
    elif layout is None:
        layout = _layout(config, known, recorded, classes)
    variables = select_branch(every, names.index(branch), layout=layout)
    variables = jax.tree.map(np.asarray, variables)
    packed = serialization.msgpack_serialize(variables)
    texts = translator.packed_vocabulary(vocabulary) if vocabulary else b""
    about = {
        "format": FORMAT,
        "branch": branch,
        "weights": weights,
        "classes": classes,
        "crc32": zlib.crc32(packed),
        **({"vocabulary_crc32": zlib.crc32(texts)} if texts else {}),
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(variables["params"])),
        "data": config.data.name,
        # what images go through before; '' where they are seen whole
        "augment": eval_view.DEFAULTS.get(config.data.name, "") if config.eval.augment is None else config.eval.augment,
        "trained_on": _trained_on(config, branch, stage or config.stages[-1]),
        **(translator.described(config) if vocabulary else channels_of(workdir, config, recorded)),
        **({"task": config.task} if is_import_path(config.task) else {}),
        **known,
        "config": {key: value for key, value in tree.flatten(config).items() if key.startswith(_READ_BY_MODELS)},
        # of all that this process has imported, the network
        **({"imported": {network: imported.loaded()[network]}} if is_import_path(network) else {}),
        **origin(workdir, step),
    }
    others = {name: portable.content(name, config, recorded, variables, about) for name in also}
    out.mkdir(parents=True, exist_ok=True)
    # So that after a kill no export's description, or file for other programs, stands beside another's arrays
    for file in (ABOUT, *portable.FILES.values()):
        (out / file).unlink(missing_ok=True)
    replace_bytes(out / VARIABLES, packed)
    if texts:
        replace_bytes(out / translator.VOCABULARY, texts)
    for name, content in others.items():
        replace_bytes(out / portable.FILES[name], content)
    files.write_json(out / ABOUT, about)
    return about


def load(folder: epath.PathLike) -> Plain | Translator | Detector | PixelClassifier:
    """Reads what `export` wrote: a network that classifies images or their pixels, a detector, or a translator.

    Raises:
        ConfigError: if the folder holds no export, or one of a format that this version can't read.
    """
    folder = epath.Path(folder)
    about, packed = read_json(folder / ABOUT), read_bytes(folder / VARIABLES)
    for name, content in ((ABOUT, about), (VARIABLES, packed)):
        if content is None:
            raise ConfigError(f"{folder} holds no exported network: it has no {name}")
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else None
        raise ConfigError(f"{folder / ABOUT} has format {found!r}; this version reads format {FORMAT}")
    if is_import_path(task := str(about.get("task") or "")):
        raise ConfigError(
            f"{folder} holds the variables of a task of your own, {task!r}: flax.serialization.msgpack_restore reads "
            f"{VARIABLES}"
        )
    translates = about.get("task") == "translation"
    try:
        about = (_OF_TEXTS if translates else _OF_IMAGES)("", about)
    except Wrong as error:
        raise Damaged(folder / ABOUT, str(error)) from None
    if about["crc32"] not in (None, zlib.crc32(packed or b"")):
        raise Damaged(folder / VARIABLES, f"it does not match its checksum in {ABOUT}")
    config = tree.to_config(tree.changed(tree.defaults(), about["config"]))
    try:
        variables = serialization.msgpack_restore(packed)
    except Exception as error:  # msgpack has kinds of its own
        raise Damaged(folder / VARIABLES, f"no variables: {first_line(error)}") from None
    if translates:
        return translator.read_translator(folder, config, variables, about)
    if about.get("task") == "detection":
        return detector.read_detector(folder / ABOUT, about, variables)
    if about.get("task") == "segmentation":
        return pixel_classifier.read_pixel_classifier(folder / ABOUT, about, variables)
    return Plain(make_model(config, classes=about["classes"], branches=1), variables, about)


def _read(workdir: epath.Path, config: ConfigDict, stage: str | None) -> Restored:
    """A checkpoint, all branches; of damaged ones the next older is taken."""
    if not (workdir / "checkpoints").exists():
        raise ConfigError(f"{workdir} has no checkpoint yet: train it first")
    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    names, keep = tree.branch_names(config), config.save.keep
    checkpoints = Checkpoints(workdir / "checkpoints", keep=keep, branches=names, config=config, create=False)
    with contextlib.closing(checkpoints):
        for step in checkpoints.steps():
            try:
                if stage is not None and not _ends(checkpoints.meta(step), stage):
                    continue
                like = inheritance.like(checkpoints.shapes(step), config)
                return checkpoints.read(step, like, sharding)
            except ConfigError:
                raise
            except Exception as error:
                log.warning("checkpoint %d is damaged (%s)", step, str(error).partition("\n")[0])
    raise ConfigError(f"{workdir} has no checkpoint{f' of the end of stage {stage!r}' if stage else ''} to read")


def _classes(known: Mapping[str, Any], recorded: Mapping[str, Any] | None, variables: Variables) -> int:
    if known:
        return len(known["class_names"])
    if recorded and recorded.get("classes"):
        return len(recorded["classes"])
    if "head" not in variables["params"]:  # a network of the user's own, whose data have no classes
        return 0
    return int(variables["params"]["head"]["kernel"].shape[-1])  # of older runs, whose networks are built in


def _layout(
    config: ConfigDict, known: Mapping[str, Any], recorded: Mapping[str, Any] | None, classes: int
) -> Layout | None:
    """The leaves with a K axis, of a network of the user's own; None: as the rule for built-in networks says."""
    if config.task == "detection":
        return detector.task_of(config, known["class_names"], known["image_size"]).layout
    if config.task == "segmentation":
        return pixel_classifier.task_of(config, known["class_names"], known["image_size"]).layout
    if not is_import_path(config.model.name):
        return None
    model = make_model(config, classes=classes, branches=len(tree.branch_names(config)))
    size = eval_view.size(config.eval.augment, name=config.data.name, image_size=(recorded or {})["image_size"])
    return passes.layout(model, size)


def _trained_on(config: ConfigDict, branch: str, stage: str) -> str | None:
    """The pipeline of the view that trained a branch last, up to the end of `stage`; None if none did."""
    done = config.stages[: config.stages.index(stage) + 1]
    own = [tree.stage_config(config, name) for name in reversed(done)]
    return next((each.views[branch].augment for each in own if branch in each.branches), None)


def _ends(meta: Mapping[str, Any], stage: str) -> bool:
    return bool(meta.get("stage") == stage and meta.get("stage_done"))


@commands.command("python -m sbn.export")
def main(argv: Sequence[str]) -> None:
    """Exports, and says what."""
    parser = arguments.Parser(
        "python -m sbn.export",
        description="Writes one branch of a run as a plain network, which `sbn.export.load` reads.",
        examples=(
            "--workdir=runs/weak_augment/seed0 --branch=main --out=net",
            "--workdir=runs/weak_augment/seed0 --out=net --also=safetensors,stablehlo",
        ),
    )
    parser.add_argument(
        "--workdir", type=arguments.path, required=True, metavar="DIR", help="work directory of the run"
    )
    parser.add_argument("--branch", metavar="NAME", help="branch to export (default: the first)")
    parser.add_argument(
        "--stage",
        metavar="NAME",
        help="export the checkpoint at the end of this stage (default: the newest checkpoint)",
    )
    parser.add_argument(
        "--out",
        type=arguments.path,
        required=True,
        metavar="FOLDER",
        help="folder to write variables.msgpack and model.json to (for translation also vocabulary.npz)",
    )
    parser.add_argument(
        "--weights", choices=WEIGHTS, default=PLAIN, help="weights as trained, or their moving average (optim.ema)"
    )
    parser.add_argument(
        "--also", default="", metavar="NAME,NAME", help=f"other formats to write: {', '.join(portable.FILES)}"
    )
    options = parser.parse_args(argv)
    arguments.check_folder(options.out)
    prepare()
    about = export(
        options.workdir,
        out=options.out,
        branch=options.branch,
        stage=options.stage,
        weights=options.weights,
        also=[name for name in options.also.split(",") if name],
    )
    print(f"{options.out}: branch {about['branch']} of step {about['run']['step']}, {about['parameters']} parameters")


if __name__ == "__main__":
    commands.start(main)
