"""What a compiled program passes between devices."""

import collections
import re

from sbn.accelerators.costs import COLLECTIVES

# An instruction is `%name = SHAPE kind(operands)`; one that runs beside others is begun by `kind-start` and ends with
# `kind-done`, which is not another one.
_INSTRUCTION = re.compile(rf"\s({'|'.join(COLLECTIVES)})(?:-start)?\(")


def collectives(text):
    """Returns kind -> how many instructions, of those that are there, in the HLO `text` of a program."""
    return dict(collections.Counter(_INSTRUCTION.findall(text)))
