"""Folders in PASCAL VOC's layout."""

from PIL import Image

from tests.data.test_voc import xml


def write_voc(folder, images):
    """Writes images, {name: (pixels (H, W, 3) uint8, objects as `xml` takes them)}, all of them in both splits.

    Returns what a config says of such data.
    """
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for name, (pixels, objects) in images.items():
        Image.fromarray(pixels).save(folder / f"JPEGImages/{name}.png")
        (folder / f"Annotations/{name}.xml").write_text(xml(*objects))
    for split in ("train", "test"):
        (folder / f"ImageSets/Main/{split}.txt").write_text("\n".join(map(str, images)))
    return {
        "data.name": f"voc:{folder}",
        "data.train_examples": None,
        "data.test_examples": None,
        "data.image_size": None,
        "data.style": "plain",
        "data.path": "host",
    }
