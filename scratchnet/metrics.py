"""What to measure of a classifier."""

import numpy as np

from scratchnet.losses import softmax, softmax_cross_entropy
from scratchnet.tools.inputs import as_answers, check_whole


def as_clear_answers(logits, labels):
    """Return both as arrays; raise a ValueError where a row's largest logit is none."""
    logits, labels = as_answers(logits, labels)
    if not np.isfinite(logits.max(axis=1)).all():
        raise ValueError("logits must be numbers, but some are NaN or infinite")
    return logits, labels


def accuracy(logits, labels):
    """Return the share of rows whose largest logit is at the label, 0 to 1."""
    logits, labels = as_clear_answers(logits, labels)
    return float(np.mean(logits.argmax(axis=1) == labels))


def measure(network, images, labels, batch_size=100):
    """Return the cross-entropy and the accuracy of a network, in evaluation mode.

    Parameters
    ----------
    network : Sequential
        Its output is taken for logits.
    images, labels : numpy.ndarray
        Shape (n, 784), and integers (n,).
    batch_size : int, optional
        How many images at a time.

    Returns
    -------
    loss : float
        The mean cross-entropy, in nats.
    accuracy : float
        0 to 1.
    """
    logits = network.predict(images, batch_size)
    return softmax_cross_entropy(logits, labels)[0], accuracy(logits, labels)


def confusion_matrix(logits, labels):
    """Count the images of each class (row) that got each answer (column)."""
    logits, labels = as_clear_answers(logits, labels)
    counts = np.zeros((logits.shape[1], logits.shape[1]), int)
    np.add.at(counts, (labels, logits.argmax(axis=1)), 1)
    return counts


def calibration(logits, labels, n_bins=10):
    """Compare how sure a network is with how often it's right (Guo et al., 2017).

    Parameters
    ----------
    logits, labels : numpy.ndarray
        Shape (n, classes), and integers (n,).
    n_bins : int, optional
        Bins of equal width, from 0 to 1.

    Returns
    -------
    confidence, right : numpy.ndarray
        Shape (n_bins,): the mean of the largest probability in the bin, and the share
        of right answers there; NaN where the bin is empty.
    counts : numpy.ndarray
        Shape (n_bins,): how many images are in each bin.
    expected_error : float
        The expected calibration error: the mean over the images of their bin's
        distance between the two.
    """
    check_whole(1, np.inf, n_bins=n_bins)
    logits, labels = as_clear_answers(logits, labels)
    sure = softmax(logits).max(axis=1)
    correct = logits.argmax(axis=1) == labels
    bins = np.minimum((sure * n_bins).astype(int), n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(bins, sure, n_bins) / counts
        right = np.bincount(bins, correct, n_bins) / counts
    expected_error = np.nansum(counts * np.abs(confidence - right)) / len(labels)
    return confidence, right, counts, float(expected_error)
