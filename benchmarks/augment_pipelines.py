"""The tf.data pipelines that `augment_host` compares: ours, the chain of conditionals, Keras's layer.

All make (weak, strong) pairs from the same images in memory: order, gather, augment, batch, prefetch.
"""

import tensorflow as tf

from benchmarks import augment_chain, augment_keras
from sbn.augment.host.apply import make_apply
from sbn.augment.host.arrays import order, pack
from sbn.augment.pipeline import parse

WEAK = {32: "crop(4)|flip|cutout(16)", 224: "flip"}
STRONG = {32: "randaugment({0}, 10)|crop(4)|flip|cutout(16)", 224: "randaugment({0}, 10)|flip"}


def batched(images, layers, batch):
    return batched_pairs(images, STRONG[images.shape[1]].format(layers), batch)


def batched_pairs(images, strong_text, batch):
    side, count = images.shape[1], len(images)
    weak = make_apply(parse(WEAK[side]), image_size=(side, side))
    strong = make_apply(parse(strong_text), image_size=(side, side))
    words = pack(images)

    def pair(epoch, ids):
        pixels, address = tf.gather(words, ids), {"seed": 1, "stage": 0, "epoch": epoch, "ids": ids}
        return weak(pixels, view=0, **address), strong(pixels, view=1, **address)

    def epoch_ids(epoch):
        ids = tf.data.Dataset.from_tensor_slices(order(1, stage=0, epoch=epoch, count=count))
        return ids.batch(batch, drop_remainder=True).map(lambda ids: (epoch, ids))

    return _prefetched(tf.data.Dataset.range(10**9).flat_map(epoch_ids).map(pair, num_parallel_calls=2))


def chain(images, layers, batch):
    data = tf.constant(images)
    pair = augment_chain.make_pair(layers, side=images.shape[1])
    ids = tf.data.Dataset.range(len(images)).shuffle(len(images)).repeat()
    pairs = ids.map(lambda i: pair(data[i]), num_parallel_calls=2)
    return _prefetched(pairs.batch(batch, drop_remainder=True))


def keras_layer(images, layers, batch):
    data = tf.constant(images)
    pair = augment_keras.make_pair(layers)
    ids = tf.data.Dataset.range(len(images)).shuffle(len(images)).repeat().batch(batch, drop_remainder=True)
    return _prefetched(ids.map(lambda i: pair(tf.gather(data, i)), num_parallel_calls=2))


def _prefetched(dataset):
    # the default intra-op pool for both; no autotuning, whose own threads would be counted
    options = tf.data.Options()
    options.autotune.enabled = False
    return iter(dataset.prefetch(2).with_options(options))
