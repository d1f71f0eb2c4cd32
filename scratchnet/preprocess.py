"""Turn bytes into numbers that a network can learn from."""

import numpy as np

from scratchnet.tools.inputs import as_array, as_labels


def scale_pixels(images, dtype=np.float64):
    """Scale 8-bit pixels to numbers from 0.0, background, to 1.0, full ink.

    The images are uint8, of any shape; the result has that shape, and `dtype`: float64,
    or float32 for Part II. Pixels that aren't uint8, for example because they are
    scaled already, raise a ValueError, and so does a dtype that has no fractions.
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

    Labels are integers from 0 to dimension - 1, shape (n,); others raise a ValueError.
    The rows are float64, shape (n, dimension).
    """
    labels = as_labels(labels, dimension)
    return (labels[:, np.newaxis] == np.arange(dimension)).astype(np.float64)
