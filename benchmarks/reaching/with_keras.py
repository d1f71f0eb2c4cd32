"""A recipe's training in Keras on TensorFlow, with a step compiled."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import time

import keras
import numpy as np
import tensorflow as tf

from benchmarks.reaching.layouts import channels_last, put_back
from scratchnet import layers
from scratchnet.training import measure_statistics

# Scratchnet's names of a layer's arrays, in the order in which Keras has them
ORDER = ("weights", "bias", "scale", "shift", "mean", "variance")


def train(course, threads):
    """Train; return the seconds of the first step, in which it's compiled.

    The optimizer is Keras's own. There, the learning rate is in the velocity: so while
    it changes, steps are a little different.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(course.seed)
    model = model_for(course.network)
    parameters = model.trainable_variables
    averages = [tf.Variable(p) for p in parameters]
    optimizer = keras.optimizers.SGD(
        momentum=course.optimizer.momentum, nesterov=course.optimizer.nesterov
    )
    optimizer.build(parameters)

    @tf.function(reduce_retracing=True)
    def step(x, y, rate, share):
        with tf.GradientTape() as tape:
            loss = keras.losses.categorical_crossentropy(
                tf.one_hot(y, 10),
                model(x, training=True),
                from_logits=True,
                label_smoothing=course.label_smoothing,
            )
            loss = tf.reduce_mean(loss)
        gradients = tape.gradient(loss, [p.value for p in parameters])
        decay = course.optimizer.weight_decay
        slopes = [
            g + decay * p if len(p.shape) > 1 else g
            for g, p in zip(gradients, parameters, strict=True)
        ]
        optimizer.learning_rate.assign(rate)
        optimizer.apply(slopes)
        if course.averaging:
            for average, p in zip(averages, parameters, strict=True):
                average.assign_add((1 - share) * (p - average))

    first = None
    for x, y, rate, share in course.batches():
        start = time.perf_counter()
        step(x, y, tf.constant(rate, tf.float32), tf.constant(share, tf.float32))
        first = first or time.perf_counter() - start
    if course.averaging:
        for average, p in zip(averages, parameters, strict=True):
            p.assign(average)
    copy_back(model, course.network)
    if course.averaging:
        measure_statistics(course.network, course.images)
    return first


def module_for(layer):
    """Return the layer of Keras that does what a layer of scratchnet does."""
    match layer:
        case layers.Linear():
            n_outputs = layer.parameters["weights"].shape[1]
            return keras.layers.Dense(n_outputs, use_bias="bias" in layer.parameters)
        case layers.Convolution():
            n_outputs, _, size, _ = layer.parameters["weights"].shape
            pad = "same" if layer.padding else "valid"  # as the recipes have it
            has_bias = "bias" in layer.parameters
            return keras.layers.Conv2D(n_outputs, size, padding=pad, use_bias=has_bias)
        case layers.BatchNorm():
            return keras.layers.BatchNormalization(
                momentum=1 - layer.momentum, epsilon=layer.epsilon
            )
        case layers.Dropout():
            return keras.layers.Dropout(layer.rate)
        case layers.Images():
            return keras.layers.Reshape((*layer.size, 1))
        case layers.Flatten():
            return keras.layers.Flatten()
        case layers.MaxPool():
            return keras.layers.MaxPooling2D(2)
        case layers.ReLU():
            return keras.layers.ReLU()


def model_for(network):
    """Return a network of scratchnet as one of Keras, weights and all."""
    modules = [module_for(layer) for layer in network.layers]
    model = keras.Sequential([keras.Input((784,)), *modules])
    for module, arrays in zip(modules, channels_last(network), strict=True):
        module.set_weights([arrays[name] for name in ORDER if name in arrays])
    return model


def copy_back(model, network):
    """Put what a model has learned into the network that `model_for` made it of."""
    found = []
    for module, layer in zip(model.layers, network.layers, strict=True):
        own = layer.parameters.keys() | layer.statistics.keys()
        names = [name for name in ORDER if name in own]
        arrays = map(np.asarray, module.get_weights())
        found.append(dict(zip(names, arrays, strict=True)) if names else {})
    put_back(network, found)
