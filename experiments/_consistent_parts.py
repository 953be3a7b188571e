"""What the rows of consistent.py are made of: how copies are normalised, the transforms of a step, CIFAR-10-a."""

from collections.abc import Mapping
from typing import Any

STANDARD = "crop(4, fill=0)|flip"
MAIN = "test/main/accuracy"

# One BatchNorm for all transforms: of one size as one batch; of several one after the other, with statistics each
BN = {"norm.kind": "shared", "norm.sequential": False}
BN_OF_SIZES = {"norm.kind": "shared", "norm.sequential": True}
CN = {"norm.kind": "split"}
FIXUP = {"norm.kind": "none", "norm.group_size": None, "optim.affine_lr_factor": 0.1}
# Half as many images at a time, and their small copies, all with the same weight: the data set is what is augmented
AUGMENTED_SET = {"batch_size": 64, "views.main.weight": None, "views.shrunk.weight": None}


def transforms(**others: str) -> dict[str, Any]:
    """The images as they are and other views of them, that share their draws; the losses are added up."""
    changes: dict[str, Any] = {"branches": ("main", *others), "views.main.weight": 1.0}
    for name, augment in others.items():
        changes |= {f"views.{name}.augment": augment, f"views.{name}.weight": 1.0, f"views.{name}.draws": "main"}
    return changes


def shrunk(placement: str = "") -> dict[str, Any]:
    """CIFAR-10-a: every image, and 16 x 16 pixels of it on a black canvas."""
    return {
        **transforms(shrunk=f"{STANDARD}|resize_and_pad(16{placement})"),
        "eval.evals": ("accuracy", "views", "affinity"),
        "eval.affinity.pipelines": ("resize_and_pad(16)",),
        "eval.affinity.draws": 1,
    }


def small(changes: Mapping[str, Any]) -> str:
    """The accuracy on small copies, through the branch that was trained on them."""
    return f"test_shrunk/{'main' if changes.get('norm.kind') in ('shared', 'none') else 'shrunk'}/accuracy"
