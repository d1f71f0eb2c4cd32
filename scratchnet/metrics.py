"""What to measure of a classifier.

Logits have the shape (n, classes); labels are integers from 0 to classes - 1, shape
(n,). Others, or a largest logit that isn't finite, raise a ValueError.
"""

import numpy as np

from scratchnet.losses import softmax, softmax_cross_entropy
from scratchnet.tools.inputs import as_clear_answers, check_whole


def accuracy(logits, labels):
    """Return the share of rows whose largest logit is at the label, 0 to 1."""
    logits, labels = as_clear_answers(logits, labels)
    return float(np.mean(logits.argmax(axis=1) == labels))


def measure(network, images, labels, batch_size=100):
    """Return the mean cross-entropy in nats, and the accuracy, 0 to 1, of a network.

    It's in evaluation mode, and takes `batch_size` of the images, (n, 784), at a time.
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

    For bins of the largest probability, of equal width from 0 to 1, return its mean,
    the share of right answers (both NaN where a bin is empty), and how many there are,
    shape (n_bins,) each. Last comes the expected calibration error: the mean over the
    images of their bin's distance between the first two.
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
