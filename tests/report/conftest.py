"""What the tests of reports have in common."""

import pytest

from tests.report.work_dirs import EXPERIMENT


@pytest.fixture
def file(tmp_path):
    """An experiments file with the tables of `work_dirs`."""
    path = tmp_path / "experiments" / "mine.py"
    path.parent.mkdir()
    path.write_text(EXPERIMENT)
    return path
