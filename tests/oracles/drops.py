"""How water drops are shaded, pixel by pixel: Canny's edges, the distance from them, an even histogram, embossing."""

import heapq
import itertools

import numpy as np

_STEPS = [(dy, dx) for dy, dx in itertools.product(range(-2, 3), repeat=2) if 1 <= dy * dy + dx * dx <= 5]
_LENGTHS = {1: 1.0, 2: 1.4, 5: 2.1969}


def canny(image, low, high):
    """Edges of (H, W) uint8, as bools."""
    height, width = image.shape
    padded = np.pad(image.astype(int), 1, mode="edge")
    size, slope = np.zeros((height + 2, width + 2), int), {}
    for y, x in np.ndindex(height, width):
        near = padded[y : y + 3, x : x + 3]
        dx = int(np.sum(near[:, 2] * [1, 2, 1]) - np.sum(near[:, 0] * [1, 2, 1]))
        dy = int(np.sum(near[2] * [1, 2, 1]) - np.sum(near[0] * [1, 2, 1]))
        slope[y, x], size[y + 1, x + 1] = (dx, dy), abs(dx) + abs(dy)
    ridge = set()
    for (y, x), (dx, dy) in slope.items():
        here = size[y + 1, x + 1]
        if here <= low:
            continue
        if abs(dy) * 2**15 < abs(dx) * 13573:  # tan(22.5 degrees)
            kept = here > size[y + 1, x] and here >= size[y + 1, x + 2]
        elif abs(dy) * 2**15 > abs(dx) * (13573 + 2**16):
            kept = here > size[y, x + 1] and here >= size[y + 2, x + 1]
        else:
            way = -1 if dx * dy < 0 else 1
            kept = here > size[y, x + 1 - way] and here > size[y + 2, x + 1 + way]
        if kept:
            ridge.add((y, x))
    edges, ahead = np.zeros(image.shape, bool), [at for at in ridge if size[at[0] + 1, at[1] + 1] > high]
    while ahead:
        y, x = ahead.pop()
        if (y, x) in ridge and not edges[y, x]:
            edges[y, x] = True
            ahead += [(y + dy, x + dx) for dy, dx in itertools.product((-1, 0, 1), repeat=2)]
    return edges


def distance(edges):
    """The shortest way from an edge with steps of 1, 1.4 and 2.1969, by Dijkstra's algorithm."""
    found = np.full(edges.shape, np.inf)
    ahead = [(0.0, *map(int, at)) for at in np.argwhere(edges)]
    while ahead:
        way, y, x = heapq.heappop(ahead)
        if way >= found[y, x]:
            continue
        found[y, x] = way
        for dy, dx in _STEPS:
            if dy * dy + dx * dx in _LENGTHS and 0 <= y + dy < len(edges) and 0 <= x + dx < len(edges[0]):
                heapq.heappush(ahead, (way + _LENGTHS[dy * dy + dx * dx], y + dy, x + dx))
    return found


def equalised(image):
    """(H, W) uint8 through the ranks of its levels, the least one becoming 0."""
    levels, counts = np.unique(image, return_counts=True)
    if len(levels) == 1:
        return image
    ranks = (np.cumsum(counts) - counts[0]) * (255 / (image.size - counts[0]))
    return np.round(ranks).astype(np.uint8)[np.searchsorted(levels, image)]


def _filtered(image, kernel):
    padded, out = np.pad(image.astype(float), 1, mode="reflect"), np.zeros(image.shape)
    for y, x in np.ndindex(*image.shape):
        out[y, x] = np.sum(padded[y : y + 3, x : x + 3] * kernel)
    return out


def shading(depth):
    """(H, W) uint8 to whole numbers 0 to 255."""
    third = np.full((3, 3), 1 / 9)
    near = np.uint8(_filtered(np.minimum(distance(canny(depth, 50, 150)), 20), third) + 1e-6)
    embossed = np.clip(_filtered(equalised(near), [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]), 0, 255)
    return np.round(_filtered(embossed, third))
