"""Read the IDX format, in which MNIST is published.

An IDX file is a header and the numbers of one array, big-endian: two zero bytes,
a type code, the number of dimensions, each dimension as a 32-bit integer, data.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten
digits", section "The IDX file format".
"""

import math
import struct
import zlib
from pathlib import Path

import numpy as np

TYPES = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
MAX_DIMENSIONS = 32
MAX_BYTES = 2**30  # of a file, unpacked: twice the largest of EMNIST


def read_idx(source):
    """Read one IDX file, plain or gzip-compressed, of up to 1 GiB unpacked.

    The limit keeps a small compressed file from filling the memory, and a wrong path
    from reading a huge file. Reading takes twice as much memory as the file unpacked.

    Parameters
    ----------
    source : str, pathlib.Path or bytes
        The file's path, or its content.

    Returns
    -------
    numpy.ndarray
        The array that the file encodes, writable, in the machine's byte order.

    Raises
    ------
    ValueError
        If the content is not one complete IDX array, or larger. The message names the
        fault.
    OSError
        If the file cannot be opened.
    """
    if isinstance(source, bytes):
        name, size = "IDX data", len(source)
    else:
        name, size = str(source), Path(source).stat().st_size
    try:
        _check_size(size)
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        return _parse(_gunzip(content) if content[:2] == b"\x1f\x8b" else content)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def as_idx(array):
    """Return an array of unsigned bytes as the content of an IDX file.

    Parameters
    ----------
    array : numpy.ndarray
        uint8.

    Returns
    -------
    bytes
    """
    header = bytes([0, 0, 0x08, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.tobytes()


def _check_size(n_bytes):
    """Raise a ValueError if that's more than `read_idx` reads."""
    if n_bytes > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES:,} bytes, the most that are read")


def _gunzip(content):
    """Decompress gzip data, up to `MAX_BYTES`, so that a small file stays small."""
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(content, MAX_BYTES + 1)
    except zlib.error as error:
        raise ValueError(f"damaged gzip data ({error})") from None
    _check_size(len(plain))
    if not stream.eof:
        raise ValueError("gzip data cut short")
    if stream.unused_data:
        raise ValueError(f"{len(stream.unused_data):,} bytes after the gzip data")
    return plain


def _parse(content):
    """Turn the bytes of an IDX file into the array; check every part of the header."""
    if len(content) < 4:
        raise ValueError(f"{len(content)} bytes are too few for an IDX header")
    zeros, type_code, dimensions = struct.unpack_from(">HBB", content)
    if zeros != 0:
        raise ValueError(f"an IDX file starts with two zero bytes, not {content[:2]!r}")
    if type_code not in TYPES:
        raise ValueError(f"unknown IDX type code 0x{type_code:02X}")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"{dimensions} dimensions; 1 to {MAX_DIMENSIONS} are read")
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise ValueError(f"header cut short: {len(content)} of {header} bytes")
    shape = struct.unpack_from(f">{dimensions}I", content, offset=4)
    dtype = TYPES[type_code]
    # Compare lengths before anything is allocated: a header may promise too much.
    promised = header + math.prod(shape) * dtype.itemsize
    if len(content) != promised:
        raise ValueError(
            f"shape {shape} of {dtype.name} takes {promised:,} bytes with its header,"
            f" but there are {len(content):,}"
        )
    array = np.frombuffer(content, dtype, offset=header).reshape(shape)
    return array.astype(dtype.newbyteorder("="))
