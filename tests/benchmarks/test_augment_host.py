"""What the bench of host augmentation asks for; nothing here is timed."""

import pytest

from benchmarks import augment_host
from sbn.config.errors import ConfigError

SETTINGS = {"python": "", "layers": "1", "rounds": 1, "seconds": 0.001}


@pytest.mark.parametrize(
    ("side", "batch", "said"), [("32,224", "4", "as many numbers of each"), ("32,244", "4,2", "did you mean '224'")]
)
def test_sides_are_known_and_each_has_its_batch(side, batch, said):
    with pytest.raises(ConfigError, match=said):
        augment_host.bench(side=side, batch=batch, images=batch, **SETTINGS)


def test_every_side_is_measured_with_its_own_batch_and_images(monkeypatch):
    def of_side(side, *, batch, images, layers, **rest):
        assert rest == {"python": "", "rounds": 1, "seconds": 0.001}
        return [side], {f"{side}": (batch, images, layers)}

    monkeypatch.setattr(augment_host, "of_side", of_side)
    found = augment_host.bench(side="32,224", batch="128,16", images="100,20", **{**SETTINGS, "layers": "2,3"})
    assert found == ([32, 224], {"32": (128, 100, [2, 3]), "224": (16, 20, [2, 3])})


def test_bars_are_for_those_that_are_measured():
    names = {"chain", "pillow", "timm", "keras"}
    assert all(bars.keys() <= names for bars in augment_host.BARS.values())
    assert augment_host.BARS[32]["timm"] == 2
    assert augment_host.BARS[224]["chain"] == 1
