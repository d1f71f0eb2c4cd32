"""The training loop that all networks of Part II share.

Meanwhile, a network has other arrays: ask for `network.parameters` anew.
"""

from contextlib import closing

import numpy as np

from scratchnet.losses import softmax_cross_entropy
from scratchnet.metrics import accuracy
from scratchnet.optimizers import SGD, constant
from scratchnet.tools import inputs
from scratchnet.tools.flat import check_same, flattened
from scratchnet.tools.progress import progress


def fit(network, images, labels, **options):
    """Train a network as `each_epoch` does; return {"training_loss": all losses}."""
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
    """Train in mini-batches that `rng` shuffles; yield the mean loss of each epoch.

    Parameters
    ----------
    images, labels : array_like
        float32 or float64, shape (n, 784), and integers, shape (n,); or what gives some
        of them when it's indexed, such as `Augmented` images.
    epochs, batch_size : int
        How often each image is seen, and how many a step takes. Those that don't fill
        a batch wait for another epoch.
    learning_rate, schedule : float, callable
        The highest rate; and what returns a step's share of it, called with the share
        of all steps that are done, 0 to 1.
    optimizer, loss : SGD, Adam, or Averaging; callable, optional
        Plain `SGD()`, unless given; a function such as `softmax_cross_entropy`.

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        At once, if something isn't as above, or images aren't scaled and finite; later,
        the last, if the loss or the parameters aren't finite, as with too high a rate.
    """
    inputs.check_rng(rng)
    images, labels = inputs.as_set_for(network, images, labels)
    inputs.check_range(0, np.inf, learning_rate=learning_rate)
    inputs.check_whole(0, np.inf, epochs=epochs)
    inputs.check_whole(1, len(images), batch_size=batch_size)
    optimizer = inputs.as_optimizer_of(network, optimizer or SGD())
    n_batches = len(images) // batch_size
    n_steps = epochs * n_batches

    def all_epochs():
        with flattened(network), progress(total=n_steps, desc="Steps") as bar:
            for epoch in range(epochs):
                check_same(network)
                order = rng.permutation(len(images))[: n_batches * batch_size]
                steps = range(epoch * n_batches, (epoch + 1) * n_batches)
                rates = [learning_rate * schedule(step / n_steps) for step in steps]
                batches = zip(order.reshape(n_batches, -1), rates, strict=True)
                losses = one_epoch(
                    network, images, labels, batches, optimizer, loss, bar
                )
                arrays = network.state.values()
                inputs.check_finite(epoch, learning_rate, losses, *arrays)
                yield float(np.mean(losses))

    return all_epochs()


def one_epoch(network, images, labels, batches, optimizer, loss, bar):
    """Take a step for each batch of places, at its rate; return the loss of each."""
    parameters, gradients = network.flat
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):  # the loss tells
        for batch, rate in batches:
            x = images[batch].astype(parameters.flat.dtype, copy=False)
            value, gradient = loss(network.forward(x, training=True), labels[batch])
            losses.append(value)
            if not np.isfinite(value):
                break
            network.backward(gradient)
            gradients.take(network.gradients)
            optimizer.step(parameters, gradients, rate)
            bar.update()
    return losses


def validated(training, network, validation_set, patience=None):
    """Go through a training, and measure the network after each epoch.

    `training` is what `each_epoch` returned for the network; the set has images and
    labels. With patience, stop after so many epochs without a better validation loss
    (cross-entropy), and go back to the best parameters. Returns a dictionary of lists,
    by epoch: "training_loss", "validation_loss", and "validation_accuracy".
    """
    if patience is not None:
        inputs.check_whole(1, np.inf, patience=patience)
    images, labels = inputs.as_set_for(network, *validation_set)
    names = ("training_loss", "validation_loss", "validation_accuracy")
    history = {name: [] for name in names}
    losses, best_state = history["validation_loss"], {}
    with closing(inputs.as_training(training)):
        for epoch, training_loss in enumerate(training):
            with np.errstate(over="ignore", invalid="ignore"):
                logits = network.predict(images)
            inputs.check_finite(epoch, None, logits)
            history["training_loss"].append(training_loss)
            losses.append(softmax_cross_entropy(logits, labels)[0])
            history["validation_accuracy"].append(accuracy(logits, labels))
            best_epoch = np.argmin(losses)
            if patience and best_epoch == epoch:
                best_state = {name: a.copy() for name, a in network.state.items()}
            elif patience and epoch - best_epoch >= patience:
                break
    for name, array in best_state.items():
        network.state[name][...] = array
    return history


def measure_statistics(network, images, batch_size=1000):
    """Set the statistics of batch normalization to their means over all images.

    The running averages lag behind in training, and belong to augmented images and
    to parameters that averaging has replaced. `images` are plain, shape (n, 784).
    """
    images = inputs.as_training_images(images)
    inputs.check_whole(2, np.inf, batch_size=batch_size)  # one has no variance
    layers = [a for a in inputs.at_any_depth(network.layers) if hasattr(a, "momentum")]
    momenta = [layer.momentum for layer in layers]
    n_done, n_batches = 0, -(-len(images) // batch_size)
    try:
        for batch in np.array_split(images, n_batches):  # none of them much smaller
            n_done += len(batch)
            for layer in layers:
                layer.momentum = len(batch) / n_done  # so that the average is the mean
            for layer in network.layers:  # of a network in parts, the first part alone
                batch = layer.forward(batch, training=bool(layers))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
