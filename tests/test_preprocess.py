"""Scaling and one-hot encoding."""

import numpy as np
import pytest

from scratchnet import one_hot_encoding, scale_pixels


def test_pixels_are_scaled_to_0_to_1():
    scaled = scale_pixels(np.array([[0, 51, 255]], dtype=np.uint8))
    assert scaled.dtype == np.float64
    assert np.allclose(scaled, [[0, 0.2, 1]])


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


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([3, 10], "label 10 is not in 0 to 9"),
        ([-1, 2], "label -1 is not in 0 to 9"),
        ([1.0, 2.0], "row of integers, not float64"),
        ([[1, 2]], r"row of integers, not int64 \(1, 2\)"),
    ],
)
def test_bad_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        one_hot_encoding(np.array(labels))
