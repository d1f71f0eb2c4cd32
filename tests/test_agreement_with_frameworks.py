"""Layers, losses, optimizers, and schedules against each framework that is installed.

`make frameworks` installs PyTorch, JAX, and TensorFlow; one that isn't there is skipped
by name. Where `FRAMEWORKS_AT_LEAST` is set, as in CI, fewer of them are a failure.
More against JAX is in test_agreement_with_jax.py.
"""

import os
from importlib.util import find_spec

import numpy as np
import pytest

from scratchnet import relative_error
from scratchnet.layers import BatchNorm, Convolution, Linear, MaxPool, ReLU
from scratchnet.losses import softmax_cross_entropy, squared_error
from scratchnet.optimizers import SGD, Adam, cosine, triangular
from scratchnet.sequential import Sequential

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
NEEDS = {
    "PyTorch": ["torch"],
    "JAX": ["jax", "optax"],
    "TensorFlow": ["tensorflow", "keras"],
}
ABSENT = {
    name: [module for module in modules if find_spec(module) is None]
    for name, modules in NEEDS.items()
}


def test_as_many_frameworks_as_wanted_are_here():
    wanted = int(os.environ.get("FRAMEWORKS_AT_LEAST", 0))
    if not wanted:
        pytest.skip("FRAMEWORKS_AT_LEAST isn't set, so any number will do")
    here = [name for name, absent in ABSENT.items() if not absent]
    assert len(here) >= wanted, f"only {here}: make frameworks; it says what fails"


class InPyTorch:
    """What is compared, in PyTorch."""

    def __init__(self):
        import torch

        self.torch = torch

    def gradients(self, function, *arrays):
        """Return a function's sum, weighted by its last argument, and gradients."""
        tensors = [self.torch.tensor(a, requires_grad=True) for a in arrays[:-1]]
        out = function(*tensors)
        (out * self.torch.tensor(arrays[-1])).sum().backward()
        return out.detach().numpy(), [tensor.grad.numpy() for tensor in tensors]

    def linear(self, x, weights, bias):
        return self.torch.nn.functional.linear(x, weights.T, bias)

    def convolution(self, x, filters, padding):
        return self.torch.nn.functional.conv2d(x, filters, padding=padding)

    def max_pool(self, x):
        return self.torch.nn.functional.max_pool2d(x, 2)

    def relu(self, x):
        return self.torch.relu(x)

    def batch_norm(self, x, scale, shift):
        functional = self.torch.nn.functional
        return functional.batch_norm(x, None, None, scale, shift, training=True)

    def cross_entropy(self, labels, smoothing):
        return lambda logits: self.torch.nn.functional.cross_entropy(
            logits, self.torch.tensor(labels), label_smoothing=smoothing
        )

    def squared_error(self, labels):
        targets = self.torch.eye(10, dtype=self.torch.float64)[labels]
        half = 10 / 2  # the mean is also over the ten scores
        return lambda x: half * self.torch.nn.functional.mse_loss(x, targets)

    def walk(self, start, slopes, rates, kind):
        torch = self.torch
        parameter = torch.nn.Parameter(torch.tensor(start))
        optimizer = {
            "sgd": lambda p: torch.optim.SGD(p, momentum=0.9, weight_decay=0.01),
            "nesterov": lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True),
            "adam": lambda p: torch.optim.Adam(p),
            "adamw": lambda p: torch.optim.AdamW(p, weight_decay=0.01),
        }[kind]([parameter])
        for group in optimizer.param_groups:
            group["lr"] = 1.0
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, [*rates, 0].__getitem__)
        for slope in slopes:
            parameter.grad = torch.tensor(slope)
            optimizer.step()
            schedule.step()
        return parameter.detach().numpy()


class InJax:
    """What is compared, in JAX."""

    def __init__(self):
        import jax
        import optax

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", True)
        self.jax, self.optax = jax, optax

    def gradients(self, function, *arrays):
        out, back = self.jax.vjp(function, *arrays[:-1])
        return np.asarray(out), [np.asarray(a) for a in back(arrays[-1])]

    def linear(self, x, weights, bias):
        return x @ weights + bias

    def convolution(self, x, filters, padding):
        pads = [(padding, padding)] * 2
        return self.jax.lax.conv_general_dilated(x, filters, (1, 1), pads)

    def max_pool(self, x):
        lax, window = self.jax.lax, (1, 1, 2, 2)
        return lax.reduce_window(x, -np.inf, lax.max, window, window, "VALID")

    def relu(self, x):
        return self.jax.nn.relu(x)

    def batch_norm(self, x, scale, shift):
        over = (0,) if x.ndim == 2 else (0, 2, 3)
        wide = (1, -1) if x.ndim == 2 else (1, -1, 1, 1)
        x = self.jax.nn.standardize(x, axis=over, epsilon=1e-5)
        return x * scale.reshape(wide) + shift.reshape(wide)

    def cross_entropy(self, labels, smoothing):
        targets = self.optax.smooth_labels(self.jax.nn.one_hot(labels, 10), smoothing)
        return lambda x: self.optax.softmax_cross_entropy(x, targets).mean()

    def squared_error(self, labels):
        targets = self.jax.nn.one_hot(labels, 10)
        return lambda x: self.optax.l2_loss(x, targets).sum(axis=1).mean()

    def walk(self, start, slopes, rates, kind):
        optax = self.optax

        def rate(step):
            return self.jax.numpy.asarray(rates)[step]

        optimizer = {
            "sgd": lambda: optax.chain(
                optax.add_decayed_weights(0.01), optax.sgd(rate, momentum=0.9)
            ),
            "nesterov": lambda: optax.sgd(rate, momentum=0.9, nesterov=True),
            "adam": lambda: optax.adam(rate),
            "adamw": lambda: optax.adamw(rate, weight_decay=0.01),
        }[kind]()
        parameter = self.jax.numpy.asarray(start)
        state = optimizer.init(parameter)
        for slope in slopes:
            update, state = optimizer.update(slope, state, parameter)
            parameter = optax.apply_updates(parameter, update)
        return np.asarray(parameter)


