"""`read_idx` returns exactly what a file encodes, or says what is wrong with it."""

import gzip
import math
import struct
import sys
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchnet.mnist import idx
from scratchnet.mnist.idx import read_idx

# Type code -> the struct module's letter, the name of NumPy's dtype.
TYPES = {
    0x08: ("B", "uint8"),
    0x09: ("b", "int8"),
    0x0B: ("h", "int16"),
    0x0C: ("i", "int32"),
    0x0D: ("f", "float32"),
    0x0E: ("d", "float64"),
}
HUGE = 2**32 - 1
SMALL_FILE = struct.pack(">HBB2I6B", 0, 0x08, 2, 2, 3, *range(6))
# Without the time, so that a test has the same name wherever it's collected
SMALL_GZIP = gzip.compress(SMALL_FILE, mtime=0)


def header(type_code, shape, zeros=0):
    return struct.pack(f">HBB{len(shape)}I", zeros, type_code, len(shape), *shape)


def decode(content):
    """Read IDX anew, by its definition and without NumPy.

    Returns dtype name, shape and data in native byte order; None for a wrong file.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES:
        return None
    letter, name = TYPES[content[2]]
    start = 4 + 4 * content[3]
    if not 1 <= content[3] <= 32 or len(content) < start:
        return None
    shape = tuple(
        int.from_bytes(content[place : place + 4], "big")
        for place in range(4, start, 4)
    )
    size = struct.calcsize(letter)
    data = content[start:]
    if len(data) != math.prod(shape) * size:
        return None
    # NumPy has no array, not even an empty one, whose other axes exceed the memory
    # that can be addressed.
    if math.prod(n for n in shape if n) * size >= 2**63:
        return None
    if sys.byteorder == "little":
        data = b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))
    return name, shape, data


def assert_read_as(content, expected):
    array = read_idx(content)
    assert (array.dtype.name, array.shape, array.tobytes()) == expected
    assert array.dtype.isnative
    assert array.flags.writeable


@contextmanager
def memory_below(limit):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


shapes = st.one_of(
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.lists(st.integers(0, 1), min_size=5, max_size=32),
)
lying_shapes = st.lists(
    st.sampled_from([0, 1, 2, 255, 2**16, 2**31 - 1, 2**31, HUGE]),
    min_size=1,
    max_size=32,
)


@st.composite
def valid_files(draw):
    type_code = draw(st.sampled_from(list(TYPES)))
    shape = draw(shapes)
    size = math.prod(shape) * struct.calcsize(TYPES[type_code][0])
    return header(type_code, shape) + draw(st.binary(min_size=size, max_size=size))


@st.composite
def mutated_files(draw):
    """Replace up to three slices of a valid file, by as many or more or fewer bytes."""
    content = draw(valid_files())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        stop = draw(st.integers(start, min(start + 4, len(content))))
        content = content[:start] + draw(st.binary(max_size=4)) + content[stop:]
    return content


@st.composite
def lying_files(draw):
    type_code = draw(st.one_of(st.sampled_from(list(TYPES)), st.integers(0, 255)))
    zeros = draw(st.sampled_from([0, 0, 0, 1, 256]))
    return header(type_code, draw(lying_shapes), zeros) + draw(st.binary(max_size=16))


@given(valid_files())
@settings(max_examples=300, deadline=None)
def test_every_valid_file_gives_the_array_that_it_encodes(content):
    assert decode(content) is not None
    assert_read_as(content, decode(content))
    assert_read_as(gzip.compress(content, 1), decode(content))


@given(st.one_of(st.binary(max_size=200), mutated_files(), lying_files()))
@settings(max_examples=600, deadline=None)
def test_any_bytes_give_the_array_they_encode_or_a_value_error(content):
    expected = decode(content)
    if expected is None:
        with pytest.raises(ValueError, match=r"^IDX data: .{10,}"):
            read_idx(content)
    else:
        assert_read_as(content, expected)


@given(lying_files())
@example(header(0x08, [HUGE] * 32))
@example(header(0x08, [HUGE] * 3) + bytes(100))
@example(header(0x0E, [0, HUGE]))
@example(header(0x0E, [HUGE, 0]))
@example(header(0x0E, [0, HUGE, HUGE, 1]))
@example(header(0x0E, [HUGE, HUGE, 0]))
@settings(max_examples=150, deadline=None)
def test_a_header_that_promises_too_much_takes_no_memory(content):
    with memory_below(100_000):
        try:
            read_idx(content)
        except ValueError:
            assert decode(content) is None


@pytest.mark.parametrize("type_code", TYPES)
@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (2, 3), (3, 0, 2), (1,) * 32])
def test_numpy_arrays_survive_the_round_trip(type_code, shape):
    dtype = np.dtype(TYPES[type_code][1])
    low, high = (0, 256) if dtype == "uint8" else (-100, 100)
    array = np.random.default_rng(0).uniform(low, high, shape).astype(dtype)
    content = header(type_code, shape) + array.astype(dtype.newbyteorder(">")).tobytes()

    result = read_idx(content)

    np.testing.assert_array_equal(result, array, strict=True)
    result[...] = 0  # the array is the caller's own


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "0 bytes are too few"),
        (b"\0\0\x08", "3 bytes are too few"),
        (b"<!DOCTYPE html>", "starts with two zero bytes, not b'<!'"),
        (b"PK\x03\x04" + bytes(20), "starts with two zero bytes, not b'PK'"),
        (header(0x0A, (1,)) + b"\1", "unknown IDX type code 0x0A"),
        (header(0x08, ()), "0 dimensions; 1 to 32 are read"),
        (header(0x08, (1,) * 33) + b"\1", "33 dimensions; 1 to 32 are read"),
        (header(0x08, (2, 3))[:-1], "header cut short: 11 of 12 bytes"),
        (SMALL_FILE[:-1], r"shape \(2, 3\) of uint8 takes 18 bytes .* there are 17"),
        (SMALL_FILE + b"\0", r"shape \(2, 3\) of uint8 takes 18 bytes .* there are 19"),
        (header(0x0C, (1,)) + b"\1", "int32 takes 12 bytes .* there are 9"),
    ],
)
def test_the_error_names_the_fault(content, fault):
    for form in (content, gzip.compress(content)):
        with pytest.raises(ValueError, match=f"^IDX data: .*{fault}"):
            read_idx(form)


def test_gzip_cut_anywhere_is_an_error():
    packed = SMALL_GZIP
    for length in range(2, len(packed)):
        with pytest.raises(ValueError, match="gzip data cut short"):
            read_idx(packed[:length])


def test_a_changed_byte_anywhere_in_gzip_is_an_error_or_changes_nothing():
    packed = SMALL_GZIP
    errors = 0
    for place in range(len(packed)):
        for change in range(1, 256):
            damaged = bytearray(packed)
            damaged[place] ^= change
            try:
                assert_read_as(bytes(damaged), decode(SMALL_FILE))
            except ValueError:
                errors += 1
    # Harmless are the header's time, level and system, and a few bits of padding.
    assert errors > 255 * (len(packed) - 8)


@pytest.mark.parametrize("tail", [b"\0", b"\n", bytes(512), b"</html>", SMALL_GZIP])
def test_bytes_after_gzip_are_an_error(tail):
    with pytest.raises(ValueError, match=f"{len(tail)} bytes after the gzip data"):
        read_idx(SMALL_GZIP + tail)


@given(st.binary(max_size=100))
@settings(deadline=None)
def test_rubbish_that_starts_like_gzip_is_a_value_error(rubbish):
    with pytest.raises(ValueError, match=r"^IDX data: .*gzip"):
        read_idx(b"\x1f\x8b\x08\0\0\0\0\0\0\3" + rubbish)


def test_gzip_is_not_unpacked_beyond_the_limit(monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 100_000)
    bomb = gzip.compress(header(0x08, (20_000_000,)) + bytes(20_000_000), 1)

    with (
        memory_below(1_000_000),
        pytest.raises(ValueError, match="more than 100,000 bytes"),
    ):
        read_idx(bomb)


@pytest.mark.parametrize("kind", ["bytes", "file"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_limit_is_the_same_for_all(monkeypatch, tmp_path, kind, pack):
    content = header(0x08, (92,)) + bytes(92)
    source = pack(content)
    if kind == "file":
        source = tmp_path / "zeros.idx"
        source.write_bytes(pack(content))

    monkeypatch.setattr(idx, "MAX_BYTES", 100)
    assert read_idx(source).shape == (92,)
    monkeypatch.setattr(idx, "MAX_BYTES", 99)
    with pytest.raises(ValueError, match="more than 99 bytes, the most that are read"):
        read_idx(source)


def test_a_file_that_is_too_large_takes_no_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(idx, "MAX_BYTES", 100_000)
    path = tmp_path / "large.idx"
    path.write_bytes(bytes(10_000_000))

    with memory_below(100_000), pytest.raises(ValueError, match="idx: more than"):
        read_idx(path)


def test_the_limit_leaves_room_for_emnist():
    assert 697_932 * 28 * 28 + 16 < idx.MAX_BYTES < 2**31


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
@pytest.mark.parametrize("content", [SMALL_FILE, SMALL_GZIP])
def test_a_file_is_read_by_its_path(tmp_path, kind, content):
    path = tmp_path / "no matter what it is called"
    path.write_bytes(content)

    np.testing.assert_array_equal(read_idx(kind(path)), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("content", [SMALL_FILE[:-1], SMALL_GZIP[:-1]])
def test_the_error_names_the_file(tmp_path, content):
    path = tmp_path / "digits.idx"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"cut short|there are") as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_cannot_be_opened_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.gz"):
        read_idx(tmp_path / "absent.gz")
    with pytest.raises(OSError, match=tmp_path.name):  # a folder
        read_idx(tmp_path)
