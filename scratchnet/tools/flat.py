"""All parameters of a network in one array, and all gradients in another.

Then an optimizer's step, an average, a check, or a sum over processes takes one long
array instead of many short ones.
"""

from contextlib import contextmanager

import numpy as np

from scratchnet.tools.inputs import at_any_depth
from scratchnet.tools.memory import keep_freed_memory


class Arrays(dict):
    """Arrays by name, each a view of a part of `flat`: weights first, then the others.

    Parameters
    ----------
    arrays : dict of str to numpy.ndarray
        What to copy.
    new : callable, optional
        Called with a number of elements and a dtype, returns an array for them.

    Attributes
    ----------
    flat : numpy.ndarray
        Shape (n,).
    joined : dict of str to numpy.ndarray
        "weights", of shape (1, n_weights), and "others", of one axis: two arrays, since
        optimizers tell weights from biases by their axes.
    """

    def __init__(self, arrays, new=np.empty):
        super().__init__(arrays)
        dtype = np.result_type(*arrays.values()) if arrays else np.float32
        self.flat = new(sum(array.size for array in arrays.values()), dtype)
        end, n_weights = 0, 0
        for name, array in sorted(arrays.items(), key=lambda item: item[1].ndim < 2):
            start, end = end, end + array.size
            self[name] = self.flat[start:end].reshape(array.shape)
            self[name][...] = array
            n_weights = end if array.ndim > 1 else n_weights
        self.joined = {
            "weights": self.flat[np.newaxis, :n_weights],
            "others": self.flat[n_weights:],
        }

    def take(self, arrays):
        """Copy arrays of the same names that aren't these views, such as new ones."""
        if absent := self.keys() - arrays.keys():
            raise ValueError(f"backward left no gradient of {min(absent)}")
        for name, array in arrays.items():
            if array is not self[name]:
                if np.shape(array) != self[name].shape:
                    raise ValueError(
                        f"the gradient of {name} must have the shape"
                        f" {self[name].shape}, not {np.shape(array)}"
                    )
                self[name][...] = array


def joined(parameters, gradients):
    """Yield name, parameter, and gradient: of long arrays, where both lie in such."""
    if hasattr(parameters, "joined") and hasattr(gradients, "joined"):
        parameters, gradients = parameters.joined, gradients.joined
    for name, parameter in parameters.items():
        yield name, parameter, gradients[name]


@contextmanager
def flattened(network, new=np.empty):
    """Have a network's parameters side by side, and its gradients, for a while.

    Parameters
    ----------
    network : Sequential
        Meanwhile, its layers have views. At the end, they get their own arrays back,
        with what the views held. Within another such block, nothing changes.
    new : callable, optional
        As for `Arrays`. Other than by default, within another block it's refused.

    Yields
    ------
    parameters, gradients : Arrays
        The layers of this package write their gradients to these; of other layers,
        `gradients.take(network.gradients)` copies them.
    """
    if hasattr(network, "flat"):
        parameters, _ = network.flat
        if all(array.base is parameters.flat for array in parameters.values()):
            if new is not np.empty:
                raise ValueError(
                    "this network is in a training: end that first, as with close()"
                )
            yield network.flat
            return
        # Else it's a copy of a network in training, whose arrays came apart.
    keep_freed_memory()
    originals = network.parameters
    for name, array in originals.items():
        if array.dtype.kind != "f":
            raise ValueError(
                f"{name} must be floating-point numbers to be trained, not"
                f" {array.dtype}: network.astype(np.float32) makes them so"
            )
    parameters = Arrays(originals, new)
    replace(network, originals, parameters)
    network.flat = parameters, give_memory(network, Arrays(parameters, new))
    try:
        yield network.flat
    finally:
        del network.flat
        for name, array in originals.items():
            array[...] = parameters[name]
        replace(network, parameters, originals)
        give_memory(network, {})


def check_same(network):
    """Raise a ValueError if a network in training got other arrays of parameters."""
    parameters, own = network.flat[0], network.parameters
    for name in own.keys() | parameters.keys():
        if own.get(name) is not parameters.get(name):
            raise ValueError(
                f"{name} was replaced in the middle of a training: change its elements,"
                f' as in parameters["{name}"][...] = new'
            )


def replace(network, old, new):
    """Have other arrays for the parameters, also where layers hold layers."""
    to = {id(array): new[name] for name, array in old.items()}
    for layer in at_any_depth(network):  # in the twins of a network in parts, too
        own = vars(layer).get("parameters", {})
        own.update({name: to.get(id(array), array) for name, array in own.items()})
        for name, value in list(vars(layer).items()):  # such as self.scale, for short
            if id(value) in to:
                setattr(layer, name, to[id(value)])


def convert(network, dtype):
    """Give a network's layers parameters and statistics of another dtype; return it."""
    old = network.parameters
    replace(network, old, {name: array.astype(dtype) for name, array in old.items()})
    for layer in at_any_depth(network):
        arrays = vars(layer).get("statistics", {})
        arrays.update({name: array.astype(dtype) for name, array in arrays.items()})
    return network


def give_memory(network, gradients):
    """Have the layers write their gradients to these arrays; return them."""
    names = {id(array): name for name, array in network.parameters.items()}
    for layer in at_any_depth(network.layers):
        if "memory" in vars(layer):
            layer.memory = {
                own: gradients[names[id(array)]]
                for own, array in layer.parameters.items()
                if gradients
            }
    return gradients
