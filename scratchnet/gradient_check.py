"""Check gradients against central differences, as "Build and train" teaches it."""

import numpy as np

from scratchnet.tools.inputs import as_array
from scratchnet.tools.progress import progress


def numerical_gradient(loss_now, weights, step=1e-5):
    """Compute the central difference of a loss for every weight, two calls for each.

    `loss_now` returns the loss, a float, for the weights as they are when it's called.
    Each weight is moved in place by `step`, either way, and put back. Weights that are
    no array of float64 raise a ValueError: less precision drowns all in rounding.
    """
    if not isinstance(weights, np.ndarray) or weights.dtype != np.float64:
        kind = getattr(weights, "dtype", type(weights).__name__)
        raise ValueError(f"check gradients in an array of float64, not in {kind}")
    gradient = np.zeros_like(weights)
    for index in progress(np.ndindex(weights.shape), total=weights.size):
        weight = weights[index]
        try:
            weights[index] = weight + step
            loss_up = loss_now()
            weights[index] = weight - step
            loss_down = loss_now()
        finally:
            weights[index] = weight
        gradient[index] = (loss_up - loss_down) / (2 * step)
    return gradient


def relative_error(a, b):
    """Return the length of a - b, relative to the lengths of a and b together.

    That's 0.0 where two gradients are equal (both zero included), 1.0 where they are
    opposite. If their shapes differ, a ValueError is raised.
    """
    a, b = as_array(a, "gradients"), as_array(b, "gradients")
    if a.shape != b.shape:
        raise ValueError(f"gradients of the shapes {a.shape} and {b.shape} differ")
    lengths = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / lengths) if lengths else 0.0
