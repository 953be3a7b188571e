"""Trains a network of one's own on images of one's own. Written as a notebook by `python -m launch.notebooks`."""

# %% [markdown]
# # Your own images and your own network
#
# You bring a folder of images, one subfolder per class, and an ordinary Flax network with ordinary BatchNorms. This
# notebook trains the network with one BatchNorm for weakly and one for strongly augmented images, measures both, and
# exports one of them as a plain network. Replace the images and the network below with your own.

# %%
# !pip install -q -e .

# %%
import os
import pathlib
import sys

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from sbn import export
from sbn.config import beside, command_line
from sbn.data import sheet
from sbn.tasks.plain import Plain
from sbn.train import Origin, train

beside.make_importable()  # finds the row of experiments/quickstart.py that is used below

# %% tags=["parameters"]
TINY = bool(os.environ.get("SBN_TINY"))  # a few steps on a few images, to see that it all runs
WORK = pathlib.Path("runs/notebook/own")
IMAGES = WORK / "insects"  # your images: IMAGES/train/CLASS/*.jpg and IMAGES/test/CLASS/*.jpg
COUNT = 8 if TINY else 200  # images per class that this notebook makes up
EPOCHS = 1 if TINY else 10

# %% [markdown]
# ## The images
#
# Here they are made up: round and square spots on a noisy background. With your own images, leave this cell out and
# set `IMAGES` above. Images of different sizes work too; the page *Your own data* of the documentation says how.

# %%
draws = np.random.default_rng(0)
for split, count in (("train", COUNT), ("test", COUNT // 4)):
    for name in ("round", "square"):
        folder = IMAGES / split / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            image = draws.integers(0, 110, (32, 32, 3))
            rows, columns = np.mgrid[:32, :32] - draws.integers(10, 22, 2)[:, None, None]
            inside = np.hypot(rows, columns) < 8 if name == "round" else np.maximum(abs(rows), abs(columns)) < 7
            image[inside] = draws.integers(120, 255, 3)
            Image.fromarray(image.astype(np.uint8)).save(folder / f"{number}.png")

# %% [markdown]
# ## The network
#
# Any `flax.linen` module that takes images `(N, H, W, 3)` and returns logits. It knows nothing of branches. sbn imports
# it by its name, so it has to be in a file.

# %%
NETWORK = """
import flax.linen as nn


class SmallNet(nn.Module):
    num_classes: int
    channels: int = 16

    @nn.compact
    def __call__(self, x, train: bool):
        for stage in range(3):
            x = nn.Conv(self.channels * 2**stage, (3, 3), strides=2, use_bias=False)(x)
            x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(x))
        return nn.Dense(self.num_classes)(x.mean((1, 2)))
"""
WORK.mkdir(parents=True, exist_ok=True)
(WORK / "my_networks.py").write_text(NETWORK)
sys.path.insert(0, str(WORK.resolve()))

# %% [markdown]
# ## What each branch sees
#
# Two views of every image: the main one is weakly augmented, the auxiliary one strongly. The first column has the
# images, the others six random draws of each.

# %%
WEAK, STRONG = "crop(3)|flip", "randaugment(2, 4)|crop(3)|flip"
images = sheet.first_images(f"folder:{IMAGES}", data_dir=None, count=4)
sheet.make([WEAK, STRONG], images, WORK / "views.png", draws=6, seed=0)
plt.figure(figsize=(10, 6))
plt.imshow(plt.imread(WORK / "views.png"))
plt.axis("off")
plt.show()

# %% [markdown]
# ## Training
#
# Every setting is a key of the config, and `sbn list --keys` explains all of them. A wrong key or value is refused at
# once, in one line that suggests the nearest right one. If you interrupt this cell, run it again: it continues.

# %%
changes = {
    "data.name": f"folder:{IMAGES}",
    "data.style": "plain",  # the default: what the row says of the built-in images must not be left
    "data.image_size": None,
    "data.train_examples": None,
    "data.test_examples": None,
    "model.name": "my_networks:SmallNet",
    "model.args.channels": 8,
    "model.depth": None,
    "model.width": None,
    "views.main.augment": WEAK,
    "views.aux.augment": STRONG,
    "batch_size": 8 if TINY else 50,
    "duration": f"{EPOCHS} epochs",
    "eval.every": "1 epoch",
}
row = command_line.request("quickstart:methods/weak_augment", {key: str(value) for key, value in changes.items()})
result = train(row.config, WORK / "seed0", origin=Origin(row.experiment, row.row, row.overrides))
for name, value in result["metrics"].items():
    print(f"{name:32} {value:.4f}")

# %% [markdown]
# ## One branch as a plain network
#
# `export` writes the main branch as a network with a single BatchNorm, and `export.load` reads it: uint8 images in,
# logits out.

# %%
export.export(WORK / "seed0", out=WORK / "net", branch="main")
network = export.load(WORK / "net")
assert isinstance(network, Plain)  # a classifier, not a detector or a translator
shown = [np.asarray(Image.open(file)) for file in sorted((IMAGES / "test").glob("*/0.png"))]
print(network.logits(np.stack(shown)))
