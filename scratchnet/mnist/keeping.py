"""Keep files in a folder, each whole or not at all, and name what went wrong."""

import re
import secrets
import shutil
from contextlib import contextmanager


class SourceError(Exception):
    """One source did not give the file; `passing` if trying again may help."""

    def __init__(self, reason, passing=False):
        super().__init__(reason)
        self.passing = passing


def without_password(text):
    """Return a text that may be shown: no address in it has a user and password.

    Parameters
    ----------
    text : str
        An address, or a message with addresses in it.

    Returns
    -------
    str
    """
    return re.sub(r"(?<=://)[^/?#]*@", "", text)


@contextmanager
def workplace(cache, prefix=".download-"):
    """Make a folder of this process's own inside the cache; it goes when left.

    It's a plain folder. On Windows, one that `tempfile` makes is closed to other users,
    and so are the files that leave it; and where none can be made, `tempfile` tries
    nearly for ever.
    """
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{prefix}{secrets.token_hex(8)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(data, path, cache):
    """Write a file into the cache whole or not at all; return its path.

    A file that holds these very bytes stays. Another process may have put it there a
    moment ago, and who has it mapped may crash where a network's file is replaced.
    """
    if _holds(path, data):
        return path
    with workplace(cache) as folder:
        part = folder / path.name
        part.write_bytes(data)
        path.parent.mkdir(exist_ok=True)
        return path if _holds(path, data) else part.replace(path)


def _holds(path, data):
    """Tell whether a file is there and holds these bytes."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def not_writable(cache, error):
    """Return the error that names a cache which takes no file."""
    return SourceError(
        f"downloads go to {cache}, which cannot be written ({error.strerror})"
    )
