"""Read `MNIST_SOURCE`, for the Makefile, the package, and the chapters alike.

The Makefile runs this file before there is an environment: it imports nothing else.
"""

import os
import re
import sys
from pathlib import Path
from urllib.request import url2pathname

# What is an address though it lacks `http://`: a host with a port, such as
# "teacher:8000", or a host that is no name of a folder, such as "192.168.0.2/mnist".
HOST = re.compile(
    r"([\w-]{2,}(\.[\w-]+)*(?=:\d)|localhost|\d+(\.\d+){3}|\[[\da-f:.]+\])(:\d+)?(/.*)?",
    re.IGNORECASE,
)


def mnist_source(variable="MNIST_SOURCE"):
    """Return where `MNIST_SOURCE` says that MNIST is.

    Parameters
    ----------
    variable : str
        Another environment variable to read, which says where other files are.

    Returns
    -------
    str
        Empty where it says nothing; "practice" for digits that the book draws itself;
        an address, with "://" in it; or the absolute path of a folder. A relative one
        is looked for in the current folder and those above it, since notebooks run in
        their own folders.
    """
    text = os.environ.get(variable, "").strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":  # as Windows keeps
        text = text[1:-1].strip()
    if not text or text.lower() == "practice":
        return text.lower()
    if web := re.fullmatch(r"(https?):/*(.+)", text, re.IGNORECASE):
        return f"{web[1].lower()}://{web[2]}"
    if file := re.fullmatch(r"file:(//(localhost(?=/))?)?(.+)", text, re.IGNORECASE):
        text = url2pathname(file[3])
    if "://" in text:
        return text
    folder = os.path.expanduser(text)  # noqa: PTH111 (pathlib's fails on ~nobody)
    here = Path.cwd()
    found = next(
        (up / folder for up in (here, *here.parents) if _is_dir(up / folder)), ""
    )
    if not found and HOST.fullmatch(text):
        return f"http://{text}"
    return os.path.abspath(found or folder)  # noqa: PTH100 (it takes out "..")


def _is_dir(path):
    """Tell whether there is a folder that may be asked for."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long, or behind a folder that is closed
        return False


if __name__ == "__main__":
    sys.stdout.buffer.write(os.fsencode(mnist_source()))
