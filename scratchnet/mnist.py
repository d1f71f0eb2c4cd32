"""Fetch the four MNIST files once, verify them, and read them.

Pooch downloads and checks; this module decides where from, and what to say when
nothing works.
"""

import os
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pooch
import requests

from scratchnet import practice
from scratchnet.idx import read_idx
from scratchnet.progress import progress


class MnistFile(NamedTuple):
    """What is published of one file: its name, size, digest and array's shape."""

    name: str
    size: int
    sha256: str
    shape: tuple[int, ...]


FILES = {
    "training_images": MnistFile(
        "train-images-idx3-ubyte.gz",
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        (60000, 28, 28),
    ),
    "test_images": MnistFile(
        "t10k-images-idx3-ubyte.gz",
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        (10000, 28, 28),
    ),
    "training_labels": MnistFile(
        "train-labels-idx1-ubyte.gz",
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        (60000,),
    ),
    "test_labels": MnistFile(
        "t10k-labels-idx1-ubyte.gz",
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        (10000,),
    ),
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/rossbar/numpy-tutorial-data-mirror/main/",
)
USER_AGENT = f"scratchnet/0.1.0 python-requests/{requests.__version__}"
TIMEOUT = (10, 30)  # seconds: to connect, and to wait for the next bytes
ATTEMPTS = 3  # per URL, where the fault may pass
BACK_OFF = 1  # seconds before the second attempt; doubled before each further one


class MnistUnavailableError(RuntimeError):
    """No source gave a file that matches its published digest."""


class _SourceError(Exception):
    """One source did not give the file; `passing` if trying again may help."""

    def __init__(self, reason, passing=False):
        super().__init__(reason)
        self.passing = passing


def load_mnist(cache=None):
    """Load MNIST: from the cache, from `MNIST_SOURCE`, or from a public mirror.

    The environment variable `MNIST_SOURCE` names a folder or a base URL that holds
    the four files: a USB stick, a classroom share, a lab server. Where there is no
    such place, `MNIST_SOURCE=practice` gives digits that `scratchnet.practice` draws,
    and a line of output says so.

    Parameters
    ----------
    cache : str or pathlib.Path, optional
        Folder for the verified files; by default as `cache_folder` says.

    Returns
    -------
    x_train : numpy.ndarray
        uint8, shape (60000, 784): one image a row, 0 is background, 255 is ink.
    y_train : numpy.ndarray
        uint8, shape (60000,): the digits 0 to 9.
    x_test : numpy.ndarray
        uint8, shape (10000, 784).
    y_test : numpy.ndarray
        uint8, shape (10000,).

    Raises
    ------
    MnistUnavailableError
        If no source gives a file. The message lists every source and its fault.
    """
    if practice.is_chosen():
        practice.announce()
    keys = ("training_images", "training_labels", "test_images", "test_labels")
    arrays = []
    for key in keys:
        path, _ = fetch_file(key, cache)
        array = read_idx(path)
        if array.dtype != "uint8" or array.shape != FILES[key].shape:
            raise ValueError(
                f"{path} holds {array.dtype} {array.shape},"
                f" not uint8 {FILES[key].shape}"
            )
        arrays.append(array.reshape(-1, 784) if array.ndim == 3 else array)
    return tuple(arrays)


def cache_folder():
    """Return the folder that keeps the verified files.

    In a clone of the book that is `_data/` at its top; where the package is installed
    by itself, the user's own cache folder.
    """
    clone = Path(__file__).resolve().parent.parent
    if (clone / "_toc.yml").exists():
        return clone / "_data"
    return Path(pooch.os_cache("scratchnet"))


def fetch_file(key, cache=None):
    """Find one MNIST file whose digest is right, and keep it in the cache.

    Parameters
    ----------
    key : str
        A key of `FILES`.
    cache : str or pathlib.Path, optional
        As for `load_mnist`.

    Returns
    -------
    path : pathlib.Path
        The verified file.
    source : str
        Where it came from: "cache", or the folder or URL, or "practice".

    Raises
    ------
    MnistUnavailableError
        If no source gives it.
    """
    file = FILES[key]
    cache = cache_folder() if cache is None else Path(cache)
    if practice.is_chosen():
        return _draw(cache / "practice") / file.name, "practice"
    cached = cache / file.name
    named = os.environ.get("MNIST_SOURCE", "").strip()
    failures = []
    try:
        if cached.exists():
            _verify(cached, file)
            return cached, "cache"
    except (_SourceError, OSError) as error:
        failures.append(f"{cached}: {error}")
    for source in [named, *MIRRORS] if named else MIRRORS:
        take = _download if "://" in source else _copy
        try:
            return take(source, file, cache), source
        except _SourceError as error:
            failures.append(f"{source}: {error}")
        if source == named:
            warnings.warn(
                f"MNIST_SOURCE did not give {file.name}; trying the public mirrors."
                f" {failures[-1]}",
                stacklevel=2,
            )
    raise MnistUnavailableError(_explain(file, failures))


