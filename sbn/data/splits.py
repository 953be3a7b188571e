"""Parts of splits in TFDS's own words and by its rules: 'train', 'train[:33%]', 'train[45000:]', 'train[:9]+test'."""

import re
import sys
from collections.abc import Mapping, Sequence

import numpy as np

from sbn.config.errors import ConfigError, unknown

_NUMBER = r"-?[0-9]{1,18}(?:\.[0-9]{0,18})?"
_BOUNDS = rf"(?:(?P<start>{_NUMBER})(?P<start_unit>%)?)?:(?:(?P<stop>{_NUMBER})(?P<stop_unit>%)?)?"
_PART = re.compile(rf"\s*(?P<split>[\w./-]+)(?:\[{_BOUNDS}\])?\s*")


def parts(text: str, *, key: str) -> list[tuple[str, str, str, bool]]:
    """Returns (split, start, stop, whether these are in per cent) of every part of a sum; '' for no bound.

    Raises:
        ConfigError: if it is not written as TFDS wants it.
    """
    found = []
    for part in text.split("+"):
        match = _PART.fullmatch(part)
        units = {match[f"{bound}_unit"] for bound in ("start", "stop") if match[bound]} if match else set()
        bounds = [match[bound] or "" for bound in ("start", "stop")] if match else []
        whole = "%" in units or not any("." in bound for bound in bounds)
        if match is None or len(units) > 1 or not whole or ("[" in part and not any(bounds)):
            raise ConfigError(
                f"{key} = {text!r}: {part.strip()!r} is not a split: write 'train', 'train[:45000]', 'train[-5000:]' "
                "or 'train[:33%]'"
            )
        if "%" in units and any(abs(float(bound)) > 100 for bound in bounds if bound):
            raise ConfigError(f"{key} = {text!r}: {part.strip()!r} reaches past 100 %")
        found.append((match["split"], bounds[0], bounds[1], "%" in units))
    return found


def names(text: str, *, key: str) -> list[str]:
    """Returns the splits that a sum of parts takes from, each once."""
    return list(dict.fromkeys(split for split, *_ in parts(text, key=key)))


def ids(text: str, lengths: Mapping[str, int], *, key: str, of: str) -> list[tuple[str, slice]]:
    """Returns which examples are meant: (split, slice) of every part of the sum.

    Args:
        text: 'train', 'train[:45000]', 'train[:33%]+test', ...
        lengths: examples by split; only those of splits in `text` are read.
        key: the config key that it stands under, for messages.
        of: the data set, for messages.

    Raises:
        ConfigError: if there is no such split, a bound lies past its end, or parts of the test split overlap.
    """
    found: list[tuple[str, slice]] = []
    for split, *bounds, percent in parts(text, key=key):
        if split not in lengths:
            raise unknown(f"split of {of} ({key})", split, lengths)
        count = lengths[split]
        start, stop = (
            default if not bound else round(float(bound) * count / 100) if percent else int(bound)
            for bound, default in zip(bounds, (0, count), strict=True)
        )
        if max(abs(start), abs(stop)) > count:
            raise ConfigError(f"{key} = {text!r} reaches past the {count} examples of {split!r}")
        start, stop = (bound + count if bound < 0 else bound for bound in (start, stop))
        found.append((split, slice(start, max(start, stop))))
    check_once(_taken_twice(found), text, key=key)
    return found


def check_once(twice: int, text: str, *, key: str) -> None:
    """Says so of a training split, of which `twice` examples are in more than one part; a test split is refused.

    Raises:
        ConfigError: for a test split.
    """
    if not twice:
        return
    said = f"{key} = {text!r}: {twice} examples are in more than one part"
    if key.endswith("test_split"):
        raise ConfigError(f"{said}, and would count more than once: name each once")
    print(f"{said}: every epoch trains on them more than once", file=sys.stderr)


def _taken_twice(parts: Sequence[tuple[str, slice]]) -> int:
    """Returns how many examples more the parts hold than there are different ones."""
    more, reached = 0, dict[str, int]()
    for split, start, stop in sorted((split, where.start, where.stop) for split, where in parts):
        end = reached.get(split, 0)
        more += max(0, min(stop, end) - start)
        reached[split] = max(end, stop)
    return more


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Returns arrays one after the other; one alone as it is, without a copy."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
