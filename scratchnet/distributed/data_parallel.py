"""Train one network on many processors, each with a copy of it.

What *Train on many processors* teaches, as a program for MPI:

    mpiexec -n 4 python -m mpi4py -m scratchnet.distributed.data_parallel --epochs 3

All ranks have the same network. Each computes the gradient of its part of a batch, all
take the mean of these, and so the same step. A communicator `comm` is mpi4py's, or one
of `scratchnet.distributed.ranks`.
"""

import argparse
import signal
import sys
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import numpy as np

from scratchnet.layers import BatchNorm, Linear, ReLU
from scratchnet.losses import softmax_cross_entropy
from scratchnet.mnist import load_mnist
from scratchnet.optimizers import SGD
from scratchnet.preprocess import scale_pixels
from scratchnet.sequential import Sequential
from scratchnet.tools.files import write_arrays
from scratchnet.tools.flat import flattened

SIZES = 784, 256, 128, 10


def average(comm, own):
    """Return the mean of an array over all ranks, to all of them."""
    total = np.empty_like(own)
    comm.Allreduce(own, total)
    total /= comm.size
    return total


def apart(comm, own):
    """Return how far the ranks' arrays are from rank 0's, relative to its length."""
    first = own.copy()
    comm.Bcast(first)
    squares = np.array([np.sum((own - first) ** 2), np.sum(first**2)], np.float64)
    difference, length = average(comm, squares)
    return float(np.sqrt(difference / length)) if length else 0.0


class SyncedBatchNorm(BatchNorm):
    """Batch normalization by the statistics of the whole batch, over all ranks.

    Parameters
    ----------
    n_features : int
        As for `BatchNorm`.
    comm : Comm
        Each rank has to have as many rows of the batch.
    """

    def __init__(self, n_features, comm):
        super().__init__(n_features)
        self.comm = comm

    def _mean(self, x, weight=None):
        return average(self.comm, super()._mean(x, weight))


def new_network(comm, normalized=False):
    """Return the same network on every rank."""
    rng = np.random.default_rng(1)
    layers = []
    for n_inputs, n_outputs in pairwise(SIZES):
        layers.append(Linear(n_inputs, n_outputs, rng))
        layers += [SyncedBatchNorm(n_outputs, comm)] if normalized else []
        layers.append(ReLU())
    return Sequential(*layers[: -2 if normalized else -1])


def train_epoch(comm, network, optimizer, order, data, batch_size, rate):
    """Go through the images once, each rank through its part of every batch.

    Parameters
    ----------
    comm : Comm
    network : Sequential
        Within `flattened`, and the same on all ranks, as is the optimizer.
    optimizer : SGD
    order : numpy.ndarray
        In which order to take the images, the same on all ranks.
    data : tuple of numpy.ndarray
        Images and labels.
    batch_size : int
        Of the whole batch, which the ranks can share evenly.
    rate : float
        The learning rate.

    Returns
    -------
    losses, seconds, waited : numpy.ndarray
        For each step the loss of the whole batch, how long the step took this rank, and
        how long the average of the gradients took of that, with the wait for others.
    """
    images, labels = data
    parameters, gradients = network.flat
    n = batch_size // comm.size
    own = slice(comm.rank * n, (comm.rank + 1) * n)
    losses, ticks, waited = [], [perf_counter()], []
    for start in range(0, len(order) - batch_size + 1, batch_size):
        part = order[start : start + batch_size][own]
        scores = network.forward(images[part], training=True)
        loss, gradient = softmax_cross_entropy(scores, labels[part])
        network.backward(gradient)
        began = perf_counter()
        gradients.flat[:] = average(comm, gradients.flat)
        waited.append(perf_counter() - began)
        optimizer.step(parameters, gradients, rate)
        losses.append(loss)
        ticks.append(perf_counter())
    return average(comm, np.array(losses)), np.diff(ticks), np.array(waited)


def save_checkpoint(path, network, optimizer, curve):
    """Write what the next epoch begins with; whole, or not at all."""
    arrays = {f"network {name}": array for name, array in network.state.items()}
    arrays |= {f"memory {name}": array for name, array in optimizer.memory.items()}
    write_arrays(path, arrays | {"curve": curve})


def load_checkpoint(comm, path, network, optimizer):
    """Take up what `save_checkpoint` wrote; return the curve of losses until then.

    Raises
    ------
    ValueError
        If the file isn't a whole checkpoint of such a network, or not every rank sees
        the same one.
    """
    curve = np.empty((0, 0))
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as saved:
                for name, array in network.state.items():
                    array[...] = saved[f"network {name}"]
                kept = [name for name in saved.files if name.startswith("memory ")]
                optimizer.memory = {
                    name.removeprefix("memory "): saved[name] for name in kept
                }
                curve = saved["curve"]
        except Exception as error:  # of many kinds, where a byte has changed
            raise ValueError(
                f"{path} isn't a whole checkpoint of this network: delete it to begin"
                " anew"
            ) from error
    if apart(comm, network.flat[0].flat) or apart(comm, np.array([1.0 + len(curve)])):
        raise ValueError(
            f"not every rank sees the same {path}: have it in a folder that all"
            " computers share"
        )
    return curve


