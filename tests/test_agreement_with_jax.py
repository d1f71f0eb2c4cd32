"""Layers and whole networks against JAX, which derives its gradients itself.

`make frameworks` installs JAX; without it, these tests are skipped.
"""

import numpy as np
import pytest

from scratchnet import relative_error
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
from scratchnet.losses import (
    log_softmax,
    softmax,
    softmax_cross_entropy,
    squared_error,
)
from scratchnet.optimizers import SGD, Adam
from scratchnet.sequential import Sequential

jax = pytest.importorskip("jax")
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)
jnp, lax = jax.numpy, jax.lax

DATA = ("CHWN", "OIHW", "CHWN")  # where the channels, rows, columns, and images are


# The layers once more, in JAX ------------------------------------------------------


def linear(p, x):
    return x @ p["weights"] + p.get("bias", 0)


def convolve(p, x, padding):
    pads = [(padding, padding)] * 2
    out = lax.conv_general_dilated(
        x, p["weights"], (1, 1), pads, dimension_numbers=DATA
    )
    return out + p.get("bias", jnp.zeros(len(out))).reshape(-1, 1, 1, 1)


def max_pool(x):
    window = (1, 2, 2, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def normalize(p, x, statistics=None, epsilon=1e-5):
    over, axis = ((0,), -1) if x.ndim == 2 else ((1, 2, 3), 0)
    if statistics is None:
        mean, variance = x.mean(axis=over), x.var(axis=over)
    else:
        mean, variance = statistics["mean"], statistics["variance"]
    wide = [1] * x.ndim
    wide[axis] = -1
    mean, variance, scale, shift = (
        jnp.asarray(a).reshape(wide) for a in (mean, variance, p["scale"], p["shift"])
    )
    return (x - mean) / jnp.sqrt(variance + epsilon) * scale + shift


def forward(network, parameters, x, training):
    """Compute what `Sequential.forward` does, with the parameters that are given."""
    for place, layer in enumerate(network.layers):
        p = {name: parameters[f"{place}.{name}"] for name in layer.parameters}
        match layer:
            case Linear():
                x = linear(p, x)
            case ReLU():
                x = jax.nn.relu(x)
            case Images():
                x = x.reshape(-1, 1, *layer.size).transpose(1, 2, 3, 0)
            case Flatten():
                x = x.transpose(3, 0, 1, 2).reshape(x.shape[-1], -1)
            case Convolution():
                x = convolve(p, x, layer.padding)
            case MaxPool():
                x = max_pool(x)
            case BatchNorm():
                x = normalize(p, x, None if training else layer.statistics)
            case Dropout():
                x = x * layer.mask
    return x


def cross_entropy(logits, labels, label_smoothing):
    n_classes = logits.shape[1]
    targets = jax.nn.one_hot(labels, n_classes, dtype=logits.dtype)
    targets = (1 - label_smoothing) * targets + label_smoothing / n_classes
    return -jnp.mean(jnp.sum(targets * jax.nn.log_softmax(logits), axis=1))


# Whole networks --------------------------------------------------------------------


def fully_connected(rng):
    return Sequential(
        Linear(144, 20, rng, bias=False),
        BatchNorm(20),
        ReLU(),
        Dropout(0.3, rng),
        Linear(20, 15, rng),
        ReLU(),
        Linear(15, 10, rng),
    )


def convolutional(rng):
    return Sequential(
        Images(12, 12),
        Convolution(1, 4, 3, rng, padding=1, bias=False),
        BatchNorm(4),
        ReLU(),
        Convolution(4, 6, 3, rng, padding=2),
        MaxPool(),
        ReLU(),
        Convolution(6, 5, 2, rng, bias=False),
        MaxPool(),
        BatchNorm(5),
        ReLU(),
        Flatten(),
        Linear(45, 10, rng),
    )


@pytest.mark.parametrize("make", [fully_connected, convolutional])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_loss_and_gradients_of_a_network_agree(make, training, label_smoothing):
    rng = np.random.default_rng(0)
    network = make(rng).astype(np.float64)
    for array in network.state.values():
        if array.ndim == 1:
            array += rng.random(array.shape)
    images, labels = rng.random((8, 144)), rng.integers(10, size=8)
    parameters = {name: array.copy() for name, array in network.parameters.items()}
    statistics = [
        {name: array.copy() for name, array in layer.statistics.items()}
        for layer in network.layers
    ]

    logits = network.forward(images, training)
    loss, gradient = softmax_cross_entropy(logits, labels, label_smoothing)
    to_images = network.backward(gradient, to_input=True)
    if not training:
        for layer, same in zip(network.layers, statistics, strict=True):
            assert all(
                np.array_equal(layer.statistics[name], same[name]) for name in same
            )

    def loss_in_jax(parameters, images):
        logits = forward(network, parameters, images, training)
        return cross_entropy(logits, labels, label_smoothing)

    expected, (gradients, expected_to_images) = jax.value_and_grad(
        loss_in_jax, argnums=(0, 1)
    )(parameters, images)
    assert relative_error(loss, expected) < 1e-13
    assert network.gradients.keys() == gradients.keys()
    for name, array in network.gradients.items():
        assert relative_error(array, np.asarray(gradients[name])) < 1e-10, name
    assert relative_error(to_images, np.asarray(expected_to_images)) < 1e-10


@pytest.mark.parametrize("optimizer", [SGD(0.9, nesterov=True), Adam()])
def test_a_short_training_takes_the_same_way(optimizer):
    rng = np.random.default_rng(1)
    network = convolutional(rng).astype(np.float64)
    images, labels = rng.random((8, 144)), rng.integers(10, size=8)

    @jax.value_and_grad
    def loss_in_jax(parameters):
        return cross_entropy(forward(network, parameters, images, True), labels, 0.0)

    for _ in range(5):
        expected, gradients = loss_in_jax(network.parameters)
        logits = network.forward(images, training=True)
        loss, gradient = softmax_cross_entropy(logits, labels)
        network.backward(gradient)
        assert relative_error(loss, expected) < 1e-12
        for name, array in network.gradients.items():
            assert relative_error(array, np.asarray(gradients[name])) < 1e-10
        optimizer.step(network.parameters, network.gradients, 0.01)


# One layer, one loss at a time -----------------------------------------------------


@pytest.mark.parametrize(("size", "padding"), [(1, 0), (2, 1), (3, 0), (3, 1), (5, 4)])
def test_convolutions_agree(size, padding):
    rng = np.random.default_rng(2)
    network = Sequential(Convolution(3, 4, size, rng, padding)).astype(np.float64)
    [layer] = network.layers
    layer.parameters["bias"][...] = rng.normal(size=4)
    x = rng.normal(size=(3, 7, 6, 5))
    expected, back = jax.vjp(lambda p, x: convolve(p, x, padding), layer.parameters, x)
    assert relative_error(layer.forward(x), np.asarray(expected)) < 1e-14
    gradient = rng.normal(size=expected.shape)
    to_parameters, to_x = back(gradient)
    assert relative_error(layer.backward(gradient), np.asarray(to_x)) < 1e-14
    for name, array in layer.gradients.items():
        assert relative_error(array, np.asarray(to_parameters[name])) < 1e-14


@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (2, 5, 7, 3), (1, 2, 3, 1)])
def test_max_pooling_agrees_to_the_last_bit(shape):
    rng = np.random.default_rng(3)
    layer, x = MaxPool(), rng.normal(size=shape)
    expected, back = jax.vjp(max_pool, x)
    assert np.array_equal(layer.forward(x), expected)
    gradient = rng.normal(size=expected.shape)
    assert np.array_equal(layer.backward(gradient), back(gradient)[0])


