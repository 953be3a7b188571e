"""`python -m tests`: everything that CI checks. Arguments go to pytest."""

import os
import subprocess
import sys

from sbn.config.environment import environment

CHECKS = (
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["lint-imports"],
)


def main() -> int:
    """Runs the checks and the tests on two processes; returns the first exit code that is not 0."""
    here = os.path.dirname(sys.executable)
    for check in CHECKS:
        code = subprocess.run([os.path.join(here, check[0]), *check[1:]], check=False).returncode
        if code:
            return code
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", *sys.argv[1:]],
        env=environment(),
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
