"""The training loop that all networks of Part II share."""

from contextlib import closing

import numpy as np

from scratchnet.flat import flattened
from scratchnet.losses import softmax_cross_entropy
from scratchnet.metrics import accuracy
from scratchnet.optimizers import SGD, constant
from scratchnet.tools.inputs import (
    as_images,
    as_labels,
    as_logits,
    as_training_images,
    check_pairs,
    check_range,
    check_rng,
    check_scaled,
    check_some,
    check_whole,
)
from scratchnet.tools.progress import progress


def fit(network, images, labels, **options):
    """Train a network in mini-batches, from the first epoch to the last.

    Parameters
    ----------
    network, images, labels
        As for `each_epoch`.
    **options
        Its keywords.

    Returns
    -------
    dict of str to list of float
        "training_loss", the mean over each epoch's batches as they were trained on.
    """
    return {"training_loss": list(each_epoch(network, images, labels, **options))}


def each_epoch(
    network,
    images,
    labels,
    *,
    rng,
    epochs,
    learning_rate,
    batch_size=128,
    optimizer=None,
    schedule=constant,
    loss=softmax_cross_entropy,
):
    """Train a network in mini-batches, and pause after each epoch.

    Parameters
    ----------
    network : Sequential or InParts
        Changed in place.
    images, labels : array_like
        float32 or float64, shape (n, 784), and integers, shape (n,). As everywhere in
        this package, lists, and tables of pandas, are taken row by row for arrays.
        Or what gives some when it's indexed, such as `Augmented` images.
    rng : numpy.random.Generator
        Shuffles the images anew each epoch.
    epochs : int
        How often each image is seen.
    learning_rate : float
        The highest; `schedule` says which share of it a step takes.
    batch_size : int, optional
        Images a step. The last images of an epoch that don't fill a batch wait for
        another epoch.
    optimizer : SGD or Adam, optional
        Plain `SGD()`, unless given.
    schedule : callable, optional
        Called with the share of all steps that are done, 0 to 1.
    loss : callable, optional
        Called with logits and labels, returns a mean and its gradient.

    Yields
    ------
    float
        The training loss of an epoch, the mean over its batches as they were then.

    Raises
    ------
    ValueError
        If there are no images, or not as many as labels; images don't fit the network,
        or aren't scaled, finite numbers in float32 or float64; a label is no class; a
        batch takes more images than there are; a number is out of its range; something
        is masked.
    TypeError
        If `rng` is no generator.
    FloatingPointError
        If the loss or the parameters stop being finite, as they do when the learning
        rate is too high.
    """
    check_rng(rng)
    images, labels = as_set_for(network, images, labels)
    check_range(0, np.inf, learning_rate=learning_rate)
    check_whole(0, np.inf, epochs=epochs)
    check_whole(1, len(images), batch_size=batch_size)
    optimizer = optimizer or SGD()
    dtype = np.result_type(*(network.parameters.values() or [np.float32]))
    starts = range(0, len(images) - batch_size + 1, batch_size)
    n_steps = epochs * len(starts)

    def one_epoch(epoch, bar):
        order, losses = rng.permutation(len(images)), []
        parameters, gradients = network.flat
        for step, start in enumerate(starts, start=epoch * len(starts)):
            batch = order[start : start + batch_size]
            x = images[batch].astype(dtype, copy=False)  # as the parameters are
            value, gradient = loss(network.forward(x, training=True), labels[batch])
            require_finite(value, epoch, learning_rate)
            network.backward(gradient)
            gradients.take(network.gradients)
            rate = learning_rate * schedule(step / n_steps)
            optimizer.step(parameters, gradients, rate)
            losses.append(value)
            bar.update()
        for array in (parameters.flat, *network.state.values()):  # after the last step
            require_finite(array, epoch, learning_rate)
        return float(np.mean(losses))

    def all_epochs():
        with flattened(network), progress(total=n_steps, desc="Steps") as bar:
            for epoch in range(epochs):
                with np.errstate(over="ignore", invalid="ignore"):  # the loss tells
                    training_loss = one_epoch(epoch, bar)
                yield training_loss

    return all_epochs()


def validated(training, network, validation_set, patience=None):
    """Go through a training, and measure the network after each epoch.

    Parameters
    ----------
    training : iterator of float
        What `each_epoch` returned.
    network : Sequential
        Which it trains.
    validation_set : tuple of array_like
        Images and labels to measure it on.
    patience : int, optional
        Stop after so many epochs without a better validation loss, and go back to
        the best parameters.

    Returns
    -------
    dict of str to list of float
        "training_loss", "validation_loss", and "validation_accuracy", epoch by epoch.
    """
    if patience is not None:
        check_whole(1, np.inf, patience=patience)
    images, labels = as_set_for(network, *validation_set)
    names = ("training_loss", "validation_loss", "validation_accuracy")
    history = {name: [] for name in names}
    losses, best_epoch, best_state = history["validation_loss"], 0, {}
    with closing(training):
        for epoch, training_loss in enumerate(training):
            with np.errstate(over="ignore", invalid="ignore"):
                logits = network.predict(images)
            require_finite(logits, epoch)
            history["training_loss"].append(training_loss)
            losses.append(softmax_cross_entropy(logits, labels)[0])
            history["validation_accuracy"].append(accuracy(logits, labels))
            if patience and (not epoch or losses[-1] < losses[best_epoch]):
                best_epoch = epoch
                best_state = {name: a.copy() for name, a in network.state.items()}
            elif patience and epoch - best_epoch >= patience:
                break
    for name, array in best_state.items():
        network.state[name][...] = array
    return history


def require_finite(numbers, epoch, learning_rate=None):
    """Raise a FloatingPointError, unless all numbers are finite."""
    if not np.isfinite(numbers).all():
        than = f" than {learning_rate}" if learning_rate else ""
        raise FloatingPointError(
            f"training diverged in epoch {epoch + 1}: try a lower learning_rate{than}"
        )


def as_set_for(network, images, labels):
    """Return images and labels as arrays that the network can learn from.

    What isn't an array, but has one that it gives parts of, is returned as it is.
    """
    plain = as_training_images(getattr(images, "array", images))
    check_scaled(plain)  # or it goes on, and learns nothing
    logits = as_logits(network.predict(plain[:1]))  # raises, unless the images fit
    some_labels = as_labels(getattr(labels, "array", labels), logits.shape[1])
    check_pairs(plain, some_labels)
    return (
        images if hasattr(images, "array") else plain,
        labels if hasattr(labels, "array") else some_labels,
    )


def measure_statistics(network, images, batch_size=1000):
    """Set the statistics of batch normalization to their means over all images.

    The running averages lag behind in training, and belong to augmented images and
    to parameters that averaging has replaced.

    Parameters
    ----------
    network : Sequential
        Its statistics are changed, its parameters are not.
    images : numpy.ndarray
        Plain training images, shape (n, 784).
    batch_size : int, optional
        How many images at a time.
    """
    images = as_images(images)
    check_some(images)
    check_whole(1, np.inf, batch_size=batch_size)
    layers = [layer for layer in network.layers if layer.statistics]
    momenta = [layer.momentum for layer in layers]
    n_done, n_batches = 0, -(-len(images) // batch_size)
    try:
        for batch in np.array_split(images, n_batches):  # none of them much smaller
            n_done += len(batch)
            for layer in layers:
                layer.momentum = len(batch) / n_done  # so that the average is the mean
            network.forward(batch, training=bool(layers))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
