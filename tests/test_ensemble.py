"""Several networks, and shifted copies of an image, that answer together."""

import numpy as np
import pytest

from scratchnet.ensemble import SHIFTS, average_probabilities, shift_images
from scratchnet.layers import Linear
from scratchnet.losses import softmax
from scratchnet.sequential import Sequential


def networks(n):
    """Return untrained networks, each with other weights."""
    return [Sequential(Linear(784, 10, np.random.default_rng(i))) for i in range(n)]


def test_a_shift_moves_each_pixel_down_and_right():
    image = np.zeros((1, 784), np.float32)
    image[0, 28 * 5 + 7] = 1
    [moved] = shift_images(image, 2, -3)
    assert np.flatnonzero(moved) == 28 * 7 + 4


def test_answers_are_means_over_networks_and_shifts():
    images = np.random.default_rng(5).random((4, 784), dtype=np.float32)
    two = networks(2)
    expected = [
        softmax(network.predict(shift_images(images, *shift)))
        for network in two
        for shift in SHIFTS
    ]
    answers = average_probabilities(two, images)
    assert np.allclose(answers, np.mean(expected, axis=0))
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-6)
    [one] = networks(1)
    alone = average_probabilities([one], images, shifts=[(0, 0)])
    assert np.allclose(alone, softmax(one.predict(images)))


def test_what_does_not_fit_is_refused():
    images = np.zeros((4, 784), np.float32)
    for some, shifts in ((networks(0), SHIFTS), (networks(1), ())):
        with pytest.raises(ValueError, match="at least one network, and one shift"):
            average_probabilities(some, images, shifts)
    with pytest.raises(ValueError, match=r"shape \(n, 784\), not \(16, 196\)"):
        average_probabilities(networks(1), images.reshape(16, 196))
