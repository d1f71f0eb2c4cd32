"""Every layer: its gradients in float64, what it computes, and what it refuses."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scratchnet import numerical_gradient, relative_error
from scratchnet.layers import (
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    Images,
    Linear,
    MaxPool,
    ReLU,
)
from scratchnet.sequential import Sequential

STEP = 1e-5
few = st.integers(1, 4)
seeds = st.integers(0, 2**32)


def some(max_examples):
    """Limit the examples: each one computes the forward pass hundreds of times."""
    return settings(deadline=None, max_examples=max_examples)


def to_float64(layer):
    """Convert a layer, and give it parameters and statistics that aren't 0 or 1."""
    Sequential(layer).astype(np.float64)
    rng = np.random.default_rng(1)
    for array in [*layer.parameters.values(), *layer.statistics.values()]:
        array[...] = 0.5 + rng.random(array.shape)
        if array.ndim > 1:
            array -= 1
    return layer


def check_gradients(layer, x, training=False, before=lambda: None):
    """Compare all gradients of a random weighted sum of a layer's output."""
    before()
    out = layer.forward(x, training)
    weight = np.random.default_rng([1, 2, 3]).normal(size=out.shape)  # unlike any x

    def loss_now():
        before()
        return float(np.sum(weight * layer.forward(x, training)))

    before()
    layer.forward(x, training)
    exact = {"x": layer.backward(weight), **layer.gradients}
    for name, array in {"x": x, **layer.parameters}.items():
        assert exact[name].shape == array.shape
        numerical = numerical_gradient(loss_now, array, STEP)
        assert relative_error(exact[name], numerical) < 1e-7, name
    layer.forward(x, training)
    layer.backward(weight, to_input=False)
    for name in layer.parameters:
        assert np.allclose(layer.gradients[name], exact[name], rtol=1e-12, atol=1e-12)


# Gradients -------------------------------------------------------------------------


@given(few, few, few, st.booleans(), seeds)
@some(50)
def test_gradients_of_linear(n, n_inputs, n_outputs, bias, seed):
    rng = np.random.default_rng(seed)
    layer = to_float64(Linear(n_inputs, n_outputs, rng, bias))
    assert set(layer.parameters) == ({"weights", "bias"} if bias else {"weights"})
    check_gradients(layer, rng.normal(size=(n, n_inputs)))


@given(st.lists(few, min_size=1, max_size=4), seeds)
@some(50)
def test_gradients_of_relu(shape, seed):
    x = np.random.default_rng(seed).normal(size=shape)
    assume(np.abs(x).min() > 10 * STEP)  # no step across the kink
    check_gradients(ReLU(), x)


@given(few, few, st.floats(0, 0.9), st.booleans(), seeds)
@some(50)
def test_gradients_of_dropout_through_one_mask(n, n_features, rate, training, seed):
    layer = Dropout(rate, np.random.default_rng())

    def same_mask():
        layer.rng = np.random.default_rng(seed)

    x = np.random.default_rng(seed).normal(size=(n, n_features))
    check_gradients(layer, x, training, before=same_mask)


@given(
    st.one_of(
        st.tuples(st.integers(4, 8), few), st.tuples(few, few, few, st.integers(4, 6))
    ),
    st.booleans(),
    seeds,
)
@some(30)
def test_gradients_of_batch_normalization(shape, training, seed):
    x = np.random.default_rng(seed).normal(size=shape)
    over, n_features = (0, shape[1]) if len(shape) == 2 else ((1, 2, 3), shape[0])
    assume(x.std(axis=over).min() > 0.3)  # or a step is no longer short
    check_gradients(to_float64(BatchNorm(n_features)), x, training)


@given(few, few, few, seeds)
@some(20)
def test_gradients_of_images_and_flatten(n, height, width, seed):
    rng = np.random.default_rng(seed)
    check_gradients(Images(height, width), rng.normal(size=(n, height * width)))
    check_gradients(Flatten(), rng.normal(size=(3, height, width, n)))


@given(st.data(), st.booleans(), seeds)
@some(30)
def test_gradients_of_convolution(data, bias, seed):
    n_inputs, n_outputs, n = (data.draw(st.integers(1, 3)) for _ in range(3))
    size = data.draw(st.integers(1, 3))
    padding = data.draw(st.integers(0, size - 1))
    smallest = max(1, size - 2 * padding)
    height, width = (data.draw(st.integers(smallest, 5)) for _ in range(2))
    rng = np.random.default_rng(seed)
    layer = to_float64(Convolution(n_inputs, n_outputs, size, rng, padding, bias))
    check_gradients(layer, rng.normal(size=(n_inputs, height, width, n)))


