"""Whether a bucket answers at all. It is asked first, because reading from it may hang silently for minutes."""

import threading
from typing import Final

from sbn.config.errors import ConfigError
from sbn.runs.content import Path, first_line

PATIENCE: Final = 30.0  # seconds; a bucket that is there answers in one or two


class Unreachable(ConfigError):
    """A bucket that gives no answer: a fault of the machine or its network, as a full disk is."""

    exit_code = 1  # by which the process ends at once, without waiting for who still waits for the answer


def check_answers(path: Path, *, patience: float = PATIENCE) -> None:
    """Asks for something in a bucket, whether it is there or not; of a disk's path nothing is asked.

    Args:
        path: of any file or folder in it.
        patience: seconds after which the question is given up.

    Raises:
        Unreachable: one line, if no answer comes.
        ConfigError: one line, if the answer is a refusal.
    """
    if "://" not in str(path):
        return
    failed: list[Exception] = []
    answered = threading.Event()

    def ask() -> None:
        try:
            path.exists()
        except Exception as error:  # each kind of bucket has its own
            failed.append(error)
        answered.set()

    threading.Thread(target=ask, daemon=True).start()  # it may hang for ever: nobody waits for its end
    if not answered.wait(patience):
        raise Unreachable(
            f"{path} does not answer within {patience:g} seconds: does it exist, and can this machine reach it?"
        )
    if failed:
        raise ConfigError(f"{path} can't be read: {type(failed[0]).__name__}: {first_line(failed[0])[:300]}")
