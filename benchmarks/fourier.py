"""Fourier heat maps: the scan over frequencies on the device against loops on the host, and the half plane's saving.

The host loops are what the public tools do: noise by NumPy, one batch after the other, a forward pass each, answers
counted on the host. `loop` adds the noise to a whole batch at once; `loop_images` image by image, as a data set's
transform does. All evaluate both branches at once, and all give the same counts but for rounding. The scan passes
batches of 64 on a CPU, whatever its `--batch`; `loop_64` is the loop with such batches.
Rounds alternate between the variants, so that a noisy neighbour hits all; the numbers to read are medians of ratios,
of wall time and, in brackets, of this process's CPU time.

    python -m benchmarks.fourier
    python -m benchmarks.fourier --model=16-1 --images=250 --rounds=9

Bars: the scan at least 1.5 times as fast as the loop; half the plane at least 1.9 times as fast as the whole.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import jax
import numpy as np

from sbn.augment import draws
from sbn.config import tree
from sbn.config.checks import check
from sbn.data.sources import Source
from sbn.data.spectrum import NO_STAGE, half_plane, make_wave
from sbn.evals.base import Materials
from sbn.evals.fourier import Fourier
from sbn.tasks.classification import make_classification
from sbn.train.mesh import make_mesh

SIZE, NORM = (32, 32), 8.0
SCAN_BAR, HALF_BAR = 1.5, 1.9


def make_materials(depth: int, width: int, *, images: int, batch: int) -> tuple[Materials, dict]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (images, *SIZE, 3), np.uint8)
    source = Source(pixels, rng.integers(0, 10, images).astype(np.int32), 10, (0.5,) * 3, (0.25,) * 3)
    changes = {"model.depth": depth, "model.width": width, "eval.batch_size": batch, "branches": ("main", "aux")}
    config = check(tree.to_config(tree.changed(tree.defaults(), {**changes, "views.aux.augment": "flip"})))
    task = make_classification(config, classes=10, image_size=SIZE, mean=source.mean, std=source.std)
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


def ratios(
    variants: dict[str, Callable[[dict], np.ndarray]], variables: dict, *, rounds: int, base: str
) -> dict[str, str]:
    """Returns how many times as long as `base` each variant takes, wall and CPU, and checks that all count alike."""
    counts = {name: variant(variables) for name, variant in variants.items()}  # compiles
    for name, found in counts.items():
        if found.shape == counts[base].shape and np.abs(found - counts[base]).max() > 0.01 * counts[base].max() + 1:
            raise SystemExit(f"{name} and {base} count differently")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            wall, cpu = time.perf_counter(), time.process_time()
            variant(variables)
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    medians = {
        name: [statistics.median(t[k] / b[k] for t, b in zip(times[name], times[base], strict=True)) for k in (0, 1)]
        for name in variants
    }
    return {name: f"{wall:.2f} ({cpu:.2f})" for name, (wall, cpu) in medians.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="10-1", help="depth-width of the Wide ResNet")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--frequencies", type=int, default=8, help="of the 481, for the comparison with loops")
    parser.add_argument("--map", type=int, default=7, help="side of the map, for the half plane")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    depth, width = map(int, options.model.split("-"))
    materials, variables = make_materials(depth, width, images=options.images, batch=options.batch)
    frequencies = half_plane(SIZE, size=None)[0]
    few = frequencies[:: len(frequencies) // options.frequencies][: options.frequencies]
    variants = {
        "scan": make_scan(materials, few),
        "loop": make_loop(materials, few, batch=options.batch),
        "loop_64": make_loop(materials, few, batch=64),
        "loop_images": make_loop(materials, few, by_image=True, batch=options.batch),
    }
    print(f"WRN-{options.model}, {options.images} images, times the scan's wall (CPU):")
    for name, ratio in ratios(variants, variables, rounds=options.rounds, base="scan").items():
        print(f"  {name:12} {ratio}")
    half, places = half_plane(SIZE, size=options.map)
    plane = {"half": make_scan(materials, half), "whole": make_scan(materials, half[places.ravel()])}
    print(f"map of {options.map} x {options.map}, times the half plane's wall (CPU):")
    print(f"  {'whole':12} {ratios(plane, variables, rounds=options.rounds, base='half')['whole']}")
    print(f"  evaluations of the 31 x 31 map: {31 * 31} / {len(frequencies)} = {31 * 31 / len(frequencies):.3f}")
    print(f"bars: loop / scan >= {SCAN_BAR}, whole / half >= {HALF_BAR}")


if __name__ == "__main__":
    main()