@given(few, st.integers(2, 5), st.integers(2, 5), few, seeds)
@some(40)
def test_gradients_of_max_pooling(channels, height, width, n, seed):
    shape = channels, height, width, n
    ranks = np.random.default_rng(seed).permutation(np.prod(shape))
    check_gradients(MaxPool(), ranks.reshape(shape) / 100)  # without ties


# What they compute -----------------------------------------------------------------


def test_convolution_is_the_sum_of_products_that_its_definition_says():
    rng = np.random.default_rng(2)
    layer = to_float64(Convolution(2, 3, 3, rng, padding=1))
    x = rng.normal(size=(2, 4, 5, 6))
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    filters, bias = layer.parameters["weights"], layer.parameters["bias"]
    out = layer.forward(x)
    assert out.shape == (3, 4, 5, 6)
    for o, i, j, image in np.ndindex(out.shape):
        window = padded[:, i : i + 3, j : j + 3, image]
        assert np.isclose(out[o, i, j, image], np.sum(filters[o] * window) + bias[o])


def test_max_pooling_leaves_out_an_odd_edge_and_gives_ties_to_the_first():
    x = np.zeros((1, 5, 3, 1))
    x[0, 3, 1] = 7
    x[0, 4, 2] = 9  # in the row and column that are left out
    layer = MaxPool()
    assert layer.forward(x).ravel().tolist() == [0, 7]
    gradient = layer.backward(np.ones((1, 2, 1, 1)))[0, :, :, 0]
    assert np.argwhere(gradient).tolist() == [[0, 0], [3, 1]]
    assert gradient.sum() == 2


def test_weights_have_the_variance_that_keeps_relu_networks_alive():
    rng = np.random.default_rng(3)
    for layer, n_inputs in (
        (Linear(200, 300, rng), 200),
        (Convolution(8, 99, 5, rng), 200),
    ):
        weights = layer.parameters["weights"]
        assert weights.dtype == np.float32
        assert np.isclose(weights.var(), 2 / n_inputs, rtol=0.05)
        assert not layer.parameters["bias"].any()


def test_convolution_keeps_the_precision_of_its_filters():
    rng = np.random.default_rng(3)
    layer = Convolution(1, 2, 3, rng)
    layer.parameters["weights"] = layer.parameters["weights"].astype(np.float64)
    x = rng.random((1, 5, 5, 2), dtype=np.float32)
    exact = layer.forward(x.astype(np.float64))
    out = layer.forward(x)
    assert out.dtype == np.float64 and np.allclose(out, exact, rtol=1e-12)
    assert layer.backward(out).dtype == np.float64


def test_dropout_keeps_the_mean_in_training_and_everything_in_evaluation():
    layer = Dropout(0.3, np.random.default_rng(4))
    x = np.ones((200, 500), np.float32)
    dropped = layer.forward(x, training=True)
    assert dropped.dtype == np.float32
    assert np.isclose(np.mean(dropped == 0), 0.3, atol=0.01)
    assert np.allclose(dropped[dropped > 0], 1 / 0.7)
    assert np.array_equal(layer.forward(x), x)
    assert np.array_equal(layer.backward(x), x)


@pytest.mark.parametrize("shape", [(50, 3), (3, 4, 5, 6)])
def test_batch_normalization_normalizes_and_keeps_running_averages(shape):
    rng = np.random.default_rng(5)
    over = 0 if len(shape) == 2 else (1, 2, 3)
    layer = BatchNorm(3, momentum=0.25)
    x = (5 + 2 * rng.normal(size=shape)).astype(np.float32)
    out = layer.forward(x, training=True)
    assert out.dtype == np.float32
    assert np.allclose(out.mean(axis=over), 0, atol=1e-5)
    assert np.allclose(out.var(axis=over), 1, atol=1e-4)
    assert np.allclose(layer.statistics["mean"], 0.25 * x.mean(axis=over))
    assert np.allclose(layer.statistics["variance"], 0.75 + 0.25 * x.var(axis=over))
    for _ in range(200):
        layer.forward(x, training=True)
    assert np.allclose(layer.forward(x), out, atol=1e-3)


def test_evaluation_leaves_statistics_and_generators_alone():
    layers = BatchNorm(3), Dropout(0.5, np.random.default_rng(6))
    network = Sequential(*layers)
    before = {name: array.copy() for name, array in network.state.items()}
    state = layers[1].rng.bit_generator.state
    network.forward(np.ones((4, 3)))
    assert all(np.array_equal(network.state[name], before[name]) for name in before)
    assert layers[1].rng.bit_generator.state == state


