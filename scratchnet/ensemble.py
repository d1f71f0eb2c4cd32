"""Ask several networks, or one of them several times, and average the answers."""

import numpy as np

from scratchnet.losses import softmax
from scratchnet.tools.inputs import as_images

# No shift, and one pixel each way: down, up, right, left
SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


def shift_images(images, down, right):
    """Return the images moved by whole pixels; what leaves one edge enters opposite.

    The edges of MNIST's images are background, so that it doesn't matter.

    Parameters
    ----------
    images : numpy.ndarray
        Shape (n, 784).
    down, right : int
        Pixels.
    """
    images = as_images(images)
    if images.ndim != 2 or images.shape[1] != 784:
        raise ValueError(f"images must have the shape (n, 784), not {images.shape}")
    return np.roll(images.reshape(-1, 28, 28), (down, right), (1, 2)).reshape(-1, 784)


def average_probabilities(networks, images, shifts=SHIFTS):
    """Return the mean of what networks say of images and of shifted copies of them.

    Parameters
    ----------
    networks : list of Sequential
        Their outputs are taken for logits.
    images : numpy.ndarray
        Shape (n, 784).
    shifts : sequence of tuple of int, optional
        Pixels down and right.

    Returns
    -------
    numpy.ndarray
        Shape (n, classes): rows that sum to 1.
    """
    networks = list(networks)
    if not networks or not len(shifts):
        raise ValueError("an average needs at least one network, and one shift")
    answers = [
        softmax(network.predict(shift_images(images, *shift)))
        for network in networks
        for shift in shifts
    ]
    return np.mean(answers, axis=0)
