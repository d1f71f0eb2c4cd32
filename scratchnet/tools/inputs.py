"""What callers hand in becomes what the code needs, once, or is refused in a sentence.

What readers call begins with one of these. What that calls in turn, such as the layers
of a network, takes arrays for granted.
"""

from numbers import Integral, Real
from types import ModuleType

import numpy as np


def as_array(given, name):
    """Return an array in the order and the bytes that this machine computes with.

    Tables, lists, and arrays of another order are copied. Rows keep their places,
    whatever labels they have. An array that fits already is returned as it is.

    Parameters
    ----------
    given : array_like
        Whatever NumPy takes for an array.
    name : str
        What to call it in an error.

    Raises
    ------
    ValueError
        If some of it is masked: a plain array would show what the mask hides.
    """
    if type(given) is np.ndarray and given.dtype.isnative and given.flags.c_contiguous:
        return given  # as in each step of a training: so it's quick
    if np.ma.is_masked(given):
        raise ValueError(f"some {name} are masked: leave them out, or fill them in")
    array = np.asarray(given, order="C")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def as_images(images, n_pixels=None):
    """Return float32 or float64, an image in each row, as `as_array` does."""
    images = as_array(images, "images")
    if images.dtype.char not in "fd":  # float32, float64
        raise ValueError(
            f"images must be float32 or float64, not {images.dtype}: scale_pixels"
            " makes them so from uint8"
        )
    if images.ndim < 2:
        raise ValueError(
            f"images must be rows, shape (n, pixels), not {images.shape}: of one"
            " image, take image[np.newaxis]"
        )
    if n_pixels and (images.ndim != 2 or images.shape[1] != n_pixels):
        raise ValueError(
            f"images must have the shape (n, {n_pixels}), not {images.shape}"
        )
    return images


def as_training_images(images):
    """Return what `as_images` does: some images, of finite numbers alone."""
    images = as_images(images)
    check_some(images)
    if not np.isfinite(images).all():
        raise ValueError("images must be finite numbers, but some are NaN or infinite")
    return images


def check_scaled(images):
    """Raise a ValueError if there are no images, or pixels of 8 bits, made floats."""
    check_some(images)
    largest = images.max()
    if largest > 1 and np.array_equal(images, np.rint(images)):
        raise ValueError(
            f"images must be scaled, not whole numbers up to {largest:g}: take"
            " scale_pixels(np.asarray(images, np.uint8))"
        )


def as_labels(labels, n_classes):
    """Return integers from 0 to n_classes - 1, shape (n,), as `as_array` does."""
    labels = as_array(labels, "labels")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be a row of integers, not {labels.dtype} {labels.shape}: take"
            " np.argmax(labels, axis=1) of one-hot rows, or else"
            " np.ravel(labels).astype(int)"
        )
    outside = labels[(labels < 0) | (labels >= n_classes)]
    if outside.size:
        raise ValueError(f"label {outside[0]} is not in 0 to {n_classes - 1}")
    return labels


def as_logits(logits):
    """Return floating-point numbers, shape (n, classes), as `as_array` does."""
    logits = as_array(logits, "logits")
    if logits.ndim != 2 or logits.dtype.kind not in "fiub":
        raise ValueError(
            "logits must be numbers of the shape (n, classes), as a network returns"
            f" them, not {logits.dtype} {logits.shape}"
        )
    if logits.dtype.kind != "f":
        logits = logits.astype(np.float64)
    return logits


def as_answers(logits, labels):
    """Return logits and labels that belong together, one row and label an image."""
    logits = as_logits(logits)
    labels = as_labels(labels, logits.shape[1])
    check_pairs(logits, labels)
    return logits, labels


def as_clear_answers(logits, labels):
    """Return what `as_answers` does, if each row has a largest logit."""
    logits, labels = as_answers(logits, labels)
    if not np.isfinite(logits.max(axis=1)).all():
        raise ValueError("logits must be numbers, but some are NaN or infinite")
    return logits, labels


def as_one_hot_set(images, labels):
    """Return images and one-hot labels, one row an image, that Part I learns from."""
    images, labels = as_training_images(images), as_array(labels, "labels")
    if labels.ndim != 2 or labels.dtype.kind not in "fiub":
        raise ValueError(
            "labels must be one-hot, shape (n, 10), as one_hot_encoding makes them, not"
            f" {labels.dtype} {labels.shape}"
        )
    ones = labels.argmax(axis=1)[:, np.newaxis] == np.arange(labels.shape[1])
    if labels.shape[1] < 2 or not np.array_equal(labels, ones):
        raise ValueError(
            "labels must be one-hot, as one_hot_encoding makes them: in each row zeros,"
            " and a single 1"
        )
    check_pairs(images, labels)
    return images, labels


def as_set_for(network, images, labels):
    """Return images and labels as arrays that the network can learn from.

    What isn't an array, but has one that it gives parts of, is returned as it is.
    """
    plain = as_training_images(array_of(images))
    check_scaled(plain)  # or it goes on, and learns nothing
    logits = as_logits(network.predict(plain[:1]))  # raises, unless the images fit
    some_labels = as_labels(array_of(labels), logits.shape[1])
    check_pairs(plain, some_labels)
    return (
        plain if array_of(images) is images else images,
        some_labels if array_of(labels) is labels else labels,
    )


