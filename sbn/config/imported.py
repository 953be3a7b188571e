"""Things of the user's own, named `package.module:Name` in a config: imported, checked, and recorded with the run."""

import contextlib
import dataclasses
import hashlib
import importlib
import inspect
import os
import pathlib
import re
import sys
import sysconfig
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sbn.config.errors import ConfigError, unknown

_PATTERN = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")
_STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"]
_PACKAGE = pathlib.Path(__file__).parents[1]
_loaded: dict[str, pathlib.Path | None] = {}


def is_import_path(name: str) -> bool:
    """Returns whether a name means something outside the package: 'package.module:Name'."""
    return _PATTERN.fullmatch(name) is not None


@contextlib.contextmanager
def keeping_folder() -> Iterator[None]:
    """Goes back to the current folder, from which a run's paths are, where code of the user's own went to another."""
    try:
        before = os.getcwd()
    except OSError:  # it was deleted
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(before)


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
        with keeping_folder():
            module = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ConfigError(f"{key} = {name!r} can't be imported: {reason(error)}") from None
    if getattr(module, "__file__", None) is None and hasattr(module, "__path__"):  # any folder can be imported
        raise ConfigError(
            f"{key} = {name!r} can't be imported: there is no {module_name.replace('.', '/')}.py, only a folder of "
            "that name without Python code"
        )
    thing: Any = module
    for part in attribute.split("."):
        if not hasattr(thing, part):
            inside = getattr(thing, "__dict__", {})
            choices = [other for other, value in inside.items() if _is_own(other, value, module_name)]
            raise unknown(f"name in {key} = {name!r}:", part, choices)
        thing = getattr(thing, part)
    file = getattr(module, "__file__", None)
    _loaded[name] = pathlib.Path(file) if file else None
    return thing


def _is_own(name: str, value: Any, module_name: str) -> bool:
    """Whether a module offers this itself: no private name, no module, nothing that is from another package."""
    home = getattr(value, "__module__", None) or ""
    return not name.startswith("_") and home.partition(".")[0] == module_name.partition(".")[0]


@dataclasses.dataclass(frozen=True)
class Takes:
    """What a function or class can be called with.

    Attributes:
        names: of its arguments.
        needed: those of them without a default.
        more: whether it takes others too (**kwargs), or does not say what it takes.
    """

    names: tuple[str, ...]
    needed: tuple[str, ...]
    more: bool

    def takes(self, name: str) -> bool:
        """Whether it may be called with the keyword `name`."""
        return self.more or name in self.names


