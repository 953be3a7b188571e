"""Random numbers by address: a hash of (seed, split, image, stream, draw); none depends on another."""

from typing import Final

import numpy as np

from sbn.config.errors import unknown

SPLITS: Final = ("train", "validation", "test")

# One stream a purpose: a draw added at the end of one stream changes no other number.
STREAMS: Final = {
    "label": 1, "object": 2, "clutter": 3, "occluder": 4,
    "backdrop": 5, "colour": 6, "lattice": 7, "grain": 8,
}  # fmt: skip

_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: the increment of SplitMix64


def mix(x: np.ndarray) -> np.ndarray:
    """Finalise 64-bit counters as SplitMix64 does. x: any shape, uint64; a bijection."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def image_keys(indices: np.ndarray, *, seed: int, split: str) -> np.ndarray:
    """One 64-bit key an image. indices: (n,) non-negative; returns (n,) uint64.

    Raises:
        ValueError: an unknown split, or a seed outside [0, 2^63).
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed {seed} is outside [0, 2**63)")
    root = mix(np.array([seed], np.uint64) + _STEP)  # arrays wrap around without a warning
    root = mix(root + _STEP * np.array([SPLITS.index(split) + 1], np.uint64))
    return mix(root + _STEP * (indices.astype(np.uint64) + np.uint64(1)))


def bits(keys: np.ndarray, stream: str, count: int) -> np.ndarray:
    """Draw `count` 64-bit words a key. keys: (n,) uint64; returns (n, count) uint64."""
    counters = (np.uint64(STREAMS[stream]) << np.uint64(32)) + np.arange(count, dtype=np.uint64)
    return mix(keys[:, None] + _STEP * counters)


def uniform(keys: np.ndarray, stream: str, count: int) -> np.ndarray:
    """Draw `count` numbers a key. keys: (n,) uint64; returns (n, count) float32 in [0, 1)."""
    return (bits(keys, stream, count) >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def grain(keys: np.ndarray, size: int) -> np.ndarray:
    """Pixel noise. keys: (n,) uint64; returns (n, size, size, 3) float32, uniform in [-1/2, 1/2).

    A 32-bit hash gives a pixel's three channels ten bits each: half the memory traffic of `bits`, which
    matters here, since this is the one draw a pixel.
    """
    counters = np.arange(1, size * size + 1, dtype=np.uint32) * np.uint32(0x9E3779B9)
    x = bits(keys, "grain", 1).astype(np.uint32) + counters
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    ten_bits = np.uint32(1023)
    channels = np.stack([x >> np.uint32(22), (x >> np.uint32(12)) & ten_bits, (x >> np.uint32(2)) & ten_bits])
    out = channels.astype(np.float32) * np.float32(2**-10) - np.float32(0.5)
    return np.moveaxis(out.reshape(3, len(keys), size, size), 0, -1)
