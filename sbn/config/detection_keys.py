"""Config keys of object detection: the settings in which Faster R-CNN papers and implementations differ."""

import functools

from sbn.config.key import Key

_Key = functools.partial(Key, tasks=("detection",))

DETECTION_KEYS = (
    _Key("detection.channels", "int", 256, "Channels of every level of the feature pyramid.", low=1),
    _Key("detection.hidden", "int", 1024, "Width of the two dense layers of the box head.", low=1),
    _Key(
        "detection.anchor_scale",
        "float",
        8.0,
        "Side of the anchors, as a multiple of the stride of their pyramid level. 8 gives 32 pixels on the finest level.",
        low=0.01,
    ),
    _Key(
        "detection.anchor_samples",
        "int",
        256,
        "Anchors sampled per image for the loss; at most half are positive.",
        low=2,
    ),
    _Key(
        "detection.region_samples",
        "int",
        512,
        "Regions sampled per image for the loss; at most a quarter are positive.",
        low=4,
    ),
    _Key(
        "detection.proposals_before",
        "ints",
        (2000, 1000),
        "Proposals kept per pyramid level before non-maximum suppression: in training, in evaluation.",
        low=1,
    ),
    _Key(
        "detection.proposals_after",
        "ints",
        (2000, 1000),
        "Proposals kept per image after non-maximum suppression: in training, in evaluation.",
        low=1,
    ),
    _Key(
        "detection.region_beta",
        "float",
        1.0,
        "Smooth L1 loss of region boxes: the error at which it changes from quadratic to linear (torchvision: 1 / 9).",
        low=1e-6,
    ),
    _Key(
        "detection.aligned",
        "bool",
        False,
        "Shift RoIAlign by half a cell, as most code does since late 2019.",
    ),
    _Key(
        "eval.average_precision",
        "names",
        ("voc",),
        "How to compute average precision. voc: as PASCAL VOC (map, over 11 points, and map_area); coco: as COCO (coco_map; install sbn[detection]).",
        choices=("voc", "coco"),
    ),
    _Key(
        "eval.detections.examples",
        "int",
        8,
        "Number of test images, from the first, whose detections are drawn.",
        low=1,
    ),
    _Key("detection.detections", "int", 100, "Maximum number of detections per image.", low=1),
    _Key(
        "norm.frozen",
        "bool",
        False,
        "Freeze BatchNorm statistics: normalise by the running statistics in training too, and never update them.",
        per_stage=True,
        tasks=("detection",),
    ),
)
