"""Write files whole, or not at all; keep arrays in one, `.npz`."""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def whole_file(path):
    """Yield the path to write to: the file has another name until it's whole."""
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")  # each its own
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_arrays(path, arrays):
    """Write arrays by name, all or none."""
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, **arrays)


def read_arrays(path, like):
    """Read what `write_arrays` wrote.

    Parameters
    ----------
    path : str or pathlib.Path
    like : dict of str to numpy.ndarray
        Arrays of the names and shapes that should be there.

    Returns
    -------
    dict of str to numpy.ndarray

    Raises
    ------
    ValueError
        If the file isn't one that `write_arrays` wrote, whole, or has other arrays.
    """
    with Path(path).open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as saved:
                arrays = {name: saved[name] for name in saved.files}
            if any(array.dtype.kind != "f" for array in arrays.values()):
                raise TypeError("some of it aren't floating-point numbers")
        except Exception as error:  # of many kinds, where a byte has changed
            raise ValueError(f"{path} isn't a whole file of a network") from error
    wanted, found = (
        {name: array.shape for name, array in each.items()} for each in (like, arrays)
    )
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"{path} isn't of this network: {name} is {found.get(name)} there,"
                f" {wanted.get(name)} here"
            )
    return arrays
