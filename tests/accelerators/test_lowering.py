"""Programs are lowered here for the CPU's own devices: the compilers of accelerators are another environment's."""

import jax
import pytest

from sbn.accelerators import stand_in, worker
from sbn.accelerators.lowering import lower
from sbn.config import command_line
from sbn.config.errors import ConfigError

SMALL = {"model.depth": "10", "batch_size": "16"}


def config_of(row="table3/weak_augment", **changes):
    overrides = {**SMALL, **{name.replace("__", "."): str(value) for name, value in changes.items()}}
    return command_line.request(f"split_bn:{row}", overrides).config


def arguments(lowered):
    """Shapes of the state, the batch, the numbers of the step and what lies on the devices."""
    return lowered.program.in_avals[0]


@pytest.fixture(scope="module")
def devices():
    return jax.devices()[:1]


def test_a_step_is_lowered_without_data(devices):
    found = lower(config_of(), devices)
    images, labels = (arguments(found)[1][name] for name in ("inputs", "targets"))
    assert images["image"].shape == (16, 2, 32, 32)
    assert labels["label"].shape == (16,)
    assert found.facts["steps"] == 200 * (50_000 // 16)
    assert found.facts["images"] == 32


def test_the_device_path_takes_ids_and_holds_the_whole_data_set(devices):
    found = lower(config_of(data__path="device", data__train_examples=100), devices)
    _, batch, _, resident = arguments(found)
    assert set(batch) == {"id"}
    assert resident["pixels"].shape == (100, 32, 32)


def test_several_steps_in_one_call_have_a_first_axis(devices):
    found = lower(config_of(steps_per_call=3), devices)
    assert arguments(found)[1]["inputs"]["image"].shape == (3, 16, 2, 32, 32)


def test_the_evaluation_pass_is_of_all_branches(devices):
    found = lower(config_of(eval__batch_size=5), devices, program="evaluation")
    assert found.program.out_info.shape == (5, 2, 10)


def test_the_batch_of_the_longest_sentences_is_lowered_without_data(devices):
    tiny = {"translation.layers": "1", "translation.width": "8", "translation.heads": "2", "translation.hidden": "8"}
    config = command_line.request("consistent:ours/multi30k_cn", {**tiny, "batch_tokens": "400"}).config
    found = lower(config, devices)
    batch = arguments(found)[1]
    assert [view.shape for view in batch["inputs"]["source"]] == [(8, 50), (8, 26), (8, 75)]
    assert batch["targets"]["target"].shape == (8, 50)
    assert found.facts["examples"] == 8
    # 29,000 pairs of 4,000 pieces, of which no text is there
    params = arguments(found)[0].params
    assert params["embedding"].shape == (4000, 8)
    assert params["decoder_0"]["source_norm"]["scale"].shape == (3, 8)
    evaluation = lower(config, devices, program="evaluation")
    assert evaluation.program.out_info.shape == (8, 3)
    with pytest.raises(ConfigError, match=r"data\.path = 'device'"):
        lower(command_line.request("consistent:ours/reverse", {"data.path": "device"}).config, devices)


def test_a_batch_that_does_not_divide_is_refused(devices):
    with pytest.raises(ConfigError, match="can't be split evenly over 2 devices"):
        lower(config_of(batch_size=15), [*devices, *devices])


def test_an_unknown_program_names_the_choices(devices):
    with pytest.raises(ConfigError, match="unknown program 'steps'; did you mean 'step'"):
        lower(config_of(), devices, program="steps")


def test_a_known_data_set_is_not_read_and_takes_no_memory():
    config = config_of("table2/imagenet_weak_augment", batch_size=128)
    train, test = (stand_in.load(config.data, split, view=config.eval.augment) for split in ("train", "test"))
    assert (len(train), len(test), train.classes) == (1_281_167, 50_000, 1000)
    assert train.images.shape == (1_281_167, 224, 224, 3)
    assert train.images.base.nbytes == 224 * 224 * 3


# The first as libtpu 0.0.42 says it
@pytest.mark.parametrize(
    ("said", "held"),
    [
        (
            "RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory required for HLO temporaries (59.65G) "
            "exceeds available HBM (15.75G).",
            int(59.65 * 2**30),
        ),
        ("RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 512.5M of 15.75G hbm.", int(512.5 * 2**20)),
        ("RESOURCE_EXHAUSTED: too many open files", None),
        ("INVALID_ARGUMENT: (59.65G) exceeds", None),
    ],
)
def test_a_program_too_large_for_a_chip_is_told_from_other_errors(said, held):
    assert worker.too_large(said) == held


@pytest.mark.slow  # traces a detector for five seconds
def test_a_detector_of_images_of_any_size_is_lowered_on_its_largest_canvas(devices):
    overrides = {"model.depth": "10", "model.width": "4", "batch_size": "2", "init.from": "nowhere"}
    found = lower(command_line.request("refine:table6/standard", overrides).config, devices)
    batch = arguments(found)[1]
    assert batch["inputs"]["image"].shape == (2, 1, 608, 1024)
    assert batch["targets"]["boxes"].shape == (2, 1, 42, 4)
    assert batch["targets"]["box_label"].shape == (2, 42)
    assert found.facts["steps"] == 12 * (5_011 // 2)


SEGMENTED = {
    "model.depth": "10",
    "model.width": "2",
    "init.from": "nowhere",
    **{f"views.{view}.augment": "random_scale(65, 65)" for view in ("main", "gta")},
}


def test_a_step_of_two_data_sets_is_lowered_without_either(devices):
    found = lower(command_line.request("consistent:table6/cn_gta", {**SEGMENTED, "batch_size": "4"}).config, devices)
    state, batch, numbers, _ = arguments(found)
    assert [batch[of]["inputs"]["image"].shape for of in ("0", "1")] == [(4, 1, 65, 65)] * 2
    assert set(numbers) == {"epoch", "epoch/0", "epoch/1"}
    assert 19 in {leaf.shape[-1] for leaf in jax.tree.leaves(state.params["head"])}
    assert state.batch_stats["stem_norm"]["mean"].shape == (2, 2)  # a branch for each
    assert (found.facts["examples"], found.facts["images"], found.facts["steps"]) == (4, 8, 200 * (2975 // 4))


def test_data_sets_of_a_view_lie_on_the_devices_too(devices):
    changes = {"data.path": "device", "model.depth": "10", "model.width": "2"}
    changes |= {"data.train_examples": "30", "data.test_examples": "10", "batch_size": "4"}
    config = command_line.request("segmentation:shapes/sketch_cn", changes).config
    resident = arguments(lower(config, devices))[3]
    assert {resident[f"pixels/{number}"].shape for number in (0, 1)} == {(30, 64, 64)}
