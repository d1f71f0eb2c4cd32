"""The training loop that all networks of Part II share."""

from contextlib import nullcontext
from functools import partial

import numpy as np

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
from scratchnet.tools.parallel import one_process_for_each
from scratchnet.tools.progress import progress


def fit(
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
    augment=None,
    plain_epochs=0,
    validation_set=None,
    patience=None,
    averaging=None,
    parts=1,
    parallel=False,
):
    """Train a network in mini-batches.

    Parameters
    ----------
    network : Sequential
        Changed in place.
    images, labels : array_like
        float32 or float64, shape (n, 784), and integers, shape (n,). As everywhere in
        this package, lists, and tables of pandas, are taken row by row for arrays.
    rng : numpy.random.Generator
        Shuffles the images anew each epoch. It, or a generator that it spawns for
        another part of a batch, is handed to `augment`.
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
    augment : callable, optional
        Called with the images of a batch, or of a part of it, and a generator, returns
        others.
    plain_epochs : int, optional
        How many of the last epochs do without `augment` (He et al., 2019).
    validation_set : tuple of numpy.ndarray, optional
        Images and labels to measure the network on after each epoch.
    patience : int, optional
        Stop after so many epochs without a better validation loss, and go back to
        the best parameters. Needs a `validation_set`.
    averaging : float, optional
        The share of the past in a running average of the parameters, such as 0.998.
        At the end, the average takes the place of the parameters, and the statistics
        of batch normalization are measured anew.
    parts : int, optional
        Split each batch into so many, each with batch statistics of its own.
    parallel : bool, optional
        Work on all parts at once, each in a process of its own; needs Linux. Doesn't
        change the result. NumPy should take one thread for a matrix product then.

    Returns
    -------
    dict of str to list of float
        "training_loss", the mean over each epoch's batches as they were trained on;
        with a `validation_set` also "validation_loss" and "validation_accuracy".

    Raises
    ------
    ValueError
        If there are no images, or not as many as labels; images don't fit the network,
        or aren't scaled, finite numbers in float32 or float64; a label is no class; a
        batch takes more images than there are, or has more parts than images; a number
        is out of its range; something is masked; `patience` comes without a
        `validation_set` or with `averaging`; `parallel` on another system than Linux.
    TypeError
        If `rng` is no generator.
    ChildProcessError
        If a process of a parallel training ended.
    FloatingPointError
        If the loss or the parameters stop being finite, as they do when the learning
        rate is too high.
    """
    check_rng(rng)
    images, labels = as_set_for(network, images, labels)
    if validation_set is not None:
        validation_set = as_set_for(network, *validation_set)
    check_range(0, np.inf, learning_rate=learning_rate)
    check_whole(0, np.inf, epochs=epochs)
    check_whole(0, epochs, plain_epochs=plain_epochs)
    check_whole(1, len(images), batch_size=batch_size)
    check_whole(1, batch_size, parts=parts)
    if averaging is not None:
        check_range(0, 1, averaging=averaging)
    if patience is not None:
        check_whole(1, np.inf, patience=patience)
    if patience and validation_set is None:
        raise ValueError("patience needs a validation_set")
    if patience and averaging:
        raise ValueError("patience and averaging each choose the final parameters")
    optimizer = optimizer or SGD()
    dtype = np.result_type(*(network.parameters.values() or [images]))
    twins = [network, *(network.twin() for _ in range(parts - 1))]
    generators = [rng, *rng.spawn(parts - 1)]  # in parallel or not, one for each
    history = {"training_loss": []}
    if validation_set:
        history |= {"validation_loss": [], "validation_accuracy": []}
    steps_per_epoch = len(images) // batch_size
    n_steps, total = 0, epochs * steps_per_epoch
    best_loss, best_epoch, best_state = np.inf, 0, {}

    def require_finite(numbers):
        if not np.isfinite(numbers).all():
            raise FloatingPointError(
                f"training diverged in epoch {epoch + 1}: try a lower"
                f" learning_rate than {learning_rate}"
            )

    def learn_from(part, chosen, is_plain):
        twin, batch, share = twins[part], images[chosen], len(chosen) / batch_size
        if augment and not is_plain:
            batch = augment(batch, generators[part])
        batch = batch.astype(dtype, copy=False)  # as the parameters are
        with np.errstate(over="ignore", invalid="ignore"):  # the loss tells, below
            value, gradient = loss(twin.forward(batch, training=True), labels[chosen])
            twin.backward(gradient * share)
        return value * share

    if parallel and parts > 1:
        running = one_process_for_each(twins, learn_from)
    else:
        running = nullcontext(partial(map, learn_from))
    with (
        running as run,
        progress(total=total, desc="Steps") as bar,
        np.errstate(over="ignore", invalid="ignore"),
    ):
        parameters = network.parameters
        average = {name: array.copy() for name, array in parameters.items()}
        for epoch in range(epochs):
            order = rng.permutation(len(images))
            is_plain = epoch >= epochs - plain_epochs
            losses = []
            for step in range(steps_per_epoch):
                chosen = order[step * batch_size : (step + 1) * batch_size]
                split = np.array_split(chosen, parts)
                losses.append(sum(run(range(parts), split, [is_plain] * parts)))
                require_finite(losses[-1])
                first, *others = (twin.gradients for twin in twins)
                gradients = {
                    name: sum((other[name] for other in others), start=array)
                    for name, array in first.items()
                }
                rate = learning_rate * schedule(n_steps / total)
                optimizer.step(parameters, gradients, rate)
                n_steps += 1
                bar.update()
                if averaging:
                    past = min(averaging, n_steps / (n_steps + 10))
                    for name, array in parameters.items():
                        average[name] += (1 - past) * (array - average[name])
            for array in network.state.values():  # after the last step as well
                require_finite(array)
            history["training_loss"].append(float(np.mean(losses)))
            if validation_set:
                x, y = validation_set
                logits = network.predict(x)
                require_finite(logits)
                validation_loss = softmax_cross_entropy(logits, y)[0]
                history["validation_loss"].append(validation_loss)
                history["validation_accuracy"].append(accuracy(logits, y))
            if patience and validation_loss < best_loss:
                best_loss, best_epoch = validation_loss, epoch
                best_state = {name: a.copy() for name, a in network.state.items()}
            elif patience and epoch - best_epoch >= patience:
                break
    for name, array in best_state.items():
        network.state[name][...] = array
    if averaging:
        for name, array in parameters.items():
            array[...] = average[name]
        with np.errstate(over="ignore", invalid="ignore"):
            measure_statistics(network, images)
        for array in network.state.values():
            require_finite(array)
    return history


def as_set_for(network, images, labels):
    """Return images and labels as arrays that the network can learn from."""
    images = as_training_images(images)
    check_scaled(images)  # or it goes on, and learns nothing
    logits = as_logits(network.predict(images[:1]))  # raises, unless the images fit
    labels = as_labels(labels, logits.shape[1])
    check_pairs(images, labels)
    return images, labels


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
