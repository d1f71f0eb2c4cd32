"""The networks on the accuracy ladder, each with the training that it gets.

`benchmarks/accuracy.py` trains them and records what they reach on the test images.
All choices in this file were made on the last 10,000 training images, or the last
30,000, by networks that hadn't seen them, except for the epochs of "mlp-augmented",
"cnn-tiny", and "cnn-small": these were cut to what a few minutes allow.
"""

import copy
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from scratchnet.augmentation import Augmented, augment
from scratchnet.ladder.records import FOLDER
from scratchnet.layers import (
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    Images,
    Linear,
    MaxPool,
    ReLU,
)
from scratchnet.losses import softmax_cross_entropy, squared_error
from scratchnet.optimizers import SGD, Averaging, constant, triangular
from scratchnet.sequential import Sequential
from scratchnet.tools.parallel import in_processes
from scratchnet.tools.parts import InParts
from scratchnet.training import each_epoch, measure_statistics


class Recipe(NamedTuple):
    """How to make a network, and how to train it."""

    title: str
    network: Callable  # called with a generator, returns a Sequential
    training: dict  # what `train_recipe` takes to train it


def perceptron(*sizes, dropout=0.0, normalized=False):
    """Return a function that makes fully connected layers with ReLU between them.

    Parameters
    ----------
    *sizes : int
        Features, from the input's to the output's.
    dropout : float, optional
        The rate after each hidden layer.
    normalized : bool, optional
        Whether to normalize the batch before each ReLU.
    """

    def make(rng):
        layers = []
        for n_inputs, n_outputs in pairwise(sizes[:-1]):
            layers.append(Linear(n_inputs, n_outputs, rng, bias=not normalized))
            layers += [BatchNorm(n_outputs)] if normalized else []
            layers.append(ReLU())
            layers += [Dropout(dropout, rng)] if dropout else []
        return Sequential(*layers, Linear(sizes[-2], sizes[-1], rng))

    return make


def convolutional(*units, n_features):
    """Return a function that makes units of convolution, batch norm, and ReLU.

    Parameters
    ----------
    *units : tuple
        (channels, size, padding, pool): the number and size of the filters, the
        padding, and whether to keep the largest of 2 × 2.
    n_features : int
        How many numbers the last unit leaves for the linear layer on top.
    """

    def make(rng):
        layers, n_inputs = [Images()], 1
        for n_outputs, size, padding, pool in units:
            layers.append(
                Convolution(n_inputs, n_outputs, size, rng, padding, bias=False)
            )
            layers += [MaxPool()] if pool else []  # first: then there's less to do
            layers += [BatchNorm(n_outputs), ReLU()]
            n_inputs = n_outputs
        return Sequential(*layers, Flatten(), Linear(n_features, 10, rng))

    return make


def with_momentum(weight_decay=0.0):
    """Return the optimizer that most recipes share, for a recipe's `training`."""
    return {
        "optimizer": partial(SGD, 0.9, nesterov=True, weight_decay=weight_decay),
        "schedule": triangular,
    }


smoothed = partial(softmax_cross_entropy, label_smoothing=0.05)

# Smaller changes than the defaults make: with all images, they did as well, or better.
augment_mildly = partial(
    augment, rotation=10.0, scale=0.1, shear=0.1, shift=1.0, elastic=0.8
)

# Recipes, and seeds, whose trained weights are kept for later chapters
KEPT = {"cnn-best": (1, 2, 3, 4, 5), "cnn-pooled-once": (1, 2)}

# The networks that vote, by recipe and seed: with two builds, a vote erred less.
VOTERS = (
    ("cnn-best", 1),
    ("cnn-best", 2),
    ("cnn-best", 3),
    ("cnn-pooled-once", 1),
    ("cnn-pooled-once", 2),
)

TINY = convolutional(
    (8, 5, 0, True),
    (12, 3, 0, False),
    (12, 3, 0, True),
    (16, 3, 0, False),
    n_features=64,
)

LONG_TRAINING = {
    "epochs": 22,
    "learning_rate": 0.1,
    **with_momentum(5e-4),
    "loss": smoothed,
    "augment": augment_mildly,
    "plain_epochs": 2,
    "averaging": 0.998,
    "parts": 2,
}

