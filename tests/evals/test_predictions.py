"""Every image goes through the network once, in order, whatever the batches; one set follows the other."""

import threading

import jax
import numpy as np
import pytest

from sbn.data.pixels import pack
from sbn.evals.predictions import Predict
from sbn.train.mesh import make_mesh


class Words:
    """A task whose outputs are the packed pixels it was given."""

    def __init__(self):
        self.traces = 0

    def outputs(self, variables, inputs):
        self.traces += 1
        return inputs["image"][:, None] + variables["add"]


def make(batch_size):
    task = Words()
    return task, Predict(task, make_mesh(batch_size=8), batch_size=batch_size)


def images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 2, 3), np.uint8)


ADD = {"add": np.int32(0)}


@pytest.mark.parametrize("batch_size", [1, 4, 13, 100])
@pytest.mark.parametrize("count", [1, 8, 13])
def test_every_image_once_in_order_for_any_batch_size(count, batch_size):
    _, predict = make(batch_size)
    np.testing.assert_array_equal(predict(ADD, images(count))[:, 0], pack(images(count)))
    assert predict.count(count) == -(-count // min(batch_size, count))


def test_packed_pixels_are_left_alone_and_other_arrays_are_no_images():
    _, predict = make(5)
    packed = pack(images(13))
    packed[0, 0, 0] &= 0x00FFFFFF  # a filler
    np.testing.assert_array_equal(predict(ADD, packed)[:, 0], packed)
    for other in (
        np.zeros((13, 3, 2), np.uint8),
        np.zeros((13, 3, 2, 1), np.uint8),
        np.zeros((13, 3, 2, 3), np.float32),
    ):
        with pytest.raises(ValueError, match=r"images are \(N, H, W, 3\) uint8"):
            predict(ADD, other)


def test_sets_of_one_length_are_compiled_once():
    task, predict = make(4)
    sets = [(seed, lambda seed=seed: images(13, seed)) for seed in range(6)]
    for seed in range(6):
        found = [outputs for tag, _, outputs in predict.stream(ADD, sets) if tag == seed]
        np.testing.assert_array_equal(np.concatenate(found)[:, 0], pack(images(13, seed)))
    assert task.traces == 1


def test_sets_of_different_lengths_keep_their_names_and_places():
    _, predict = make(4)
    sets = {"a": images(9, 1), "b": images(3, 2), "c": images(4, 3)}
    for tag, where, outputs in predict.stream(ADD, [(tag, lambda x=x: x) for tag, x in sets.items()]):
        np.testing.assert_array_equal(outputs[:, 0], pack(sets[tag][where]))


class Lazy:
    """Images that are made when asked for, and remember by whom."""

    def __init__(self, made):
        self.made = made

    def __len__(self):
        return 13

    def __getitem__(self, where):
        self.made.append((where.start, where.stop, threading.current_thread().name))
        return images(13)[where]


def test_images_are_made_slice_by_slice_in_another_thread():
    made = []
    _, predict = make(5)
    np.testing.assert_array_equal(predict(ADD, Lazy(made))[:, 0], pack(images(13)))
    assert [(start, stop) for start, stop, _ in made] == [(0, 5), (5, 10), (10, 13)]
    assert all(name.startswith("batches") for *_, name in made)


def test_batches_are_made_while_earlier_outputs_are_worked_on():
    made = []
    _, predict = make(1)
    stream = predict.stream(ADD, [(None, lambda: Lazy(made))])
    next(stream)
    # one with the caller, three on the device, one made or in the making: neither fewer nor the whole set
    assert 4 <= len(made) <= 5
    assert len(list(stream)) == 12


def test_an_error_of_the_images_reaches_the_caller():
    def load():
        raise OSError("no such file: fog.npy")

    with pytest.raises(OSError, match=r"fog\.npy"):
        list(make(4)[1].stream(ADD, [("fog", load)]))


def test_outputs_do_not_depend_on_the_variables_of_before():
    _, predict = make(4)
    first = predict(ADD, images(4))
    np.testing.assert_array_equal(predict({"add": np.int32(1)}, images(4)), first + 1)
    assert jax.device_count() == 1  # eight devices are tests/e2e/test_devices.py's
