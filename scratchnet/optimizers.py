"""Ways to change parameters, given their gradients, and step by step less so."""

import math

import numpy as np

from scratchnet.tools.inputs import check_range


class SGD:
    """Stochastic gradient descent, with momentum and weight decay if wanted.

    Weight decay pulls weights to 0, not biases, scales, and shifts.

    Parameters
    ----------
    momentum : float, optional
        The share of the last step's velocity that remains.
    nesterov : bool, optional
        Whether to look ahead along the velocity (Sutskever et al., 2013).
    weight_decay : float, optional
        Times the weight, added to its gradient.
    """

    def __init__(self, momentum=0.0, nesterov=False, weight_decay=0.0):
        check_range(0, 1, momentum=momentum)
        check_range(0, np.inf, weight_decay=weight_decay)
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.velocity = {}

    def step(self, parameters, gradients, learning_rate):
        """Change the parameters in place.

        Parameters
        ----------
        parameters, gradients : dict of str to numpy.ndarray
            As a network has them.
        learning_rate : float
            Of this step.

        Raises
        ------
        ValueError
            If the learning rate is negative, which would climb, or not finite.
        """
        check_range(0, np.inf, learning_rate=learning_rate)
        for name, parameter in parameters.items():
            gradient = gradients[name]
            if self.weight_decay and parameter.ndim > 1:
                gradient = gradient + self.weight_decay * parameter
            if self.momentum:
                velocity = self.velocity.setdefault(name, np.zeros_like(parameter))
                velocity *= self.momentum
                velocity += gradient
                ahead = gradient + self.momentum * velocity
                gradient = ahead if self.nesterov else velocity
            parameter -= learning_rate * gradient


class Adam:
    """Adam: steps of a size of their own for each parameter (Kingma and Ba, 2015).

    Parameters
    ----------
    beta_1, beta_2 : float, optional
        The shares of the past in the averages of the gradient and of its square.
    epsilon : float, optional
        Keeps a step finite where gradients vanish.
    weight_decay : float, optional
        Times the learning rate, the share that a weight loses in a step (AdamW:
        Loshchilov and Hutter, 2019).
    """

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0):
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
        for name, parameter in parameters.items():
            gradient = gradients[name]
            if name not in self.averages:
                self.averages[name] = np.zeros_like(gradient), np.zeros_like(gradient)
            mean, square = self.averages[name]
            mean += (1 - self.beta_1) * (gradient - mean)
            square += (1 - self.beta_2) * (gradient**2 - square)
            if self.weight_decay and parameter.ndim > 1:
                parameter *= 1 - learning_rate * self.weight_decay
            size = np.sqrt(square / correction_2) + self.epsilon
            parameter -= learning_rate * (mean / correction_1) / size


def constant(progress):
    """Keep the learning rate at its peak."""
    return 1.0


def triangular(progress, warm_up=0.2):
    """Rise in a straight line, then fall in one to 0 (Smith and Topin, 2019).

    Parameters
    ----------
    progress : float
        The share of the steps that are done, from 0 to 1.
    warm_up : float, optional
        The share of the steps until the peak, between 0 and 1.

    Returns
    -------
    float
        The share of the peak learning rate.
    """
    if not 0 < warm_up < 1:
        raise ValueError(f"warm_up must be between 0 and 1, not {warm_up}")
    return min(progress / warm_up, (1 - progress) / (1 - warm_up))


def cosine(progress):
    """Fall from the peak to 0 along half a cosine (Loshchilov and Hutter, 2017)."""
    return 0.5 * (1 + math.cos(math.pi * progress))