RECIPES = {
    "mini-batches": Recipe(
        "All images, in mini-batches",
        perceptron(784, 100, 10),
        {"epochs": 10, "learning_rate": 0.1, "loss": squared_error, "batch_size": 32},
    ),
    "softmax": Recipe(
        "Softmax and cross-entropy",
        perceptron(784, 100, 10),
        {"epochs": 10, "learning_rate": 0.1, "batch_size": 32},
    ),
    "momentum": Recipe(
        "Momentum and a schedule",
        perceptron(784, 100, 10),
        {"epochs": 30, "learning_rate": 0.1, **with_momentum(2e-4)},
    ),
    "mlp": Recipe(
        "Two hidden layers, dropout",
        perceptron(784, 512, 256, 10, dropout=0.3),
        {"epochs": 30, "learning_rate": 0.1, **with_momentum(2e-5)},
    ),
    "mlp-normalized": Recipe(
        "Batch normalization",
        perceptron(784, 512, 256, 10, dropout=0.3, normalized=True),
        {"epochs": 30, "learning_rate": 0.1, **with_momentum(2e-5)},
    ),
    "mlp-augmented": Recipe(
        "An MLP on invented data",
        perceptron(784, 768, 256, 10, normalized=True),
        {
            "epochs": 72,
            "batch_size": 256,
            "learning_rate": 0.15,
            **with_momentum(1e-4),
            "augment": augment_mildly,
            "averaging": 0.998,
            "loss": smoothed,
            "parts": 2,
        },
    ),
    "cnn-plain": Recipe(
        "A small CNN instead",
        TINY,
        {"epochs": 10, "learning_rate": 0.1, **with_momentum(5e-4), "parts": 2},
    ),
    "cnn-tiny": Recipe(
        "The small CNN on invented data",
        TINY,
        {
            "epochs": 14,
            "learning_rate": 0.1,
            **with_momentum(5e-4),
            "augment": augment_mildly,
            "averaging": 0.998,
        },
    ),
    "cnn-small": Recipe(
        "A CNN of 32,000 weights",
        convolutional(
            (16, 5, 0, True),
            (24, 3, 0, False),
            (32, 3, 0, True),
            (32, 3, 1, False),
            (36, 3, 0, False),
            n_features=144,
        ),
        {
            "epochs": 28,
            "learning_rate": 0.1,
            **with_momentum(5e-4),
            "loss": smoothed,
            "augment": augment,
            "averaging": 0.998,
            "parts": 2,
        },
    ),
    "cnn-best": Recipe(
        "The best single network",
        convolutional(
            (32, 5, 0, True),
            (48, 3, 0, False),
            (64, 3, 0, True),
            (96, 3, 1, False),
            (128, 3, 0, False),
            n_features=512,
        ),
        LONG_TRAINING,
    ),
    "cnn-pooled-once": Recipe(
        "Pooled once, for more work",
        convolutional(
            (32, 5, 0, True),
            (48, 3, 0, False),
            (64, 3, 0, False),
            (80, 3, 0, False),
            (96, 3, 0, False),
            (128, 3, 0, False),
            n_features=512,
        ),
        LONG_TRAINING,
    ),
}


def fresh_network(name, seed=1):
    """Return a recipe's network before training, and the generator that goes on."""
    rng = np.random.default_rng(seed)
    return RECIPES[name].network(rng), rng


def train_recipe(name, images, labels, seed=1, in_parallel=False, **changes):
    """Train a network on the ladder.

    Parameters
    ----------
    name : str
        Of `RECIPES`.
    images, labels : numpy.ndarray
        float32, shape (n, 784), from 0 to 1; and integers, shape (n,).
    seed : int, optional
        Of all that is random.
    in_parallel : bool, optional
        Whether each part of a batch has a process of its own, which needs Linux, rather
        than its turn. Where images are invented, each process draws its own: the same
        seed gives another network of the same kind.
    **changes
        What of the recipe's `training` is different.

    Returns
    -------
    network : Sequential
        Trained.
    history : dict
        As from `fit`.
    """
    network, rng = fresh_network(name, seed)
    how = RECIPES[name].training | changes
    make_optimizer, n_parts = how.pop("optimizer", SGD), how.pop("parts", 1)
    generators = rng.spawn(n_parts)  # for what's random in a part
    averaging = how.pop("averaging", None)
    # Dropout draws from `rng` in one of the processes, and all need the same order.
    order_rng = copy.deepcopy(rng) if n_parts > 1 else rng

    def program(team):
        optimizer = team.optimizer(make_optimizer())
        if averaging:
            optimizer = Averaging(optimizer, averaging)
        data = team.part(images), team.part(labels)
        losses = train_in_phases(
            team.network,
            *data,
            generators[team.rank],
            rng=order_rng,
            optimizer=optimizer,
            **how,
        )
        losses = [team.mean(loss) for loss in losses]
        if averaging:
            optimizer.finish(team.network)
        return losses

    if n_parts > 1 and not in_parallel:
        losses = in_processes(program, InParts(network, n_parts), 1)
    else:
        losses = in_processes(program, network, n_parts)
    if averaging:
        measure_statistics(network, images)
    return network, {"training_loss": losses}


def train_in_phases(
    network,
    images,
    labels,
    generator,
    *,
    epochs,
    schedule=constant,
    augment=None,
    plain_epochs=0,
    **how,
):
    """Train with augmentation, but for the last epochs (He et al., 2019).

    Parameters
    ----------
    network, images, labels, epochs, schedule, **how
        As for `each_epoch`.
    generator : numpy.random.Generator
        For the augmentation.
    augment : callable, optional
        As for `Augmented`.
    plain_epochs : int, optional
        How many of the epochs do without it.

    Yields
    ------
    float
        The training loss of each epoch.
    """
    middle = max(0, epochs - plain_epochs) if augment else 0
    augmented = Augmented(images, generator, augment)
    for given, start, end in ((augmented, 0, middle), (images, middle, epochs)):
        if start < end:
            how["schedule"] = section(schedule, start / epochs, end / epochs)
            yield from each_epoch(network, given, labels, epochs=end - start, **how)


def section(schedule, start, end):
    """Return what a schedule does from one share of the steps to another."""
    return lambda progress: schedule(start + (end - start) * progress)


def weights_file(name, seed):
    """Return the path of the weights that `benchmarks/accuracy.py` keeps."""
    return FOLDER / f"{name}-{seed}.npz"


def trained(name, seed=1):
    """Return a network as `benchmarks/accuracy.py` has trained it, and kept.

    Parameters
    ----------
    name : str
        Of `KEPT`.
    seed : int, optional
        Of those kept.

    Returns
    -------
    Sequential
        Its weights, kept in float16, are float32.

    Raises
    ------
    ValueError
        If no weights are kept of that recipe and seed.
    """
    if seed not in KEPT.get(name, ()):
        raise ValueError(
            f"no weights are kept of {name!r} with seed {seed}, only of these seeds:"
            f" {KEPT}; train others with train_recipe"
        )
    return fresh_network(name)[0].load(weights_file(name, seed))
