"""The same training loop in scikit-learn: fully connected layers with ReLU alone."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.timing.contenders import (
    BATCH_SIZE,
    LEARNING_RATE,
    MOMENTUM,
    WEIGHT_DECAY,
)


def prepare(network, images, labels, threads):
    """Return a function that trains an `MLPClassifier`.

    How many threads it takes, the environment of the process says, as for NumPy.
    """
    linear = [layer.parameters for layer in network.layers if layer.parameters]
    model = MLPClassifier(
        hidden_layer_sizes=[len(layer["bias"]) for layer in linear[:-1]],
        solver="sgd",
        alpha=WEIGHT_DECAY * BATCH_SIZE,  # which it divides by the size of the batch
        batch_size=BATCH_SIZE,
        learning_rate_init=LEARNING_RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=True,
        shuffle=False,
    )
    # The first call makes its arrays; then they get the weights to begin with.
    model.partial_fit(images[:BATCH_SIZE], labels[:BATCH_SIZE], classes=np.arange(10))
    for layer, weights, bias in zip(
        linear, model.coefs_, model.intercepts_, strict=True
    ):
        weights[...] = layer["weights"]
        bias[...] = layer["bias"]
    for velocity in model._optimizer.velocities:
        velocity[...] = 0

    def penalty():
        squares = sum(np.vdot(weights, weights) for weights in model.coefs_)
        return WEIGHT_DECAY / 2 * squares

    def one_epoch(order):
        # Its loss is with the penalty before each step, ours without. On the way from
        # the penalty before the first step to that after the last, these are halfway,
        # but for half a step.
        before, n_steps = penalty(), len(order) // BATCH_SIZE
        model.partial_fit(images[order], labels[order])
        halfway = (n_steps - 1) / (2 * n_steps)
        return model.loss_ - (before + halfway * (penalty() - before))

    return lambda orders: [one_epoch(order) for order in orders]