def check_label(label, scores):
    """Raise a ValueError unless a label is a row as long as that of the scores."""
    if np.shape(label) != scores.shape:
        raise ValueError(
            f"the label must be one-hot, shape {scores.shape}, as a row of"
            f" one_hot_encoding is, not {label!r}"
        )


def array_of(given):
    """Return the array that something gives parts of, or what is given, if it's none.

    The `array` of a pandas Series is none of NumPy's: it's no such thing.
    """
    array = getattr(given, "array", None)
    return array if isinstance(array, np.ndarray) else given


def check_some(images):
    """Raise a ValueError if there are no images."""
    if not len(images):
        raise ValueError("there are no images: at least one is needed")


def check_pairs(images, labels):
    """Raise a ValueError unless there are images, and a label for each."""
    check_some(images)
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")


def check_rng(rng):
    """Raise a TypeError unless it's a generator of random numbers, NumPy's or another.

    A seed won't do: where two places begin with the same one, they draw the same. Nor
    will NumPy's older kind, whose methods have other names.
    """
    others = np.random.RandomState, ModuleType
    if isinstance(rng, others) or not hasattr(rng, "random"):
        raise TypeError(
            "rng must be a numpy.random.Generator, such as np.random.default_rng(0),"
            f" not {rng!r}"
        )


def check_range(low, high, **numbers):
    """Raise a ValueError unless all are numbers from `low` to below `high`."""
    for name, number in numbers.items():
        if not (isinstance(number, Real) and low <= number < high):
            raise ValueError(
                f"{name} must be from {low} to below {high}, not {number!r}"
            )


def check_whole(low, high, **numbers):
    """Raise a ValueError unless all are whole numbers from `low` to `high`."""
    for name, number in numbers.items():
        if not (isinstance(number, Integral) and low <= number <= high):
            raise ValueError(
                f"{name} must be a whole number from {low} to {high}, not {number!r}"
            )


def as_optimizer_of(network, optimizer):
    """Return the optimizer, unless it remembers the steps of another network.

    Its velocities would go on in this one: where it's made once for several seeds, the
    trainings would depend on each other.
    """
    if not hasattr(optimizer, "step") or isinstance(optimizer, type):
        raise TypeError(
            f"optimizer must be one that was made, such as SGD(0.9), not {optimizer!r}"
        )
    first = (*network.layers, network)[0]  # also of a network in parts
    inner = optimizer
    while inner is not None:  # such as the one that is averaged
        if getattr(inner, "first_layer", first) is not first:
            raise ValueError(
                "this optimizer has taken steps with another network: make a new one"
                " for each training"
            )
        inner.first_layer = first  # goes along with a copy of both
        inner = getattr(inner, "optimizer", None)
    return optimizer


def check_finite(epoch, learning_rate, *arrays):
    """Raise a FloatingPointError, unless all numbers of a training are finite."""
    if not all(np.isfinite(array).all() for array in arrays):
        than = f" than {learning_rate}" if learning_rate else ""
        raise FloatingPointError(
            f"training diverged in epoch {epoch + 1}: try a lower learning_rate{than}"
        )


def as_training(training):
    """Return a generator that hasn't ended: else nothing would come of it."""
    if getattr(training, "gi_frame", training) is None:
        raise ValueError("this training has ended: each_epoch begins another")
    return training


def check_layers(layers):
    """Raise an error unless a network can have these layers, each of them once."""
    for layer in layers:
        if isinstance(layer, type) or not hasattr(layer, "forward"):
            raise TypeError(
                "a network takes one layer after another, as in"
                f" Sequential(Linear(784, 10, rng), ReLU()), not {layer!r}"
            )
    seen = set()
    for layer in at_any_depth(layers):
        if id(layer) in seen:
            raise ValueError(
                f"one {type(layer).__name__} is in this network twice: make a layer"
                " for each place"
            )
        seen.add(id(layer))
    for layer in layers:
        check_shows(layer)


def check_shows(layer):
    """Raise a ValueError if the layer hides parameters or statistics of inner ones."""
    for kind in ("parameters", "statistics"):
        shown = {id(array) for array in getattr(layer, kind, {}).values()}
        for inner in at_any_depth(layer):
            kept = vars(inner).get(kind) or {}
            if any(id(array) not in shown for array in kept.values()):
                own, other = type(layer).__name__, type(inner).__name__
                raise ValueError(
                    f"{own} keeps a {other}, so its {kind} must have those of the"
                    f" {other}: without them, nobody trains or saves these"
                )


def at_any_depth(part):
    """Yield the layers in a part of a network, and what they keep layers in."""
    if isinstance(part, list | tuple):
        inner = part
    elif isinstance(part, dict):
        inner = part.values()
    elif hasattr(part, "forward"):
        yield part
        inner = vars(part).values()
    else:
        return
    for each in inner:
        yield from at_any_depth(each)
