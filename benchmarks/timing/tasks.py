"""What a process of `benchmarks/timing/worker.py` may have to measure.

Each kind of task has a function that prepares it. It returns a function that measures
once, as a dictionary, and another dictionary with what is to be said before.
"""

import gzip
import time
from functools import partial

import numpy as np
from threadpoolctl import threadpool_info

import scratchnet
from benchmarks.timing import contenders
from scratchnet.ladder.recipes import fresh_network, perceptron
from scratchnet.mnist import FILES, fetch_file


def libraries():
    """Return the libraries with threads of their own, as threadpoolctl sees them."""
    wanted = ("internal_api", "prefix", "version", "architecture", "num_threads")
    return [
        {name: library[name] for name in wanted if name in library}
        for library in threadpool_info()
    ]


def training_images(n):
    """Return the first n training images, scaled, and their labels."""
    images, labels, _, _ = scratchnet.load_mnist()
    return scratchnet.scale_pixels(images[:n], np.float32), labels[:n]


def timed(work, *arguments):
    """Return how long a call takes, in seconds, and what it returns."""
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, result


def for_about(seconds, train, n):
    """Return a function that trains for about so many seconds, on n images.

    It's called with an epoch's seconds, and returns how many epochs it took, the
    seconds of all, and the last loss.
    """
    rng = np.random.default_rng(0)

    def go(epoch):
        orders = [rng.permutation(n) for _ in range(max(1, round(seconds / epoch)))]
        total, losses = timed(train, orders)
        return {"epochs": len(orders), "seconds": total, "loss": losses[-1]}

    return go


def train(task):
    """Train "network" with "contender", on "images", in "threads"; "seconds" a turn."""
    n = task["images"]
    images, labels = training_images(n)
    network, _ = fresh_network(task["network"])
    key, threads = task["contender"], task["threads"]
    contenders.imported(key)  # what it takes to import isn't counted
    start = time.perf_counter()
    go = contenders.prepare(key, network, images, labels, threads)
    losses = go([np.arange(n)])
    warm_up = time.perf_counter() - start
    turn = for_about(task["seconds"], go, n)
    epoch = timed(go, [np.arange(n)])[0]
    return lambda: turn(epoch), {"warm_up": warm_up, "first_loss": losses[0]}


def multiply(task):
    """Multiply float32 matrices of "size" rows and columns; "seconds" a turn.

    With the "library" "torch", PyTorch does it, which brings a library of its own.
    """
    rng = np.random.default_rng(0)
    a, b = rng.random((2, task["size"], task["size"]), dtype=np.float32)
    out, product = a @ b, np.matmul
    if task.get("library") == "torch":
        import torch

        torch.set_num_threads(task["blas"])
        a, b, out = map(torch.from_numpy, (a, b, out))
        product = torch.matmul

    def measure():
        durations = []
        while sum(durations) < task["seconds"]:
            durations.append(timed(partial(product, a, b, out=out))[0])
        return {"seconds": durations}

    return measure, {}


def train_perceptron(task):
    """Train 784-"width"-10 with scratchnet, on "images", in batches of "batch_size"."""
    n = task["images"] // task["batch_size"] * task["batch_size"]
    images, labels = training_images(n)
    network = perceptron(784, task["width"], 10)(np.random.default_rng(1))
    go = contenders.prepare(
        task["contender"],
        network,
        images,
        labels,
        task["threads"],
        batch_size=task["batch_size"],
    )
    go([np.arange(n)])
    turn = for_about(task["seconds"], go, n)
    epoch = timed(go, [np.arange(n)])[0]
    return lambda: turn(epoch), {"images": n}


def load(task):
    """Load MNIST once, in a process that has imported what it takes, and done no more.

    With the "way" "scratchnet", `load_mnist` does it; with "gzip", gzip and NumPy do.
    """
    if task["way"] == "scratchnet":
        work = scratchnet.load_mnist
    else:
        shapes = {fetch_file(key)[0]: file.shape for key, file in FILES.items()}
        work = partial(unpack, shapes)
    return lambda: {"seconds": timed(work)[0]}, {}


def unpack(shapes):
    """Return the arrays in the files, of these shapes, and check nothing."""
    return [
        np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=offset)
        for path, shape in shapes.items()
        for offset in [4 + 4 * len(shape)]
    ]


KINDS = {
    "train": train,
    "multiply": multiply,
    "train_perceptron": train_perceptron,
    "load": load,
}
