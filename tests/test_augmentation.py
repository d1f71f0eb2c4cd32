"""Warped images: cases that NumPy can make as well, and what doesn't fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet.augmentation import augment, gaussian_filter, random_warps, warp

NOTHING = {"rotation": 0, "scale": 0, "shear": 0, "shift": 0, "elastic": 0}
few = settings(deadline=None, max_examples=25)


class Largest(np.random.Generator):
    """Stands in for a generator: each uniform draw is the largest that's allowed."""

    def __init__(self):
        super().__init__(np.random.PCG64(0))

    def uniform(self, low, high, size):
        """Return the largest, of the size that is asked for."""
        return np.full(size, high)


def pictures(n, size, seed=0):
    """Return random images, (n, size * size), float32."""
    return np.random.default_rng(seed).random((n, size**2), dtype=np.float32)


def inside(images, size, edge=1):
    """Return the images as squares, without their edges."""
    return images.reshape(-1, size, size)[:, edge : size - edge, edge : size - edge]


@given(st.integers(1, 5), st.integers(2, 9))
@few
def test_a_warp_that_moves_nothing_returns_the_images(n, size):
    images = pictures(n, size)
    rows, columns = random_warps(n, np.random.default_rng(0), **NOTHING, size=size)
    same = warp(images, rows, columns)
    assert same.dtype == np.float32
    assert np.allclose(same, images, atol=2e-3)  # the last row looks 0.001 aside
    assert np.allclose(inside(same, size), inside(images, size), atol=1e-6)


@given(st.integers(-2, 2), st.integers(-2, 2), st.sampled_from([8, 9]))
@few
def test_a_warp_by_whole_pixels_rolls_the_images(down, right, size):
    images = pictures(3, size)
    rows, columns = np.indices((size, size), dtype=np.float32)[:, np.newaxis]
    moved = warp(images, rows - np.float32(down), columns - np.float32(right))
    rolled = np.roll(images.reshape(-1, size, size), (down, right), axis=(1, 2))
    expected = inside(rolled.reshape(3, -1), size, edge=3)
    assert np.allclose(inside(moved, size, edge=3), expected, atol=1e-6)


@pytest.mark.parametrize("size", [6, 7, 28])
@pytest.mark.parametrize("turns", [1, 2, -1])
def test_a_quarter_turn_about_the_center_of_even_and_odd_sizes(size, turns):
    how = NOTHING | {"rotation": -90 * turns}
    images = pictures(2, size)
    turned = warp(images, *random_warps(2, Largest(), **how, size=size))
    expected = np.rot90(images.reshape(2, size, size), turns, axes=(1, 2))
    assert np.allclose(inside(turned, size), expected[:, 1:-1, 1:-1], atol=1e-3)


@pytest.mark.parametrize(
    ("how", "rows", "columns"),
    [
        ({"shift": 1.5}, lambda y, x: y + 1.5, lambda y, x: x + 1.5),
        ({"scale": 0.25}, lambda y, x: y / 1.25, lambda y, x: x / 1.25),
        ({"shear": 0.5}, lambda y, x: y, lambda y, x: x + 0.5 * y),
    ],
)
def test_each_change_does_what_its_name_says(how, rows, columns):
    y, x = np.indices((9, 9)) - 4.0
    drawn = random_warps(1, Largest(), **(NOTHING | how), size=9)
    assert np.allclose(drawn[0][0] - 4, rows(y, x), atol=1e-5)
    assert np.allclose(drawn[1][0] - 4, columns(y, x), atol=1e-5)


def test_half_a_pixel_is_halfway_between_neighbors():
    images = pictures(1, 5)
    rows, columns = np.indices((5, 5), dtype=np.float32)[:, np.newaxis]
    between = warp(images, rows, columns + np.float32(0.5)).reshape(5, 5)
    square = images.reshape(5, 5)
    middle = (square[:, :-1] + square[:, 1:]) / 2
    assert np.allclose(between[:4, :4], middle[:4], atol=1e-6)
    assert np.allclose(between[:, 4], square[:, 4], atol=2e-3)  # the edge goes on


@given(st.integers(1, 40), st.integers(1, 17), st.integers(0, 2**32))
@few
def test_augmented_images_are_reproducible_and_within_the_old_range(n, together, seed):
    images = pictures(n, 28)
    before = images.copy()
    first, again = (
        augment(images, np.random.default_rng(seed), together) for _ in "ab"
    )
    assert np.array_equal(first, again)
    assert np.array_equal(images, before)
    assert first.shape == images.shape and first.dtype == np.float32
    assert first.min() >= -1e-6 and first.max() <= 1 + 1e-6
    assert not np.array_equal(first, images)


def test_images_keep_their_places_in_a_batch():
    shades = np.repeat(np.linspace(0, 1, 37, dtype=np.float32)[:, np.newaxis], 784, 1)
    new = augment(shades, np.random.default_rng(1), images_per_warp=5)
    assert np.allclose(new, shades, atol=1e-6)


def test_neighbors_share_a_warp():
    images = np.repeat(pictures(1, 28), 8, axis=0)
    new = augment(images, np.random.default_rng(2), images_per_warp=4)
    assert np.array_equal(new[0], new[3]) and np.array_equal(new[4], new[7])
    assert not np.array_equal(new[0], new[4])


def test_elastic_displacements_have_the_deviation_that_is_asked_for():
    how = NOTHING | {"elastic": 2.0}
    rows, columns = random_warps(300, np.random.default_rng(3), **how)
    for displaced, at in zip((rows, columns), np.indices((28, 28)), strict=True):
        center = (displaced - at)[:, 12:16, 12:16]
        assert np.isclose(center.std(), 2, rtol=0.15)
        assert np.isclose(center.mean(), 0, atol=0.4)


def test_gaussian_filter_averages():
    smooth = gaussian_filter(9, sigma=1.5)
    assert np.allclose(smooth.sum(axis=1), 1) and (smooth > 0).all()
    assert np.allclose(smooth[4], smooth[4][::-1])
    assert smooth[4].argmax() == 4


@pytest.mark.parametrize("shape", [(5, 784), (4, 783), (4, 28, 28)])
def test_warps_refuse_images_that_do_not_fit(shape):
    warps = random_warps(2, np.random.default_rng(4))
    message = r"2 warps can't share 5 images evenly|shape \(n, 784\), not \(4, "
    with pytest.raises(ValueError, match=message):
        warp(np.zeros(shape, np.float32), *warps)


def test_augmenting_refuses_images_of_another_size():
    with pytest.raises(ValueError, match=r"shape \(n, 784\), not \(5, 100\)"):
        augment(pictures(5, 10), np.random.default_rng(5))


def test_no_images_stay_no_images():
    assert augment(pictures(0, 28), np.random.default_rng(5)).shape == (0, 784)
