"""The networks, each on (N, H, W, 3) and none aware of what a branch is for."""

from sbn.models.make import make_model, of_stage

__all__ = ["make_model", "of_stage"]
