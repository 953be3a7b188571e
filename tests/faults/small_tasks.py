"""A detector, a segmenter and a translator as small as they get: what they do to files, not what they learn."""

from sbn.config.rows import Row, Table

BASE = {
    "data.name": "shapes",
    "data.path": "device",
    "data.train_examples": 8,
    "data.test_examples": 4,
    "data.image_size": 32,
    "model.name": "imagenet_resnet",
    "model.depth": 10,
    "model.width": 4,
    "branches": ("main", "aux"),
    "views.main.augment": "flip",
    "views.aux.augment": "crop(2)|flip",
    "batch_size": 4,
    "duration": "2 steps",
    "optim.lr": 0.01,
    "eval.batch_size": 4,
    "eval.every": "0 steps",
    "eval.evals": ("metrics",),
    "save.every": "1 steps",
    "log.every": "1 steps",
    "log.tensorboard": False,
}
DETECTION = {
    "task": "detection",
    "detection.channels": 4,
    "detection.hidden": 4,
    "detection.anchor_scale": 2.0,
    "detection.anchor_samples": 8,
    "detection.proposals_before": (12, 12),
    "detection.proposals_after": (8, 8),
    "detection.region_samples": 8,
    "detection.detections": 4,
}

TRANSLATION = {
    "task": "translation",
    "data.name": "reverse",
    "data.path": "host",
    "data.image_size": None,
    "data.train_examples": 40,
    "model.name": "transformer",
    "model.depth": None,
    "model.width": None,
    "norm.layer": "layer",
    "views.main.augment": "",
    "views.aux.augment": "stretch(0.5)",
    "translation.layers": 1,
    "translation.width": 4,
    "translation.heads": 1,
    "translation.hidden": 4,
    "translation.buckets": (21,),
    "batch_tokens": 100,
    "eval.evals": ("metrics", "bleu"),
    "eval.bleu.scores": ("exact_match",),
    "eval.bleu.longer": 2,
}

ROWS = {"detection": Row(DETECTION), "segmentation": Row({"task": "segmentation"}), "translation": Row(TRANSLATION)}
TABLES = {"table": Table("Tasks", ROWS)}
