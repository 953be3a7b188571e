"""Compiled programs that JAX keeps and can't read: a kill cut them short, or a bit turned. They make way for new ones.

JAX compiles such a program anew and says so, but writes no file where there is one: so it would at every start.
"""

import glob
import logging
import re
import warnings
from collections.abc import Callable
from typing import Any, Final

from etils import epath

log = logging.getLogger(__name__)

_UNREADABLE: Final = re.compile(r"Error reading persistent compilation cache entry for '([^']*)'")


def renew_damaged_programs(folder: str) -> None:
    """Deletes a cached program when JAX warns that it can't read it, before JAX compiles it again.

    Files of that name may be of other configs, too; these are compiled once more when they are asked for.

    Args:
        folder: where JAX keeps compiled programs, here or in the cloud.
    """
    warnings.showwarning = _hearing(folder, warnings.showwarning)


def _hearing(folder: str, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    def show(message: Warning | str, *words: Any, **options: Any) -> None:
        found = _UNREADABLE.match(str(message))
        if found is None:
            otherwise(message, *words, **options)
            return
        for path in epath.Path(folder).glob(f"{glob.escape(found[1])}-*"):
            try:
                path.unlink(missing_ok=True)
            except OSError:  # nobody's fault but the folder's, and it is compiled all the same
                otherwise(message, *words, **options)
                return
        log.info("the compiled program %s that was kept is damaged: it is compiled again", found[1])

    return show
