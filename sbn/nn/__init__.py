"""Layers that know about branches, and what works on their variables. The parts that models are made of.

The names below are for use in other projects' models as well, and stay as they are.
"""

from sbn.nn.batch_norm import from_batch_norm, to_batch_norm
from sbn.nn.branch_norm import BranchNorm
from sbn.nn.branched import branched
from sbn.nn.branches import (
    branch_count,
    fold,
    from_plain,
    put_branches,
    select_branch,
    spread,
    take_branches,
    unfold,
)

__all__ = [
    "BranchNorm",
    "branch_count",
    "branched",
    "fold",
    "from_batch_norm",
    "from_plain",
    "put_branches",
    "select_branch",
    "spread",
    "take_branches",
    "to_batch_norm",
    "unfold",
]
