"""MNIST: found, downloaded, verified, read; and practice digits where there is none.

- `fetch`: where the four files come from, and whether they are right
- `download`: how a server is asked, and what is said of its faults
- `keeping`: how a file gets into its folder whole, or not at all
- `unpacked`: the copies from which a load takes milliseconds
- `source`: what `MNIST_SOURCE` says
- `idx`: the format of the files
- `practice`: digits that the book draws itself

The command `python -m scratchnet.mnist` has the files in place.
"""

from scratchnet.mnist.fetch import (
    FILES,
    MnistUnavailableError,
    fetch_file,
    load_mnist,
    unpack_file,
)
from scratchnet.mnist.idx import read_idx

__all__ = [
    "FILES",
    "MnistUnavailableError",
    "fetch_file",
    "load_mnist",
    "read_idx",
    "unpack_file",
]
