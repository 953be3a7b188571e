"""Parts of splits are those that TFDS's own reader gives, and refused where it refuses."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import splits

LENGTHS = {"train": 103, "test": 7}


def taken(text):
    parts = splits.ids(text, LENGTHS, key="data.train_split", of="a set")
    return [(split, number) for split, where in parts for number in range(LENGTHS[split])[where]]


def theirs(text):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import splits as tfds_splits

    template = tfds.core.ShardedFileTemplate(
        dataset_name="x", data_dir="/nowhere", filetype_suffix="tfrecord", template="{DATASET}-{SPLIT}.tfrecord"
    )
    infos = tfds_splits.SplitDict(
        [
            tfds_splits.SplitInfo(name=name, shard_lengths=[count], num_bytes=0, filename_template=template)
            for name, count in LENGTHS.items()
        ]
    )
    found = []
    for part in text.split("+"):  # the order of a sum is that of its parts
        for instruction in infos[part.strip()].file_instructions:
            split = "train" if instruction.examples_in_shard == LENGTHS["train"] else "test"
            end = instruction.skip + instruction.take if instruction.take >= 0 else LENGTHS[split]
            found += [(split, number) for number in range(instruction.skip, end)]
    return found


GOOD = (
    "train", "train[:5]", "train[98:]", "train[-3:]", "train[2:4]", "train[:-100]", "train[:33%]", "train[33%:]",
    "train[10%:20%]", "train[-10%:]", "train[:0.5%]", "train[1.5%:3.5%]", "train[:103]", "train[:9]+test",
    "test[-2:]+train[:2]",
)  # fmt: skip
BAD = ("train[:104]", "train[-104:]", "train[:101%]", "tset", "train[", "train[5]", "train[:]", "train[a:b]",
       "train[1:2:3]", "train[:1.5]", "train[:100.2%]", "train[:1.2.3%]", "train[%:5]", "train[2:%]", "")  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_parts_are_those_of_tfds(text):
    assert taken(text) == theirs(text)


@pytest.mark.parametrize("text", BAD)
def test_what_tfds_refuses_is_refused_in_one_line(text):
    with pytest.raises((ValueError, KeyError)):
        theirs(text)
    with pytest.raises(ConfigError, match=r"data\.train_split") as caught:
        taken(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["train+train", "train[50:]+train[:60]", "train[:9]+test+train[4:6]+train[5:7]+train"])
def test_examples_in_several_parts_are_told_and_of_a_test_split_refused(text, capsys):
    examples = taken(text)
    said = f"{text!r}: {len(examples) - len(set(examples))} examples are in more than one part"
    assert f"data.train_split = {said}: every epoch trains" in capsys.readouterr().err
    with pytest.raises(ConfigError) as caught:
        splits.ids(text, LENGTHS, key="data.test_split", of="a set")
    assert str(caught.value) == f"data.test_split = {said}, and would count more than once: name each once"


def test_parts_that_touch_share_nothing(capsys):
    assert len(taken("train[50:]+train[:50]+train[7:7]+test")) == 110
    assert capsys.readouterr().err == ""


def test_arrays_alone_are_not_copied():
    array = np.arange(3)
    assert splits.joined([array]) is array
