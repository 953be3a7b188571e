"""Arrays of evaluators, whole or damaged."""

import io
import warnings
import zipfile

import numpy as np
import pytest

from sbn.runs.arrays import pack, read_arrays, read_png, write_arrays
from sbn.runs.content import Damaged

ARRAYS = {"test/main/curve": np.arange(300.0), "names": np.array(["a", "b"])}


def test_arrays_come_back_as_they_were(tmp_path):
    write_arrays(tmp_path / "7.npz", ARRAYS)
    found = read_arrays(tmp_path / "7.npz")
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
    assert read_arrays(tmp_path / "8.npz") is None


def test_arrays_that_were_copied_from_another_run_are_refused(tmp_path, tiny):
    """A figure would show another run's numbers."""
    path, own = tmp_path / "7.npz", tiny({"seed": 1}).to_dict()
    path.write_bytes(pack(ARRAYS, config=own))
    with np.load(path) as anybody:
        np.testing.assert_array_equal(anybody["names"], ARRAYS["names"])
    assert set(read_arrays(path, config=own)) == set(ARRAYS)
    with pytest.raises(Damaged, match=r"7\.npz is damaged \(it is of another run: seed: 1 there, 2 here\)"):
        read_arrays(path, config=tiny({"seed": 2}).to_dict())
    path.write_bytes(pack(ARRAYS))  # as older versions do
    assert set(read_arrays(path, config=own)) == set(ARRAYS)


def zipped(name, content):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as parts:
        parts.writestr(name, content)
    return made.getvalue()


def twice():
    """As when somebody adds an array to a file that has it: which one counts is not said."""
    made = io.BytesIO(pack({"a": np.arange(3)}))
    other = io.BytesIO()
    np.save(other, np.arange(4))
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(made, "a") as parts:
        parts.writestr("a.npy", other.getvalue())
    return made.getvalue()


def pickled():
    made = io.BytesIO()
    np.savez(made, a=np.array([{"x": 1}], dtype=object))
    return made.getvalue()


WHOLE = pack(ARRAYS)
DAMAGED = {
    "empty": b"",
    "text": b"no arrays",
    "cut": WHOLE[: len(WHOLE) // 2],
    "without its end": WHOLE[:-1],
    "a bit": WHOLE[:80] + bytes([WHOLE[80] ^ 4]) + WHOLE[81:],
    "no array inside": zipped("a.npy", b"not an array"),
    "a header that is code": zipped("a.npy", b"\x93NUMPY\x01\x00\x20\x00__import__('os').system('id')   "),
    "a header cut short": zipped("a.npy", b"\x93NUMPY\x01\x00"),
    "a pickle": pickled(),
    "an array twice": twice(),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_arrays_are_one_line_that_names_the_file(tmp_path, damage):
    path = tmp_path / "7.npz"
    path.write_bytes(DAMAGED[damage])
    with pytest.raises(Damaged, match=r"7\.npz is damaged \(") as raised:
        read_arrays(path)
    assert "\n" not in str(raised.value)


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "7.npz"
    for length in range(0, len(WHOLE), 7):
        path.write_bytes(WHOLE[:length])
        with pytest.raises(Damaged):
            read_arrays(path)


def test_a_folder_in_the_place_of_arrays_or_a_figure_is_damage(tmp_path):
    for name, read in (("7.npz", read_arrays), ("7.png", read_png)):
        (tmp_path / name).mkdir()
        with pytest.raises(Damaged, match="it is not a file"):
            read(tmp_path / name)


def test_a_figure_is_a_png_or_damaged(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n...")
    assert read_png(tmp_path / "a.png").endswith(b"...")
    (tmp_path / "a.png").write_bytes(b"<svg>")
    with pytest.raises(Damaged, match="no PNG"):
        read_png(tmp_path / "a.png")
