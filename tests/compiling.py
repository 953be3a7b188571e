"""How the tests' programs are compiled where it is not as all of them are (conftest says how that is)."""

import functools
import os

import jax

# As users' are: for what is compared to the bit with something other than a program of XLA's, since how the code of
# fused ops is written decides which products are fused with sums.
jit = functools.partial(jax.jit, compiler_options={"xla_cpu_use_fusion_emitters": True})


def simulating(devices):
    """The variable that gives a process so many CPU devices, beside the flags of all tests."""
    return {"XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"}
