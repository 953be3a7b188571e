"""What a pipeline string means, in words: every op with its probability, argument and sign."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from sbn.augment import ops, policy_draws, size_ops, step_ops
from sbn.augment.levels import LEVELS, WIDE, Levels, argument
from sbn.augment.pipeline import format, format_value, parse
from sbn.augment.policies import AUGMIX_9, AUGMIX_13, SIGNED, SUBPOLICIES
from sbn.augment.policy_draws import Entry

Row = tuple[str, str, str, str]
_HEADER: Row = ("op", "probability", "argument", "sign")

_IN_STEP = "in the training step"
_SHOWN = (32, 32)  # the images that translations in proportion to the side are told for


def _sign(name: str, *, has_argument: bool) -> str:
    return "+ or -, 1/2 each" if name in SIGNED else "as is" if has_argument else "no argument"


def _entry_row(
    entry: Entry, *, indent: int, probability: str, levels: Levels = LEVELS, negative: Entry | None = None
) -> Row:
    value, unit = entry.argument, levels[entry.name][1]
    text, sign = "" if value is None else f"{value:.4g} {unit}", _sign(entry.name, has_argument=value is not None)
    if negative not in (None, entry):
        text, sign = f"{value:.4g} or {negative.argument:.4g} {unit}", "1/2 each"
    return (" " * indent + entry.name, probability, text, sign)


def _title(op: ops.Op, probability: str = "1", note: str = "as is") -> Row:
    arguments = ", ".join(f"{f.name}={format_value(getattr(op, f.name))}" for f in dataclasses.fields(op))
    return (op.name, probability, arguments, note)


def _randaugment(op: ops.RandAugment) -> Iterable[Row]:
    yield _title(op, note=f"drawn anew in each of {op.layers} layers")
    table = policy_draws.of_randaugment(op, _SHOWN)
    for entry in table:
        yield _entry_row(entry, indent=2, probability=f"1/{len(table)} a layer")


def _autoaugment(op: ops.AutoAugment) -> Iterable[Row]:
    (table, pairs), readings = policy_draws.of_autoaugment(op, _SHOWN), policy_draws.levels_of(op, _SHOWN)
    yield _title(op, note="one sub-policy an image, signs drawn for each op")
    for number, (pair, names) in enumerate(zip(pairs, SUBPOLICIES[op.policy], strict=True), start=1):
        levels = ", ".join(f"{step.name} {step.level}" for step in names)
        yield (f"  sub-policy {number}", f"1/{len(pairs)}", f"levels: {levels}", "")
        for step in pair:
            entry, negative = (table[number] for number in step.signs)
            share = f"{step.probability:g}"
            yield _entry_row(entry, indent=4, probability=share, levels=readings, negative=negative)


def _trivialaugment(op: ops.TrivialAugment) -> Iterable[Row]:
    table, count = policy_draws.of_trivialaugment(), policy_draws.TRIVIAL_LEVELS
    yield _title(op, note=f"one op at one of {count} levels")
    for number, name in enumerate(policy_draws.TRIVIAL_OPS):
        first, last = table[count * number], table[count * (number + 1) - 1]
        text = "" if first.argument is None else f"{first.argument:.4g} to {last.argument:.4g} {WIDE[name][1]}"
        sign = _sign(name, has_argument=first.argument is not None)
        yield (f"  {name}", f"1/{len(policy_draws.TRIVIAL_OPS)}", text, sign)


def _augmix(op: ops.AugMix) -> Iterable[Row]:
    depth = "1, 2 or 3" if op.depth < 0 else str(op.depth)
    yield _title(op, note=f"{op.width} chains of {depth} ops, bilinear geometry, black fill")
    yield ("  weights", "1", f"of chains: Dirichlet({op.alpha}, ...), of all chains: Beta({op.alpha}, {op.alpha})", "")
    names = AUGMIX_13 if op.all_ops else AUGMIX_9
    for name in names:
        ends = [f"{value:.4g}" for level in (0.1, op.severity) if (value := argument(name, level)) is not None]
        text = f"{' to '.join(ends)} {LEVELS[name][1]}" if ends else ""
        if name in ("TranslateX", "TranslateY"):
            text = f"0 to {op.severity / 30:.4g} of the side, whole pixels"
        yield (f"  {name}", f"1/{len(names)} a step", text, _sign(name, has_argument=bool(ends)))


def _cutout(op: ops.Cutout) -> Iterable[Row]:
    yield _title(op, note=f"a hole of {2 * op.half} x {2 * op.half}, cut off at the border")


def _patch_gaussian(op: ops.PatchGaussian) -> Iterable[Row]:
    yield _title(op, note="side and sigma drawn from 0 up" if op.random_side else "sigma drawn from 0 up")


def _cutmix(op: step_ops.CutMix) -> Iterable[Row]:
    yield _title(op, f"{op.probability:g} a batch", _IN_STEP)


def _step_op(op: ops.Op) -> Iterable[Row]:
    yield _title(op, note=_IN_STEP)


def _random_crop(op: size_ops.RandomCrop) -> Iterable[Row]:
    yield _title(op, note=f"a window of {op.size} x {op.size}, anywhere in the image")


def _random_crop_of(op: size_ops.RandomCropOf) -> Iterable[Row]:
    yield _title(op, f"1/{len(op.sizes)} each", "one size a mini-batch, a window of it anywhere in every image")


def _centre_crop(op: size_ops.CentreCrop) -> Iterable[Row]:
    yield _title(op, note=f"the middle {op.size} x {op.size}")


def _fit(op: size_ops.Fit) -> Iterable[Row]:
    turned = f", images that are higher than wide within {op.width} x {op.height}" if op.turned else ""
    yield _title(
        op, note=f"the whole image within {op.height} x {op.width}{turned}, filled up at the bottom and on the right"
    )


def _random_scale(op: size_ops.RandomScale) -> Iterable[Row]:
    low, high = op.scale
    yield _title(op, note=f"the image {low:g} to {high:g} times as large, uniform; filled up where it is smaller")
    yield ("  place", "1", f"a window of {op.height} x {op.width}, anywhere in it", "")


def _resize(op: size_ops.Resize) -> Iterable[Row]:
    yield _title(op, note=f"the shorter side becomes {op.size}, antialiased bilinear")


def _inception_crop(op: size_ops.InceptionCrop) -> Iterable[Row]:
    yield _title(op, note=f"a window resized to {op.size} x {op.size}, antialiased bilinear")
    low, high = (f"{100 * share:.4g}" for share in op.area)
    yield ("  area", "1", f"{low} to {high} % of the image, uniform", "")
    low, high = (f"{ratio:.4g}" for ratio in op.ratio)
    yield ("  ratio", "1", f"width / height {low} to {high}, log-uniform", "")
    tries = size_ops.INCEPTION_TRIES
    yield ("  place", "1", f"anywhere; where none of {tries} tries fits, the largest window in the middle", "")


def _flip(op: ops.Flip) -> Iterable[Row]:
    yield _title(op, f"{op.probability:g}")


# Ops that have more to say than their arguments.
_ROWS: dict[type[ops.Op], Callable[[Any], Iterable[Row]]] = {
    ops.Flip: _flip,
    ops.Cutout: _cutout,
    ops.PatchGaussian: _patch_gaussian,
    ops.RandAugment: _randaugment,
    ops.AutoAugment: _autoaugment,
    ops.TrivialAugment: _trivialaugment,
    ops.AugMix: _augmix,
    **dict.fromkeys(step_ops.STEP_OPS, _step_op),
    step_ops.CutMix: _cutmix,
    size_ops.RandomCrop: _random_crop,
    size_ops.RandomCropOf: _random_crop_of,
    size_ops.InceptionCrop: _inception_crop,
    size_ops.Resize: _resize,
    size_ops.Fit: _fit,
    size_ops.RandomScale: _random_scale,
    size_ops.CentreCrop: _centre_crop,
}


def table(text: str) -> str:
    """Returns the aligned table of a pipeline string, one line an op, in the order in which they run.

    Raises:
        ValueError: what `parse` raises.
    """
    pipeline = parse(text)
    rows = [_HEADER, *(row for op in pipeline for row in _ROWS.get(type(op), lambda op: [_title(op)])(op))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([format(pipeline), "", *lines])
