"""Fetch the four MNIST files once, verify them, and read them.

`download` asks a server; this module decides where from, whether what comes is right,
and what to say when nothing works.
"""

import gzip
import hashlib
import math
import re
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pooch

from scratchnet.mnist import practice, unpacked
from scratchnet.mnist.idx import as_idx, read_idx
from scratchnet.mnist.keeping import (
    SourceError,
    not_writable,
    place,
    without_password,
)
from scratchnet.mnist.source import mnist_source


class MnistFile(NamedTuple):
    """What is published of one file: its name, size, digest and array's shape.

    `content_sha256` is the digest of what the file unpacks to, and `content_crc32` a
    short checksum of it, fast enough for each load; `half_crc32` is that of its first
    half, of `content_size // 2` bytes.
    """

    name: str
    size: int
    sha256: str
    shape: tuple[int, ...]
    content_sha256: str
    content_crc32: int
    half_crc32: int

    @property
    def content_size(self):
        """How many bytes the file unpacks to: a header, and a byte a pixel or label."""
        return 4 + 4 * len(self.shape) + math.prod(self.shape)


FILES = {
    "training_images": MnistFile(
        "train-images-idx3-ubyte.gz",
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        (60000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        0xE9F4D8B3,
        0x046AB638,
    ),
    "test_images": MnistFile(
        "t10k-images-idx3-ubyte.gz",
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        (10000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        0x91373BDF,
        0xF9325E60,
    ),
    "training_labels": MnistFile(
        "train-labels-idx1-ubyte.gz",
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        (60000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        0xE0CB4AD2,
        0x23BAA1C3,
    ),
    "test_labels": MnistFile(
        "t10k-labels-idx1-ubyte.gz",
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        (10000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        0x4AB9EFF9,
        0x1885E1E1,
    ),
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/rossbar/numpy-tutorial-data-mirror/main/",
)
GZIP = b"\x1f\x8b"  # how a gzip file starts


class MnistUnavailableError(RuntimeError):
    """No source gave a file that matches its published digest."""


def load_mnist(cache=None):
    """Load MNIST: from the cache, from `MNIST_SOURCE`, or from a public mirror.

    The environment variable `MNIST_SOURCE` names a folder or a base URL that holds
    the four files: a USB stick, a classroom share, a lab server. In a folder, they may
    be unpacked, compressed anew, or named with a dot, as in `t10k-labels.idx1-ubyte`.
    Where there is no such place, `MNIST_SOURCE=practice` gives digits that
    `scratchnet.mnist.practice` draws, and a line of output says so.

    The first load keeps the files unpacked in the cache, 55 MB, if that can be
    written. Later ones map these copies into memory, and `scratchnet.mnist.unpacked`
    says how they are verified. Practice digits have no copies.

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
        uint8, shape (10000,). You may write into all four; no file changes.

    Raises
    ------
    MnistUnavailableError
        If no source gives a file. The message lists every source and its fault.
    """
    if practice.is_chosen():
        practice.announce()
    keys = ("training_images", "training_labels", "test_images", "test_labels")
    arrays = [_load(key, cache) for key in keys]
    return tuple(a.reshape(-1, 784) if a.ndim == 3 else a for a in arrays)


def _load(key, cache):
    """Return the array of one file, from its unpacked copy; make that if need be."""
    if practice.is_chosen():  # nothing is published to compare a copy with
        return _read_array(key, cache)
    copy = _copy_path(key, cache)
    array = unpacked.open_copy(copy, FILES[key])
    if array is None:
        array = _read_array(key, cache)
        with suppress(OSError):  # a copy saves time; the array serves as well
            _keep_copy(array, key, copy)
    return array


def _read_array(key, cache):
    """Find a file, unpack it, and return its array as it is published."""
    file = FILES[key]
    path, _ = fetch_file(key, cache)
    array = read_idx(path)
    if array.dtype != "uint8" or array.shape != file.shape:
        raise ValueError(
            f"{path} holds {array.dtype} {array.shape}, not uint8 {file.shape}"
        )
    return array


def unpack_file(key, cache=None):
    """Have a file unpacked in the cache, and its SHA-256 right, not just its CRC-32.

    Parameters
    ----------
    key : str
        A key of `FILES`.
    cache : str or pathlib.Path, optional
        As for `load_mnist`.

    Returns
    -------
    pathlib.Path
        The unpacked copy; written anew if there was no right one.

    Raises
    ------
    OSError
        If it can't be written.
    MnistUnavailableError
        If no source gives the file.
    """
    copy = _copy_path(key, cache)
    array = unpacked.open_copy(copy, FILES[key])
    if array is None or _sha256(as_idx(array)) != FILES[key].content_sha256:
        del array  # Windows replaces no file that is mapped
        _keep_copy(_read_array(key, cache), key, copy)
    return copy


def _copy_path(key, cache):
    """Return where the cache has a file unpacked."""
    cache = cache_folder() if cache is None else Path(cache)
    return cache / "unpacked" / FILES[key].name.removesuffix(".gz")


def _keep_copy(array, key, copy):
    """Write an array's unpacked copy into the cache, in one step."""
    content = as_idx(array)
    if _sha256(content) != FILES[key].content_sha256:
        raise ValueError(f"{FILES[key].name} changed while it was read")
    place(content, copy, copy.parents[1])


def cache_folder():
    """Return the folder that keeps the verified files.

    In a clone of the book that is `_data/` at its top; where the package is installed
    by itself, the user's own cache folder.
    """
    clone = Path(__file__).resolve().parents[2]
    if (clone / "_toc.yml").exists():
        return clone / "_data"
    return Path(pooch.os_cache("scratchnet"))


def fetch_file(key, cache=None):
    """Find one MNIST file whose content is right, and keep it in the cache.

    Parameters
    ----------
    key : str
        A key of `FILES`.
    cache : str or pathlib.Path, optional
        As for `load_mnist`.

    Returns
    -------
    path : pathlib.Path
        The verified file, compressed with gzip.
    source : str
        Where it came from: "cache", or the folder or URL, or "practice". A URL is
        without the user and password that `MNIST_SOURCE` may hold.

    Raises
    ------
    MnistUnavailableError
        If no source gives it.
    """
    file = FILES[key]
    cache = cache_folder() if cache is None else Path(cache)
    named = mnist_source()
    if named == "practice":
        return _draw(cache / "practice") / file.name, "practice"
    cached = cache / file.name
    failures = []
    try:
        if _is_cached(cached, file):
            return cached, "cache"
    except (SourceError, OSError) as error:
        failures.append(f"{cached}: {error}")
    for source in [named, *MIRRORS] if named else MIRRORS:
        take = _take_download if "://" in source else _copy
        shown = without_password(source)
        try:
            return take(source, file, cache), shown
        except SourceError as error:
            failures.append(f"{shown}: {error}")
        with suppress(SourceError, OSError):  # another process may have put it there
            if _is_cached(cached, file):
                return cached, "cache"
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


# Right or wrong ---------------------------------------------------------------------


def _read(path, file):
    """Return the bytes of a file with the right content, plain or compressed.

    A program that unpacks a file and compresses it again writes other bytes than those
    published: then what it unpacks to decides. Raises `SourceError` if it's wrong.
    """
    try:
        with path.open("rb") as opened:
            data = opened.read(file.content_size + 1)  # no right file is longer
        size = path.stat().st_size
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})") from None
    digest = _sha256(data)
    if digest == file.sha256:
        return data
    content = _unpacked(data, file) if data.startswith(GZIP) else data
    if content and _sha256(content) == file.content_sha256:
        return data
    raise SourceError(
        f"{_what(data, content)}, {size:,} bytes, SHA-256 {digest[:12]}…"
        f" where {file.sha256[:12]}… is published",
        passing=content is None,
    )


def _is_cached(path, file):
    """Tell whether the cache has a file, compressed; raise an error if it's wrong."""
    return path.exists() and _read(path, file).startswith(GZIP)


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _unpacked(data, file):
    """Return what gzip data unpack to, up to a bound, or None if they are damaged.

    Nothing may follow the end of the data, as `read_idx` takes nothing after it either.
    """
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(data, file.content_size + 1)
    except zlib.error:
        return None
    whole = stream.eof and not stream.unused_data
    return content if whole or len(content) > file.content_size else None


def _what(data, content):
    """Say what a wrong file is; `content` is what it unpacks to, if it's compressed."""
    if content is None:
        return "a damaged gzip file"
    if data.startswith(GZIP):
        return "a gzip file of something else (other data sets use MNIST's names)"
    if data.lstrip()[:1] == b"<":
        return "an HTML page where a gzip file was expected (a login page?)"
    if data.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the file (fetch it with `git lfs pull`)"
    if data.startswith(b"PK"):
        return "a zip archive (unpack it)"
    return "not a file of MNIST"


# A folder ---------------------------------------------------------------------------


def _copy(folder, file, cache):
    """Take the file from a folder, into the cache if that can be written."""
    try:
        copies = _copies(Path(folder), file)
    except OSError as error:
        raise SourceError(f"cannot be read ({error})") from None
    if not copies:
        raise SourceError(f"no {file.name} in this folder, nor its unpacked form")
    faults = []
    for copy in copies:
        try:
            data = _read(copy, file)
            break
        except SourceError as error:
            faults.append(f"{copy.name}: {error}")
    else:
        raise SourceError(faults[0])
    try:
        return _keep(data, file, cache)
    except OSError as error:  # the cache saves time; a verified original serves as well
        if data.startswith(GZIP):
            return copy
        raise not_writable(cache, error) from None


def _copies(folder, file):
    """List what people have as this file: unpacked, renamed, in a folder of that name.

    The published name comes first.
    """
    if not folder.exists():
        raise SourceError(
            "no such folder (the address of a server starts with http://)"
        )
    if not folder.is_dir():
        raise SourceError("a file; name the folder that holds the four files")
    stem, kind = re.fullmatch(r"(.*)-(idx\d-ubyte)\.gz", file.name).groups()
    name = re.compile(rf"{stem}[-.]{kind}( ?\(\d+\))?(\.gz)?", re.IGNORECASE)
    found = [path for path in folder.iterdir() if name.fullmatch(path.name)]
    found += [
        inner
        for path in found
        if path.is_dir()
        for inner in path.iterdir()
        if name.fullmatch(inner.name)
    ]
    files = sorted(path for path in found if path.is_file())
    return sorted(files, key=lambda path: path.name != file.name)


# A server, and the cache ------------------------------------------------------------


def _take_download(base_url, file, cache):
    """Download the file into the cache."""
    from scratchnet.mnist.download import download

    return download(
        base_url, file, cache, lambda part: _keep(_read(part, file), file, cache)
    )


def _keep(data, file, cache):
    """Put verified bytes into the cache in one step, compressed; return the path."""
    if not data.startswith(GZIP):
        data = gzip.compress(data, compresslevel=6, mtime=0)
    return place(data, cache / file.name, cache)


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
