"""Ops by import path: the examples of docs/own_op.md, from a folder outside the repository, on both data paths."""

import re
import sys

import jax
import numpy as np
import pytest

from sbn.augment import draws
from sbn.augment.__main__ import main
from sbn.augment.device.apply import make_apply
from sbn.augment.pipeline import draw_addresses, format, parse
from sbn.augment.size_checks import check_fits
from sbn.config import imported
from sbn.config.errors import ConfigError
from sbn.data.pixels import pack
from tests import compiling
from tests.conftest import ROOT

ADDRESS = {"seed": 5, "stage": 0, "epoch": 2, "view": 1}
BROKEN = """
import dataclasses
from sbn.augment.op import OwnOp

class NoDataclass(OwnOp):
    def host(self, images, draws): return images

@dataclasses.dataclass(frozen=True)
class Nothing(OwnOp):
    pass

@dataclasses.dataclass(frozen=True)
class Grey(OwnOp):
    def host(self, images, draws): return images[..., 0]

@dataclasses.dataclass(frozen=True)
class Still(OwnOp):
    spatial = True
    def device(self, images, draws): return images

@dataclasses.dataclass(frozen=True)
class Words(OwnOp):
    inputs = "tokens"
    def host(self, images, draws): return images

@dataclasses.dataclass(frozen=True)
class Fails(OwnOp):
    def host(self, images, draws): return images // 0 if 1 // 0 else images

@dataclasses.dataclass(frozen=True)
class FailsHere(OwnOp):
    def device(self, images, draws): return 1 // 0

class Stranger: pass
"""
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3)).astype(np.uint8)
IDS = np.arange(6) * 77
BOXES = np.float32(np.tile([[[1, 2, 5, 9], [0, 0, 0, 0]]], (6, 1, 1)))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    page = (ROOT / "docs/own_op.md").read_text()
    for name, text in re.findall(r"<!-- file: (\w+\.py) -->\n```python\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text)
    (tmp_path / "broken_ops.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imported, "_loaded", {})
    yield tmp_path
    for module in ("my_ops", "my_moving_ops", "broken_ops"):
        sys.modules.pop(module, None)


def run_host(text, words, **more):
    tf = pytest.importorskip("tensorflow")
    from sbn.augment.host.apply import make_apply as make_host_apply

    apply = tf.function(make_host_apply(parse(text), image_size=IMAGES.shape[1:3]))
    return jax.tree.map(np.asarray, apply(tf.constant(words), ids=IDS, **ADDRESS, **more))


def run_device(text, words, **more):
    apply = make_apply(parse(text), image_size=IMAGES.shape[1:3])
    return jax.tree.map(np.asarray, compiling.jit(lambda words: apply(words, ids=IDS, **ADDRESS, **more))(words))


def test_an_op_by_path_gets_its_arguments_and_addressed_draws(elsewhere):
    words = pack(IMAGES)
    words[:, :2] = 0  # fillers
    words[:, 2:4] &= 0x05FFFFFF  # labels of a mask
    found = run_host("my_ops:Tint(0.2)", words).view(np.uint8).reshape(6, 8, 9, 4)
    given = words.view(np.uint8).reshape(6, 8, 9, 4)
    np.testing.assert_array_equal(found[..., 3], given[..., 3])
    (address,) = draw_addresses(parse("my_ops:Tint(0.2)"), (8, 9))
    bits = draws.bits(5, IDS, stage=0, epoch=2, view=1, draws=address)
    shift = 255 * 0.2 * (2 * ((bits >> 8) / 2**24) - 1)
    np.testing.assert_array_equal(
        found[..., :3], np.clip(given[..., :3] + shift[:, None, None], 0, 255).astype(np.uint8)
    )
    record = imported.loaded()["my_ops:Tint"]
    assert record["file"] == str(elsewhere / "my_ops.py")
    assert len(record["sha256"]) == 64


def test_an_op_that_moves_pixels_moves_labels_and_boxes_on_both_paths():
    words = pack(IMAGES)
    words[:, 2:4] &= 0x05FFFFFF
    for run in (run_host, run_device):
        _, boxes = run("my_moving_ops:UpsideDown|crop(1)|my_moving_ops:UpsideDown", words, boxes=BOXES)
        alone, _ = run("my_moving_ops:UpsideDown", words, boxes=BOXES)
        np.testing.assert_array_equal(alone, words[:, ::-1])
        _, cropped = run("crop(1)", words, boxes=BOXES)
        across = slice(1, None, 2)
        np.testing.assert_array_equal(boxes[..., across], cropped[..., across])
        assert not boxes[:, 1].any()
        np.testing.assert_array_equal(run("my_moving_ops:UpsideDown", words, boxes=BOXES)[1][:, 0], [[3, 2, 7, 9]] * 6)
    np.testing.assert_array_equal(
        run_host("my_moving_ops:UpsideDown|crop(1)|flip", words),
        run_device("my_moving_ops:UpsideDown|crop(1)|flip", words),
    )


def test_paths_stand_in_the_grammar_like_names():
    text = "crop(4)|my_ops:Tint(strength=0.25)|my_moving_ops:UpsideDown|flip"
    ops = parse(text)
    assert format(ops) == "crop(4)|my_ops:Tint(strength=0.25)|my_moving_ops:UpsideDown|flip"
    assert parse(format(ops)) == ops
    assert parse("my_ops:Tint")[0].strength == 0.1
    assert parse("autoaugment('svhn')|my_ops:Tint")[1] == parse("my_ops:Tint(0.1)")[0]


def test_built_in_ops_keep_their_draws_beside_ops_by_path():
    plain, mixed = parse("crop(4)|flip"), parse("my_ops:Tint|crop(4)|my_ops:Tint|flip")
    own, crop, again, flip = draw_addresses(mixed, (8, 9))
    assert (crop, flip) == draw_addresses(plain, (8, 9))
    assert len({*own, *again, *crop, *flip}) == 3 + 3 + 2 + 1
    assert max(*own, *again) < 2**32


def test_a_pipeline_with_an_op_by_path_is_shown(capsys):
    assert main(["show", "crop(4)|my_ops:Tint(0.2)"]) == 0
    assert "my_ops:Tint" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flip|nowhere_at_all:Tint", "op 2 of 2 .*nowhere_at_all.*can't be imported"),
        ("my_ops:Tnt(1)", "unknown name in op = 'my_ops:Tnt'.*did you mean 'Tint'"),
        ("my_ops:Tint(2)", r"my_ops:Tint\(strength\) is 2; it must be from 0 to 1"),
        ("my_ops:Tint(0.1, 3)", "my_ops:Tint takes at most 1 arguments"),
        ("broken_ops:Stranger", "broken_ops:Stranger is not an op: make it a subclass of sbn.augment.op.OwnOp"),
        ("broken_ops:NoDataclass", "is not a dataclass: put @dataclasses.dataclass"),
        ("broken_ops:Nothing", "neither a function 'host' nor a function 'device'"),
    ],
)
def test_what_is_wrong_with_an_op_by_path_is_one_line(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_an_op_is_refused_where_it_offers_nothing():
    with pytest.raises(ValueError, match="my_ops:Tint has no function 'device': it works only on the host path"):
        make_apply(parse("my_ops:Tint"), image_size=(8, 9))
    with pytest.raises(ValueError, match="broken_ops:Still has no function 'host'"):
        run_host("broken_ops:Still", pack(IMAGES))
    with pytest.raises(ValueError, match="broken_ops:Still moves pixels and has no function 'boxes'"):
        run_device("broken_ops:Still", pack(IMAGES), boxes=BOXES)
    with pytest.raises(ValueError, match="broken_ops:Words works on tokens, not on images"):
        check_fits(parse("broken_ops:Words"), image_size=(8, 9))
    pytest.importorskip("tensorflow")
    with pytest.raises(ConfigError, match=r"broken_ops:Grey returned uint8 \(2, 8, 9\); it must return uint8"):
        run_host("broken_ops:Grey", pack(IMAGES))


@pytest.mark.parametrize("path", ["host", "device"])
def test_an_op_that_fails_is_found_before_anything_is_written(tiny, tmp_path, path):
    from sbn.train import train

    changes = {"views.aux.augment": f"crop(2)|broken_ops:{'Fails' if path == 'host' else 'FailsHere'}"}
    with pytest.raises(ConfigError, match=r"op broken_ops:Fails(Here)? fails: ZeroDivisionError.*broken_ops.py"):
        train(tiny({**changes, "data.path": path}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=r"op my_ops:Tint has no function 'device', which data.path = 'device' calls"):
        train(tiny({"views.aux.augment": "my_ops:Tint(0.2)"}), tmp_path / "run")
