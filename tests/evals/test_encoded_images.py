"""The analyses of images that stay files of their own sizes: framed for training, seen as evaluation sees them."""

import jax
import numpy as np
import pytest
from PIL import Image

from sbn.data.pixels import pack
from sbn.evals.base import run
from sbn.evals.make import make_evaluators
from sbn.train.setup import make_setup

COUNT = {"train": 9, "val": 5}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("data")
    for split, count in COUNT.items():
        for number in range(count):
            folder = root / "imagenette2-160" / split / f"n0000000{number % 3}"
            folder.mkdir(parents=True, exist_ok=True)
            coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), np.uint8))
            coarse.resize((40 + 5 * number, 60)).save(folder / f"{number}.JPEG")
    return root


@pytest.mark.slow
def test_every_analysis_measures_every_image_of_a_folder(tiny, data_dir):
    config = tiny(
        {
            "data.name": "imagenette",
            "data.path": "host",
            "data.dir": str(data_dir),
            "data.test_split": "validation",
            "data.train_examples": None,
            "data.test_examples": None,
            "data.image_size": None,
            "branches": ("main", "small"),
            "views.main.augment": "inception_crop(32)|flip|mixup(1)",
            "views.small.augment": "inception_crop(32)|flip|resize(16)",
            "views.small.draws": "main",
            "eval.augment": "resize(36)|centre_crop(32)",
            "eval.evals": ("losses", "spectra", "sizes"),
            "eval.batch_size": 4,
        }
    )
    setup = make_setup(config)
    variables = setup.task.init(jax.random.key(0))
    found = {}
    for evaluator in make_evaluators(setup.materials(config)).values():
        scalars, arrays = run(evaluator, variables, step=3)
        found |= scalars | arrays
    assert found["test_32/main/accuracy"] in {k / 5 for k in range(6)}
    assert found["test_16/small/accuracy"] in {k / 5 for k in range(6)}
    assert list(found["sizes/sizes"]) == [32, 16]
    # a fresh network's predictions are near uniform: of 3 classes, 1.1 nats
    for name in ("clean/main", "clean/small", "augmented/main", "augmented/small"):
        assert 0.5 < found[f"train_{name}/cross_entropy"] < 3
    assert found["train/classes"] == 3
    features = np.asarray(setup.task.features(variables, pack(setup.train.images[:])))[:, 0].astype(np.float64)
    expected = np.linalg.svd(np.cov(features.T, bias=True), compute_uv=False)
    np.testing.assert_allclose(found["train/main/all_classes"], expected, rtol=1e-4, atol=1e-6 * expected[0])