# Invariance ------------------------------------------------------------------------


def small_networks():
    """Return a fully connected and a convolutional network for 6 × 6 pixels."""
    rng = np.random.default_rng(7)
    networks = (
        Sequential(Linear(36, 8, rng), BatchNorm(8), ReLU(), Linear(8, 5, rng)),
        Sequential(
            Images(6, 6),
            Convolution(1, 3, 3, rng, padding=1),
            MaxPool(),
            BatchNorm(3),
            ReLU(),
            Convolution(3, 4, 2, rng),
            Flatten(),
            Linear(16, 5, rng),
        ),
    )
    for network in networks:
        network.astype(np.float64)
        for layer in network.layers:
            for array in layer.statistics.values():
                array[...] = 0.5 + rng.random(array.shape)
    return networks


@pytest.mark.parametrize("network", small_networks(), ids=["linear", "convolutional"])
@given(seed=seeds, cut=st.integers(1, 11))
@some(20)
def test_evaluation_ignores_the_order_and_the_split_of_a_batch(network, seed, cut):
    rng = np.random.default_rng(seed)
    x, gradient = rng.normal(size=(12, 36)), rng.normal(size=(12, 5))

    def outputs_and_gradients(x, gradient):
        out = network.forward(x)
        network.backward(gradient)
        return out, network.gradients

    out, gradients = outputs_and_gradients(x, gradient)
    order = rng.permutation(12)
    shuffled, same = outputs_and_gradients(x[order], gradient[order])
    assert np.allclose(shuffled, out[order], rtol=1e-12, atol=1e-12)
    parts = [
        outputs_and_gradients(x[part], gradient[part])
        for part in (slice(cut), slice(cut, 12))
    ]
    assert np.allclose(np.concatenate([part[0] for part in parts]), out, atol=1e-12)
    assert gradients.keys() == network.parameters.keys()
    for name, whole in gradients.items():
        assert np.allclose(same[name], whole, atol=1e-11)
        assert np.allclose(sum(part[1][name] for part in parts), whole, atol=1e-11)
    assert np.allclose(network.predict(x, batch_size=cut), out, atol=1e-12)


def test_batch_normalization_ignores_the_order_of_a_batch_in_training():
    rng = np.random.default_rng(8)
    x, order, layer = rng.normal(size=(9, 3)), rng.permutation(9), BatchNorm(3)
    whole = layer.forward(x, training=True)
    assert np.allclose(layer.forward(x[order], training=True), whole[order])


# Bad input -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Linear(4, 2, np.random.default_rng(0)), (3, 5), r"Linear .* \(n, 4\), not"),
        (Linear(4, 2, np.random.default_rng(0)), (4,), r"Linear needs an input"),
        (BatchNorm(3), (5, 4), "BatchNorm .* 3 features or channels, not"),
        (BatchNorm(3), (4, 2, 2, 3), "BatchNorm needs an input"),
        (BatchNorm(3), (2, 2, 3), "BatchNorm needs an input"),
        (Images(), (3, 783), r"Images .* \(n, 784\), not \(3, 783\)"),
        (Flatten(), (3, 4), "Flatten needs an input of shape"),
        (Convolution(2, 1, 3, np.random.default_rng(0)), (1, 5, 5, 1), "Convolution"),
        (Convolution(2, 1, 3, np.random.default_rng(0)), (2, 5), "Convolution needs"),
        (Convolution(2, 1, 3, np.random.default_rng(0)), (2, 2, 9, 1), "at least 3"),
        (MaxPool(), (1, 1, 4, 1), "MaxPool .* 2 × 2 or larger"),
        (MaxPool(), (4, 4), "MaxPool needs an input"),
    ],
)
def test_a_layer_names_the_shape_that_it_needs(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.forward(np.zeros(shape))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_dropout_refuses_a_rate_that_is_no_share_below_1(rate):
    with pytest.raises(ValueError, match="rate must be from 0 to below 1"):
        Dropout(rate, np.random.default_rng(0))


@pytest.mark.parametrize("padding", [-1, 3])
def test_convolution_refuses_a_padding_that_filters_only_see_alone(padding):
    with pytest.raises(ValueError, match="padding must be a whole number from 0 to 2"):
        Convolution(1, 1, 3, np.random.default_rng(0), padding)


def test_nan_is_passed_on_and_not_hidden():
    x = np.full((1, 2, 2, 1), np.nan)
    for layer in (ReLU(), MaxPool(), Flatten(), BatchNorm(1)):
        assert np.isnan(layer.forward(x)).all()
