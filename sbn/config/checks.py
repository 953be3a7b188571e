"""Combinations of keys that can't be run, found before anything is compiled or written."""

from ml_collections import ConfigDict

from sbn.config import durations, model_keys, tree
from sbn.config.arguments import check_place
from sbn.config.data_keys import check_data, of_view
from sbn.config.errors import ConfigError, unknown
from sbn.config.evaluation import COMPARE_VIEWS
from sbn.config.imported import is_import_path
from sbn.config.key import Key
from sbn.config.model_keys import MODEL_KEYS, MODELS
from sbn.config.schema import KEYS
from sbn.config.training_keys import SCHEDULES
from sbn.config.translation_keys import check_translation


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
    _check_task(config)
    places = [("data.dir", config.data.dir), ("data.archive", config.data.archive), ("init.from", config.init["from"])]
    for view in config.views:
        places += [
            (f"views.{view}.data.{key}", config.views[view].get("data", {}).get(key)) for key in ("dir", "archive")
        ]
    for name, place in places:
        if place is not None:
            check_place(place, key=name)
    check_data(config.data)
    for view in config.views:
        _check_view_data(config, view)
    _check_model(config)
    _check_norm(config)
    _check_compared(config)
    check_translation(config)
    for stage in config.stages:
        own = tree.stage_config(config, stage)
        _check_model(own)
        _check_batch(own)
        _below_one(own, ("model.dropout",))
    for weight in config.eval.mix:
        if weight > 1:
            raise ConfigError(f"eval.mix = {config.eval.mix} holds {weight:g}: lambdas must be between 0 and 1")
    _below_one(config, ("model.dropout", "norm.momentum"))
    if config.optim.ema is not None:
        _below_one(config, ("optim.ema",))
        if taken := next((view for view in config.views if f"_{view}".endswith("_ema")), None):
            raise ConfigError(
                f"views.{taken}: with optim.ema, names such as test_ema/... are of averaged weights: give the view "
                "another name"
            )
    _distinct("init.only", config.init.only)
    _distinct("eval.mix", config.eval.mix)
    _distinct("eval.evals", config.eval.evals)
    _distinct("eval.low_pass.widths", config.eval.low_pass.widths)
    _distinct("eval.high_pass.widths", config.eval.high_pass.widths)
    _distinct("eval.sizes.sizes", config.eval.sizes.sizes)
    return config


def _check_batch(stage: ConfigDict) -> None:
    group, parts, size = stage.norm.group_size, stage.optim.accumulate, stage.batch_size
    if size % parts and stage.batch_tokens is None:
        dividers = [part for part in range(1, size + 1) if size % part == 0]
        near = sorted(sorted(dividers, key=lambda part: abs(part - parts))[:2])
        raise ConfigError(
            f"optim.accumulate = {parts} does not divide batch_size = {size} into equal parts: "
            f"{' and '.join(map(str, near))} do"
        )
    if group is not None and size // parts % group:
        what = f"batch_size = {size}" if parts == 1 else f"batch_size / optim.accumulate = {size // parts}"
        raise ConfigError(f"norm.group_size = {group} does not divide {what}")


def _below_one(config: ConfigDict, names: tuple[str, ...]) -> None:
    for name in names:
        parent, leaf = name.split(".")
        if config[parent][leaf] >= 1:
            raise ConfigError(f"{name} = {config[parent][leaf]:g} must be less than 1")


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
    if schedule.args and schedule.kind in SCHEDULES and schedule.kind != "poly":
        raise ConfigError(
            f"schedule.args.{next(iter(schedule.args))} has no effect with schedule.kind = {schedule.kind!r}"
        )
    if stage.optim.args and stage.optim.name == "sgd":
        raise ConfigError(
            f"optim.args.{next(iter(stage.optim.args))} has no effect with optim.name = 'sgd': its keys are "
            "optim.momentum and optim.nesterov"
        )
    if stage.optim.name != "sgd":
        for key, default in (("momentum", 0.9), ("nesterov", True)):
            if stage.optim[key] != default:
                raise ConfigError(
                    f"optim.{key} = {stage.optim[key]} has no effect with optim.name = {stage.optim.name!r}: "
                    f"its own arguments are optim.args.KEY; leave optim.{key} at {default}"
                )
    _check_lengths(stage)
    _below_one(stage, ("optim.momentum", "loss.label_smoothing"))
    if stage.optim.clip_norm == 0:
        raise ConfigError("optim.clip_norm = 0 makes every update 0: write None for no clipping")
    if durations.parse(stage.duration).amount <= 0:
        raise ConfigError(
            f"duration = {stage.duration!r} of stage {name!r} is not a training time: give a positive duration"
        )


def _check_lengths(stage: ConfigDict) -> None:
    """Refuses a schedule longer than its stage, where both are told in one unit: others are known with the data."""
    schedule, end, warmup = stage.schedule, durations.parse(stage.duration), durations.parse(stage.schedule.warmup)
    if schedule.span != "stage":
        return
    if warmup.unit == end.unit and warmup.amount > end.amount:
        raise ConfigError(f"schedule.warmup = {schedule.warmup!r} is longer than the training, {stage.duration}")
    boundaries = map(durations.parse, schedule.boundaries)
    amounts = [boundary.amount for boundary in boundaries if boundary.unit == end.unit]
    if amounts != sorted(set(amounts)) or any(amount >= end.amount for amount in amounts):
        raise ConfigError(
            f"schedule.boundaries = {schedule.boundaries} must increase and be less than duration = {stage.duration!r}"
        )