def _draw(folder):
    """Have the practice files in a folder of their own, and return it."""
    try:
        practice.ensure_files(folder, FILES)
    except OSError as error:
        raise MnistUnavailableError(
            f"Practice digits go to {folder}, which cannot be used ({error.strerror})."
        ) from error
    return folder


def _verify(path, file):
    """Raise `_SourceError` unless the file at `path` has the published digest."""
    try:
        digest = pooch.file_hash(str(path), alg="sha256")
    except OSError as error:
        raise _SourceError(f"cannot be read ({error.strerror})") from None
    if digest != file.sha256:
        with path.open("rb") as content:
            start = content.read(512)
        raise _SourceError(
            f"{_what(start)}, {path.stat().st_size:,} bytes, SHA-256 {digest[:12]}…"
            f" where {file.sha256[:12]}… is published",
            passing=start[:2] == b"\x1f\x8b",
        )


def _what(start):
    """Say what a wrong file is, from its first bytes."""
    if start[:2] == b"\x1f\x8b":
        return "a damaged or different gzip file"
    if start.lstrip()[:1] == b"<":
        return "an HTML page where a gzip file was expected (a login page?)"
    return "not a gzip file"


def _copy(folder, file, cache):
    """Take the file from a folder, into the cache if that can be written."""
    try:
        original = Path(folder).expanduser() / file.name
        if not original.is_file():
            missing = "file in this folder" if original.parent.is_dir() else "folder"
            raise _SourceError(f"no such {missing}")
    except (OSError, RuntimeError) as error:  # RuntimeError: ~name of nobody's home
        raise _SourceError(f"cannot be read ({error})") from None
    _verify(original, file)
    try:
        with _workplace(cache) as workplace:
            copy = workplace / file.name
            copy.write_bytes(original.read_bytes())
            _verify(copy, file)
            return _move(copy, cache)
    except OSError:
        return original  # the cache saves time; the verified original serves as well


def _download(base_url, file, cache):
    """Download the file into the cache, trying again where the fault may pass."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(BACK_OFF * 2 ** (attempt - 1))
        try:
            return _download_once(base_url.rstrip("/") + "/" + file.name, file, cache)
        except _SourceError as error:
            if not error.passing:
                raise
            last = error
    raise _SourceError(f"{last}, {ATTEMPTS} times")


def _download_once(url, file, cache):
    """Download to a workplace beside the target; move into place once verified."""
    outside = sys.exception()
    try:
        with _workplace(cache) as workplace:
            part = workplace / file.name
            # Pooch asks whether the bar is true: tqdm can tell only with a total.
            size = {"total": file.size, "unit": "B", "unit_scale": True}
            with progress(desc=file.name, **size) as bar:
                fetch = pooch.HTTPDownloader(
                    progressbar=bar,
                    timeout=TIMEOUT,
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                    hooks={"response": _keep_compressed},
                )
                fetch(url, str(part), None)
            _verify(part, file)
            return _move(part, cache)
    except requests.HTTPError as error:
        status = error.response.status_code
        passing = status >= 500 or status in (408, 429)
        raise _SourceError(f"HTTP status {status}", passing) from None
    except requests.Timeout:
        raise _SourceError("timed out", passing=True) from None
    except (
        requests.ConnectionError,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        raise _SourceError(_root_cause(error, outside), passing=True) from None
    except (requests.RequestException, ValueError) as error:  # ValueError: a bad header
        raise _SourceError(str(error)) from None
    except OSError as error:
        if error.errno is None:  # not the disk: Requests, of its certificates
            raise _SourceError(str(error)) from None
        raise _SourceError(
            f"downloads go to {cache}, which cannot be written ({error.strerror})"
        ) from None


def _keep_compressed(response, **_):
    """Have the bytes written as they come.

    Some servers send a .gz file with a header that makes Requests decompress it.
    """
    response.raw.headers.pop("Content-Encoding", None)


def _root_cause(error, outside):
    """Return the last exception of a chain, which says what really happened.

    The chain ends at `outside`, the exception that the caller was handling, if any.
    """
    while error.__context__ not in (None, outside):
        error = error.__context__
    return f"{type(error).__name__}: {error}"


@contextmanager
def _workplace(cache):
    """Make a folder of this process's own inside the cache; it goes when left."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as folder:
        yield Path(folder)


def _move(path, cache):
    """Put a verified file into the cache in one step, and return its new path."""
    return path.replace(cache / path.name)


def _explain(file, failures):
    """Write the one message that helps: what was tried, what failed, what to do."""
    tried = "\n".join(f"  - {failure}" for failure in failures)
    wanted = "\n".join(f"  {f.sha256}  {f.name}" for f in FILES.values())
    return f"""\
{file.name} could not be had. Tried:
{tried}

What to do: put the four files of MNIST into a folder and set the environment
variable MNIST_SOURCE to it, or to the URL of a server that has them. The files,
with their SHA-256 digests:
{wanted}

If you can reach no copy of MNIST at all: with MNIST_SOURCE=practice, the book runs on
practice digits that it draws itself. They are not MNIST, and what you measure on them
are not the book's numbers."""
