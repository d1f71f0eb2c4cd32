"""How much arithmetic a network asks of a machine, from the shapes of its layers."""

import numpy as np


def flops_per_image(network, n_pixels=784):
    """Count the floating-point operations of a training step, for each image.

    Only those of matrix products and convolutions: a product and a sum for each weight
    at each place where it's used. They come once forward, once for the gradient of the
    weights, and once for the gradient of the input, which the first layer with weights
    doesn't compute. Activations, batch normalization, pooling, and the optimizer are
    left out: a fast program spends little on them.

    Parameters
    ----------
    network : scratchnet.sequential.Sequential
        Of fully connected and convolutional layers.
    n_pixels : int, optional
        Of an image.

    Returns
    -------
    int
        2 for each weight, place, and time.
    """
    x, flops, times = np.zeros((1, n_pixels), np.float32), 0, 2
    for layer in network.layers:
        x = layer.forward(x)
        weights = layer.parameters.get("weights")
        if weights is not None:
            places = x.shape[1] * x.shape[2] if x.ndim == 4 else 1
            flops += 2 * times * weights.size * places
            times = 3
    return flops
