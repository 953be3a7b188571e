"""Experiments files: where they are, and what executing one gives. Mistakes in a user's file are one line."""

import functools
import hashlib
import importlib.util
import pathlib
import sys
import types

from sbn.config import beside, imported
from sbn.config.errors import ConfigError, unknown

# The package's own
FOLDER = beside.FOLDER / "experiments"


def experiment_files() -> list[pathlib.Path]:
    """Returns the package's own experiments files; `_NAME.py` is a part of one.

    A folder experiments/ in the current directory is not looked at: a file of the user's own counts where it is named.
    """
    if not FOLDER.is_dir():
        raise ConfigError(f"no folder {FOLDER}: name an experiments file")
    return [_shown(path) for path in sorted(FOLDER.glob("*.py")) if not path.stem.startswith("_")]


def experiment_file(name: str) -> pathlib.Path:
    """Returns the file of an experiment of the package that is named, 'split_bn', or of one given by its path.

    A path that leads nowhere from the current directory is looked for beside the package: 'experiments/split_bn.py'.

    Raises:
        ConfigError: if the package has no experiment of that name.
    """
    if not name:
        raise ConfigError("no experiments file is named: write FILE:TABLE/ROW")
    if name.endswith(".py") or "/" in name:
        path = pathlib.Path(name)
        beside = FOLDER.parent / path
        return _shown(beside) if not path.exists() and beside.is_file() and beside.parent == FOLDER else path
    files = {path.stem: path for path in experiment_files()}
    if name not in files:
        near = f" ({name}.py is in the current directory: write {name}.py)" * pathlib.Path(f"{name}.py").is_file()
        error = unknown("experiment", name, files)
        raise ConfigError(f"{error}{near}")
    return files[name]


def execute(path: pathlib.Path) -> types.ModuleType:
    """Returns the module that an experiments file makes; its folder is where it may import from, too.

    Raises:
        ConfigError: one line, if there is no such file, it is not Python, or it fails; it says where.
    """
    if not path.is_file():
        near = [str(p) for p in path.parent.glob("*.py") if not p.stem.startswith("_")] if path.parent.is_dir() else []
        if not near:
            raise ConfigError(f"there is no experiments file {path}")
        raise unknown("experiments file", path, near)
    _check_name(path)
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"sbn_experiment_{path.stem}_{place}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not an experiments file: it is not Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    if _is_packages(path):
        beside.make_importable()
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ConfigError(
            f"{path} is not an experiments file: line {error.lineno} is not Python ({error.msg})"
        ) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ConfigError(f"{path} can't be used: {imported.reason(error)}") from None
    if not _is_packages(path):
        imported.record(f"experiments file {path.name}", path)
    return module


def _check_name(path: pathlib.Path) -> None:
    """Refuses a user's file whose name is that of one of the package's, as a folder of runs is called after it."""
    if _is_packages(path):
        return
    twin = FOLDER / path.name
    if twin.is_file() and twin.read_bytes() != path.read_bytes():
        raise ConfigError(
            f"{path} has the name of the package's own experiments file, and its runs would lie among that one's: "
            "call it something else"
        )


def argument(path: pathlib.Path) -> str:
    """Returns how commands are to name an experiments file: its path, or the name alone of an installed package's."""
    return path.stem if beside.BUNDLED and _is_packages(path) else str(path)


@functools.cache
def _is_packages(path: pathlib.Path) -> bool:
    return path.resolve().parent == FOLDER.resolve()


def _shown(path: pathlib.Path) -> pathlib.Path:
    """A path as the user would write it here: from the current directory, where it lies below that."""
    here = pathlib.Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
