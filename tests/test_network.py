"""The network of the chapter "Build and train", and its gradients in float64."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import scratchnet
from scratchnet import network

STEP = 1e-5


@st.composite
def problems(draw):
    """Draw a network of any shape, an image, a label, and a dropout mask."""
    n_pixels, n_hidden, n_labels = (draw(st.integers(1, 12)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights_1 = rng.normal(size=(n_pixels, n_hidden))
    weights_2 = rng.normal(size=(n_hidden, n_labels))
    image = rng.random(n_pixels)
    label = np.eye(n_labels)[rng.integers(n_labels)]
    dropout_mask = rng.integers(0, 2, size=n_hidden)
    # A step must not carry a weighted sum across ReLU's kink.
    assume(np.abs(image @ weights_1).min() > 10 * STEP)
    return image, label, weights_1, weights_2, dropout_mask


@given(problems())
@settings(deadline=None)
def test_gradients_agree_with_central_differences(problem):
    image, label, weights_1, weights_2, dropout_mask = problem

    def loss_now():
        *_, scores = network.forward(image, weights_1, weights_2, dropout_mask)
        return network.loss(scores, label)

    for exact, weights in zip(
        network.gradients(*problem), (weights_1, weights_2), strict=True
    ):
        assert exact.shape == weights.shape
        numerical = scratchnet.numerical_gradient(loss_now, weights, STEP)
        assert scratchnet.relative_error(exact, numerical) < 1e-7


@pytest.fixture(scope="module")
def tiny():
    """Return 40 random images of 9 pixels with labels of 3 classes."""
    rng = np.random.default_rng(0)
    labels = scratchnet.one_hot_encoding(rng.integers(0, 3, size=40), dimension=3)
    return rng.random((40, 9)), labels


def test_a_digit_is_no_one_hot_label():
    weights = network.initial_weights(np.random.default_rng(0), 9, 5, 10)
    with pytest.raises(ValueError, match=r"one-hot, shape \(10,\), .* not 7"):
        network.gradients(np.ones(9), 7, *weights, np.ones(5))


def test_gradients_are_checked_in_float64():
    for weights, kind in ((np.zeros(3, np.float32), "float32"), ([0.0, 0.0], "list")):
        with pytest.raises(ValueError, match=f"array of float64, not in {kind}"):
            scratchnet.numerical_gradient(lambda: 0.0, weights)


def test_relative_error_of_equal_opposite_and_halved_gradients():
    g = np.array([3.0, -4.0])
    assert scratchnet.relative_error(g, g) == 0
    assert scratchnet.relative_error(g, -g) == 1
    assert np.isclose(scratchnet.relative_error(g, g / 2), 1 / 3)
    assert scratchnet.relative_error(0 * g, 0 * g) == 0


def test_gradients_of_other_shapes_are_not_compared():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(3, 1\) differ"):
        scratchnet.relative_error(np.ones(3), np.ones((3, 1)))


def test_relu_and_its_derivative():
    x = np.array([-2.0, 0.0, 3.0])
    assert network.relu(x).tolist() == [0, 0, 3]
    assert network.relu_derivative(x).tolist() == [0, 0, 1]
    assert network.relu_derivative(0) == network.relu(0) == 0


def test_initial_weights_are_small_and_reproducible():
    first, again = (
        network.initial_weights(np.random.default_rng(7), 20, 30, 5) for _ in range(2)
    )
    assert [weights.shape for weights in first] == [(20, 30), (30, 5)]
    for weights, same in zip(first, again, strict=True):
        assert np.array_equal(weights, same)
        assert -0.1 <= weights.min() < -0.05 and 0.05 < weights.max() < 0.1


def test_training_mode_averages_to_evaluation_mode(tiny):
    images, _ = tiny
    weights_1, weights_2 = network.initial_weights(np.random.default_rng(1), 9, 4, 3)
    masks = np.array(list(np.ndindex(2, 2, 2, 2)))  # all of them, equally likely
    scores = [
        network.forward(images[0], weights_1, weights_2, mask)[2] for mask in masks
    ]
    expected = network.predict(images[:1], weights_1, weights_2)[0]
    assert np.allclose(np.mean(scores, axis=0), expected)


def test_evaluation_ignores_the_order_and_the_split_of_images(tiny):
    images, labels = tiny
    weights = network.initial_weights(np.random.default_rng(2), 9, 8, 3)
    order = np.random.default_rng(3).permutation(40)
    whole = network.evaluate(images, labels, *weights)
    assert np.allclose(network.evaluate(images[order], labels[order], *weights), whole)
    halves = [
        network.evaluate(images[part], labels[part], *weights)
        for part in (slice(20), slice(20, 40))
    ]
    assert np.allclose(np.mean(halves, axis=0), whole)


def test_evaluate_measures_a_perfect_network_as_such():
    identity = np.eye(3)
    assert network.evaluate(identity, identity, identity, identity) == (0.0, 1.0)


def test_training_learns_and_is_reproducible(tiny):
    runs = [
        network.train(tiny, tiny, epochs=30, learning_rate=0.1, seed=5) for _ in "ab"
    ]
    (*weights, history), (*same_weights, same_history) = runs
    assert history == same_history
    assert all(map(np.array_equal, weights, same_weights))
    assert tuple(history) == network.HISTORY_KEYS
    assert history["training_error"][-1] < history["training_error"][0]
    assert history["training_accuracy"] == history["test_accuracy"]  # the same set


def test_training_stops_when_it_diverges(tiny):
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match="epoch 1: try a lower learning_rate"),
    ):
        network.train(tiny, tiny, epochs=3, learning_rate=1e6)


def test_training_refuses_images_and_labels_that_do_not_fit(tiny):
    images, labels = tiny
    with pytest.raises(ValueError, match="40 images but 39 labels"):
        network.train((images, labels[:-1]), tiny)
    with pytest.raises(ValueError, match="40 images but 1 labels"):
        network.train(tiny, (images, labels[:1]))
    with pytest.raises(ValueError, match=r"must be one-hot, .*not int64 \(40,\)"):
        network.train((images, labels.argmax(axis=1)), tiny)
    for wrong in (labels.argmax(axis=1)[:, np.newaxis], 255 * labels):
        with pytest.raises(ValueError, match="one-hot, as one_hot_encoding makes them"):
            network.train((images, wrong), tiny)
    with pytest.raises(ValueError, match="hidden_size must be a whole number"):
        network.train(tiny, tiny, hidden_size=2.5)
    with pytest.raises(ValueError, match="40 images but 1 labels"):
        network.evaluate(images, labels[:1], *network.train(tiny, tiny, epochs=1)[:2])
