"""Scaling and one-hot encoding."""

import numpy as np
import pytest

from scratchnet import one_hot_encoding, scale_pixels


def test_pixels_are_scaled_to_0_to_1():
    scaled = scale_pixels(np.array([[0, 51, 255]], dtype=np.uint8))
    assert scaled.dtype == np.float64
    assert np.allclose(scaled, [[0, 0.2, 1]])


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32")])
def test_the_precision_has_several_names(dtype):
    scaled = scale_pixels(np.array([[0, 51, 255]], dtype=np.uint8), dtype)
    assert scaled.dtype == np.float32
    assert np.array_equal(scaled, np.array([[0, 51, 255]], np.float32) / 255)


@pytest.mark.parametrize("dtype", [int, np.uint8, "bool"])
def test_pixels_are_not_scaled_to_whole_numbers(dtype):
    with pytest.raises(ValueError, match="need a dtype such as float32, not"):
        scale_pixels(np.zeros((2, 784), np.uint8), dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_pixels_are_not_scaled_twice(dtype):
    with pytest.raises(
        ValueError, match=f"must be uint8, 0 to 255, not {dtype.__name__}"
    ):
        scale_pixels(np.zeros((2, 784), dtype))


def test_labels_become_rows_with_a_single_1():
    encoded = one_hot_encoding(np.array([5, 0, 4], dtype=np.uint8))
    assert encoded.shape == (3, 10) and encoded.dtype == np.float64
    assert encoded.argmax(axis=1).tolist() == [5, 0, 4]
    assert encoded.sum(axis=1).tolist() == [1, 1, 1]
