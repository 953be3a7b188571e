"""What the name of a metric says of its values."""

import pytest

from sbn.config.metric_kinds import MetricKind, kind_of


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("test/main/accuracy", MetricKind(True, fraction=True)),
        ("test/aux/per_class_accuracy/cat", MetricKind(True, fraction=True)),
        ("corrupted/main/error/fog_5", MetricKind(False, fraction=True)),
        ("test/main/count_error", MetricKind(False)),
        ("train/loss", MetricKind(False)),
        ("test/main/dice_score", MetricKind(True)),
        ("test/main/error_bars", MetricKind()),
        ("time/eval_secs", MetricKind()),
    ],
)
def test_the_last_word_of_a_metric_says_which_values_are_better(metric, kind):
    assert kind_of(metric) == kind
