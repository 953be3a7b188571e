"""Fourier heat maps: the scan over frequencies on the device against loops on the host, and the half plane's saving.

The host loops are what the public tools do: noise by NumPy, one batch after the other, a forward pass each, answers
counted on the host. `loop` adds the noise to a whole batch at once; `loop_images` image by image, as a data set's
transform does. All evaluate both branches at once, and all give the same counts but for rounding. The scan passes
batches of 64 on a CPU, whatever its `--batch`; `loop_64` is the loop with such batches.

    python -m benchmarks.fourier
    python -m benchmarks.fourier --model=16-1 --images=250 --rounds=9

Bars: the scan at least 1.5 times as fast as the loop; half the plane at least 1.9 times as fast as the whole.
"""

from collections.abc import Callable

import jax
import numpy as np

from benchmarks import rounds as taking
from benchmarks.parts import described
from sbn.augment import draws
from sbn.config import tree
from sbn.config.checks import check
from sbn.data.examples import in_memory
from sbn.data.spectrum import NO_STAGE, half_plane, make_wave
from sbn.evals.base import Materials
from sbn.evals.frequencies import Fourier
from sbn.tasks.classification import make_classification
from sbn.train.mesh import make_mesh

SIZE, NORM = (32, 32), 8.0
SCAN_BAR, HALF_BAR = 1.5, 1.9


def make_materials(depth: int, width: int, *, images: int, batch: int) -> tuple[Materials, dict]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (images, *SIZE, 3), np.uint8)
    source = in_memory({"image": pixels, "label": rng.integers(0, 10, images)}, name="noise", classes=10)
    changes = {"model.depth": depth, "model.width": width, "eval.batch_size": batch, "branches": ("main", "aux")}
    config = check(tree.to_config(tree.changed(tree.defaults(), {**changes, "views.aux.augment": "flip"})))
    task = make_classification(config, described(10, SIZE))
    variables = task.init(jax.random.key(0))
    # branches that differ, so that no compiler takes them for one; and a head that is not 0
    variables = jax.tree.map(lambda x: np.asarray(x) + rng.uniform(0, 0.1, x.shape).astype(np.float32), variables)
    return Materials(config, task, make_mesh(batch_size=jax.device_count()), train=source, test=source), variables


def make_scan(materials: Materials, frequencies: np.ndarray) -> Callable[[dict], np.ndarray]:
    """Returns the evaluator's own pass over `frequencies`, to error counts (F, 2)."""
    examples = len(materials.test)
    errors = Fourier(materials, norm=NORM, size=1, examples=examples)._errors
    errors._settings, errors._chunk = frequencies, min(max(1, 4096 // examples), len(frequencies))

    def scan(variables: dict) -> np.ndarray:
        rates = errors(variables)
        return np.stack([rates["main"], rates["aux"]], axis=1) * examples

    return scan


def make_loop(
    materials: Materials, frequencies: np.ndarray, *, by_image: bool = False, batch: int
) -> Callable[[dict], np.ndarray]:
    """Returns the same on the host."""
    source = materials.test
    forward, ids = jax.jit(materials.task.predict_floats), np.arange(len(source))
    wave_of = make_wave(SIZE, norm=NORM)
    waves = [np.asarray(wave_of(frequency))[:, :, None] for frequency in frequencies]

    def loop(variables: dict) -> np.ndarray:
        variables = jax.device_put(variables)
        counts = np.zeros((len(frequencies), 2), int)
        for row, ((u, v), wave) in enumerate(zip(frequencies, waves, strict=True)):
            number = (u + SIZE[0] // 2) * SIZE[1] + v + SIZE[1] // 2
            words = draws.bits(0, ids, stage=NO_STAGE, epoch=int(number), view=0, draws=range(3))
            signs = np.where(words >> 31, np.float32(-1), np.float32(1))[:, None, None, :]
            for start in range(0, len(source), batch):
                part = slice(start, start + batch)
                if by_image:
                    pairs = zip(source.images[part], signs[part], strict=True)
                    noisy = np.stack([np.clip(x.astype(np.float32) / 255 + s * wave, 0, 1) for x, s in pairs])
                else:
                    noisy = np.clip(source.images[part].astype(np.float32) / 255 + signs[part] * wave, 0, 1)
                answers = np.asarray(forward(variables, noisy)).argmax(axis=-1)
                counts[row] += (answers != source.labels[part, None]).sum(axis=0)
        return counts

    return loop


def timed(variants: dict[str, Callable[[dict], np.ndarray]], variables: dict, *, rounds: int) -> dict[str, dict]:
    """Returns the rounds of every variant, and checks that all count alike."""
    counts = {name: variant(variables) for name, variant in variants.items()}  # compiles
    base = next(iter(counts.values()))
    for name, found in counts.items():
        if found.shape == base.shape and np.abs(found - base).max() > 0.01 * base.max() + 1:
            raise SystemExit(f"{name} counts differently")
    return taking.interleaved({n: taking.clocked(lambda v=v: v(variables)) for n, v in variants.items()}, rounds)


def bench(
    *, model: str, images: int, batch: int, frequencies: int, map: int, rounds: int
) -> tuple[list[dict], dict[str, float]]:
    depth, width = (int(number) for number in model.split("-"))
    materials, variables = make_materials(depth, width, images=images, batch=batch)
    waves = half_plane(SIZE, size=None)[0]
    few = waves[:: len(waves) // frequencies][:frequencies]
    variants = {
        "scan": make_scan(materials, few),
        "loop": make_loop(materials, few, batch=batch),
        "loop_64": make_loop(materials, few, batch=64),
        "loop_images": make_loop(materials, few, by_image=True, batch=batch),
    }
    half, places = half_plane(SIZE, size=map)
    plane = {"half": make_scan(materials, half), "whole": make_scan(materials, half[places.ravel()])}
    times = timed(variants, variables, rounds=rounds) | timed(plane, variables, rounds=rounds)
    pairs = {"loop": "scan", "loop_64": "scan", "loop_images": "scan", "whole": "half"}
    bars = {("loop", "wall"): SCAN_BAR, ("whole", "wall"): HALF_BAR}
    lines = [
        taking.line(f"{a} / {b}, {kind}", times[a][kind], times[b][kind], bar=bars.get((a, kind)), higher=True)
        for a, b in pairs.items()
        for kind in ("wall", "cpu")
    ]
    return lines, {"evaluations of the 31 x 31 map, whole / half": 31 * 31 / len(waves)}


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        model=("10-1", "10-1"),
        images=(500, 20),
        batch=(500, 20),
        frequencies=(8, 2),
        map=(7, 3),
        rounds=(5, 2),
    )
