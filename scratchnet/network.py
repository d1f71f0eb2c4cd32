"""The network of the chapter "Build and train": 784-100-10, ReLU, dropout, no bias.

It learns from one image at a time; the loss is half the squared error. Source: A.
Trask, *Grokking Deep Learning*, Manning, 2019, chapter 8, with the gradient of ReLU and
of dropout as calculus gives them.
"""

import numpy as np

from scratchnet.tools import inputs
from scratchnet.tools.progress import progress

HISTORY_KEYS = "training_error", "training_accuracy", "test_error", "test_accuracy"


def relu(x):
    """Return the positive part of each element: max(0, x)."""
    return np.maximum(0, x)


def relu_derivative(x):
    """Return 1.0 where the *input* of ReLU is positive, 0.0 elsewhere."""
    return np.where(np.greater(x, 0), 1.0, 0.0)


def initial_weights(rng, pixels_per_image=784, hidden_size=100, num_labels=10):
    """Draw both weight matrices, uniform on [-0.1, 0.1), float64.

    Their shapes are (pixels_per_image, hidden_size) and (hidden_size, num_labels).
    """
    inputs.check_rng(rng)
    weights_1 = 0.2 * rng.random((pixels_per_image, hidden_size)) - 0.1
    weights_2 = 0.2 * rng.random((hidden_size, num_labels)) - 0.1
    return weights_1, weights_2


def forward(layer_0, weights_1, weights_2, dropout_mask):
    """Compute the layers of the network in training, for one image.

    It takes pixels from 0 to 1, (784,), weights as from `initial_weights`, and a mask,
    (hidden_size,): 1 keeps a hidden unit, 0 drops it. Returns what goes into ReLU; the
    hidden layer after ReLU and dropout, kept units doubled; and the ten scores.
    """
    weighted_sums = layer_0 @ weights_1
    layer_1 = relu(weighted_sums) * dropout_mask * 2
    layer_2 = layer_1 @ weights_2
    return weighted_sums, layer_1, layer_2


def loss(layer_2, label):
    """Return half the squared error of an image's scores; both have shape (10,)."""
    return 0.5 * np.sum((layer_2 - label) ** 2)


def gradients(layer_0, label, weights_1, weights_2, dropout_mask):
    """Return the gradient of one image's loss with respect to both matrices.

    The label is one-hot, shape (10,); all else is as for `forward`, in these shapes.
    """
    layers = forward(layer_0, weights_1, weights_2, dropout_mask)
    weighted_sums, layer_1, layer_2 = layers
    inputs.check_label(label, layer_2)
    layer_2_delta = layer_2 - label
    layer_1_delta = (weights_2 @ layer_2_delta) * 2 * dropout_mask
    layer_1_delta *= relu_derivative(weighted_sums)
    return np.outer(layer_0, layer_1_delta), np.outer(layer_1, layer_2_delta)


def predict(images, weights_1, weights_2):
    """Compute the ten scores of each image in evaluation mode: without dropout.

    Images (n, 784) get scores (n, 10). The largest of a row is the network's answer.
    """
    return relu(inputs.as_images(images) @ weights_1) @ weights_2


def evaluate(images, labels, weights_1, weights_2):
    """Measure the network in evaluation mode; return its error and accuracy.

    That's the squared error, summed over the ten scores, as a mean per image, and the
    share of images whose largest score is at the label. Shapes: (n, 784), (n, 10).
    """
    images, labels = inputs.as_one_hot_set(images, labels)
    scores = predict(images, weights_1, weights_2)
    error = np.sum((scores - labels) ** 2) / len(images)
    accuracy = np.mean(scores.argmax(axis=1) == labels.argmax(axis=1))
    return float(error), float(accuracy)


def train(
    training_set,
    test_set,
    epochs=20,
    learning_rate=0.005,
    hidden_size=100,
    seed=884736743,
    gradients=gradients,
):
    """Train by gradient descent on one image at a time, in order, with dropout.

    Each set has images (n, 784) and one-hot labels (n, 10); the test set is only
    measured. The seed is for the weights, then the dropout masks. `gradients` is called
    as this module's; try wrong ones. Returns both matrices, and a history: for each of
    `HISTORY_KEYS`, a number an epoch, measured in evaluation mode. Other sets raise a
    ValueError, and weights that stop being finite a FloatingPointError.
    """
    images, labels = inputs.as_one_hot_set(*training_set)
    test_set = inputs.as_one_hot_set(*test_set)
    inputs.check_whole(0, np.inf, epochs=epochs, hidden_size=hidden_size)
    inputs.check_range(0, np.inf, learning_rate=learning_rate)
    rng = np.random.default_rng(seed)
    weights = initial_weights(rng, images.shape[1], hidden_size, labels.shape[1])
    history = {key: [] for key in HISTORY_KEYS}
    for epoch in progress(range(epochs), desc="Epochs"):
        for image, label in zip(images, labels, strict=True):
            dropout_mask = rng.integers(0, 2, size=hidden_size)
            slopes = gradients(image, label, *weights, dropout_mask)
            for matrix, slope in zip(weights, slopes, strict=True):
                matrix -= learning_rate * slope
        measured = evaluate(images, labels, *weights) + evaluate(*test_set, *weights)
        inputs.check_finite(epoch, learning_rate, measured)
        for key, value in zip(HISTORY_KEYS, measured, strict=True):
            history[key].append(value)
    return *weights, history
