"""The same training loop in JAX."""

from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.timing.contenders import (
    BATCH_SIZE,
    LEARNING_RATE,
    MOMENTUM,
    WEIGHT_DECAY,
)
from scratchnet import layers

LAYOUT = ("NHWC", "HWIO", "NHWC")  # the layout that suits XLA on a CPU


def parameters_of(network):
    """Return the weights of a network of scratchnet, as `apply` wants them."""
    parameters, channels = [], 1
    for layer in network.layers:
        arrays = {name: jnp.array(array) for name, array in layer.parameters.items()}
        if isinstance(layer, layers.Convolution):
            channels = len(arrays["weights"])
            arrays["weights"] = arrays["weights"].transpose(2, 3, 1, 0)
        if isinstance(layer, layers.Linear) and channels > 1:
            # rows by channel and pixel, which become rows by pixel and channel
            n_outputs = arrays["weights"].shape[1]
            rows = arrays["weights"].reshape(channels, -1, n_outputs)
            arrays["weights"] = rows.transpose(1, 0, 2).reshape(-1, n_outputs)
            channels = 1
        parameters.append(arrays)
    return parameters


def normalize(layer, p, x, statistics):
    """Return the output of batch normalization, and its new running averages."""
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes), x.var(axes)
    new = {"mean": mean, "variance": variance}
    share = layer.momentum
    statistics = {k: a + share * (new[k] - a) for k, a in statistics.items()}
    scale = p["scale"] * lax.rsqrt(variance + layer.epsilon)
    return (x - mean) * scale + p["shift"], statistics


def apply(layer, p, statistics, x, key):
    """Return the output of one layer in training, and its new statistics."""
    match layer:
        case layers.Linear():
            x = x @ p["weights"] + p.get("bias", 0)
        case layers.Convolution():
            pads = [(layer.padding, layer.padding)] * 2
            x = lax.conv_general_dilated(
                x, p["weights"], (1, 1), pads, dimension_numbers=LAYOUT
            ) + p.get("bias", 0)
        case layers.BatchNorm():
            return normalize(layer, p, x, statistics)
        case layers.Dropout():
            kept = jax.random.bernoulli(key, 1 - layer.rate, x.shape)
            x = jnp.where(kept, x / (1 - layer.rate), 0)
        case layers.Images():
            x = x.reshape(-1, *layer.size, 1)
        case layers.Flatten():
            x = x.reshape(len(x), -1)
        case layers.MaxPool():
            # Not lax.reduce_window: its gradient takes half of a step on a CPU.
            n, height, width, channels = x.shape
            x = x[:, : height // 2 * 2, : width // 2 * 2]
            x = x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
        case layers.ReLU():
            x = jax.nn.relu(x)
    return x, statistics


def loss_of(parameters, statistics, network, x, y, key):
    """Return the mean loss of a batch, and the new statistics of all layers."""
    new = []
    keys = jax.random.split(key, len(network.layers))
    for layer, p, s, k in zip(
        network.layers, parameters, statistics, keys, strict=True
    ):
        x, s = apply(layer, p, s, x, k)
        new.append(s)
    chosen = jax.nn.one_hot(y, x.shape[1])  # picked by index, the slope is slower
    return -(chosen * jax.nn.log_softmax(x)).sum(axis=1).mean(), new


def descend(parameter, velocity, gradient):
    """Return a parameter and its velocity after a step."""
    if parameter.ndim > 1:
        gradient = gradient + WEIGHT_DECAY * parameter
    velocity = MOMENTUM * velocity + gradient
    return parameter - LEARNING_RATE * (gradient + MOMENTUM * velocity), velocity


def prepare(network, images, labels, threads, scan):
    """Return a function that trains: with a call for each step, or for an epoch.

    How many threads it takes, the number of cores says that the process may use.
    """
    images, labels = jnp.array(images), jnp.array(labels.astype(np.int32))
    parameters = parameters_of(network)
    velocities = jax.tree.map(jnp.zeros_like, parameters)
    statistics = [
        {name: jnp.array(array) for name, array in layer.statistics.items()}
        for layer in network.layers
    ]
    key = jax.random.key(0, impl="rbg")  # the faster one
    slope = jax.value_and_grad(partial(loss_of, network=network), has_aux=True)

    def step(state, images, labels, chosen):
        parameters, velocities, statistics, key = state
        key, now = jax.random.split(key)
        (loss, statistics), gradients = slope(
            parameters, statistics, x=images[chosen], y=labels[chosen], key=now
        )
        pairs = jax.tree.map(descend, parameters, velocities, gradients)
        parameters, velocities = jax.tree.transpose(
            jax.tree.structure(parameters), jax.tree.structure((0, 0)), pairs
        )
        return (parameters, velocities, statistics, key), loss

    @partial(jax.jit, donate_argnums=0)
    def one_step(state, images, labels, batches, place):
        return step(state, images, labels, batches[place])

    @partial(jax.jit, donate_argnums=0)
    def all_steps(state, images, labels, batches):
        return lax.scan(lambda s, b: step(s, images, labels, b), state, batches)

    state = parameters, velocities, statistics, key

    def one_epoch(order):
        nonlocal state
        batches = jnp.array(order.reshape(-1, BATCH_SIZE).astype(np.int32))
        if scan:
            state, losses = all_steps(state, images, labels, batches)
        else:
            losses = []
            for place in range(len(batches)):
                state, loss = one_step(state, images, labels, batches, place)
                losses.append(loss)
        jax.block_until_ready(state)
        return float(np.mean(jax.device_get(losses)))

    return lambda orders: [one_epoch(order) for order in orders]