def takes(thing: Callable[..., Any]) -> Takes:
    """Returns what `thing` can be called with."""
    try:
        found = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return Takes((), (), more=True)
    named = [one for one in found if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    return Takes(
        tuple(one.name for one in named),
        tuple(one.name for one in named if one.default is one.empty),
        more=any(one.kind is one.VAR_KEYWORD for one in found),
    )


@contextlib.contextmanager
def _failing_in_one_line(called: Callable[[], str]) -> Iterator[None]:
    """Runs code of the user's own: whatever it raises is told as a failure of what was `called`."""
    try:
        with keeping_folder():
            yield
    except (ConfigError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ConfigError(f"{called()} fails: {reason(error)}") from None


def call(
    thing: Callable[..., Any],
    args: Mapping[str, Any],
    *,
    key: str,
    name: str,
    offered: Mapping[str, Any] = types.MappingProxyType({}),
) -> Any:
    """Returns thing(**args), with those of `offered` that it has by name and that `args` do not give.

    Args:
        thing: function or class.
        args: as the user gives them, config keys of their own.
        key: where they stand, as 'optim.args', for messages.
        name: what the user calls `thing`, for messages.
        offered: what the program knows itself.

    Raises:
        ConfigError: one line, for an argument that is not taken (with the nearest), one that is missing, and whatever
            the call raises.
    """
    if not callable(thing):
        raise ConfigError(f"{name!r} can't be called: it is a {type(thing).__name__}")
    can = takes(thing)
    for argument in args:
        if not can.takes(argument):
            choices = [other for other in can.names if other not in offered]
            raise unknown(f"argument of {name} ({key}.ARGUMENT)", argument, choices)
    given = {**{argument: value for argument, value in offered.items() if argument in can.names}, **args}
    for argument in can.needed:
        if argument not in given:
            raise ConfigError(f"{name!r} needs its argument {argument!r}: give {key}.{argument}")

    def called() -> str:
        return f"{name}({', '.join(f'{argument}={value!r}' for argument, value in args.items())})"

    with _failing_in_one_line(called):
        return thing(**given)


def make(name: str, given: Mapping[str, Any], *, key: str, parts: Sequence[str] = (), kind: str) -> Any:
    """Returns what 'package.module:Name' makes of what it is called with: a metric, an evaluator, a task.

    Args:
        name: of what makes it, as the user writes it.
        given: what it is called with, in this order; the names are for messages: users have their own.
        key: the config key that names it.
        parts: the methods and attributes that what it makes needs.
        kind: the protocol of what it makes, for messages.

    Raises:
        ConfigError: one line, if it can't be imported or called so, or makes something else, and for whatever the call
            raises.
    """
    maker = load(name, key=key)
    if not callable(maker):
        raise ConfigError(f"{key}: {name!r} can't be called: it is a {type(maker).__name__}")
    with _failing_in_one_line(lambda: f"{key}: {name}({', '.join(given)})"):
        made = maker(*given.values())
        lacking = [part for part in parts if not hasattr(made, part)]
    if isinstance(made, type):
        raise ConfigError(f"{key}: {name!r} makes the class {made.__name__}, not one of its objects ({kind})")
    if lacking:
        raise ConfigError(f"{key}: {name!r} makes a {type(made).__name__}, which lacks {', '.join(lacking)} ({kind})")
    return made


def record(name: str, file: pathlib.Path) -> None:
    """Makes `loaded` tell of a file of the user's own that was read in another way, too."""
    _loaded[name] = file


def loaded(texts: Iterable[str] | None = None) -> dict[str, dict[str, str | None]]:
    """Returns {name: {'file', 'sha256'}} of what `load` gave this process, to record with a run.

    Args:
        texts: what a run's config says, which a name must stand in: a process may make several runs. None: everything.
    """
    said = None if texts is None else "\n".join(texts)
    return {
        name: {"file": str(file) if file else None, "sha256": _hash(file) if file else None}
        for name, file in _loaded.items()
        if said is None or name in said
    }


def _hash(file: pathlib.Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def blamed(error: BaseException) -> str | None:
    """Returns what to say of an error that was raised in a file that `load` gave this process, or below it; else None.

    What is the user's own is called in many places and at any time: in the middle of a step, of an evaluation, of a log
    line. An error that it raises is no fault of this program.
    """
    files = {os.path.abspath(file) for file in _loaded.values() if file}
    frames = traceback.extract_tb(error.__traceback__)
    return reason(error) if any(os.path.abspath(frame.filename) in files for frame in frames) else None


def reason(error: BaseException) -> str:
    """One line: what went wrong, and where in the user's own file."""
    if isinstance(error, SystemExit):
        return "it ends the program (sys.exit)"
    words = " ".join(f"{type(error).__name__}: {error}".split("\n", 1)[0].split())
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    if frames:
        return f"{words} ({frames[-1].filename}, line {frames[-1].lineno})"
    if isinstance(error, ModuleNotFoundError):
        return f"{words} (looked in the current folder and in {len(sys.path)} places of sys.path)"
    return words


def _is_users(file: str) -> bool:
    """Whether a file of a traceback is the user's: not of a library, nor of this package."""
    library = "site-packages" in file or "importlib" in file or file.startswith((_STANDARD_LIBRARY, "<"))
    return not library and _PACKAGE not in pathlib.Path(file).parents
