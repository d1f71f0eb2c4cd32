"""A network: layers, one after another, and a file to keep them in."""

import numpy as np

from scratchnet.tools import inputs
from scratchnet.tools.files import read_arrays, write_arrays
from scratchnet.tools.flat import convert


class Sequential:
    """Layers that pass their output on to the next, in the order of the forward pass.

    A network among them stands for its layers. A layer that comes twice raises a
    ValueError: it would keep what `backward` needs of the last place alone.
    """

    def __init__(self, *layers):
        inputs.check_layers(layers)
        self.layers = tuple(
            inner
            for layer in layers
            for inner in (layer.layers if isinstance(layer, Sequential) else [layer])
        )

    def forward(self, x, training=False):
        """Return the output of the last layer: for a classifier, the logits, (n, 10).

        The first layer takes x, such as pixels from 0 to 1, shape (n, 784). In
        training, dropout drops, and batch normalization uses the batch.
        """
        x = inputs.as_images(x)
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient, to_input=False):
        """Compute all gradients of the loss, from that with respect to the output.

        With `to_input`, go on to the gradient with respect to x, and return it.
        """
        trains = [bool(layer.parameters) for layer in self.layers]
        last = 0 if to_input or not any(trains) else trains.index(True)
        for place in range(len(self.layers) - 1, last - 1, -1):
            gradient = self.layers[place].backward(gradient, to_input or place > last)
        return gradient

    def _named(self, kind):
        return {
            f"{place}.{name}": array
            for place, layer in enumerate(self.layers)
            for name, array in getattr(layer, kind, {}).items()
        }

    @property
    def parameters(self):
        """All parameters, by names such as "0.weights". Change them in place."""
        return self._named("parameters")

    @property
    def gradients(self):
        """The gradients that `backward` has left, by the same names."""
        return self._named("gradients")

    @property
    def statistics(self):
        """What layers learn otherwise, such as means of batches, by such names."""
        return self._named("statistics")

    @property
    def state(self):
        """All parameters and statistics: what evaluation needs, and a file keeps."""
        return self.parameters | self.statistics

    @property
    def n_parameters(self):
        """How many numbers are trained."""
        return sum(array.size for array in self.parameters.values())

    def predict(self, x, batch_size=100):
        """Return the logits in evaluation mode, a batch at a time to save memory."""
        x = inputs.as_images(x)
        inputs.check_scaled(x)
        inputs.check_whole(1, np.inf, batch_size=batch_size)
        starts = range(0, len(x), batch_size)
        return np.concatenate([self.forward(x[i : i + batch_size]) for i in starts])

    def astype(self, dtype):
        """Convert parameters and statistics, as for gradient checks; return self."""
        return convert(self, dtype)

    def save(self, path):
        """Write parameters and statistics to a file, `.npz`; whole, or not at all."""
        write_arrays(path, self.state)

    def load(self, path):
        """Read what `save` wrote into a network of the same layers; return self.

        A file that isn't whole, or is of another network, raises a ValueError.
        """
        state = self.state
        for name, array in read_arrays(path, state).items():
            state[name][...] = array
        return self
