"""Pictures of detections: boxes lie on the pixels they are of, and weak ones are left out."""

import numpy as np

from sbn.figures.detections import draw
from sbn.figures.make import make_png


def arrays():
    objects = np.zeros((2, 3, 6), np.float32)
    objects[0, 0], objects[1, 1] = (2, 3, 10, 20, 1, 0), (4, 4, 12, 12, -1, 1)
    found = np.zeros((2, 4, 6), np.float32)
    found[0, :3] = [(2, 3, 10, 20, 0.9, 0), (0, 0, 4, 4, 0.6, 1), (0, 0, 9, 9, 0.2, 1)]
    return {
        "test/image": np.full((2, 16, 24, 3), 90, np.uint8),
        "test/objects": objects,
        "test/classes": np.asarray(["cat", "dog"]),
        "test/main/detections": found,
        "test/aux/detections": 0 * found,
    }


def test_every_image_is_drawn_with_its_objects_and_with_what_each_branch_finds():
    figure = draw(arrays())
    axes = np.asarray(figure.axes).reshape(2, 3)
    assert [own.get_title() for own in axes[0]] == ["there", "main", "aux"]
    assert [[len(own.patches) for own in row] for row in axes] == [[1, 2, 0], [1, 0, 0]]
    (box,) = axes[0, 0].patches
    assert (box.get_xy(), box.get_width(), box.get_height()) == ((2.5, 1.5), 17, 8)
    assert axes[1, 0].patches[0].get_linestyle() == "--"  # difficult
    assert [text.get_text() for text in axes[0, 1].texts] == ["0.90", "0.60"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["cat", "dog"]


def test_images_without_objects_are_drawn_too():
    empty = {
        name: 0 * array if name.startswith("test/") and "classes" not in name else array
        for name, array in arrays().items()
    }
    assert make_png("detections", empty).startswith(b"\x89PNG")
