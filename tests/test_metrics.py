"""Accuracy, the confusion matrix, and calibration, on cases that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet.layers import Linear
from scratchnet.metrics import accuracy, calibration, confusion_matrix, measure
from scratchnet.sequential import Sequential


def logits_of(probabilities):
    """Return logits of two classes, whose first has these probabilities."""
    first = np.asarray(probabilities)
    return np.log(np.stack([first, 1 - first], axis=1))


def test_accuracy_and_confusion_matrix_of_a_known_case():
    answers, labels = np.array([0, 1, 1, 2, 2, 2]), np.array([0, 1, 2, 2, 2, 0])
    logits = np.eye(3)[answers]
    assert np.isclose(accuracy(logits, labels), 4 / 6)
    counts = confusion_matrix(logits, labels)
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 1, 2]]


@given(st.integers(1, 30), st.integers(2, 6), st.integers(0, 2**32))
@settings(deadline=None, max_examples=50)
def test_metrics_agree_and_ignore_the_order(n, n_classes, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(n, n_classes)), rng.integers(n_classes, size=n)
    order = rng.permutation(n)
    counts = confusion_matrix(logits, labels)
    assert counts.sum() == n
    assert np.array_equal(counts.sum(axis=1), np.bincount(labels, minlength=n_classes))
    assert np.isclose(np.trace(counts) / n, accuracy(logits, labels))
    assert np.array_equal(confusion_matrix(logits[order], labels[order]), counts)
    expected_error = calibration(logits, labels)[3]
    assert 0 <= expected_error <= 1
    assert np.isclose(calibration(logits[order], labels[order])[3], expected_error)


def test_calibration_of_a_network_that_knows_how_sure_it_is():
    labels = np.repeat([0, 1, 0, 1], [75, 25, 95, 5])
    logits = logits_of(np.repeat([0.75, 0.95], 100))
    confidence, right, counts, expected_error = calibration(logits, labels)
    assert counts.tolist() == [0] * 7 + [100, 0, 100]
    assert np.allclose(confidence[[7, 9]], [0.75, 0.95])
    assert np.allclose(right[[7, 9]], [0.75, 0.95])
    assert np.isnan(np.delete(confidence, [7, 9])).all()
    assert np.isclose(expected_error, 0, atol=1e-12)


def test_calibration_of_a_network_that_is_too_sure():
    labels = np.repeat([0, 1, 0, 1], [50, 50, 20, 30])  # half of them, and 2 in 5
    logits = logits_of(np.repeat([0.9, 0.6], [100, 50]) + 0.01)
    _, right, counts, expected_error = calibration(logits, labels, n_bins=5)
    assert counts.tolist() == [0, 0, 0, 50, 100]
    assert np.allclose(right[3:], [0.4, 0.5])
    assert np.isclose(expected_error, (50 * 0.21 + 100 * 0.41) / 150)


def test_calibration_puts_certainty_into_the_last_bin():
    logits = np.array([[1000.0, 0.0]])
    confidence, right, counts, expected_error = calibration(logits, np.array([0]))
    assert (confidence[9], right[9], counts[9], expected_error) == (1, 1, 1, 0)


def test_measure_ignores_how_images_are_split_into_batches():
    rng = np.random.default_rng(0)
    network = Sequential(Linear(9, 3, rng)).astype(np.float64)
    images, labels = rng.random((20, 9)), rng.integers(3, size=20)
    whole = measure(network, images, labels)
    assert np.allclose(measure(network, images, labels, batch_size=7), whole)


@pytest.mark.parametrize("metric", [accuracy, confusion_matrix, calibration])
def test_metrics_refuse_answers_in_place_of_logits(metric):
    with pytest.raises(ValueError, match=r"\(n, classes\), as .*, not int64 \(3,\)"):
        metric(np.array([0, 1, 1]), np.array([0, 1, 1]))


@pytest.mark.parametrize("metric", [accuracy, confusion_matrix, calibration])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_metrics_refuse_what_is_no_answer(metric, wrong):
    logits = np.array([[0.0, wrong], [1.0, 0.0]])
    with pytest.raises(ValueError, match="some are NaN or infinite"):
        metric(logits, np.array([0, 0]))


@pytest.mark.parametrize("n_bins", [0, -1, 2.5])
def test_calibration_needs_bins(n_bins):
    with pytest.raises(ValueError, match="n_bins must be a whole number from 1"):
        calibration(np.zeros((2, 2)), np.array([0, 1]), n_bins)
