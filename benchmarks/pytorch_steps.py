"""PyTorch's half of `benchmarks.pytorch`: training steps with BatchNorm, or with timm's SplitBatchNorm2d."""

import importlib.metadata

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812  PyTorch's own habit

from benchmarks import rounds as taking
from benchmarks import worker
from tests.models import torch_networks

SPLIT = worker.load("timm", "layers/split_batchnorm.py")


def set_precision(precision):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


class Stepper:
    """One network and its optimiser.

    Args:
        name: words joined by `_`: `plain` or `split`; `contiguous` (NCHW) instead of channels last; `compiled`.
        network: takes its own copy of the weights; it has BatchNorms.
        images: (B, 2, H, W, 3).
        labels: (B, 2).
        device: `cpu` or `cuda`.
        precision: `bfloat16` is autocast's; others are as `set_precision` left it.
        rate: of learning.
        decay: of weights.
    """

    def __init__(self, name, network, images, labels, *, device, precision, rate, decay):
        words = name.split("_")
        layout = torch.contiguous_format if "contiguous" in words else torch.channels_last
        if "split" in words:
            network = SPLIT.convert_splitbn_model(network, num_splits=images.shape[1])
        self.parameters = sum(weights.numel() for weights in network.parameters())
        self.network = network.to(device, memory_format=layout).train()
        if "compiled" in words:
            self.network = torch.compile(self.network)
        # timm's splits are equal chunks of the batch
        images = images.swapaxes(0, 1).reshape(-1, *images.shape[2:]).transpose(0, 3, 1, 2)
        self.images = torch.from_numpy(images.copy()).to(device, memory_format=layout)
        self.labels = torch.from_numpy(labels.swapaxes(0, 1).reshape(-1).astype(np.int64)).to(device)
        self.optimiser = torch.optim.SGD(
            self.network.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=decay
        )
        self.device, self.low = device, precision == "bfloat16"

    def step(self):
        """Returns the loss, on the device."""
        with torch.autocast(self.device, torch.bfloat16, enabled=self.low):
            logits = self.network(self.images)
        loss = F.cross_entropy(logits.float(), self.labels)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def run(self, steps):
        for _ in range(steps):
            self.step()
        if self.device == "cuda":
            torch.cuda.synchronize()


def build(*, depth, width, file, variants, steps, first, threads, device, precision, rate, decay):
    """Takes `first` steps with every variant, from the weights in `file`, and returns what came out."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = True
    set_precision(precision)
    with np.load(file) as arrays:
        given = dict(arrays)
    images, labels = given.pop("images"), given.pop("labels")
    steppers = {}
    for name in variants:
        network = torch_networks.wide_resnet(10, depth=depth, width=width, shortcut="conv")
        torch_networks.load(network, {tuple(path.split("/")): leaf for path, leaf in given.items()})
        steppers[name] = Stepper(
            name, network, images, labels, device=device, precision=precision, rate=rate, decay=decay
        )
    facts = {
        "device": torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} CPU threads",
        "torch": torch.__version__,
        "timm": importlib.metadata.version("timm"),
        "parameters": {name: stepper.parameters for name, stepper in steppers.items()},
        "losses": {name: [float(stepper.step()) for _ in range(first)] for name, stepper in steppers.items()},
    }
    measures = {name: taking.clocked(lambda s=stepper: s.run(steps)) for name, stepper in steppers.items()}
    return facts, measures


if __name__ == "__main__":
    worker.serve(build)
