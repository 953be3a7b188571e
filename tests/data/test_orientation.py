"""Images that EXIF turns: refused where boxes or masks lie in their pixels, turned or left alone where none do."""

import io
import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from sbn.augment.pipeline import parse
from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.decode import look, open_image
from sbn.data.encoded import Encoded
from sbn.data.image_files import image_files
from tests.data.test_voc import xml

SIZE = (6, 8)
TOLD = r"turned by its EXIF orientation \({}.*exiftran -ai FILE.*exiftool -Orientation= FILE"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def encoded(orientation, kind="JPEG", pixels=None):
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    out = io.BytesIO()
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8) if pixels is None else pixels).save(out, kind, exif=exif)
    return out.getvalue()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)


def voc(folder, image):
    put(folder / "JPEGImages/a.jpg", image)
    put(folder / "Annotations/a.xml", xml({"name": "cat", "x0": 1, "y0": 1, "x1": 4, "y1": 5}))
    put(folder / "ImageSets/Main/train.txt", "a\n")


def coco(folder, image):
    put(folder / "train/a.jpg", image)
    boxes = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 4]}]
    images = [{"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}]
    listed = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    put(folder / "annotations/train.json", json.dumps(listed))


def masks(folder, image, mask=None):
    put(folder / "images/train/a.jpg", image)
    put(folder / "labels/train/a.png", mask or encoded(None, "PNG", np.zeros(SIZE, np.uint8)))
    put(folder / "classes.txt", "ground\n")


def camvid(folder, image):
    put(folder / "train/a.png", image)
    put(folder / "trainannot/a.png", encoded(None, "PNG", np.zeros(SIZE, np.uint8)))
    put(folder / "train.txt", "train/a.png trainannot/a.png\n")


LAYOUTS = {"voc": voc, "coco": coco, "masks": masks, "camvid": camvid}


def read(layout, folder):
    flat = tree.changed(tree.defaults(), {"data.name": f"{layout}:{folder}", "data.train_split": "train"})
    return sources.load(tree.to_config(flat).data, "train", view="fit(6, 8)")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_and_masks_of_an_image_that_is_turned_are_refused_with_what_to_do(layout, tmp_path, capsys):
    for orientation in (None, 0, 1, 9):
        LAYOUTS[layout](tmp_path / f"{orientation}", encoded(orientation))
        assert len(read(layout, tmp_path / f"{orientation}")) == 1
    for orientation in (2, 3, 6):  # two of which leave the size as it is
        LAYOUTS[layout](tmp_path / f"{orientation}", encoded(orientation))
        with pytest.raises(ConfigError, match=rf"/{orientation}/.*a.\w+ is " + TOLD.format(orientation)) as raised:
            read(layout, tmp_path / f"{orientation}")
        assert "\n" not in str(raised.value)
    assert not capsys.readouterr().err


def test_a_label_image_that_is_turned_is_refused(tmp_path):
    masks(tmp_path, encoded(None), encoded(4, "PNG", np.zeros(SIZE, np.uint8)))
    with pytest.raises(ConfigError, match=r"labels/train/a.png is " + TOLD.format(4)):
        read("masks", tmp_path)


def test_of_ones_own_files_those_without_anything_in_their_pixels_are_taken(tmp_path):
    files = [tmp_path / f"{number}.jpg" for number in range(3)]
    for number, file in enumerate(files):
        put(file, encoded((1, 3, 7)[number]))
    found = image_files(files, name="mine", labels=[0, 1, 0], classes=["a", "b"], arrays={"weight": [1.0, 2.0, 3.0]})
    assert len(Encoded(found.index, parse("fit(6, 8)"), name="mine", beside=found.beside)) == 3
    given = {"name": "mine", "classes": ["a"], "boxes": [[[0, 0, 2, 2]]] * 3, "box_labels": [[0]] * 3}
    with pytest.raises(ConfigError, match=r"1.jpg is " + TOLD.format("3, and 1 more are so")):
        image_files(files, **given)
    upright = image_files(files[:1] * 3, **given)
    with pytest.raises(ConfigError, match=r"1.jpg is turned"):  # put together by hand
        Encoded(found.index, parse("fit(6, 8)"), name="mine", beside=upright.beside)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_size_of_a_turned_image_is_that_of_its_pixels(kind, orientation):
    data = encoded(orientation, kind)
    found = look(io.BytesIO(data), upright=True)
    upright = open_image(data, upright=True)
    assert (found.height, found.width, found.orientation) == (upright.height, upright.width, orientation)
    as_it_lies, seen = look(io.BytesIO(data)), open_image(data)
    assert (as_it_lies.height, as_it_lies.width, as_it_lies.orientation) == (seen.height, seen.width, orientation)


TYPES = {  # of an EXIF field: its number, and one value as bytes
    "BYTE": (1, lambda value: bytes([value])),
    "ASCII": (2, lambda value: b"%d\0" % value),
    "SHORT": (3, lambda value: struct.pack(">H", value)),
    "LONG": (4, lambda value: struct.pack(">I", value)),
    "RATIONAL": (5, lambda value: struct.pack(">II", value * 3, 3)),
    "SRATIONAL": (10, lambda value: struct.pack(">ii", -value, -1)),
    "FLOAT": (11, lambda value: struct.pack(">f", value)),
    "DOUBLE": (12, lambda value: struct.pack(">d", value)),
    "no number": (5, lambda value: struct.pack(">II", value, 0)),
    "between two": (11, lambda value: struct.pack(">f", value + 0.5)),
}


def exif_of(kind, orientation, *, count=1):
    """EXIF with the orientation as a field of any type, by hand."""
    number, pack = TYPES[kind]
    value = pack(orientation) * count
    inside, behind = (value.ljust(4, b"\0"), b"") if len(value) <= 4 else (struct.pack(">I", 26), value)
    return b"Exif\0\0MM\0*" + struct.pack(">IHHHI", 8, 1, 0x0112, number, count) + inside + bytes(4) + behind


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("file", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_is_a_number_of_any_type(file, kind, orientation):
    out = io.BytesIO()
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(out, file, exif=exif_of(kind, orientation))
    found = look(io.BytesIO(out.getvalue()), upright=True)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(out.getvalue())))
    assert (found.height, found.width) == (turned.height, turned.width)
    is_number = kind not in ("BYTE", "ASCII", "no number", "between two")
    assert found.orientation == (orientation if is_number else 1)
    assert found.plain == (file != "WEBP" and found.orientation == 1)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("tag", [None, 0, 1, 3, 6])
@pytest.mark.parametrize("xmp", [None, *range(1, 9)])
def test_a_tiff_is_turned_by_its_tag_or_by_its_xmp_where_it_has_none(xmp, tag, upright):
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    info = {} if tag is None else {0x0112: tag}
    if xmp is not None:
        info[700] = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><x tiff:Orientation="%d"/></x:xmpmeta>' % xmp
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "TIFF", tiffinfo=info)
    told = (xmp or 1) if tag is None else (tag or 1)
    by_hand = pixels[:, ::-1] if told in (2, 4, 5, 7) else pixels
    by_hand = np.rot90(by_hand, {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(told, 0))
    np.testing.assert_array_equal(open_image(out.getvalue(), upright=upright), by_hand)
    assert look(io.BytesIO(out.getvalue()), upright=upright) == (*by_hand.shape[:2], False, told)


def test_nothing_is_printed_of_exif_that_is_odd(tmp_path):
    for name, exif in {"two": exif_of("SHORT", 6, count=2), "cut": b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01"}.items():
        Image.new("RGB", SIZE).save(tmp_path / f"{name}.jpg", exif=exif)
    code = "import sys\nfrom sbn.data.decode import look\nfor file in sys.argv[1:]: look(open(file, 'rb'))"
    files = [str(tmp_path / "two.jpg"), str(tmp_path / "cut.jpg")]
    ran = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_exif_behind_the_pixels_of_a_png_is_seen(orientation, upright):
    data = encoded(orientation, "PNG", np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8))
    start = data.index(b"eXIf") - 4
    stop = start + 12 + int.from_bytes(data[start : start + 4])
    end = data.index(b"IEND") - 4
    moved = data[:start] + data[stop:end] + data[start:stop] + data[end:]
    assert look(io.BytesIO(moved), upright=upright) == look(io.BytesIO(data), upright=upright)
    assert look(io.BytesIO(moved)).orientation == orientation
    # without that part, and cut off within its pixels, it is a picture that is upright
    assert look(io.BytesIO(data[:start] + data[stop:])).orientation == 1
    assert look(io.BytesIO(data[:start] + data[stop : end - 40])).orientation == 1


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"", b"nothing", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x09\x01"])
def test_damaged_exif_of_an_image_that_is_not_to_be_turned_is_nothing_to_refuse_it_for(exif):
    out = io.BytesIO()
    Image.new("RGB", SIZE[::-1]).save(out, "JPEG", exif=b"Exif\0\0" + exif)
    assert look(io.BytesIO(out.getvalue())) == (*SIZE, True, 1)
