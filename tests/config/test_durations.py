"""Durations mean the same number of steps however they are written."""

import pytest

from sbn.config import durations
from sbn.config.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("200 epochs", 78_000),  # spec of the TF AutoAugment code: 390 steps of 128 from 50,000
        ("1 epoch", 390),
        ("0.5epochs", 195),
        ("78000 steps", 78_000),
        ("1e6 examples", 7_813),  # 1e6 / 128 = 7812.5, and the last half batch is trained on
        ("0 steps", 0),
        ("1e-9 epochs", 1),
        ("1e+3 steps", 1000),
        ("0.001 epochs", 1),
        ("0.1 epochs", 39),  # 0.1 * 390 is 39.000000000000004 in binary
    ],
)
def test_steps(text, steps):
    assert durations.parse(text).steps(steps_per_epoch=390, batch_size=128) == steps


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "epochs",
        "-1 epochs",
        "2 weeks",
        "1.5 steps",
        "0.5 examples",
        "nan epochs",
        "1e400 epochs",
        "1e400 steps",
        "1 epoch 2",
    ],
)
def test_everything_else_is_refused(text):
    with pytest.raises(ConfigError, match="is not a duration"):
        durations.parse(text)
