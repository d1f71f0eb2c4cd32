"""Who takes part: the same training loop in several frameworks.

For each, a module of this folder has a function `prepare`. It takes a network of
scratchnet, whose weights training begins with, the images, the labels, and a number of
threads, and returns a function `train`. That takes a list of orders of the images, one
for each epoch, trains in batches of `BATCH_SIZE`, and returns the mean loss of each
epoch. What `prepare` makes, such as tensors, stays in the framework's own memory.
"""

import importlib
import os
import shutil
import sys
from importlib.util import find_spec
from typing import NamedTuple

# What all train with: Nesterov momentum, and weight decay of weights alone
BATCH_SIZE = 128
LEARNING_RATE = 0.01
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-4


class Contender(NamedTuple):
    """One way to train, in one framework."""

    title: str
    package: str  # what must be installed
    module: str  # in this folder
    options: dict  # keywords of its `prepare`
    threads: str = "all"  # "all", or "one"
    blas: str = "all"  # how many threads a product of NumPy takes there
    # Whether the process is told to keep memory that it has freed: see
    # `worker.environment`. scratchnet does so by itself.
    keeps_memory: bool = True
    # of the kinds: "plain", with "dropout" or batch norm, with "convolution"s
    kinds: tuple = ("plain", "dropout", "convolution")


CONTENDERS = {
    "numpy": Contender(
        "scratchnet, one thread",
        "numpy",
        "with_numpy",
        {"processes": False},
        threads="one",
        blas="one",
        keeps_memory=False,
    ),
    "numpy-threads": Contender(
        "scratchnet, threads in products",
        "numpy",
        "with_numpy",
        {"processes": False},
        keeps_memory=False,
    ),
    "numpy-processes": Contender(
        "scratchnet, processes",
        "numpy",
        "with_numpy",
        {"processes": True},
        blas="one",
        keeps_memory=False,
    ),
    "torch": Contender(
        "PyTorch, as it comes",
        "torch",
        "with_pytorch",
        {"tuned": False, "compiled": False},
        keeps_memory=False,
    ),
    "torch-tuned": Contender(
        "PyTorch, tuned",
        "torch",
        "with_pytorch",
        {"tuned": True, "compiled": False},
    ),
    "torch-compiled": Contender(
        "PyTorch, compiled",
        "torch",
        "with_pytorch",
        {"tuned": False, "compiled": True},
    ),
    "jax": Contender("JAX, a step compiled", "jax", "with_jax", {"scan": False}),
    "jax-scan": Contender(
        "JAX, an epoch compiled",
        "jax",
        "with_jax",
        {"scan": True},
        # In a loop, XLA runs convolutions on one thread: many times as slow.
        kinds=("plain", "dropout"),
    ),
    "sklearn": Contender(
        "scikit-learn", "sklearn", "with_sklearn", {}, kinds=("plain",)
    ),
}


def why_not(key, kind, threads):
    """Return why a contender can't train such a network here, or None if it can."""
    contender = CONTENDERS[key]
    if find_spec(contender.package) is None:
        return f"{contender.package} isn't installed: see requirements-bench.txt"
    if kind not in contender.kinds:
        return f"it isn't for networks with {kind}"
    if contender.package == "numpy" and contender.threads == "all" and threads == 1:
        return "one thread is what the first one takes"
    if contender.options.get("processes"):
        if sys.platform != "linux":
            return "processes that share a training need Linux"
        if BATCH_SIZE % threads:
            return f"{threads} processes can't share a batch of {BATCH_SIZE} evenly"
    if contender.options.get("compiled") and not cxx_compiler():
        return "torch.compile needs a C++ compiler"
    return None


def cxx_compiler():
    """Return the C++ compiler that torch.compile finds, or None."""
    names = [os.environ.get("CXX"), "g++", "clang++", "cl"]
    return next((path for name in names if name and (path := shutil.which(name))), None)


def prepare(key, network, images, labels, threads, **changes):
    """Return the function `train` of a contender, as the top of this file says.

    Parameters
    ----------
    key : str
        Of `CONTENDERS`.
    network : scratchnet.sequential.Sequential
        Its weights are where training begins.
    images, labels : numpy.ndarray
        float32, shape (n, 784), and integers, shape (n,); n a multiple of `BATCH_SIZE`.
    threads : int
        How many to take.
    **changes
        Of the keywords of its module's `prepare`.
    """
    options = CONTENDERS[key].options | changes
    return imported(key).prepare(network, images, labels, threads, **options)


def imported(key):
    """Return a contender's module, which imports its framework."""
    return importlib.import_module(f"benchmarks.timing.{CONTENDERS[key].module}")
