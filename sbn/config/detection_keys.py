"""The keys of object detection: those of Faster R-CNN's parts that its codes and papers set differently."""

import functools

from sbn.config.key import Key

_Key = functools.partial(Key, tasks=("detection",))

DETECTION_KEYS = (
    _Key("detection.channels", "int", 256, "Of every level of the feature pyramid.", low=1),
    _Key("detection.hidden", "int", 1024, "Width of the box head's two dense layers.", low=1),
    _Key(
        "detection.anchor_scale",
        "float",
        8.0,
        "Sides of the anchors, in strides of their level of the pyramid: 8 makes 32 pixels on the finest.",
        low=0.01,
    ),
    _Key("detection.anchor_samples", "int", 256, "Anchors that an image trains on, at most half positive.", low=2),
    _Key("detection.region_samples", "int", 512, "Regions that an image trains on, at most a quarter positive.", low=4),
    _Key(
        "detection.proposals_before",
        "ints",
        (2000, 1000),
        "Proposals of each level that suppression is given: in training, in evaluation.",
        low=1,
    ),
    _Key(
        "detection.proposals_after",
        "ints",
        (2000, 1000),
        "Proposals of an image after suppression: in training, in evaluation.",
        low=1,
    ),
    _Key(
        "detection.region_beta",
        "float",
        1.0,
        "Where the loss of a region's box turns from square to linear (torchvision: 1 / 9).",
        low=1e-6,
    ),
    _Key(
        "detection.aligned",
        "bool",
        False,
        "Shift RoIAlign by half a cell, as codes do since the end of 2019.",
    ),
    _Key(
        "eval.average_precision",
        "names",
        ("voc",),
        "Average precision as PASCAL VOC measures it (map over 11 points, map_area), or as COCO does (coco_map; needs the extra detection).",
        choices=("voc", "coco"),
    ),
    _Key("eval.detections.examples", "int", 8, "Test images whose detections are drawn, the first.", low=1),
    _Key("detection.detections", "int", 100, "Detections of an image, at most.", low=1),
    _Key(
        "norm.frozen",
        "bool",
        False,
        "Normalise by the running statistics in training, too, and leave them as they are.",
        per_stage=True,
        tasks=("detection",),
    ),
)
