"""The loss of many images at once, with its gradient."""

import numpy as np


def check_labels(labels, n_images, n_classes=10):
    """Raise a ValueError unless there's an integer class for each image."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be a row of integers, not {labels.dtype} {labels.shape}"
        )
    if len(labels) != n_images:
        raise ValueError(f"{n_images} images but {len(labels)} labels")
    outside = labels[(labels < 0) | (labels >= n_classes)]
    if outside.size:
        raise ValueError(f"label {outside[0]} is not in 0 to {n_classes - 1}")


def log_softmax(logits):
    """Return the logarithms of the probabilities that the logits stand for.

    Subtracting the largest logit of a row first keeps the exponentials from
    overflowing, and changes nothing else.

    Parameters
    ----------
    logits : numpy.ndarray
        Shape (n, classes).

    Returns
    -------
    numpy.ndarray
        Shape (n, classes): logits - ln(sum(exp(logits))), row by row.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax(logits):
    """Return the probabilities, shape (n, classes): positive rows that sum to 1."""
    return np.exp(log_softmax(logits))


def softmax_cross_entropy(logits, labels, label_smoothing=0.0):
    """Compute the mean of -ln(probability of the right class), and its gradient.

    Parameters
    ----------
    logits : numpy.ndarray
        Shape (n, classes).
    labels : numpy.ndarray
        Integers from 0 to classes - 1, shape (n,).
    label_smoothing : float, optional
        The share of the target that's spread over all classes evenly (Szegedy et al.,
        2016, section 7).

    Returns
    -------
    loss : float
        The mean over the images, in nats.
    gradient : numpy.ndarray
        Shape (n, classes): (probabilities - targets) / n.

    Raises
    ------
    ValueError
        If there isn't a label from 0 to classes - 1 for each row of logits, or the
        label smoothing is no share below 1.
    """
    n, n_classes = logits.shape
    check_labels(labels, n, n_classes)
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            f"label_smoothing must be from 0 to below 1, not {label_smoothing}"
        )
    dtype = np.result_type(logits, np.float32)  # float, whatever the logits are
    targets = np.full(logits.shape, label_smoothing / n_classes, dtype)
    targets[np.arange(n), labels] += 1 - label_smoothing
    logarithms = log_softmax(logits)
    loss = -np.sum(targets * logarithms) / n
    return float(loss), (np.exp(logarithms) - targets) / n


def squared_error(scores, labels):
    """Compute half the squared error of one-hot targets, and its gradient.

    Parameters
    ----------
    scores, labels : numpy.ndarray
        Shape (n, classes), and integers (n,), as for `softmax_cross_entropy`.

    Returns
    -------
    loss : float
        Half the sum over the classes, as a mean over the images.
    gradient : numpy.ndarray
        Shape (n, classes): (scores - targets) / n.

    Raises
    ------
    ValueError
        If there isn't a label from 0 to classes - 1 for each row of scores.
    """
    n, n_classes = scores.shape
    check_labels(labels, n, n_classes)
    error = scores.copy()
    error[np.arange(n), labels] -= 1
    return float(0.5 * np.sum(error**2) / n), error / n