class InTensorFlow:
    """What is compared, in TensorFlow and Keras."""

    def __init__(self):
        import keras
        import tensorflow

        keras.config.set_floatx("float64")
        self.keras, self.tf = keras, tensorflow

    def gradients(self, function, *arrays):
        variables = [self.tf.Variable(array) for array in arrays[:-1]]
        with self.tf.GradientTape() as tape:
            out = function(*variables)
            total = self.tf.reduce_sum(out * arrays[-1])
        gradients = tape.gradient(total, variables)
        return np.asarray(out), [np.asarray(gradient) for gradient in gradients]

    def linear(self, x, weights, bias):
        return x @ weights + bias

    def convolution(self, x, filters, padding):
        x = self.tf.transpose(x, (0, 2, 3, 1))
        x = self.tf.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
        filters = self.tf.transpose(filters, (2, 3, 1, 0))
        out = self.tf.nn.conv2d(x, filters, 1, "VALID")
        return self.tf.transpose(out, (0, 3, 1, 2))

    def max_pool(self, x):
        x = self.tf.transpose(x, (0, 2, 3, 1))
        out = self.tf.nn.max_pool2d(x, 2, 2, "VALID")
        return self.tf.transpose(out, (0, 3, 1, 2))

    def relu(self, x):
        return self.tf.nn.relu(x)

    def batch_norm(self, x, scale, shift):
        over = [0] if len(x.shape) == 2 else [0, 2, 3]
        wide = (1, -1) if len(x.shape) == 2 else (1, -1, 1, 1)
        mean, variance = self.tf.nn.moments(x, over, keepdims=True)
        scale, shift = (self.tf.reshape(each, wide) for each in (scale, shift))
        return self.tf.nn.batch_normalization(x, mean, variance, shift, scale, 1e-5)

    def cross_entropy(self, labels, smoothing):
        loss = self.keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=smoothing
        )
        return lambda logits: loss(np.eye(10)[labels], logits)

    def squared_error(self, labels):
        half = 10 / 2  # the mean is also over the ten scores
        loss = self.keras.losses.MeanSquaredError()
        return lambda scores: half * loss(np.eye(10)[labels], scores)

    def walk(self, start, slopes, rates, kind):
        optimizers, exact = self.keras.optimizers, np.float64
        decay = 0.01 if kind == "sgd" else 0  # Keras' own is decoupled
        betas = {"beta_1": exact(0.9), "beta_2": exact(0.999)}
        optimizer = {
            "sgd": lambda: optimizers.SGD(momentum=exact(0.9)),
            "nesterov": lambda: optimizers.SGD(momentum=exact(0.9), nesterov=True),
            "adam": lambda: optimizers.Adam(**betas),
            "adamw": lambda: optimizers.AdamW(**betas, weight_decay=exact(0.01)),
        }[kind]()
        parameter = self.keras.Variable(start)
        for step, slope in enumerate(slopes):
            optimizer.learning_rate = rates[step]
            if kind.startswith("adam"):  # its epsilon isn't corrected for the start
                optimizer.epsilon = 1e-8 * np.sqrt(1 - 0.999 ** (step + 1))
            elif kind == "sgd" and step:  # its velocity has the rates of the past
                optimizer.momentum = exact(0.9 * rates[step] / rates[step - 1])
            slope = self.tf.constant(slope + decay * np.asarray(parameter))
            optimizer.apply([slope], [parameter])
        return np.asarray(parameter)


@pytest.fixture(
    params=[("PyTorch", InPyTorch), ("JAX", InJax), ("TensorFlow", InTensorFlow)],
    ids=lambda param: param[0],
    scope="module",
)
def framework(request):
    name, kind = request.param
    if ABSENT[name]:
        pytest.skip(f"{name} isn't installed ({', '.join(ABSENT[name])})")
    return kind()


# Layers -------------------------------------------------------------------------------


