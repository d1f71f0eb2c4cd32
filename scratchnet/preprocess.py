"""Turn bytes into numbers that a network can learn from."""

import numpy as np


def scale_pixels(images, dtype=np.float64):
    """Scale 8-bit pixels to floating-point numbers from 0 to 1.

    Parameters
    ----------
    images : numpy.ndarray
        uint8, any shape.
    dtype : type, optional
        Of the result: float64, or float32 for Part II.

    Returns
    -------
    numpy.ndarray
        Of that dtype, same shape: 0.0 is background, 1.0 is full ink.

    Raises
    ------
    ValueError
        If `images` are not uint8, for example because they are scaled already.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(f"pixels must be uint8, 0 to 255, not {images.dtype}")
    return images.astype(dtype) / dtype(255)


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
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be a row of integers, not {labels.dtype} {labels.shape}"
        )
    outside = labels[(labels < 0) | (labels >= dimension)]
    if outside.size:
        raise ValueError(f"label {outside[0]} is not in 0 to {dimension - 1}")
    return (labels[:, np.newaxis] == np.arange(dimension)).astype(np.float64)
