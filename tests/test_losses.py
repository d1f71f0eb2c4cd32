"""The losses: their gradients in float64, their values, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet import numerical_gradient, relative_error
from scratchnet.losses import (
    log_softmax,
    softmax,
    softmax_cross_entropy,
    squared_error,
)

both = pytest.mark.parametrize("loss", [softmax_cross_entropy, squared_error])


@st.composite
def problems(draw):
    """Draw logits and labels for a few images and classes."""
    n, n_classes = draw(st.integers(1, 6)), draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.normal(size=(n, n_classes)), rng.integers(n_classes, size=n)


def check_gradient(loss, logits):
    """Compare the gradient that a loss returns with central differences."""
    value, exact = loss(logits)
    assert isinstance(value, float) and exact.shape == logits.shape
    numerical = numerical_gradient(lambda: loss(logits)[0], logits)
    assert relative_error(exact, numerical) < 1e-7


@given(problems(), st.floats(0, 0.9))
@settings(deadline=None, max_examples=60)
def test_gradient_of_softmax_and_cross_entropy(problem, label_smoothing):
    logits, labels = problem
    check_gradient(lambda x: softmax_cross_entropy(x, labels, label_smoothing), logits)


@given(problems())
@settings(deadline=None, max_examples=60)
def test_gradient_of_the_squared_error(problem):
    logits, labels = problem
    check_gradient(lambda x: squared_error(x, labels), logits)


@both
@given(problem=problems(), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_losses_ignore_the_order_and_the_split_of_a_batch(loss, problem, seed):
    logits, labels = problem
    n = len(labels)
    order = np.random.default_rng(seed).permutation(n)
    value, gradient = loss(logits, labels)
    shuffled, shuffled_gradient = loss(logits[order], labels[order])
    assert np.isclose(shuffled, value, rtol=1e-12)
    assert np.allclose(shuffled_gradient, gradient[order], rtol=1e-12, atol=1e-15)
    ones = [loss(logits[i : i + 1], labels[i : i + 1]) for i in range(n)]
    assert np.isclose(np.mean([one[0] for one in ones]), value, rtol=1e-12)
    rows = np.concatenate([one[1] for one in ones]) / n
    assert np.allclose(rows, gradient, rtol=1e-12, atol=1e-15)


@both
def test_losses_leave_their_input_alone_and_keep_float32(loss):
    logits = np.arange(6, dtype=np.float32).reshape(2, 3)
    _, gradient = loss(logits, np.array([0, 2], np.uint8))
    assert np.array_equal(logits, [[0, 1, 2], [3, 4, 5]])
    assert gradient.dtype == np.float32


def test_losses_of_cases_that_are_known():
    zeros, labels = np.zeros((4, 10)), np.arange(4)
    loss, gradient = softmax_cross_entropy(zeros, labels)
    assert np.isclose(loss, np.log(10))
    assert np.allclose(gradient, (0.1 - np.eye(10)[:4]) / 4)
    assert np.isclose(softmax_cross_entropy(zeros, labels, 0.3)[0], np.log(10))
    assert squared_error(np.eye(10), np.arange(10))[0] == 0
    assert squared_error(zeros, labels)[0] == 0.5


def test_label_smoothing_is_least_where_probabilities_are_the_targets():
    targets = np.array([[0.05, 0.05, 0.85, 0.05]])
    _, gradient = softmax_cross_entropy(np.log(targets), np.array([2]), 0.2)
    assert np.allclose(gradient, 0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_huge_logits_does_not_overflow(dtype):
    logits = np.array([[1e30, -1e30, 0], [-1e30, -1e30, -1e30], [88, 89, 90]], dtype)
    with np.errstate(all="raise", under="ignore"):
        probabilities = softmax(logits)
        loss, gradient = softmax_cross_entropy(logits, np.array([0, 1, 2]))
    assert probabilities.dtype == dtype
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(probabilities[0], [1, 0, 0])
    assert np.isfinite(loss) and np.isfinite(gradient).all()
    shifted = log_softmax(logits[2:] - 1000)
    assert np.allclose(shifted, log_softmax(logits[2:]), atol=1e-4)


def test_a_loss_of_nan_is_nan():  # so that `fit` can stop
    logits = np.array([[0, np.nan, 0]])
    with np.errstate(invalid="ignore"):
        assert np.isnan(softmax_cross_entropy(logits, np.array([0]))[0])
        assert np.isnan(squared_error(logits, np.array([0]))[0])


@pytest.mark.parametrize("label_smoothing", [-0.1, 1, float("nan")])
def test_label_smoothing_must_be_a_share(label_smoothing):
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to below 1"):
        softmax_cross_entropy(np.zeros((1, 2)), np.array([0]), label_smoothing)
