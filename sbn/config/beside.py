"""The packages beside this one, `experiments` and `launch`: where they lie, and how commands are called.

In a checkout they are folders next to `sbn`. An installed wheel has them inside of it (setup.py), so that it claims no
name but its own; the `sbn` command puts that folder on the import path.
"""

import pathlib
import sys
from typing import Final

_PACKAGE: Final = pathlib.Path(__file__).parents[1]
BUNDLED: Final = (_PACKAGE / "bundled").is_dir()  # whether this is an installed wheel

# The folder that holds `experiments` and `launch`
FOLDER: Final = _PACKAGE / "bundled" if BUNDLED else _PACKAGE.parent

_called = ""  # 'sbn train', where the `sbn` command began this process


def make_importable() -> None:
    """Lets this process import `experiments` and `launch`, also from an installed wheel.

    An installed wheel's come first, or another package called `experiments` would be taken for the papers' rows; of a
    checkout, which holds more than these two, they come last.
    """
    if str(FOLDER) not in sys.path:
        sys.path.insert(0 if BUNDLED else len(sys.path), str(FOLDER))


def set_called(words: str) -> None:
    """Records how this process was called, in the words to be printed: 'sbn train'."""
    global _called
    _called = words


def shown(prog: str) -> str:
    """Returns how the command is called: `prog`, 'python -m sbn.train', or 'sbn train' if it was begun like that.

    What follows the module's name stays: 'python -m sbn.report compare' is 'sbn report compare'.
    """
    words = prog.split()
    return " ".join([_called, *words[3:]]) if _called and words[:2] == ["python", "-m"] else prog
