"""The loss of many images at once, with its gradient."""

import numpy as np

from scratchnet.tools.inputs import as_answers, as_logits, check_range


def log_softmax(logits):
    """Return logits - ln(sum(exp(logits))), row by row: the probabilities' logarithms.

    Subtracting the largest logit of a row first keeps the exponentials from
    overflowing, and changes nothing else. Both have the shape (n, classes).
    """
    logits = as_logits(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax(logits):
    """Return the probabilities, shape (n, classes): positive rows that sum to 1."""
    return np.exp(log_softmax(logits))


def softmax_cross_entropy(logits, labels, label_smoothing=0.0):
    """Compute the mean of -ln(probability of the right class), and its gradient.

    Logits have the shape (n, classes), and labels are integers from 0 to classes - 1,
    shape (n,); others, or no rows at all, raise a ValueError. `label_smoothing` is the
    share of the target, below 1, that's spread over all classes evenly (Szegedy et al.,
    2016, section 7). The loss is in nats; the gradient, shape (n, classes), is
    (probabilities - targets) / n.
    """
    check_range(0, 1, label_smoothing=label_smoothing)
    logits, labels = as_answers(logits, labels)
    n, n_classes = logits.shape
    targets = np.full(logits.shape, label_smoothing / n_classes, logits.dtype)
    targets[np.arange(n), labels] += 1 - label_smoothing
    logarithms = log_softmax(logits)
    loss = -(targets * logarithms).sum() / n
    return float(loss), (np.exp(logarithms) - targets) / n


def squared_error(scores, labels):
    """Compute half the squared error of one-hot targets, and its gradient.

    As for `softmax_cross_entropy`, but that the loss is half the sum over the classes,
    as a mean over the images, and the gradient is (scores - targets) / n.
    """
    scores, labels = as_answers(scores, labels)
    n, error = len(scores), scores.copy()
    error[np.arange(n), labels] -= 1
    return float(0.5 * (error**2).sum() / n), error / n
