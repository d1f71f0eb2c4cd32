"""Unpacked copies of the MNIST files, so that a load needn't unpack them.

A copy is a plain IDX file. It's made of content whose SHA-256 is right, and opened
as a memory map: what is written into the array stays in memory, and never reaches
the file.

Each load compares all of a copy with the length and the CRC-32 of what is published.
So it finds every accident: a copy that is half written, cut short, replaced, or has
changed bytes, whatever the dates of the file say. A change in up to 32 successive bits
is always found, a larger one but for one in 4 billion. Then the load takes the packed
file, whose SHA-256 it checks, and writes the copy anew, if it can.

It isn't proof against forgery: who can write into the folder can find other content
with the same CRC-32. (They could change this program as well.) SHA-256 would find
that, but takes several times as long, so only `python -m scratchnet.mnist` checks it.
And what another program does to a copy while an array uses it isn't looked for; this
package itself never writes into a copy, but puts a new file in its place.
"""

import mmap
import os
import threading
import zlib

import numpy as np


def open_copy(path, file):
    """Open the unpacked copy of a file, if it's right.

    Parameters
    ----------
    path : pathlib.Path
        The copy.
    file : scratchnet.mnist.fetch.MnistFile
        What is published of the file.

    Returns
    -------
    numpy.ndarray or None
        uint8, writable, of the file's shape; None if there is no right copy.
    """
    try:
        with path.open("rb") as opened:
            if os.fstat(opened.fileno()).st_size != file.content_size:
                return None
            content = _content(opened, file.content_size)
    except OSError:
        return None
    if not _is_right(content, file):
        return None
    start = file.content_size - int(np.prod(file.shape))  # after the header
    return np.frombuffer(content, np.uint8, offset=start).reshape(file.shape)


def _content(opened, size):
    """Map the content of a file into memory; read it where that can't be done."""
    try:
        return mmap.mmap(opened.fileno(), size, access=mmap.ACCESS_COPY)
    except (OSError, ValueError):  # file systems without maps; cut short this moment
        return bytearray(opened.read(size))


def _is_right(content, file):
    """Compare all of a content with its CRC-32, in two threads.

    A CRC goes on from that of what comes before. What the first half must have is known
    beforehand, so the second half needn't wait for it.
    """
    view, half, found = memoryview(content), file.content_size // 2, []
    first = threading.Thread(target=lambda: found.append(zlib.crc32(view[:half])))
    try:
        first.start()
    except RuntimeError:  # there are none in a browser, or no more of them
        return zlib.crc32(view) == file.content_crc32
    whole = zlib.crc32(view[half:], file.half_crc32)
    first.join()
    return (found, whole) == ([file.half_crc32], file.content_crc32)