@pytest.mark.parametrize("shape", [(9, 4), (4, 3, 5, 6)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization_agrees(shape, training):
    rng = np.random.default_rng(4)
    layer = BatchNorm(4)
    Sequential(layer).astype(np.float64)
    for array in (*layer.parameters.values(), *layer.statistics.values()):
        array[...] = 0.5 + rng.random(4)
    x = 3 + 2 * rng.normal(size=shape)
    statistics = None if training else dict(layer.statistics)
    expected, back = jax.vjp(
        lambda p, x: normalize(p, x, statistics), layer.parameters, x
    )
    assert relative_error(layer.forward(x, training), np.asarray(expected)) < 1e-13
    gradient = rng.normal(size=shape)
    to_parameters, to_x = back(gradient)
    assert relative_error(layer.backward(gradient), np.asarray(to_x)) < 1e-12
    for name, array in layer.gradients.items():
        assert relative_error(array, np.asarray(to_parameters[name])) < 1e-12


def test_losses_agree():
    rng = np.random.default_rng(5)
    logits, labels = 3 * rng.normal(size=(12, 10)), rng.integers(10, size=12)

    def squared(scores):
        return 0.5 * jnp.mean(jnp.sum((scores - jnp.eye(10)[labels]) ** 2, axis=1))

    for ours, theirs in (
        (squared_error(logits, labels), squared),
        (
            softmax_cross_entropy(logits, labels, 0.2),
            lambda x: cross_entropy(x, labels, 0.2),
        ),
    ):
        expected, gradient = jax.value_and_grad(theirs)(logits)
        assert relative_error(ours[0], expected) < 1e-14
        assert relative_error(ours[1], np.asarray(gradient)) < 1e-13
    assert np.allclose(log_softmax(logits), jax.nn.log_softmax(logits), rtol=1e-13)
    assert np.allclose(softmax(logits), jax.nn.softmax(logits), rtol=1e-13)
