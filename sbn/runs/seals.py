"""A checksum that a JSON object holds of its own other fields, so that another sound value is noticed, too."""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

SEAL: Final = "own_checksum"


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what JSON makes of an object, with its checksum among its fields.

    It is one of values, not of bytes: other spaces and another order of names change nothing.
    """
    value = json.loads(json.dumps({name: each for name, each in content.items() if name != SEAL}, default=str))
    return {**value, SEAL: _checksum(value)}


def unsealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an object without its checksum; one of an older version, which has none, as it is.

    Raises:
        ValueError: if it is not what was sealed.
    """
    value = {name: each for name, each in content.items() if name != SEAL}
    if SEAL in content and content[SEAL] != _checksum(value):
        raise ValueError(f"it was changed since it was written; if that is meant, remove {SEAL!r} from it")
    return value


def _checksum(value: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())
