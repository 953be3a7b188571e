"""Combinations of keys that can't be run, found before anything is compiled or written."""

import re

from ml_collections import ConfigDict

from sbn.config import depths, durations, tree
from sbn.config.errors import ConfigError, unknown
from sbn.config.imported import is_import_path
from sbn.config.model_keys import MODEL_KEYS


def check(config: ConfigDict) -> ConfigDict:
    """Returns `config` with every key checked, alone and together with the others.

    Raises:
        ConfigError: one line, with what is wrong.
    """
    config = tree.checked(config)
    if not config.stages:
        raise ConfigError("stages = () leaves nothing to train: name at least one stage")
    for name in config.stage:
        if name not in config.stages:
            raise unknown("stage (in stage.NAME)", name, config.stages)
    _distinct("stages", config.stages)
    for stage in config.stages:
        _check_stage(tree.stage_config(config, stage), stage)
    _check_data(config)
    _check_model(config)
    _check_norm(config)
    for stage in config.stages:
        own = tree.stage_config(config, stage)
        _check_model(own)
        _check_batch(own)
        _below_one(own, ("model.dropout",))
    for weight in config.eval.mix:
        if weight > 1:
            raise ConfigError(f"eval.mix = {config.eval.mix} holds {weight:g}: lambdas lie between 0 and 1")
    if config.seed >= 2**31:
        raise ConfigError(f"seed = {config.seed} is too large: seeds lie below 2**31")
    _below_one(config, ("model.dropout", "norm.momentum"))
    _distinct("eval.mix", config.eval.mix)
    _distinct("eval.evals", config.eval.evals)
    _distinct("eval.low_pass.widths", config.eval.low_pass.widths)
    _distinct("eval.high_pass.widths", config.eval.high_pass.widths)
    _distinct("eval.sizes.sizes", config.eval.sizes.sizes)
    return config


def _check_batch(stage: ConfigDict) -> None:
    group, parts, size = stage.norm.group_size, stage.optim.accumulate, stage.batch_size
    if size % parts:
        raise ConfigError(f"optim.accumulate = {parts} does not divide batch_size = {size}")
    if group is not None and size // parts % group:
        what = f"batch_size = {size}" if parts == 1 else f"batch_size / optim.accumulate = {size // parts}"
        raise ConfigError(f"norm.group_size = {group} does not divide {what}")


def _below_one(config: ConfigDict, names: tuple[str, ...]) -> None:
    for name in names:
        parent, leaf = name.split(".")
        if config[parent][leaf] >= 1:
            raise ConfigError(f"{name} = {config[parent][leaf]:g} must lie below 1")


def _check_stage(stage: ConfigDict, name: str) -> None:
    if not stage.branches:
        raise ConfigError(f"branches = () leaves nothing to train on in stage {name!r}: name at least one view")
    _distinct("branches", stage.branches)
    for view in stage.branches:
        if view not in stage.views:
            raise unknown("view in branches", view, stage.views)
        _check_draws(stage, view)
    weights = [stage.views[view].weight for view in stage.branches]
    if any(weight is None for weight in weights) != all(weight is None for weight in weights):
        raise ConfigError(f"views.*.weight: give all of {', '.join(stage.branches)} a weight, or none of them")
    if weights[0] is not None and sum(weights) <= 0:
        raise ConfigError("views.*.weight: the weights add up to 0, nothing would be learned")
    if stage.loss.consistency and len(stage.branches) < 2:
        raise ConfigError(f"loss.consistency = {stage.loss.consistency:g} needs two views to compare, not one")
    schedule = stage.schedule
    if schedule.kind == "step" and not schedule.boundaries:
        raise ConfigError("schedule.kind = 'step' needs schedule.boundaries, such as ('60 epochs', '120 epochs')")
    if schedule.kind != "step" and schedule.boundaries:
        raise ConfigError(
            f"schedule.boundaries = {schedule.boundaries} needs schedule.kind = 'step', not {schedule.kind!r}"
        )
    _check_lengths(stage)
    _below_one(stage, ("optim.momentum", "loss.label_smoothing"))
    if stage.optim.clip_norm == 0:
        raise ConfigError("optim.clip_norm = 0 makes every update 0: None is for no clipping")
    if durations.parse(stage.duration).amount <= 0:
        raise ConfigError(f"duration = {stage.duration!r} of stage {name!r} trains for nothing")


def _check_lengths(stage: ConfigDict) -> None:
    """Refuses a schedule longer than its stage, where both are told in one unit: others are known with the data."""
    schedule, end, warmup = stage.schedule, durations.parse(stage.duration), durations.parse(stage.schedule.warmup)
    if schedule.span != "stage":
        return
    if warmup.unit == end.unit and warmup.amount > end.amount:
        raise ConfigError(
            f"schedule.warmup = {schedule.warmup!r} is longer than there is time: it ends after {stage.duration}"
        )
    boundaries = map(durations.parse, schedule.boundaries)
    amounts = [boundary.amount for boundary in boundaries if boundary.unit == end.unit]
    if amounts != sorted(set(amounts)) or any(amount >= end.amount for amount in amounts):
        raise ConfigError(
            f"schedule.boundaries = {schedule.boundaries} must rise and lie before the end, after {stage.duration}"
        )


