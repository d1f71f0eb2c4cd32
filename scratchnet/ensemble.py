"""Ask several networks, or one of them several times, and average the answers."""

import numpy as np

from scratchnet.losses import softmax
from scratchnet.tools.inputs import as_images

# No shift, and one pixel each way: down, up, right, left
SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


def shift_images(images, down, right):
    """Return the images, (n, 784), moved by whole pixels.

    What leaves one edge enters opposite. The edges of MNIST's images are background, so
    that it doesn't matter.
    """
    pixels = as_images(images, 784).reshape(-1, 28, 28)
    return np.roll(pixels, (down, right), axis=(1, 2)).reshape(-1, 784)


def average_probabilities(networks, images, shifts=SHIFTS):
    """Return the mean of what networks say of images and of shifted copies of them.

    Images (n, 784) get probabilities, (n, classes). `shifts`: pixels down, and right.
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
