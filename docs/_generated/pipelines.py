"""The page of augmentation ops: what each does and takes, and a picture of it on built-in images."""

import inspect
import io

import numpy as np
from PIL import Image

from sbn.augment.ops import OPS
from sbn.augment.pipeline import parse
from sbn.data import sheet

# An example of every op; those that run in the training step, or need images of several sizes, have no picture
_DRAWN = {
    "flip": "flip",
    "crop": "crop(4)",
    "cutout": "cutout(16)",
    "gaussian": "gaussian(0.2)",
    "patch_gaussian": "patch_gaussian(16, 0.5)",
    "blur": "blur(1.5)",
    "resize_and_pad": "resize_and_pad(16)",
    "randaugment": "randaugment(3, 4)",
    "autoaugment": "autoaugment('cifar10')",
    "trivialaugment": "trivialaugment()",
    "augmix": "augmix()",
    "random_crop": "random_crop(24)",
    "inception_crop": "inception_crop(32)",
    "resize": "resize(24)",
    "centre_crop": "centre_crop(24)",
}
_WRITTEN = {
    "random_crop_of": "random_crop_of((24, 32))",
    "fit": "fit(48, 64)",
    "random_scale": "random_scale(48, 64)",
    "mixup": "mixup(1)",
    "cutmix": "cutmix(1, 0.5)",
    "manifold_mixup": "manifold_mixup(1)",
    "adversarial": "adversarial(1, 1, 1)",
    "lighting": "lighting(0.1)",
}
_IMAGES, _DRAWS = 2, 6


def pages() -> dict[str, str | bytes]:
    """Returns the page, and its pictures beside it."""
    lines = [
        "# Augmentation pipelines",
        "",
        "A view's pipeline is a string of ops from left to right, such as `randaugment(3, 4)|crop(4)|flip|cutout(16)`.",
        "`sbn augment show PIPELINE` prints the ops with their probabilities and ranges, `sbn augment sheet PIPELINE`",
        "draws them on images. Each picture shows two images on the left, and six random draws of each beside it.",
        "Areas that the moved image no longer covers are grey.",
    ]
    pictures: dict[str, str | bytes] = {}
    source = sheet.first_images("shapes", data_dir=None, count=_IMAGES)
    for name, op in OPS.items():
        example = _DRAWN.get(name) or _WRITTEN.get(name)
        lines += ["", f"## {name}", "", *([f"`{example}`", ""] if example else []), inspect.cleandoc(op.__doc__ or "")]
        if name in _DRAWN:
            drawn = sheet.lay_out(sheet.draw(source, parse(_DRAWN[name]), draws=_DRAWS, seed=0))
            pictures[f"reference/pipelines/{name}.png"] = _png(drawn)
            lines += ["", f"![Two images and six draws of {name} of each](pipelines/{name}.png)"]
    return {"reference/pipelines.md": "\n".join(lines) + "\n", **pictures}


def _png(picture: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", optimize=True)
    return content.getvalue()