def _check_draws(stage: ConfigDict, view: str) -> None:
    source = stage.views[view].draws
    if source is None:
        return
    if source not in stage.branches:
        raise unknown(f"view in views.{view}.draws", source, [name for name in stage.branches if name != view])
    if source == view or stage.views[source].draws is not None:
        raise ConfigError(f"views.{view}.draws = {source!r}: share the draws of a view that makes its own")


_ENCODED = ("imagenet2012", "imagenette")
_TFDS = re.compile(r"[A-Za-z]\w*(/[\w.+-]+)?(:\d+\.\d+\.\d+)?")


def _check_data(config: ConfigDict) -> None:
    data, name = config.data, config.data.name
    kind = _data_kind(name)
    if kind is None:
        raise ConfigError(
            f"data.name = {name!r} is no data set: write 'shapes', a name of TFDS ('svhn_cropped', 'food101:2.0.0'), "
            "folder:PATH, PATH.npz, or package.module:function"
        )
    if name in _ENCODED:
        if data.archive is not None:
            raise ConfigError(f"data.archive = {data.archive!r} means nothing for {name!r}: its images stay files")
        if data.path == "device":
            raise ConfigError(f"data.path = 'device' holds a whole data set; {name!r} is too large: it needs 'host'")
    if data.archive is not None and data.dir is not None:
        raise ConfigError(f"data.archive = {data.archive!r} and data.dir = {data.dir!r}: give one of them")
    for key, (default, kinds, why) in _READERS.items():
        if kind not in kinds and data[key] != default:
            raise ConfigError(f"data.{key} = {data[key]!r} means nothing for data.name = {name!r}: {why}")
    if data.args and kind != "imported":
        raise ConfigError(
            f"data.args.{next(iter(data.args))} means nothing for data.name = {name!r}: only data sets of your own, "
            "package.module:function, read data.args"
        )
    if not 0 < data.test_share < 1:
        raise ConfigError(f"data.test_share = {data.test_share:g} must lie between 0 and 1")
    for key in ("mean", "std"):
        values = data[key]
        if values is not None and (len(values) != 3 or max(values) > 1 or (key == "std" and min(values) == 0)):
            raise ConfigError(f"data.{key} = {values} must be three numbers in [0, 1], of red, green and blue")


def _data_kind(name: str) -> str | None:
    """What kind of data set a name stands for; None for none."""
    if name == "shapes":
        return "shapes"
    if name.startswith("folder:"):
        return "folder" if name != "folder:" else None
    if name.endswith(".npz"):
        return "archive"
    if is_import_path(name) and _TFDS.fullmatch(name) is None:
        return "imported"
    return "tfds" if _TFDS.fullmatch(name) else None


# Which kinds of data sets read a key whose value is another than its default
_READERS = {
    "dir": (None, ("tfds",), "only TFDS's data sets and the ImageNets lie in a data_dir"),
    "archive": (None, ("tfds",), "only those data sets have an archive, which others have no need of"),
    "image_feature": ("image", ("tfds",), "only TFDS's data sets have named features"),
    "label_feature": ("label", ("tfds",), "only TFDS's data sets have named features"),
    "train_split": ("train", ("tfds", "folder", "archive", "imported"), "it is rendered, as many as asked for"),
    "test_split": ("test", ("tfds", "folder", "archive", "imported"), "it is rendered, as many as asked for"),
    "test_share": (0.2, ("folder",), "only a folder without a folder train is split so"),
    "image_size": (None, ("shapes", "imported"), "its images are not rendered"),
    "style": ("plain", ("shapes",), "its images are not rendered"),
}


def _check_model(config: ConfigDict) -> None:
    model = config.model
    for key in MODEL_KEYS:
        value = model[key.name.removeprefix("model.")]
        if key.models and model.name not in key.models and value != key.default:
            raise ConfigError(
                f"{key.name} = {value!r} means nothing for model.name = {model.name!r}: only {', '.join(key.models)} "
                f"read{'s' * (len(key.models) == 1)} it"
            )
    if model.depth is not None:
        try:
            depths.check_depth(model.name, model.depth)
        except ValueError as error:
            raise ConfigError(f"model.name = {model.name!r}: {error}") from None
    if model.zero_last_scale and config.norm.kind == "none":
        raise ConfigError("model.zero_last_scale = True means nothing for norm.kind = 'none', where no scale is")


def _check_norm(config: ConfigDict) -> None:
    norm = config.norm
    if norm.groups != 32 and norm.layer != "group":
        raise ConfigError(f"norm.groups = {norm.groups} means nothing for norm.layer = {norm.layer!r}")
    if norm.layer == "batch":
        return
    if norm.kind in ("split_stats", "none"):
        what = "where no layer is" if norm.kind == "none" else "which keeps no statistics: 'split' or 'shared'"
        raise ConfigError(f"norm.layer = {norm.layer!r} means nothing for norm.kind = {norm.kind!r}, {what}")
    for name, default in (("group_size", None), ("momentum", 0.9), ("unbiased", True)):
        if norm[name] != default:
            raise ConfigError(
                f"norm.{name} = {norm[name]} means nothing for norm.layer = {norm.layer!r}: it keeps no statistics"
            )


def _distinct(name: str, values: tuple[object, ...]) -> None:
    if len(set(values)) != len(values):
        raise ConfigError(f"{name} = {values} names one twice")
