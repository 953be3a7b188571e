"""An exported branch is the run's own, to the bit, and costs what a plain network does."""

import contextlib
import json
import shutil
import subprocess
import sys

import jax
import jax.export
import numpy as np
import pytest
from etils import epath
from flax import serialization, traverse_util
from ml_collections import ConfigDict

from sbn import export
from sbn.config.errors import ConfigError
from sbn.data.pixels import pack
from sbn.evals.sizes import multiply_adds
from sbn.runs.content import read_json
from sbn.runs.seals import sealed
from sbn.tasks import portable
from sbn.train import workdir as workdirs
from sbn.train.checkpoint import Checkpoints
from sbn.train.optimiser import make_optimiser
from sbn.train.schedules import make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state
from sbn.train.workdir import Origin
from tests.conftest import ROOT, TINY
from tests.e2e.runs import final_state

RUN = {"data.path": "device", "stages": ("train", "refine"), "duration": "4 steps", "stage.refine.duration": "2 steps"}
RUN_VIEWS = {"main": "crop(2)|flip|cutout(4)", "aux": TINY["views.aux.augment"]}
ORIGIN = Origin("split_bn", "table3/weak_augment", {"optim.lr": 0.05})
WITHOUT = """
import sys
blocked = ("tensorflow", "tensorflow_datasets", "keras", "clu")
sys.modules.update(dict.fromkeys(blocked))  # importing one of them raises
from sbn import export
export.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def setup(tiny):
    return make_setup(tiny(RUN))


def state_of(setup, config, step):
    """A state in which no two branches or steps agree."""
    optimiser = make_optimiser(setup.plan.stages[0], make_schedule(setup.plan.stages[0], setup.plan))
    state, rng = init_state(setup.task, optimiser, seed=config.seed), np.random.default_rng(step)

    def apart(leaf):
        return leaf + np.asarray(rng.uniform(0, 0.5, leaf.shape), np.float32)

    changed = {"params": jax.tree.map(apart, state.params), "batch_stats": jax.tree.map(apart, state.batch_stats)}
    return state._replace(step=np.asarray(step, np.int32), **changed)


@pytest.fixture(scope="module")
def workdir(tiny, setup, tmp_path_factory):
    """What a run of both stages leaves, without the training."""
    folder, config = epath.Path(tmp_path_factory.mktemp("runs") / "run"), tiny(RUN)
    data = setup.check_data(config, None, where=folder)
    workdirs.begin(folder, config, {"commit": "abc", "time": "now", "argv": ["python"]}, data=data)
    names, stages = setup.task.branches, setup.plan.stages
    with contextlib.closing(Checkpoints(folder / "checkpoints", keep=2, branches=names, stages=stages)) as store:
        for step in (4, 6):
            store.save(step, state_of(setup, config, step), seconds=1.0)
    metrics = {"test/main/accuracy": 0.25, "test/aux/loss": float("nan")}
    workdirs.finish(folder, config, ORIGIN, plan=setup.plan, seconds=1.0, metrics=metrics)
    return folder


@pytest.mark.parametrize("branch", ["main", "aux"])
def test_the_logits_are_those_of_the_runs_branch_to_the_bit(setup, workdir, tmp_path, branch):
    about = export.export(workdir, out=tmp_path / "net", branch=branch)
    network = export.load(tmp_path / "net")
    words = pack(setup.test.images)
    logits = np.asarray(
        jax.jit(setup.task.outputs)(final_state(workdir).variables, {"image": words})
    )  # as evaluators see them
    own, other = (setup.task.branches.index(name) for name in (branch, {"main": "aux", "aux": "main"}[branch]))
    found = np.asarray(network.logits(setup.test.images))
    np.testing.assert_array_equal(found, logits[:, own])
    assert (found != logits[:, other]).any()
    # whole numbers of another type mean the same; whatever else is taken for images elsewhere is refused
    np.testing.assert_array_equal(network.logits(setup.test.images.astype(np.int64)), found)
    for wrong in (setup.test.images / 255, setup.test.images.astype(np.int16) - 1, setup.test.images[..., 0]):
        with pytest.raises(ValueError, match=r"whole numbers, 0 to 255, not \("):
            network.logits(wrong)
    assert about["run"] | {"workdir": ""} == {
        "experiment": "split_bn",
        "row": "table3/weak_augment",
        "seed": 0,
        "overrides": {"optim.lr": 0.05},
        "workdir": "",
        "step": 6,
    }
    assert about["metrics"] == {"test/main/accuracy": 0.25}
    assert about["provenance"] == {"commit": "abc", "time": "now"}
    assert read_json(tmp_path / "net/model.json") == json.loads(json.dumps(about))


def test_it_says_on_what_its_branch_was_trained_last(tiny, workdir, tmp_path):
    assert export.export(workdir, out=tmp_path / "net", branch="aux")["trained_on"] == RUN_VIEWS["aux"]
    config = tiny(
        {
            **RUN,
            "views.aux.augment": "flip|resize(12)",
            "stage.refine.branches": ("main",),
            "stage.refine.views.main.augment": "flip",
        }
    )
    found = {stage: [export._trained_on(config, name, stage) for name in ("main", "aux")] for stage in config.stages}
    assert found == {"train": [RUN_VIEWS["main"], "flip|resize(12)"], "refine": ["flip", "flip|resize(12)"]}
    never = tiny({**RUN, "stage.train.branches": ("main",)})
    assert export._trained_on(never, "aux", "train") is None


def test_it_has_the_parameters_and_multiply_adds_of_a_plain_network(workdir, tiny, tmp_path):
    about = export.export(workdir, out=tmp_path / "net")
    network, plain = export.load(tmp_path / "net"), make_setup(tiny({"branches": ("main",)})).task
    shapes = jax.eval_shape(plain.init, jax.random.key(0))
    assert jax.tree.map(np.shape, network.variables) == jax.tree.map(lambda leaf: leaf.shape, shapes)
    assert about["parameters"] == sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
    words = jax.ShapeDtypeStruct((1, 16, 16), np.int32)
    cost = multiply_adds(lambda variables, words: plain.outputs(variables, {"image": words}), shapes, words)
    assert cost > 0
    assert multiply_adds(network._forward, network.variables, words) == cost


def test_flax_alone_reads_the_arrays_and_a_stages_end_can_be_had(workdir, tmp_path):
    export.export(workdir, out=tmp_path / "end", branch="main")
    about = export.export(workdir, out=tmp_path / "train", branch="main", stage="train")
    assert about["run"]["step"] == 4
    assert about["metrics"] == {}  # which the run measured at another step
    arrays = serialization.msgpack_restore((tmp_path / "end/variables.msgpack").read_bytes())
    state = final_state(workdir)
    assert set(arrays) == {"params", "batch_stats"}
    np.testing.assert_array_equal(arrays["params"]["head"]["kernel"], state.params["head"]["kernel"])
    np.testing.assert_array_equal(
        arrays["batch_stats"]["final_norm"]["mean"], state.batch_stats["final_norm"]["mean"][:1]
    )
    earlier = export.load(tmp_path / "train").variables["params"]["head"]["kernel"]
    assert (earlier != arrays["params"]["head"]["kernel"]).any()


def test_the_command_needs_no_tensorflow_and_says_what_it_wrote(workdir, tmp_path):
    words = [f"--workdir={workdir}", "--branch=main", f"--out={tmp_path / 'net'}"]
    command = [sys.executable, "-c", WITHOUT, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'net'}: branch main of step 6, ")
    assert export.load(tmp_path / "net").about["mean"] == [0.5, 0.5, 0.5]


def test_mistakes_are_named_and_nothing_is_written(workdir, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(export, "prepare", lambda: None)  # it is this process's log and cache
    out = tmp_path / "net"
    for words, said in (
        (["--branch=mian"], "'mian'; did you mean 'main'? (choices: aux, main)"),
        (["--stage=refined"], "did you mean 'refine'"),
    ):
        with pytest.raises(SystemExit) as ended:
            export.main([f"--workdir={workdir}", f"--out={out}", *words])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
    assert not out.exists()
    with pytest.raises(ConfigError, match="holds no run"):
        export.export(tmp_path, out=out)
    with pytest.raises(ConfigError, match="is a file"):
        export.export(workdir, out=workdir / "config.json")


def test_of_a_damaged_checkpoint_the_one_before_is_taken(workdir, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(workdir, copy)
    meta = copy / "checkpoints/6/meta/metadata"
    meta.write_text(json.dumps(sealed({**json.loads(meta.read_text()), "checksum": 1})))  # that of other arrays
    assert export.export(copy, out=tmp_path / "net")["run"]["step"] == 4
    assert (copy / "checkpoints/6").exists()


def test_what_is_no_export_is_refused(workdir, tmp_path):
    with pytest.raises(ConfigError, match=r"no exported network: it has no model\.json"):
        export.load(tmp_path)
    export.export(workdir, out=tmp_path / "net")
    path = tmp_path / "net/model.json"
    about, content = read_json(path), path.read_text()
    path.write_text(content.replace('"mean": [\n  0.5', '"mean": [\n  0.6'))
    with pytest.raises(ConfigError, match=r"model\.json is damaged \(it was changed since"):
        export.load(tmp_path / "net")
    (tmp_path / "net/model.json").write_text(json.dumps({**about, "format": 2}))
    with pytest.raises(ConfigError, match="has format 2; this version reads format 1"):
        export.load(tmp_path / "net")


def test_arrays_that_are_not_those_of_the_description_are_refused(workdir, tmp_path):
    """A flipped bit; and what a process leaves that stopped between the two files, where another branch lay before."""
    export.export(workdir, out=tmp_path / "net", branch="aux")
    file = tmp_path / "net" / export.VARIABLES
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"variables\.msgpack is damaged \(it does not match its checksum"):
        export.load(tmp_path / "net")

    def stopped(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(export.files, "write_json", stopped)
        with pytest.raises(KeyboardInterrupt):
            export.export(workdir, out=tmp_path / "net", branch="main")
    with pytest.raises(ConfigError, match=r"no exported network: it has no model\.json"):
        export.load(tmp_path / "net")


def test_other_programs_get_the_arrays_and_the_whole_network(setup, workdir, tmp_path):
    """Readers of their own: the formats' libraries, and jax alone."""
    out = tmp_path / "net"
    about = export.export(workdir, out=out, branch="aux", also=["stablehlo", "safetensors"])
    network = export.load(out)
    arrays = (out / "variables.safetensors").read_bytes()
    length = int.from_bytes(arrays[:8], "little")  # as the format says: the header's length, the header, the arrays
    header = json.loads(arrays[8 : 8 + length])
    assert json.loads(header.pop("__metadata__")["model.json"]) == json.loads(json.dumps(about))
    flat = traverse_util.flatten_dict(network.variables, sep="/")
    assert header.keys() == flat.keys()
    for name, place in header.items():
        start, stop = (8 + length + end for end in place["data_offsets"])
        assert place["dtype"] == "F32"
        np.testing.assert_array_equal(np.frombuffer(arrays[start:stop], "<f4").reshape(place["shape"]), flat[name])
    program = jax.export.deserialize(bytearray((out / "network.stablehlo").read_bytes()))
    assert program.platforms == portable.PLATFORMS
    for images in (setup.test.images[:3], setup.test.images[3:8]):
        # one program compiled twice, with the weights as arguments and as constants: the last bits may differ
        np.testing.assert_allclose(program.call(images), network.logits(images), rtol=1e-4, atol=1e-5)
    export.export(workdir, out=out, branch="main")
    assert sorted(path.name for path in out.iterdir()) == ["model.json", "variables.msgpack"]  # none of another branch


def test_other_formats_are_checked_before_anything_is_written(workdir, tmp_path):
    with pytest.raises(ConfigError, match=r"'stablehol'; did you mean 'stablehlo'"):
        export.export(workdir, out=tmp_path / "net", also=["stablehol"])
    with pytest.raises(ConfigError, match=r"for runs that classify images, not for task='detection'"):
        portable.content("stablehlo", ConfigDict({"task": "detection"}), None, {}, {})
    assert not (tmp_path / "net").exists()


def test_a_number_without_an_axis_keeps_its_shape_for_other_programs():
    safetensors = pytest.importorskip("safetensors.numpy")
    variables = {"params": {"scale": np.float32(2), "kernel": np.arange(6, dtype=np.float32).reshape(2, 3).T}}
    arrays = safetensors.load(portable.safetensors(variables, {}))
    assert {name: array.shape for name, array in arrays.items()} == {"params/scale": (), "params/kernel": (3, 2)}
    np.testing.assert_array_equal(arrays["params/kernel"], variables["params"]["kernel"])
