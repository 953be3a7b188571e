"""timm's and torchvision's RandAugment for `augment_host`, where its `--python` has them; else the Pillow pipeline."""

import importlib.metadata
import importlib.util
import time

from benchmarks import augment_pillow, worker
from benchmarks import rounds as taking
from benchmarks.photographs import pictures


def timm(layers):
    # p: every op is applied, as elsewhere; timm's default leaves out every other one
    module = worker.load("timm", "data/auto_augment.py")
    return module.rand_augment_transform(f"rand-m10-n{layers}-p1.0", {"img_mean": augment_pillow.GREY})


def torchvision(layers):
    from torchvision.transforms import v2  # loads PyTorch, and only some have it

    return v2.RandAugment(num_ops=layers, magnitude=10, fill=augment_pillow.GREY)


RIVALS = {"timm": timm, "torchvision": torchvision}


def build(*, images, side, layers, batch, seconds):
    """Versions of the rivals that are installed, and measures named `RIVAL LAYERS`: seconds a batch."""
    data, measures = pictures(images, side), {}
    names = [name for name in RIVALS if importlib.util.find_spec(name)]
    for name in names:
        for count in layers:
            pairs = augment_pillow.batches(data, RIVALS[name](count), batch)
            next(pairs)
            start = time.process_time()
            next(pairs)
            times = max(1, int(seconds / max(time.process_time() - start, 1e-6)))
            measures[f"{name} {count}"] = taking.clocked(lambda pairs=pairs: next(pairs), times)
    return {name: importlib.metadata.version(name) for name in names}, measures


if __name__ == "__main__":
    worker.serve(build)
