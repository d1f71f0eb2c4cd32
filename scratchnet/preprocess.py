"""Turn bytes into numbers that a network can learn from."""

import numpy as np

from scratchnet.tools.inputs import as_array, as_labels


def scale_pixels(images, dtype=np.float64):
    """Scale 8-bit pixels to floating-point numbers from 0 to 1.

    Parameters
    ----------
    images : numpy.ndarray
        uint8, any shape.
    dtype : type, numpy.dtype, or str, optional
        Of the result: float64, or float32 for Part II.

    Returns
    -------
    numpy.ndarray
        Of that dtype, same shape: 0.0 is background, 1.0 is full ink.

    Raises
    ------
    ValueError
        If `images` are not uint8, for example because they are scaled already, or
        `dtype` has no fractions.
    """
    images, dtype = as_array(images, "pixels"), np.dtype(dtype)
    if images.dtype != np.uint8:
        raise ValueError(
            f"pixels must be uint8, 0 to 255, not {images.dtype}: unless they are"
            " scaled already, convert them with .astype(np.uint8)"
        )
    if not np.issubdtype(dtype, np.floating):
        raise ValueError(f"scaled pixels need a dtype such as float32, not {dtype}")
    return images.astype(dtype) / dtype.type(255)


def one_hot_encoding(labels, dimension=10):
    """Turn each label into a row that is 1 at the label's place and 0 elsewhere.

    Parameters
    ----------
    labels : numpy.ndarray
        Integers from 0 to `dimension` - 1, shape (n,).
    dimension : int, optional
        The number of classes.

    Returns
    -------
    numpy.ndarray
        float64, shape (n, dimension).

    Raises
    ------
    ValueError
        If a label is no integer, or not one of the classes.
    """
    labels = as_labels(labels, dimension)
    return (labels[:, np.newaxis] == np.arange(dimension)).astype(np.float64)
