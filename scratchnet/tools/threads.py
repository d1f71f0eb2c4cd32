"""Multiply matrices in one thread, unless the reader chooses otherwise.

The libraries that multiply NumPy's matrices take a thread for each core. In products as
small as this book's, these wait for each other, which takes many times as long as one
does alone where other programs are at work.
"""

import os

from threadpoolctl import threadpool_info, threadpool_limits

# What a reader sets, before Python starts, to choose otherwise
VARIABLES = [f"{library}_NUM_THREADS" for library in ("OPENBLAS", "MKL", "BLIS", "OMP")]


def is_chosen():
    """Tell whether the reader has chosen a number of threads."""
    return any(os.environ.get(name) for name in VARIABLES)


def multiply_in_one_thread():
    """Ask for one thread, whatever has been imported before.

    Some libraries can't be asked, such as Apple's Accelerate: these stay as they are.
    """
    if not is_chosen():
        threadpool_limits(1, user_api="blas")


def blas_threads():
    """Return in how many threads matrices are multiplied; None if no library tells."""
    numbers = [
        library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    return max(numbers, default=None)
