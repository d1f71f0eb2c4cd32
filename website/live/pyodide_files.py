"""Fetch the files of Pyodide once, and verify them, as MNIST's are."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from scratchnet.mnist.download import download
from scratchnet.mnist.keeping import (
    SourceError,
    not_writable,
    place,
    without_password,
)
from scratchnet.mnist.source import mnist_source

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "_data" / "pyodide"
SOURCE = "PYODIDE_SOURCE"


class PyodideFile(NamedTuple):
    """A file of Pyodide's release, and the stage of the start that needs it."""

    name: str
    size: int
    sha256: str
    stage: str


class PyodideUnavailableError(RuntimeError):
    """No source gave a file that matches its published digest."""


def listed():
    """Return the version of Pyodide, and its files that a page needs.

    Sizes and digests are those of the release: `pyodide-lock.json` has the packages'.
    """
    text = (Path(__file__).parent / "pyodide.json").read_text("utf-8")
    record = json.loads(text)
    return record["version"], [PyodideFile(**file) for file in record["files"]]


def fetch_pyodide(cache=CACHE):
    """Have all files in the cache, and right.

    The environment variable `PYODIDE_SOURCE` names a folder or a base URL that is asked
    first; "none" says that nobody is to be asked. Else, the address of Pyodide's
    release is. A server is asked once: the book can be built without.

    Parameters
    ----------
    cache : pathlib.Path

    Returns
    -------
    bool
        Whether any had to be fetched.

    Raises
    ------
    PyodideUnavailableError
        If a file can't be had. The message lists what was asked, and each one's fault.
    """
    version, files = listed()
    lacking = [file for file in files if not is_right(cache / file.name, file)]
    for file in lacking:
        fetch_file(file, sources(version), cache)
    return bool(lacking)


def sources(version):
    """List where to ask, in order."""
    named = mnist_source(SOURCE)
    if Path(named).name == "none":
        return []
    release = f"https://cdn.jsdelivr.net/pyodide/v{version}/full/"
    return [named, release] if named else [release]


def fetch_file(file, places, cache):
    """Have one file in the cache; raise an error if no place gives it."""
    faults = []
    for source in places:
        try:
            if "://" in source:
                accept = lambda part: keep(part, file, cache)  # noqa: E731
                return download(source, file, cache, accept, attempts=1)
            return keep(Path(source) / file.name, file, cache)
        except SourceError as error:
            faults.append(without_password(f"{source}: {error}"))
    raise PyodideUnavailableError(explain(file, faults))


def keep(path, file, cache):
    """Put a file into the cache if it's right; raise `SourceError` if it isn't."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != file.sha256:
        raise SourceError(
            f"not this file: {len(data):,} bytes, SHA-256 {digest[:12]}…"
            f" where {file.sha256[:12]}… is published"
        )
    try:
        return place(data, cache / file.name, cache)
    except OSError as error:
        raise not_writable(cache, error) from None


def is_right(path, file):
    """Tell whether a file has the size and the digest that are published."""
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def explain(file, faults):
    """Write the one message that helps."""
    asked = "\n".join(f"  - {fault}" for fault in faults)
    tried = f"Tried:\n{asked}" if faults else f"Nobody was asked ({SOURCE}=none)."
    return f"""\
{file.name} of Pyodide could not be had. {tried}

What to do: put Pyodide's files into a folder and set {SOURCE} to it, or to the URL of a
server that has them. website/live/pyodide.json lists them, with their SHA-256 digests.
"""
