"""One image is read and decoded once for all its views, whatever kind of file it is; what can't be decoded is named."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sbn.augment.draws import order
from sbn.augment.pipeline import parse
from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.host import batches, framed
from sbn.data.views import View
from tests.data.imagenets import encode, examples, picture, write_folder, write_records

NAMES = ["a", "b", "c"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def load(data_dir, split="train", view=None, **changes):
    wanted = {"data.name": "imagenet2012", "data.dir": str(data_dir), "data.test_split": "validation"}
    return sources.load(tree.to_config(tree.changed(tree.defaults(), {**wanted, **changes})).data, split, view=view)


def collect(source, texts, *, draws=None, **options):
    views = [View(parse(text), k if draws is None else draws[k]) for k, text in enumerate(texts)]
    defaults = {"seed": 1, "stage": 0, "batch_size": 4, "start": 0, "stop": 1}
    return [batch for batch, _ in batches(source, views, **{**defaults, **options})]


def colours(words):
    """(..., H, W) packed to (..., H, W, 3)."""
    return np.ascontiguousarray(words)[..., None].view(np.uint8)[..., :3]


@pytest.fixture
def counted(monkeypatch):
    """How many pixels every decoded part has, in the order of decoding."""
    parts, decode = [], framed.decode

    def count(data, part):
        seen = tf.numpy_function(lambda part: parts.append(part[2] * part[3]) or np.int32(0), [part], tf.int32)
        with tf.control_dependencies([seen]):
            return decode(data, part)

    monkeypatch.setattr(framed, "decode", tf.autograph.experimental.do_not_convert(count))
    return parts


def test_an_image_is_decoded_once_for_all_its_views(tmp_path, counted):
    write_records(tmp_path, "imagenet2012", {"train": examples(9, classes=3, sizes=[(90, 120)])}, class_names=NAMES)
    texts = ("inception_crop(24)|flip", "inception_crop(24)|flip|cutout(8)", "resize(40)|centre_crop(32)")
    for used in (texts[:1], texts[:2], texts):
        counted.clear()
        assert len(collect(load(tmp_path), used, stop=2)) == 2
        assert len(counted) == 8  # two batches of four, however many views
    assert counted == [90 * 120] * 8  # the third looks at the whole image, the others at parts alone


def test_only_what_views_look_at_is_decoded(tmp_path, counted):
    write_records(tmp_path, "imagenet2012", {"train": examples(9, classes=3, sizes=[(90, 120)])}, class_names=NAMES)
    collect(load(tmp_path), ["inception_crop(24, area=(0.1, 0.2))"], stop=2)
    # a fifth of 90 x 120 is 46 x 46; a margin of 4 on every side makes up to twice as much of windows of ratio 4/3
    assert max(counted) <= 0.45 * 90 * 120


def test_views_of_other_sizes_are_the_same_crop_resized(tmp_path):
    write_records(tmp_path, "imagenet2012", {"train": examples(5, classes=3, sizes=[(240, 301)])}, class_names=NAMES)
    sides = (320, 192, 128, 96)
    texts = ["inception_crop(224)|flip", *(f"inception_crop(224)|flip|resize({side})" for side in sides)]
    (batch,) = collect(load(tmp_path), texts, draws=[0] * 5)
    crops, *resized = (colours(view) for view in batch["inputs"]["image"])
    assert [view.shape[1:3] for view in resized] == [(side, side) for side in sides]
    for side, views in zip(sides, resized, strict=True):
        for crop, view in zip(crops, views, strict=True):
            expected = Image.fromarray(crop).resize((side, side), Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(view, np.asarray(expected))


def encoded_kinds():
    """The same picture in every way that a file of ImageNet, or a copy of it, may be stored."""
    image = picture(np.random.default_rng(0), 60, 80)
    paletted = io.BytesIO()
    Image.fromarray(image).quantize(64).save(paletted, "PNG")
    return {
        "plain": encode(image, quality=95),
        "grey": encode(image, mode="L"),
        "cmyk": encode(image, mode="CMYK", quality=95),
        "progressive": encode(image, progressive=True),
        "png": encode(image, "PNG"),
        "alpha": encode(image, "PNG", "RGBA"),
        "paletted": paletted.getvalue(),
        "oriented": encode(image, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
    }


def test_every_kind_of_file_is_read_whatever_its_name_says(tmp_path):
    kinds = encoded_kinds()
    held = {
        split: [(data, number % 3) for number, data in enumerate(kinds.values())] for split in ("train", "validation")
    }
    ordered = write_folder(tmp_path, held, class_names=NAMES)["train"]
    source = load(tmp_path)
    np.testing.assert_array_equal(source.images.index.sizes, np.tile((60, 80), (8, 1)))  # as stored, not as turned
    (batch,) = collect(source, ["random_crop(40)"], batch_size=8)
    (whole,) = collect(source, ["centre_crop(60)"], batch_size=8)
    seen = load(tmp_path, "test", "centre_crop(60)").images[:]
    for i, trained in zip(whole["id"], colours(whole["inputs"]["image"][:, 0]), strict=True):
        expected = np.asarray(Image.open(io.BytesIO(ordered[i][0])).convert("RGB"))[:, 10:70]
        np.testing.assert_array_equal(trained, expected)
        np.testing.assert_array_equal(seen[i], expected)
    assert batch["inputs"]["image"].shape == (8, 1, 40, 40)


def damaged():
    """Files whose headers are whole."""
    whole = encode(picture(np.random.default_rng(1), 60, 80), quality=90)
    png = encode(picture(np.random.default_rng(1), 60, 80), "PNG")
    return {"cut_jpeg": whole[: len(whole) // 2], "cut_png": png[: len(png) // 2]}


@pytest.mark.parametrize("kind", ["cut_jpeg", "cut_png"])
@pytest.mark.parametrize("layout", ["folder", "records"])
def test_a_damaged_image_is_named_in_training_and_in_evaluation(tmp_path, kind, layout):
    held = examples(9, classes=3, sizes=[(60, 80)])
    held[5] = (damaged()[kind], held[5][1])
    splits = {"train": held, "validation": held}
    if layout == "folder":
        write_folder(tmp_path, splits, class_names=NAMES)
        name = f"{NAMES[held[5][1]]}_5.JPEG"
    else:
        write_records(tmp_path, "imagenet2012", splits, class_names=NAMES, shards=3)
        name = "00001-of-00003 (at byte "
    # whole images, so that the damaged part is looked at
    with pytest.raises(ConfigError) as caught:
        collect(load(tmp_path), ["resize(30)|centre_crop(24)|flip"], stop=3, batch_size=3)  # all nine
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "test", "resize(30)|centre_crop(24)").images[:]
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_batches_before_a_damaged_image_still_come(tmp_path):
    held = examples(9, classes=3, sizes=[(60, 80)])
    held[5] = (damaged()["cut_jpeg"], held[5][1])
    write_records(tmp_path, "imagenet2012", {"train": held}, class_names=NAMES)
    made = batches(
        load(tmp_path), [View(parse("resize(30)|centre_crop(24)"), 0)], seed=1, stage=0, batch_size=1, start=0, stop=9
    )
    ids = []
    with pytest.raises(ConfigError, match="can't be decoded"):
        ids.extend(int(batch["id"][0]) for batch, _ in made)
    whole = order(1, stage=0, epoch=0, count=9).tolist()
    assert ids == whole[: whole.index(5)]
