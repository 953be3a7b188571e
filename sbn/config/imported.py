"""Things of the user's own, named `package.module:Name` in a config: imported, checked, and recorded with the run."""

import hashlib
import importlib
import pathlib
import re
import sys
import traceback
from typing import Any

from sbn.config.errors import ConfigError, unknown

_PATTERN = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")
_loaded: dict[str, pathlib.Path | None] = {}


def is_import_path(name: str) -> bool:
    """Returns whether a name means something outside the package: 'package.module:Name'."""
    return _PATTERN.fullmatch(name) is not None


def load(name: str, *, key: str) -> Any:
    """Returns what 'package.module:Name' names; modules are looked for where Python does, the current folder included.

    Args:
        name: of the thing.
        key: the config key that names it, for messages.

    Raises:
        ConfigError: one line, if it can't be imported or is not there; it gives the reason.
    """
    match = _PATTERN.fullmatch(name)
    if match is None:
        raise ConfigError(f"{key} = {name!r} is not an import path: write package.module:Name")
    module_name, attribute = match.groups()
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ConfigError(f"{key} = {name!r} can't be imported: {reason(error)}") from None
    except SystemExit:
        raise ConfigError(f"{key} = {name!r} can't be imported: the module ends the program (sys.exit)") from None
    thing: Any = module
    for part in attribute.split("."):
        if not hasattr(thing, part):
            choices = [other for other in vars(thing) if not other.startswith("_")]
            raise unknown(f"name in {key} = {name!r}:", part, choices)
        thing = getattr(thing, part)
    file = getattr(module, "__file__", None)
    _loaded[name] = pathlib.Path(file) if file else None
    return thing


def loaded() -> dict[str, dict[str, str | None]]:
    """Returns {name: {'file', 'sha256'}} of everything that `load` gave this process, to record with a run."""
    return {
        name: {"file": str(file) if file else None, "sha256": _hash(file) if file else None}
        for name, file in _loaded.items()
    }


def _hash(file: pathlib.Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def reason(error: Exception) -> str:
    """Returns one line: what went wrong, and where in the user's own file."""
    words = f"{type(error).__name__}: {error}".splitlines()[0]
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    if isinstance(error, ModuleNotFoundError):
        return f"{words} (looked in the current folder and in {len(sys.path)} places of sys.path)"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    place = frames[-1] if frames and frames[-1].filename != __file__ else None
    return f"{words} ({place.filename}, line {place.lineno})" if place else words
