"""Train one network on parts of a batch, each part with a memory of its own."""

import copy

import numpy as np

from scratchnet.sequential import Sequential
from scratchnet.tools.inputs import at_any_depth, check_whole


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
        self.twins = [network, *(twin(network) for _ in range(n_parts - 1))]
        self.layers, self.predict = network.layers, network.predict

    def forward(self, x, training=False):
        """Return the output for all parts, as `Sequential.forward` does for one."""
        if len(x) < len(self.twins):
            raise ValueError(
                f"{len(x)} images make no {len(self.twins)} parts: take larger batches"
            )
        parts = zip(self.twins, np.array_split(x, len(self.twins)), strict=True)
        return np.concatenate([twin.forward(part, training) for twin, part in parts])

    def backward(self, gradient):
        """Compute the gradients of each part."""
        parts = np.array_split(gradient, len(self.twins))
        for each, part in zip(self.twins, parts, strict=True):
            each.backward(part)

    @property
    def parameters(self):
        """Those of the network."""
        return self.twins[0].parameters

    @property
    def gradients(self):
        """The sums over the parts."""
        first, *others = (each.gradients for each in self.twins)
        return {
            name: sum((other[name] for other in others), start=array)
            for name, array in first.items()
        }

    @property
    def state(self):
        """That of the network."""
        return self.twins[0].state


def twin(network):
    """Return a network of the same parameters with its own memory for a batch.

    Both can run at once, each on a part of a batch. The twin's dropout has a generator
    of its own, and it leaves the statistics of the layers alone.
    """
    memo = {}  # what a copy has in place of something: itself, or its like
    for layer in at_any_depth(network.layers):
        parameters, rng = (vars(layer).get(name) for name in ("parameters", "rng"))
        memo[id(parameters)] = parameters
        memo |= {id(array): array for array in (parameters or {}).values()}
        if rng is not None and id(rng) not in memo:
            [memo[id(rng)]] = rng.spawn(1)
    return Sequential(*copy.deepcopy(network.layers, memo))
