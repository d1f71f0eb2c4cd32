"""A recipe's training in JAX, with a step compiled.

In a compiled loop of all steps, XLA runs convolutions on one thread: `make bench` shows
how much slower that is.
"""

import time
from functools import partial

import jax
import numpy as np
from jax import numpy as jnp

from benchmarks.reaching.layouts import channels_last, put_back
from benchmarks.timing.with_jax import apply


def train(course, threads):
    """Train; return the seconds that it took to compile.

    How many threads it takes, the number of cores says that the process may use.
    """
    step = partial(take_step, course.network, course.optimizer, course.label_smoothing)
    parameters, statistics = arrays_of(course.network)
    velocities = jax.tree.map(jnp.zeros_like, parameters)
    averages = jax.tree.map(jnp.copy, parameters)
    key = jax.random.key(course.seed, impl="rbg")  # for dropout
    state = parameters, velocities, averages, statistics, key
    state, compiling = all_steps(course, step, state)
    parameters, _, averages, statistics, _ = state
    if course.averaging:
        parameters = averages
        statistics, more = measured_statistics(course, parameters)
        compiling += more
    found = [p | s for p, s in zip(parameters, statistics, strict=True)]
    put_back(course.network, jax.tree.map(np.asarray, found))
    return compiling


def arrays_of(network):
    """Return two lists: the parameters, and the statistics, of each layer."""
    lists = [], []
    for layer, arrays in zip(network.layers, channels_last(network), strict=True):
        for some, names in zip(
            lists, (layer.parameters, layer.statistics), strict=True
        ):
            some.append({name: jnp.array(arrays[name]) for name in names})
    return lists


def forward(network, parameters, statistics, x, key):
    """Return the logits in training, and the new statistics of all layers."""
    new, keys = [], jax.random.split(key, len(network.layers))
    for layer, p, s, k in zip(
        network.layers, parameters, statistics, keys, strict=True
    ):
        x, s = apply(layer, p, s, x, k)
        new.append(s)
    return x, new


def take_step(network, optimizer, smoothing, state, x, y, rate, share):
    """Return the state after a step of SGD with Nesterov momentum."""
    parameters, velocities, averages, statistics, key = state
    key, now = jax.random.split(key)

    def loss_of(parameters):
        logits, new = forward(network, parameters, statistics, x, now)
        targets = jax.nn.one_hot(y, 10) * (1 - smoothing) + smoothing / 10
        return -(targets * jax.nn.log_softmax(logits)).sum(axis=1).mean(), new

    gradients, statistics = jax.grad(loss_of, has_aux=True)(parameters)
    momentum, decay = optimizer.momentum, optimizer.weight_decay
    slopes = jax.tree.map(
        lambda p, g: g + decay * p if p.ndim > 1 else g, parameters, gradients
    )
    velocities = jax.tree.map(lambda v, g: momentum * v + g, velocities, slopes)
    parameters = jax.tree.map(
        lambda p, g, v: p - rate * (g + momentum * v), parameters, slopes, velocities
    )
    averages = jax.tree.map(
        lambda a, p: a + (1 - share) * (p - a), averages, parameters
    )
    return parameters, velocities, averages, statistics, key


def compiled(function, *arguments, **how):
    """Return the function, compiled for such arguments, and how long that took."""
    start = time.perf_counter()
    made = jax.jit(function, **how).lower(*arguments).compile()
    return made, time.perf_counter() - start


def all_steps(course, step, state):
    """Return the state after all steps, with a call for each, and seconds to compile.

    While XLA computes a step, Python is on its way to the next.
    """
    one_step, seconds = None, 0.0
    for x, y, rate, share in course.batches():
        numbers = x, y.astype(np.int32), np.float32(rate), np.float32(share)
        if one_step is None:
            one_step, seconds = compiled(step, state, *numbers, donate_argnums=0)
        state = one_step(state, *numbers)
    return jax.block_until_ready(state), seconds


def measured_statistics(course, parameters, batch_size=1000):
    """Return the statistics' means over all images, and the seconds to compile.

    The average moves by the layer's momentum. So its change tells the batch's mean.
    """
    zeros = jax.tree.map(jnp.zeros_like, arrays_of(course.network)[1])
    shares = [getattr(layer, "momentum", 1.0) for layer in course.network.layers]

    def of_batch(sums, parameters, x):
        _, moved = forward(course.network, parameters, zeros, x, jax.random.key(0))
        return [
            {name: total[name] + new[name] / share for name in total}
            for total, new, share in zip(sums, moved, shares, strict=True)
        ]

    sums, batches = zeros, np.split(course.images, len(course.images) // batch_size)
    add, seconds = compiled(of_batch, sums, parameters, batches[0])
    for x in batches:
        sums = add(sums, parameters, x)
    return jax.tree.map(lambda a: a / len(batches), sums), seconds
