"""Memory that arrays leave serves the next ones, where it's asked to."""

import os
import platform
import subprocess
import sys

import pytest

from benchmarks.timing.worker import environment

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="glibc alone is asked to"
)
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


def count_faults(**told):
    """Return how many pages a step gets anew, before a training and in it."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS],
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=True,
    )
    return map(float, done.stdout.split())


def test_a_training_keeps_its_memory_from_step_to_step():
    before, in_training = count_faults()
    assert before > 10 and in_training < 5


def test_a_benchmark_has_a_process_keep_its_memory():
    before, in_training = count_faults(**environment({"blas": 1, "keeps_memory": True}))
    assert before < 5 and in_training < 5