def _check_draws(stage: ConfigDict, view: str) -> None:
    source = stage.views[view].draws
    if source is None:
        return
    if source not in stage.branches:
        raise unknown(f"view in views.{view}.draws", source, [name for name in stage.branches if name != view])
    if source == view or stage.views[source].draws is not None:
        raise ConfigError(f"views.{view}.draws = {source!r}: name a view that has its own draws (no views.*.draws)")


def _check_view_data(config: ConfigDict, view: str) -> None:
    """Refuses data keys of a view that can't stand together, and what views of the same examples alone can do."""
    if not config.views[view].get("data"):
        return
    try:
        check_data(of_view(config, view))
    except ConfigError as error:
        raise ConfigError(f"views.{view}.data: {error}") from None
    for stage in config.stages:
        own = tree.stage_config(config, stage)
        if own.loss.consistency and view in own.branches:
            raise ConfigError(
                f"loss.consistency = {own.loss.consistency:g} compares views of the same examples, and {view!r} has "
                "data of its own"
            )
        if own.views[view].draws is not None:
            raise ConfigError(f"views.{view}.draws = {own.views[view].draws!r}: {view!r} has data of its own")


def _check_task(config: ConfigDict) -> None:
    """Refuses the keys that the task does not read, where it is a built-in one: others may read any."""
    if is_import_path(config.task):
        return
    flat = tree.flatten(config)
    for name, value in flat.items():
        key = tree.key_of(name)
        if key.tasks and config.task not in key.tasks and value != key.default:
            raise ConfigError(
                f"{name} = {value!r} has no effect with task = {config.task!r}: only {', '.join(key.tasks)} "
                f"read{'s' * (len(key.tasks) == 1)} it; set it to {key.default!r}"
            )


def _inner(key: Key) -> str:
    return key.name.removeprefix("model.")


def _is_unread(key: Key, model: ConfigDict) -> bool:
    """Whether a key of networks has a value that this one does not read."""
    if key.name == "model.name":
        return False
    return model.name not in (key.models or MODELS) and model[_inner(key)] != key.default


def _check_model(config: ConfigDict) -> None:
    model = config.model
    imported = is_import_path(model.name)
    if model.args and not imported:
        raise ConfigError(
            f"model.args.{next(iter(model.args))} has no effect with model.name = {model.name!r}: only networks of "
            "your own, package.module:Class, read model.args"
        )
    unread = [key for key in MODEL_KEYS if not key.free and _is_unread(key, model)]
    if unread:
        key, readers = unread[0], unread[0].models or MODELS
        own = " (a network of your own takes model.args.KEY)" * imported
        mend = " and ".join(f"{each.name} to {each.default!r}" for each in unread)
        raise ConfigError(
            f"{key.name} = {model[_inner(key)]!r} has no effect with model.name = {model.name!r}: only "
            f"{', '.join(readers)} read{'s' * (len(readers) == 1)} it{own}; set {mend}"
        )
    if len(model.drop_path) != 2:
        raise ConfigError(
            f"model.drop_path = {model.drop_path} must be two rates: at the start and at the end of a stage"
        )
    if config.loss.auxiliary and not imported and model.name not in model_keys.WITH_AUXILIARY_HEADS:
        raise ConfigError(
            f"loss.auxiliary = {config.loss.auxiliary:g} has no effect with model.name = {model.name!r}: only "
            f"{', '.join(model_keys.WITH_AUXILIARY_HEADS)}, and networks of your own, have auxiliary heads"
        )
    if model.depth is not None:
        try:
            model_keys.check_depth(model.name, model.depth)
        except ValueError as error:
            raise ConfigError(f"model.name = {model.name!r}: {error}") from None
    if model.zero_last_scale and config.norm.kind == "none":
        raise ConfigError("model.zero_last_scale = True has no effect with norm.kind = 'none', which has no scales")


def _check_compared(config: ConfigDict) -> None:
    """Refuses evaluators that compare views or branches where there is one."""
    for name in config.eval.evals:
        if name in COMPARE_VIEWS:
            views = tree.stage_config(config, config.stages[-1]).branches
            if len(views) == 1:
                raise ConfigError(f"eval.evals: {name!r} compares views, and the last stage has one, {views[0]!r}")
        if name == "mix":
            branches = tree.branch_names(config)
            if len(branches) == 1:
                raise ConfigError(f"eval.evals: 'mix' needs two branches, and this model has one, {branches[0]!r}")


def _check_norm(config: ConfigDict) -> None:
    norm = config.norm
    if is_import_path(config.model.name):
        for key in KEYS:
            own = key.name.removeprefix("norm.")
            if key.name.startswith("norm.") and own not in ("kind", "sequential") and norm[own] != key.default:
                raise ConfigError(
                    f"{key.name} = {norm[own]!r} has no effect with model.name = {config.model.name!r}: a network of "
                    "your own sets its own normalisation"
                )
    if norm.groups != 32 and norm.layer != "group":
        raise ConfigError(f"norm.groups = {norm.groups} has no effect with norm.layer = {norm.layer!r}")
    if norm.layer == "batch":
        return
    if norm.kind in ("split_stats", "none"):
        what = "where no layer is" if norm.kind == "none" else "which keeps no statistics: 'split' or 'shared'"
        raise ConfigError(f"norm.layer = {norm.layer!r} has no effect with norm.kind = {norm.kind!r}, {what}")
    for name, default in (("group_size", None), ("momentum", 0.9), ("unbiased", True)):
        if norm[name] != default:
            raise ConfigError(
                f"norm.{name} = {norm[name]} has no effect with norm.layer = {norm.layer!r}: it keeps no statistics"
            )


def _distinct(name: str, values: tuple[object, ...]) -> None:
    if len(set(values)) != len(values):
        raise ConfigError(f"{name} = {values} contains a duplicate")
