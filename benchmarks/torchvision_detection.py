"""torchvision's half of `benchmarks.detection`: suppression, RoIAlign, and steps of a small Faster R-CNN."""

import functools

import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign

from benchmarks import rounds as taking
from benchmarks import worker

LEVELS = ("0", "1", "2", "3")


def xy(boxes):
    """y0, x0, y1, x1 as x0, y0, x1, y1."""
    return torch.from_numpy(boxes[..., [1, 0, 3, 2]].copy())


def convolution(inputs, outputs, size, stride):
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(outputs)]


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        first, second = convolution(inputs, outputs, 3, stride), convolution(outputs, outputs, 3, 1)
        self.inner = nn.Sequential(*first, nn.ReLU(), *second)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Sequential(*convolution(inputs, outputs, 1, stride)) if changes else nn.Identity()

    def forward(self, x):
        return torch.relu(self.inner(x) + self.shortcut(x))


def detector(*, width, channels, hidden, classes, regions, size):
    """Faster R-CNN on a ResNet of one basic block a stage, with the settings of `benchmarks.detection`."""
    body = nn.Sequential()
    body.add_module("stem", nn.Sequential(*convolution(3, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)))
    outputs = [width * 2**k for k in range(4)]
    for k, (a, b) in enumerate(zip([width, *outputs], outputs, strict=False)):
        body.add_module(f"stage{k}", Block(a, b, 1 if k == 0 else 2))
    backbone = BackboneWithFPN(body, {f"stage{k}": str(k) for k in range(4)}, outputs, channels)
    sides = tuple((side,) for side in (8, 16, 32, 64, 128))
    return FasterRCNN(
        backbone,
        rpn_anchor_generator=AnchorGenerator(sides, ((0.5, 1.0, 2.0),) * 5),
        box_roi_pool=MultiScaleRoIAlign(LEVELS, 7, 2),
        box_head=TwoMLPHead(channels * 49, hidden),
        box_predictor=FastRCNNPredictor(hidden, 1 + classes),
        min_size=size[0],
        max_size=size[1],
        image_mean=[0.0] * 3,
        image_std=[1.0] * 3,
        rpn_pre_nms_top_n_train=500,
        rpn_post_nms_top_n_train=300,
        box_batch_size_per_image=regions,
    ).train()


def build(*, parts, file, results, threads, thresholds, width, channels, hidden, classes, regions):
    """Computes everything once, into the file `results`, and returns what measures it again."""
    torch.set_num_threads(threads)
    with np.load(file) as arrays:
        given = dict(arrays)
    runs, first = {}, {}
    if "nms" in parts:
        scores = torch.from_numpy(given["scores"])
        for kind in ("clustered", "uniform"):
            boxes = xy(given[kind])
            for threshold in thresholds:
                runs[f"nms {kind} {threshold}"] = functools.partial(torchvision.ops.nms, boxes, scores, threshold)
        first |= {name: run().numpy() for name, run in runs.items()}
    measures = {name: taking.clocked(run) for name, run in runs.items()}
    if "pooling" in parts:
        own, summary = pooling(given)
        measures |= own
        first |= summary
    if "step" in parts:
        size = given["images"].shape[1:3]
        net = detector(width=width, channels=channels, hidden=hidden, classes=classes, regions=regions, size=size)
        optimiser = torch.optim.SGD(net.parameters(), 0.001, momentum=0.9, weight_decay=1e-4)
        images = [torch.from_numpy(image.transpose(2, 0, 1).copy()) for image in given["images"]]
        pairs = zip(given["objects"], given["labels"], strict=True)
        targets = [{"boxes": xy(boxes), "labels": torch.from_numpy(labels + 1)} for boxes, labels in pairs]

        def step():
            loss = sum(net(images, targets).values())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

        step()
        measures["step"] = taking.clocked(step)
    np.savez(results, **first)
    facts = {"torch": torch.__version__, "torchvision": torchvision.__version__, "threads": torch.get_num_threads()}
    return facts, measures


def pooling(given):
    """Measures of RoIAlign and of its gradient, and what both give: of the gradient the finest level's."""
    maps = {}
    for level in LEVELS:
        maps[level] = torch.from_numpy(given[f"map{level}"].transpose(2, 0, 1)[None].copy()).requires_grad_()
    boxes, size = [xy(given["regions"])], [tuple(4 * side for side in given["map0"].shape[:2])]
    pool = MultiScaleRoIAlign(LEVELS, 7, 2)
    cotangent = torch.from_numpy(given["cotangent"].transpose(0, 3, 1, 2).copy())
    pooled = pool(maps, boxes, size)

    def gradient():
        return torch.autograd.grad(pooled, list(maps.values()), cotangent, retain_graph=True)

    def forward():
        with torch.no_grad():
            return pool(maps, boxes, size)

    first = {
        "pooling": pooled.detach().numpy().transpose(0, 2, 3, 1),
        "pooling gradient": gradient()[0][0].numpy().transpose(1, 2, 0),
    }
    return {"pooling": taking.clocked(forward), "pooling gradient": taking.clocked(gradient)}, first


if __name__ == "__main__":
    worker.serve(build)
