"""The arrays of a network where channels come last, as in JAX and in Keras.

Scratchnet's filters have the axes (outputs, inputs, height, width); there, these are
(height, width, inputs, outputs). And a layer on flattened maps finds its inputs in
another order there: pixel by pixel, rather than channel by channel.
"""

from scratchnet.layers import Convolution, Linear


def channels_last(network):
    """Return the parameters and statistics of each layer, in that layout."""
    found, channels = [], 1
    for layer in network.layers:
        arrays = {**layer.parameters, **layer.statistics}
        if isinstance(layer, Convolution):
            channels = len(arrays["weights"])
            arrays["weights"] = arrays["weights"].transpose(2, 3, 1, 0)
        if isinstance(layer, Linear):
            arrays["weights"] = moved(arrays["weights"], channels, -1)
            channels = 1
        found.append(arrays)
    return found


def put_back(network, found):
    """Put arrays of that layout into the network's own."""
    channels = 1
    for layer, given in zip(network.layers, found, strict=True):
        arrays = dict(given)
        if isinstance(layer, Convolution):
            channels = len(layer.parameters["weights"])
            arrays["weights"] = arrays["weights"].transpose(3, 2, 0, 1)
        if isinstance(layer, Linear):
            arrays["weights"] = moved(arrays["weights"], -1, channels)
            channels = 1
        for own in (layer.parameters, layer.statistics):
            for name, array in own.items():
                array[...] = arrays[name]


def moved(weights, outer, inner):
    """Return the rows in another order: of two counters, the inner one outside."""
    rows = weights.reshape(outer, inner, weights.shape[1])
    return rows.transpose(1, 0, 2).reshape(weights.shape)
