"""The packages beside this one, `experiments` and `launch`: where they lie, and how commands are called.

In a checkout they are folders next to `sbn`. An installed wheel has them inside of it (setup.py), so that it claims no
name but its own; the `sbn` command puts that folder on the import path.
"""

import pathlib
import re
import sys
from typing import Final

_PACKAGE: Final = pathlib.Path(__file__).parents[1]
BUNDLED: Final = (_PACKAGE / "bundled").is_dir()  # whether this is an installed wheel

# The folder that holds `experiments` and `launch`
FOLDER: Final = _PACKAGE / "bundled" if BUNDLED else _PACKAGE.parent

_called = False  # whether the command `sbn` began this process


def make_importable() -> None:
    """Lets this process import `experiments` and `launch`, also from an installed wheel.

    An installed wheel's come first, or another package called `experiments` would be taken for the papers' rows; of a
    checkout, which holds more than these two, they come last.
    """
    if str(FOLDER) not in sys.path:
        sys.path.insert(0 if BUNDLED else len(sys.path), str(FOLDER))


def set_called() -> None:
    """Records that this process was begun by the command `sbn`, in whose words commands are printed from then on."""
    global _called
    _called = True


def shown(command: str) -> str:
    """Returns a command line as the user writes such: 'python -m sbn.train ...', or 'sbn train ...'."""
    python, _, rest = command.partition(" -m ")
    module, _, words = rest.partition(" ")
    if (
        not (_called or BUNDLED) or python != "python" or module == "sbn.accelerators.environment"
    ):  # that one is no command of sbn
        return command
    return f"sbn {module.rsplit('.')[-1]} {words}".strip()


def shown_text(text: str) -> str:
    """Returns a text in which every command is written as by `shown`."""
    return re.sub(r"python -m [\w.]*\w", lambda found: shown(found[0]), text)
