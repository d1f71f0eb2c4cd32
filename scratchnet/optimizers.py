"""Optimizers, which change parameters by their gradients; learning-rate schedules."""

import math

import numpy as np

from scratchnet.tools.flat import flattened, joined
from scratchnet.tools.inputs import check_range


class SGD:
    """Stochastic gradient descent, with momentum and weight decay if wanted.

    `momentum` is the share of the last step's velocity that remains, from 0 to below 1;
    `nesterov` looks ahead along the velocity (Sutskever et al., 2013). `weight_decay`
    times each weight is added to its gradient, not to those of biases, scales, shifts.
    """

    def __init__(self, momentum=0.0, nesterov=False, weight_decay=0.0):
        check_range(0, 1, momentum=momentum)
        check_range(0, np.inf, weight_decay=weight_decay)
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.memory = {}

    def step(self, parameters, gradients, learning_rate):
        """Change the parameters in place: arrays by name, as a network has them."""
        check_range(0, np.inf, learning_rate=learning_rate)
        for name, parameter, slope in joined(parameters, gradients):
            velocity, change = self.memory_for(name, parameter)
            if self.weight_decay and parameter.ndim > 1:
                np.multiply(parameter, self.weight_decay, out=change)
                slope = np.add(change, slope, out=change)
            if self.nesterov:
                velocity += slope
                velocity *= self.momentum  # what the next step finds of it
                slope = np.add(velocity, slope, out=change)
            elif self.momentum:
                velocity *= self.momentum
                velocity += slope
                slope = velocity
            np.multiply(slope, learning_rate, out=change)
            parameter -= change

    def memory_for(self, name, parameter):
        """Return arrays of a parameter's shape: the velocity, and one to work in."""
        if name not in self.memory:
            self.memory[name] = np.zeros((2, *parameter.shape), parameter.dtype)
        if self.memory[name].shape[1:] != parameter.shape:
            raise ValueError(
                "this optimizer has the velocity of another network: make a new one"
            )
        return self.memory[name]


class Adam:
    """Adam: steps of a size of their own for each parameter (Kingma and Ba, 2015).

    `beta_1` and `beta_2` are the shares of the past, from 0 to below 1, in the averages
    of the gradient and of its square; `epsilon` keeps a step finite where gradients
    vanish. `weight_decay` times the learning rate is the share that a weight loses in a
    step (AdamW: Loshchilov and Hutter, 2019).
    """

    def __init__(self, *, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0):
        check_range(0, 1, beta_1=beta_1, beta_2=beta_2)
        check_range(0, np.inf, epsilon=epsilon, weight_decay=weight_decay)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.averages = {}
        self.n_steps = 0

    def step(self, parameters, gradients, learning_rate):
        """Change the parameters in place, as `SGD.step` does."""
        check_range(0, np.inf, learning_rate=learning_rate)
        self.n_steps += 1
        correction_1 = 1 - self.beta_1**self.n_steps
        correction_2 = 1 - self.beta_2**self.n_steps
        for name, parameter, gradient in joined(parameters, gradients):
            if name not in self.averages:
                self.averages[name] = np.zeros_like(gradient), np.zeros_like(gradient)
            mean, square = self.averages[name]
            mean += (1 - self.beta_1) * (gradient - mean)
            square += (1 - self.beta_2) * (gradient**2 - square)
            if self.weight_decay and parameter.ndim > 1:
                parameter *= 1 - learning_rate * self.weight_decay
            size = np.sqrt(square / correction_2) + self.epsilon
            parameter -= learning_rate * (mean / correction_1) / size


class Averaging:
    """An optimizer, SGD or Adam, that also keeps a running average of the parameters.

    `share` is that of the past in the average; in the first steps, it's less. Source:
    Polyak and Juditsky, 1992; here, the past fades.
    """

    def __init__(self, optimizer, share=0.998):
        check_range(0, 1, share=share)
        self.optimizer = optimizer
        self.share = share
        self.averages = {}
        self.n_steps = 0

    def step(self, parameters, gradients, learning_rate):
        """Change the parameters in place, as the optimizer does, and average them."""
        for name, parameter, _ in joined(parameters, gradients):
            if name not in self.averages:
                self.averages[name] = parameter.copy(), np.empty_like(parameter)
        self.optimizer.step(parameters, gradients, learning_rate)
        self.n_steps += 1
        past = min(self.share, self.n_steps / (self.n_steps + 10))
        for name, parameter, _ in joined(parameters, gradients):
            average, change = self.averages[name]
            np.subtract(parameter, average, out=change)
            change *= 1 - past
            average += change

    def finish(self, network):
        """Give a network the average. Call `training.measure_statistics` after it."""
        with flattened(network) as (parameters, _):
            arrays = parameters | parameters.joined
            for name, (average, _) in self.averages.items():
                arrays[name][...] = average


# Schedules: from the share of steps that are done to that of the peak learning rate


def constant(progress):
    """Keep the learning rate at its peak."""
    return 1.0


def triangular(progress, warm_up=0.2):
    """Rise evenly for `warm_up` of all steps, fall to 0 (Smith and Topin, 2019)."""
    if not 0 < warm_up < 1:
        raise ValueError(f"warm_up must be between 0 and 1, not {warm_up}")
    return min(progress / warm_up, (1 - progress) / (1 - warm_up))


def cosine(progress):
    """Fall from the peak to 0 along half a cosine (Loshchilov and Hutter, 2017)."""
    return 0.5 * (1 + math.cos(math.pi * progress))
