"""Memory that arrays leave serves the next ones."""

import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource

import numpy as np

from scratchnet.layers import Linear
from scratchnet.sequential import Sequential
from scratchnet.tools.flat import flattened


def step():
    for array in [np.empty(3 * 2**18, np.float32) for _ in range(8)]:  # of 3 MiB
        array.fill(1)


def faults():
    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20


print(faults())
with flattened(Sequential(Linear(2, 2, np.random.default_rng(0)))):
    print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it's about glibc")
def test_a_training_keeps_its_memory_from_step_to_step():
    done = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS], capture_output=True, text=True, check=True
    )
    before, in_training = map(float, done.stdout.split())
    assert before > 10 and in_training < 5
