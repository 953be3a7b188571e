"""The built-in data set `shapes`: ten drawn shapes, any size, any number of images, no download.

Image i of a split is a pure function of (seed, split, i, size, style, classes): it does not depend on how
many images are rendered, in what order, or in what chunks. The pixels come out of additions, products and
square roots alone, which IEEE arithmetic rounds the same way everywhere: the same bytes on every machine.
"""

from sbn.data.shapes.compose import MIN_SIZE, STYLES, Shapes, examples, label, render
from sbn.data.shapes.draws import SPLITS
from sbn.data.shapes.outlines import NAMES

__all__ = ["MIN_SIZE", "NAMES", "SPLITS", "STYLES", "Shapes", "examples", "label", "render"]
