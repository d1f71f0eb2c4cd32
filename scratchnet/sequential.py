"""A network: layers, one after another, and a file to keep them in."""

import copy
from pathlib import Path

import numpy as np

from scratchnet.tools.inputs import as_images, check_some, check_whole


class Sequential:
    """Layers that pass their output on to the next.

    Parameters
    ----------
    *layers : Layer
        From `scratchnet.layers`, in the order of the forward pass. A network among them
        stands for its layers.

    Raises
    ------
    TypeError
        If something is no layer, such as a list of layers.
    ValueError
        If a layer comes twice, also within another: it would keep what `backward`
        needs of the last place alone.
    """

    def __init__(self, *layers):
        for layer in layers:
            if isinstance(layer, type) or not hasattr(layer, "forward"):
                raise TypeError(
                    "a network takes one layer after another, as in"
                    f" Sequential(Linear(784, 10, rng), ReLU()), not {layer!r}"
                )
        seen = set()
        for layer in at_any_depth(layers):
            if id(layer) in seen:
                raise ValueError(
                    f"one {type(layer).__name__} is in this network twice: make a layer"
                    " for each place"
                )
            seen.add(id(layer))
        self.layers = tuple(
            inner
            for layer in layers
            for inner in (layer.layers if isinstance(layer, Sequential) else [layer])
        )

    def forward(self, x, training=False):
        """Return the output of the last layer: for a classifier, the logits, (n, 10).

        Parameters
        ----------
        x : numpy.ndarray
            What the first layer takes, such as pixels from 0 to 1, shape (n, 784).
        training : bool, optional
            Whether dropout drops, and batch normalization uses the batch.
        """
        x = as_images(x)
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient, to_input=False):
        """Compute all gradients of the loss, from that with respect to the output.

        Parameters
        ----------
        gradient : numpy.ndarray
            Of the shape of the output.
        to_input : bool, optional
            Whether to go on to the gradient with respect to x, and return it.
        """
        trains = [bool(layer.parameters) for layer in self.layers]
        last = 0 if to_input or not any(trains) else trains.index(True)
        for place in range(len(self.layers) - 1, last - 1, -1):
            gradient = self.layers[place].backward(gradient, to_input or place > last)
        return gradient

    def _named(self, *kinds):
        return {
            f"{place}.{name}": array
            for place, layer in enumerate(self.layers)
            for kind in kinds
            for name, array in getattr(layer, kind).items()
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
    def state(self):
        """All parameters and statistics: what evaluation needs, and a file keeps."""
        return self._named("parameters", "statistics")

    @property
    def n_parameters(self):
        """How many numbers are trained."""
        return sum(array.size for array in self.parameters.values())

    def predict(self, x, batch_size=100):
        """Return the logits in evaluation mode, a batch at a time to save memory."""
        x = as_images(x)
        check_some(x)
        check_whole(1, np.inf, batch_size=batch_size)
        starts = range(0, len(x), batch_size)
        return np.concatenate([self.forward(x[i : i + batch_size]) for i in starts])

    def twin(self):
        """Return a network of the same parameters with its own memory for a batch.

        Both can run at once, each on a part of a batch. The twin's dropout has a
        generator of its own, and it leaves the statistics of the layers alone.
        """
        memo = {}  # what a copy has in place of something: itself, or its like
        for layer in at_any_depth(self.layers):
            parameters, rng = (vars(layer).get(name) for name in ("parameters", "rng"))
            memo[id(parameters)] = parameters
            if rng is not None and id(rng) not in memo:
                [memo[id(rng)]] = rng.spawn(1)
        return Sequential(*copy.deepcopy(self.layers, memo))

    def astype(self, dtype):
        """Convert all arrays, such as to float64 for gradient checks; return self."""
        for layer in self.layers:
            for arrays in (layer.parameters, layer.statistics):
                arrays.update({name: a.astype(dtype) for name, a in arrays.items()})
        return self

    def save(self, path):
        """Write parameters and statistics to a file, `.npz`; whole, or not at all."""
        path = Path(path)
        unfinished = path.with_name(path.name + ".part")
        with unfinished.open("wb") as file:
            np.savez(file, **self.state)
        unfinished.replace(path)

    def load(self, path):
        """Read what `save` wrote into a network of the same layers; return self.

        Raises
        ------
        ValueError
            If the file isn't one that `save` wrote, whole, or its arrays aren't those
            of this network.
        """
        wanted = self.state
        with Path(path).open("rb") as file:
            try:
                with np.load(file, allow_pickle=False) as saved:
                    arrays = {name: saved[name] for name in saved.files}
                if any(array.dtype.kind != "f" for array in arrays.values()):
                    raise TypeError("some of it aren't floating-point numbers")
            except Exception as error:  # of many kinds, where a byte has changed
                raise ValueError(f"{path} isn't a whole file of a network") from error
        shapes, found = (
            {name: array.shape for name, array in each.items()}
            for each in (wanted, arrays)
        )
        for name in sorted(shapes.keys() | found.keys()):
            if shapes.get(name) != found.get(name):
                raise ValueError(
                    f"{path} isn't of this network: {name} is {found.get(name)}"
                    f" there, {shapes.get(name)} here"
                )
        for name, array in arrays.items():
            wanted[name][...] = array
        return self


class InParts:
    """A network that takes each batch in parts, with batch statistics of their own.

    Source: Hoffer, Hubara, and Soudry, 2017, "ghost batch normalization".

    Parameters
    ----------
    network : Sequential
        Trained as this is. It keeps the statistics of the first part.
    n_parts : int
    """

    def __init__(self, network, n_parts):
        check_whole(1, np.inf, n_parts=n_parts)
        self.twins = [network, *(network.twin() for _ in range(n_parts - 1))]
        self.layers, self.predict = network.layers, network.predict

    def forward(self, x, training=False):
        """Return the output for all parts, as `Sequential.forward` does for one."""
        parts = zip(self.twins, np.array_split(x, len(self.twins)), strict=True)
        return np.concatenate([twin.forward(part, training) for twin, part in parts])

    def backward(self, gradient):
        """Compute the gradients of each part."""
        parts = np.array_split(gradient, len(self.twins))
        for twin, part in zip(self.twins, parts, strict=True):
            twin.backward(part)

    @property
    def parameters(self):
        """Those of the network."""
        return self.twins[0].parameters

    @property
    def gradients(self):
        """The sums over the parts."""
        first, *others = (twin.gradients for twin in self.twins)
        return {
            name: sum((other[name] for other in others), start=array)
            for name, array in first.items()
        }

    @property
    def state(self):
        """That of the network."""
        return self.twins[0].state


def at_any_depth(part):
    """Yield the layers in a part of a network, and what they keep layers in."""
    if isinstance(part, list | tuple):
        inner = part
    elif hasattr(part, "forward"):
        yield part
        inner = vars(part).values()
    else:
        return
    for each in inner:
        yield from at_any_depth(each)