def assert_layer_agrees(layer, x, framework, function):
    """Compare output and gradients; images of the book have the batch last."""
    rng = np.random.default_rng(7)
    Sequential(layer).astype(np.float64)
    for array in layer.parameters.values():
        array[...] = rng.normal(size=array.shape)
    images = x.ndim == 4
    out = layer.forward(np.moveaxis(x, 0, -1) if images else x, training=True)
    weight = rng.normal(size=out.shape)
    to_x = layer.backward(weight)
    if images:
        out, weight, to_x = (np.moveaxis(array, -1, 0) for array in (out, weight, to_x))
    parameters = layer.parameters.values()
    theirs, slopes = framework.gradients(function, x, *parameters, weight)
    assert relative_error(out, theirs) < 1e-13
    ours = [to_x, *(layer.gradients[name] for name in layer.parameters)]
    for mine, slope in zip(ours, slopes, strict=True):
        assert relative_error(mine, slope) < 1e-11


SEEDS = pytest.mark.parametrize("seed", range(3))


@SEEDS
def test_linear_layers_agree(framework, seed):
    rng = np.random.default_rng(seed)
    n, n_inputs, n_outputs = rng.integers(1, 20, size=3)
    x = rng.normal(size=(n, n_inputs))
    layer = Linear(n_inputs, n_outputs, rng)
    assert_layer_agrees(layer, x, framework, framework.linear)


@SEEDS
def test_convolutions_agree(framework, seed):
    rng = np.random.default_rng(seed)
    n, channels, filters = rng.integers(1, 5, size=3)
    height, width = rng.integers(5, 10, size=2)
    size = int(rng.integers(1, 6))
    padding = int(rng.integers(0, size))
    x = rng.normal(size=(n, channels, height, width))
    layer = Convolution(channels, filters, size, rng, padding, bias=False)

    def function(x, weights):
        return framework.convolution(x, weights, padding)

    assert_layer_agrees(layer, x, framework, function)


@SEEDS
@pytest.mark.parametrize("kind", ["relu", "max_pool"])
def test_layers_without_parameters_agree(framework, seed, kind):
    rng = np.random.default_rng(seed)
    n, channels = rng.integers(1, 5, size=2)
    x = rng.normal(size=(n, channels, 6, 9))
    layer = {"relu": ReLU, "max_pool": MaxPool}[kind]()
    assert_layer_agrees(layer, x, framework, getattr(framework, kind))


@SEEDS
@pytest.mark.parametrize("dimensions", [2, 4])
def test_batch_normalization_agrees(framework, seed, dimensions):
    rng = np.random.default_rng(seed)
    n, features, *others = rng.integers(3, 9, size=dimensions)
    x = 2 + 3 * rng.normal(size=(n, features, *others))
    layer = BatchNorm(features)
    assert_layer_agrees(layer, x, framework, framework.batch_norm)


# Losses -------------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize("smoothing", [0.0, 0.125])  # exact in float32, too
def test_cross_entropy_agrees(framework, seed, smoothing):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 20)
    logits, labels = 4 * rng.normal(size=(n, 10)), rng.integers(10, size=n)
    loss, gradient = softmax_cross_entropy(logits, labels, smoothing)
    function = framework.cross_entropy(labels, smoothing)
    theirs, [slope] = framework.gradients(function, logits, 1.0)
    assert relative_error(loss, theirs) < 1e-13
    assert relative_error(gradient, slope) < 1e-12


@SEEDS
def test_squared_errors_agree(framework, seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 20)
    scores, labels = rng.normal(size=(n, 10)), rng.integers(10, size=n)
    loss, gradient = squared_error(scores, labels)
    function = framework.squared_error(labels)
    theirs, [slope] = framework.gradients(function, scores, 1.0)
    assert relative_error(loss, theirs) < 1e-13
    assert relative_error(gradient, slope) < 1e-13


# Optimizers and schedules -------------------------------------------------------------

OPTIMIZERS = {
    "sgd": lambda: SGD(0.9, weight_decay=0.01),
    "nesterov": lambda: SGD(0.9, nesterov=True),
    "adam": Adam,
    "adamw": lambda: Adam(weight_decay=0.01),
}
N_STEPS = 12
SCHEDULES = {
    "constant": lambda progress: 1.0,
    "cosine": cosine,
    "triangular": lambda progress: triangular(progress + 0.5 / N_STEPS),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_optimizers_walk_the_same_way(framework, kind, schedule):
    constant_only = kind == "nesterov" and isinstance(framework, InTensorFlow)
    if constant_only and schedule != "constant":
        pytest.skip(
            "Keras' Nesterov has the rate in its velocity, and can't do without"
        )
    rng = np.random.default_rng(len(kind + schedule))
    shape = tuple(rng.integers(1, 8, size=2))
    start, slopes = rng.normal(size=shape), list(rng.normal(size=(N_STEPS, *shape)))
    rates = [0.1 * SCHEDULES[schedule](step / N_STEPS) for step in range(N_STEPS)]
    optimizer, parameters = OPTIMIZERS[kind](), {"weights": start.copy()}
    for slope, rate in zip(slopes, rates, strict=True):
        optimizer.step(parameters, {"weights": slope}, rate)
    theirs = framework.walk(start, slopes, rates, kind)
    moved, moved_there = parameters["weights"] - start, theirs - start
    assert np.linalg.norm(moved) > 0.01
    assert relative_error(moved, moved_there) < 1e-12
