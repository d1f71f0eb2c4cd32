"""Fetch and verify MNIST from the command line: `python -m scratchnet.mnist`."""

import sys

from scratchnet.mnist import (
    FILES,
    MnistUnavailableError,
    fetch_file,
    practice,
    unpack_file,
)
from scratchnet.tools.progress import say


def main():
    """Fetch what the cache lacks; say where each file is and came from.

    Returns
    -------
    int
        Exit status: 0 if all four files are there and right, 1 otherwise.
    """
    for key, file in FILES.items():
        try:
            path, source = fetch_file(key)
        except MnistUnavailableError as error:
            print(error, file=sys.stderr)
            return 1
        if source == "practice":
            say(f"{file.name}: {path.stat().st_size:,} bytes, drawn for practice")
            continue
        origin = "in the cache" if source == "cache" else f"from {source}"
        say(f"{file.name}: {path.stat().st_size:,} bytes, SHA-256 right, {origin}")
        try:
            unpack_file(key)
        except OSError as error:
            say(
                f"{file.name}: no right unpacked copy can be kept ({error.strerror}),"
                " so each load unpacks it"
            )
    if practice.is_chosen():
        practice.announce()
        say(f"The practice digits are ready in {path.parent}")
    else:
        say(f"MNIST is ready in {path.parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