def steps_of_an_epoch(comm, n_images, batch_size):
    """Return how many batches there are; raise an error if ranks can't share them."""
    if batch_size % comm.size:
        raise ValueError(
            f"{comm.size} ranks can't share a batch of {batch_size} evenly"
        )
    if batch_size > n_images:
        raise ValueError(f"a batch of {batch_size} takes more than {n_images} images")
    return n_images // batch_size


def train(comm, data, options):
    """Train all epochs that a checkpoint doesn't have; return what was measured.

    Parameters
    ----------
    comm : Comm
    data : tuple of numpy.ndarray
        Images and labels, the same on all ranks.
    options : argparse.Namespace
        What `parse` returned.

    Returns
    -------
    dict of str to numpy.ndarray
        "curve", the loss of each epoch's steps; "seconds" and "waited" of each step of
        this run; "apart", how far the ranks' parameters are from each other; and
        "parameters", all of them in a row.
    """
    n_steps = steps_of_an_epoch(comm, len(data[0]), options.batch_size)
    network, optimizer = new_network(comm, options.normalized), SGD(momentum=0.9)
    network.astype(data[0].dtype)
    seconds, waited = [], []
    with flattened(network) as (parameters, _):
        curve = np.empty((0, 0))
        if options.checkpoint:
            curve = load_checkpoint(comm, options.checkpoint, network, optimizer)
            if curve.size and curve.shape[1] != n_steps:
                raise ValueError(
                    f"{options.checkpoint} has {curve.shape[1]} steps an epoch, and"
                    f" this training {n_steps}: take the same images and batch size"
                )
        for epoch in range(len(curve), options.epochs):
            if options.die == (comm.rank, epoch):
                signal.raise_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            # Drawn from the number of the epoch, so that no checkpoint has to keep it
            order = np.random.default_rng([2, epoch]).permutation(len(data[0]))
            how = order, data, options.batch_size, options.rate
            with np.errstate(over="ignore", invalid="ignore"):  # the loss tells
                losses, *times = train_epoch(comm, network, optimizer, *how)
            if not np.isfinite(losses).all():
                raise FloatingPointError(
                    f"training diverged in epoch {epoch + 1}: try a lower rate than"
                    f" {options.rate}"
                )
            curve = np.vstack([curve.reshape(-1, len(losses)), losses])
            seconds.append(times[0])
            waited.append(times[1])
            if options.checkpoint:
                if comm.rank == 0:
                    save_checkpoint(options.checkpoint, network, optimizer, curve)
                comm.Barrier()  # whoever fails next, this epoch isn't lost
        return {
            "curve": curve,
            "seconds": np.array(seconds),
            "waited": np.array(waited),
            "apart": apart(comm, parameters.flat),
            "parameters": parameters.flat.copy(),
        }


def time_messages(comm, sizes, repeats=30):
    """Return the median seconds of an Allreduce of so many numbers, for each size."""
    medians = []
    for size in sizes:
        own, total, times = np.ones(size, np.float32), np.empty(size, np.float32), []
        for _ in range(repeats):
            comm.Barrier()
            began = perf_counter()
            comm.Allreduce(own, total)
            times.append(perf_counter() - began)
        medians.append(np.median(times))
    return {"sizes": np.array(sizes), "seconds": np.array(medians)}


def parse(words=None):
    """Return the options of the program, from the words of a command."""
    parser = argparse.ArgumentParser(
        "scratchnet.distributed.data_parallel", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--images", type=int, default=60_000, help="the first so many")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=128, help="of all ranks")
    parser.add_argument("--rate", type=float, default=0.05, help="the learning rate")
    parser.add_argument("--float64", action="store_true", help="twice the digits")
    parser.add_argument("--normalized", action="store_true", help="with batch norm")
    parser.add_argument("--checkpoint", type=Path, help="file; goes on from there")
    parser.add_argument("--results", type=Path, help="file (.npz) for what's measured")
    parser.add_argument("--messages", type=int, nargs="+", help="time these instead")
    parser.add_argument(
        "--die",
        type=lambda text: tuple(map(int, text.split(":"))),
        metavar="RANK:EPOCH",
        help="to see what happens, have a rank kill itself",
    )
    return parser.parse_args(words)


def main(comm, options):
    """Run the program on one rank."""
    if options.messages:
        measured = time_messages(comm, options.messages)
    else:
        x_train, y_train, _, _ = load_mnist()
        dtype = np.float64 if options.float64 else np.float32
        images = scale_pixels(x_train[: options.images], dtype)
        measured = train(comm, (images, y_train[: options.images]), options)
    if comm.rank == 0 and options.results:
        np.savez(options.results, **measured)
    elif comm.rank == 0 and not options.messages:
        for epoch, losses in enumerate(measured["curve"], start=1):
            print(f"epoch {epoch}: loss {losses.mean():.4f}")


def run_under_mpi():
    """Run the program on one rank of MPI; end all of them if it can't go on."""
    from mpi4py import MPI

    comm, options = MPI.COMM_WORLD, parse()
    try:
        main(comm, options)
    except (ArithmeticError, OSError, ValueError) as error:  # told in a sentence
        print(f"rank {comm.rank}: {error}", file=sys.stderr, flush=True)
        comm.Abort(1)


if __name__ == "__main__":
    run_under_mpi()
