"""Arrays of any kind as examples: images, labels, masks, boxes and tokens are what they say, or a line says why not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from sbn.config.errors import ConfigError
from sbn.data.examples import InMemory, in_memory
from sbn.data.forms import VOID
from sbn.data.tokens import Ragged
from tests.fuzz.cases import LENGTHS, tried

M, H, W, B, CLASSES = 3, 6, 5, 2, 4
_RNG = np.random.default_rng(0)
SOUND: dict[str, Any] = {
    "image": _RNG.integers(0, 256, (M, H, W, 3), np.uint8),
    "label": np.array([0, 3, 1]),
    "mask": _RNG.integers(0, CLASSES, (M, H, W)),
    "boxes": np.array([[[0, 0, 6, 5], [1.5, 0, 2, 4]]] * M),
    "box_label": np.array([[0, 3]] * M),
    "tokens": [[1, 2], [], [7]],
    "weight": np.array([0.5, 1.0, 2.0]),
}
_NUMBERS = (0, 1, -1, 3, 4, 5, 6, 7, 254, 255, 256, 2**31, 2**62, 0.5, 1e-30, 1e39, 1e300, np.nan, np.inf, -np.inf)
_DTYPES = ("u1", "i1", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "?", "U3", "S3", "M8[s]", "V4", "O")
_SHAPES = (
    *((), (0,), (M,), (M + 1,), (M, 1), (M, B), (M, B + 1), (M, 0), (M, 2, 2), (M, 0, 4), (M, B, 4), (M, B, 5)),
    *((M, H, W), (M, W, H), (M, H, W, 1), (M, H, W, 3), (M, 3, H, W), (M, H, W, 4), (M, 0, W, 3), (0, H, W, 3)),
)
_OTHERS = (
    None,
    3,
    "a",
    [],
    [[]],
    [[1], 2],
    [[1, [2]]],
    {},
    {1: 2},
    [None],
    ["a"],
    [b"\x00"],
    object(),
    [[2**70]],
    [[1.5]],
)


@st.composite
def arrays(draw: Any) -> Any:
    """Draws a sound array with one number another, one of odd shape or type, or what is no array."""
    kind = draw(st.sampled_from(("changed", "changed", "odd", "turned", "cast", "no array")))
    whole = np.asarray(SOUND[draw(st.sampled_from([name for name in SOUND if name != "tokens"]))])
    if kind == "no array":
        return draw(st.sampled_from(_OTHERS))
    if kind == "odd":
        return _filled(np.zeros(draw(st.sampled_from(_SHAPES))), draw(st.sampled_from(_NUMBERS)), draw(_types))
    if kind == "turned":
        return np.flip(whole, draw(st.integers(0, whole.ndim - 1))).copy()
    if kind == "cast":
        return _filled(whole, None, draw(_types))
    changed = whole.astype(draw(st.sampled_from(("i8", "f8", "u1"))))
    place = tuple(draw(st.integers(0, side - 1)) for side in whole.shape)
    with np.errstate(all="ignore"):
        changed[place] = np.asarray(draw(st.sampled_from(_NUMBERS))).astype(changed.dtype)
    return changed


_types = st.sampled_from(_DTYPES)


def _filled(array: np.ndarray, number: float | None, dtype: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        try:
            return (array if number is None else np.full(array.shape, number)).astype(dtype)
        except (ValueError, TypeError, OverflowError):
            return np.zeros(array.shape, dtype)


def check(made: InMemory, given: dict[str, Any]) -> None:
    """Asserts what everything behind the door relies on, and that no number became another one."""
    a = made.arrays
    assert {len(array) for array in a.values()} == {len(made)}
    for name, array in a.items():
        kind = made.features[name].kind
        if isinstance(array, Ragged):
            assert array.flat.dtype == np.int32
            assert not array.flat.size or array.flat.min() > 0
            continue
        whole = np.asarray(given[name]).reshape(array.shape if kind != "image" else (*array.shape[:3], -1))
        whole = np.broadcast_to(whole, array.shape)
        assert np.array_equal(np.asarray(whole, array.dtype), array, equal_nan=kind == "array")
        if kind != "array":
            assert np.allclose(np.asarray(whole, np.float64), array, rtol=1e-6, atol=0)
        classes = len(made.features[name].classes)
        if kind == "label":
            assert not array.size or 0 <= array.min() <= array.max() < classes
        if kind == "mask":
            assert not array.size or array[array != VOID].max(initial=0) < classes
            assert "image" not in a or array.shape[1:] == a["image"].shape[1:3]
        if kind == "image":
            assert array.dtype == np.uint8
            assert array.shape[3] == 3
        if kind == "boxes":
            assert np.isfinite(array).all()
            assert (array[..., :2] <= array[..., 2:]).all()
            assert "box_label" not in a or a["box_label"].shape == array.shape[:2]
            if "image" in a and array.size:
                assert array.min() >= 0
                assert (array.max((0, 1))[2:] <= a["image"].shape[1:3]).all()


@pytest.mark.filterwarnings("error")
@LENGTHS
def test_arrays_become_examples_that_mean_what_they_say_or_are_refused_in_one_line(length):
    check(in_memory(SOUND, name="a", classes=CLASSES), SOUND)

    @tried(
        length,
        short=120,
        long=4000,
        changes=st.dictionaries(st.sampled_from([*SOUND, "other", ""]), arrays(), max_size=2, min_size=1),
        gone=st.sets(st.sampled_from(list(SOUND)), max_size=6),
    )
    def _(changes, gone):
        given = {**{name: array for name, array in SOUND.items() if name not in gone}, **changes}
        made, told = None, ""
        try:
            made = in_memory(given, name="a", classes=CLASSES)
        except ConfigError as error:
            told = str(error)
        if made is not None:
            check(made, given)
        assert "\n" not in told
        assert len(told) < 500
