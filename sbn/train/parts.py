"""`init.only`: the parts of a network that a run takes over from another one; the rest stays fresh."""

import fnmatch
from collections.abc import Sequence
from typing import Any

from etils import epath
from flax import traverse_util

from sbn.config.errors import ConfigError, unknown
from sbn.tasks.base import Variables

Path = tuple[str, ...]


def merged(old: Variables, fresh: Variables, patterns: Sequence[str], *, source: epath.Path) -> dict[str, Any]:
    """Returns `fresh` with the leaves of `old` in the parts that `patterns` name.

    Args:
        old: the other run's variables, its branches chosen already; arrays, or their shapes.
        fresh: variables of this run's network.
        patterns: of names of modules, 'stem*', or of their paths, 'stage1/block2'; '*' is any text.
        source: the other run's work directory, for messages.

    Raises:
        ConfigError: if a pattern names no part, or a part that it names is another one there.
    """
    there, here = (traverse_util.flatten_dict(dict(variables)) for variables in (old, fresh))
    for pattern in patterns:
        if not any(names_part(pattern, path[1:]) for path in here):
            raise unknown("part of the network in init.only:", pattern, sorted({path[1] for path in here}))
    taken = [path for path in {**here, **there} if any(names_part(pattern, path[1:]) for pattern in patterns)]
    for path in taken:
        shapes = [str(tuple(flat[path].shape)) if path in flat else "missing" for flat in (there, here)]
        if shapes[0] != shapes[1]:
            raise ConfigError(
                f"init.only = {tuple(patterns)}: {'/'.join(path)} is {shapes[0]} in {source} and {shapes[1]} here"
            )
    return {**dict(fresh), **traverse_util.unflatten_dict({**here, **{path: there[path] for path in taken}})}


def names_part(pattern: str, path: Path) -> bool:
    """Returns whether a pattern matches the parameter at a path, or a module that contains it.

    Args:
        pattern: of a name, 'stem*', or of a path, 'stage1/block2'; '*' is any text.
        path: of a leaf within its collection.
    """
    return any(fnmatch.fnmatchcase("/".join(path[:end]), pattern) for end in range(1, len(path) + 1))
