"""The unpacked copies of MNIST: what they give, and how they can go wrong."""

import gzip
import mmap
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from test_mnist_sources import (
    full_disk,
    output_of,
    posix_only,
    run_fetch_command,
    works,
)

from scratchnet import MnistUnavailableError, load_mnist
from scratchnet.mnist import FILES, fetch, fetch_file, practice, unpack_file, unpacked

ORDER = ["training_images", "training_labels", "test_images", "test_labels"]
COPIES = {key: FILES[key].name.removesuffix(".gz") for key in ORDER}


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Return a cache with the four files and their unpacked copies, to be copied."""
    if practice.is_chosen():
        pytest.skip("needs the files of MNIST, not practice digits")
    cache = tmp_path_factory.mktemp("ready")
    for key in ORDER:
        shutil.copy(fetch_file(key)[0], cache)
        unpack_file(key, cache)
    yield cache
    shutil.rmtree(cache)


@pytest.fixture
def full(ready, tmp_path):
    """Return a cache with the four files and their copies, as after a first load."""
    cache = shutil.copytree(ready, tmp_path / "full")
    yield cache
    shutil.rmtree(cache)


@pytest.fixture
def packed(ready, tmp_path):
    """Return a cache that has the four files, and no copies yet."""
    cache = shutil.copytree(
        ready, tmp_path / "packed", ignore=shutil.ignore_patterns("unpacked")
    )
    yield cache
    shutil.rmtree(cache)


@pytest.fixture(autouse=True)
def no_other_source(ready, monkeypatch):
    monkeypatch.setattr(fetch, "MIRRORS", ())
    monkeypatch.delenv("MNIST_SOURCE", raising=False)


@pytest.fixture(scope="module")
def contents(ready):
    """Return what the four files unpack to, from the packed files themselves."""
    return {
        key: gzip.decompress((ready / FILES[key].name).read_bytes()) for key in ORDER
    }


def copies_in(cache):
    return sorted(path.name for path in (cache / "unpacked").iterdir())


def assert_right(arrays, contents):
    for key, array in zip(ORDER, arrays, strict=True):
        assert array.tobytes() == contents[key][16 if "images" in key else 8 :]


def assert_copies_right(cache, contents):
    assert copies_in(cache) == sorted(COPIES.values())
    for key, name in COPIES.items():
        assert (cache / "unpacked" / name).read_bytes() == contents[key]


@pytest.fixture
def copies_alone(monkeypatch):
    """Have a load fail that looks at the packed files."""

    def fail(key, cache):
        raise AssertionError(f"{key} was not taken from its copy")

    monkeypatch.setattr(fetch, "fetch_file", fail)


# What they give


def test_the_first_load_makes_the_copies(packed, contents):
    assert_right(load_mnist(str(packed)), contents)

    assert_copies_right(packed, contents)
    names = [file.name for file in FILES.values()] + ["unpacked"]
    assert sorted(path.name for path in packed.iterdir()) == sorted(names)


def test_the_next_load_takes_them_alone(full, contents, copies_alone):
    assert_right(load_mnist(full), contents)


def test_copies_are_mapped_and_not_read(full):
    for array in load_mnist(full):
        owner = array
        while isinstance(owner, np.ndarray):
            owner = owner.base
        if isinstance(owner, memoryview):
            owner = owner.obj
        assert isinstance(owner, mmap.mmap)


def test_the_arrays_are_as_those_that_are_read(packed):
    for first, later in zip(load_mnist(packed), load_mnist(packed), strict=True):
        assert type(later) is type(first) is np.ndarray
        assert later.dtype == first.dtype == np.uint8
        assert later.shape == first.shape
        assert later.flags.c_contiguous and later.flags.aligned
        assert later.flags.writeable and first.flags.writeable
        assert np.array_equal(later, first)
        assert repr(later) == repr(first)


def test_what_is_written_into_an_array_never_reaches_the_file(full, contents):
    arrays = load_mnist(full)
    for array in arrays:
        array[:] = 7

    assert all((array == 7).all() for array in arrays)
    assert_right(load_mnist(full), contents)
    del arrays, array
    assert_copies_right(full, contents)


def test_an_array_may_be_pickled_and_written_elsewhere(full, tmp_path):
    y_test = load_mnist(full)[3]
    y_test.tofile(tmp_path / "labels")

    loaded = pickle.loads(pickle.dumps(y_test))

    assert np.array_equal(np.fromfile(tmp_path / "labels", np.uint8), y_test)
    assert np.array_equal(loaded, y_test) and loaded.flags.writeable


@pytest.mark.parametrize("fault", [OSError("no maps here"), ValueError("too long")])
def test_where_no_file_can_be_mapped_the_copies_are_read(
    full, contents, copies_alone, monkeypatch, fault
):
    def refuse(*_, **__):
        raise fault

    monkeypatch.setattr(unpacked.mmap, "mmap", refuse)

    arrays = load_mnist(full)

    assert_right(arrays, contents)
    arrays[0][:] = 0
    assert_copies_right(full, contents)


def test_where_no_thread_can_be_started_copies_are_still_compared(
    full, contents, copies_alone, monkeypatch
):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(unpacked.threading.Thread, "start", refuse)

    assert_right(load_mnist(full), contents)

    path = full / "unpacked" / COPIES["test_images"]
    flip_a_bit(path)
    assert unpacked.open_copy(path, FILES["test_images"]) is None


def test_copies_need_no_packed_files(full, contents):
    for file in FILES.values():
        (full / file.name).unlink()

    assert_right(load_mnist(full), contents)


def test_the_published_checksums_are_right(contents):
    for key, content in contents.items():
        assert zlib.crc32(content) == FILES[key].content_crc32
        assert zlib.crc32(content[: len(content) // 2]) == FILES[key].half_crc32
        assert len(content) == FILES[key].content_size


# Copies that are wrong


def cut_short(path):
    os.truncate(path, path.stat().st_size // 2)


def make_empty(path):
    path.write_bytes(b"")


def lengthen(path):
    with path.open("ab") as opened:
        opened.write(b"\0")


def flip_a_bit(path, place=-2000):
    with path.open("r+b") as opened:
        opened.seek(place, os.SEEK_END)
        (byte,) = opened.read(1)
        opened.seek(place, os.SEEK_END)
        opened.write(bytes([byte ^ 1]))


def flip_a_bit_of_the_header(path):
    flip_a_bit(path, place=-path.stat().st_size + 3)


def flip_the_last_bit(path):
    flip_a_bit(path, place=-1)


def flip_a_bit_and_keep_the_date(path):
    before = path.stat()
    flip_a_bit(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def leave_the_second_half_empty(path):  # as after a power cut
    size = path.stat().st_size
    os.truncate(path, size // 2)
    os.truncate(path, size)


def exchange_two_pages(path):
    content = path.read_bytes()
    first, second = content[4096:8192], content[8192:12288]
    half = min(len(first), len(second))  # the smallest file has two pages and a half
    assert first[:half] != second[:half]
    exchanged = second[:half] + first[half:] + first[:half] + second[half:]
    path.write_bytes(content[:4096] + exchanged + content[12288:])


def put_others_there(path):
    path.write_bytes(bytes(path.stat().st_size))


def put_the_packed_file_there(path):
    shutil.copy(path.parents[1] / f"{path.name}.gz", path)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("key", ["test_images", "test_labels"])
@pytest.mark.parametrize(
    "harm",
    [
        cut_short,
        make_empty,
        lengthen,
        flip_a_bit,
        flip_a_bit_of_the_header,
        flip_the_last_bit,
        flip_a_bit_and_keep_the_date,
        leave_the_second_half_empty,
        exchange_two_pages,
        put_others_there,
        put_the_packed_file_there,
        remove,
    ],
)
def test_a_wrong_copy_is_never_used_and_is_made_anew(full, contents, harm, key):
    copy = full / "unpacked" / COPIES[key]
    harm(copy)
    assert not copy.exists() or copy.read_bytes() != contents[key]

    assert_right(load_mnist(full), contents)

    assert_copies_right(full, contents)


@pytest.mark.parametrize("harm", [cut_short, flip_a_bit_and_keep_the_date])
def test_a_wrong_copy_does_not_stand_in_for_a_file_that_cannot_be_had(full, harm):
    harm(full / "unpacked" / COPIES["test_images"])
    name = FILES["test_images"].name
    (full / name).unlink()

    with pytest.raises(MnistUnavailableError, match=f"^{name} could not be had"):
        load_mnist(full)


def test_other_packed_files_make_no_copies(full, contents):
    """Replace two packed files: one whose copy is right, and one that has no copy."""
    for key in ("training_labels", "test_labels"):
        (full / FILES[key].name).write_bytes(gzip.compress(bytes(10008)))
    copy = full / "unpacked" / COPIES["test_labels"]
    copy.unlink()

    with pytest.raises(MnistUnavailableError, match="gzip file of something else"):
        load_mnist(full)

    assert not copy.exists()
    for key in ("training_labels", "test_labels"):
        with pytest.raises(MnistUnavailableError, match="gzip file of something else"):
            fetch_file(key, full)


def test_a_file_that_changes_after_it_was_verified_is_an_error(
    packed, tmp_path, monkeypatch
):
    other = tmp_path / "other.gz"
    other.write_bytes(gzip.compress(fetch.as_idx(np.zeros(60000, np.uint8))))
    fetched = fetch.fetch_file
    monkeypatch.setattr(
        fetch,
        "fetch_file",
        lambda key, cache: (other, "cache") if "labels" in key else fetched(key, cache),
    )

    with pytest.raises(ValueError, match=r"labels.*\.gz changed while it was read"):
        load_mnist(packed)

    assert copies_in(packed) == [COPIES["training_images"]]


@pytest.mark.parametrize("at", ["unpacked", f"unpacked/{COPIES['test_labels']}"])
def test_what_is_in_the_way_of_a_copy_stays(packed, contents, at):
    (packed / "unpacked").mkdir()
    if at == "unpacked":
        (packed / at).rmdir()
        (packed / at).write_text("mine")
    else:
        (packed / at).mkdir()

    for _ in range(2):
        assert_right(load_mnist(packed), contents)

    assert (packed / at).is_dir() == (at != "unpacked")
    assert list(packed.glob(".download-*")) == []


def test_a_copy_that_is_mapped_and_cannot_be_replaced_is_no_obstacle(
    full, contents, monkeypatch
):
    """Windows replaces no file that a program has mapped."""
    replace = Path.replace

    def refuse(self, target):
        if Path(target).parent.name == "unpacked":
            raise PermissionError(13, "Access is denied", str(target))
        return replace(self, target)

    copy = full / "unpacked" / COPIES["test_images"]
    flip_a_bit(copy)
    harmed = copy.read_bytes()
    monkeypatch.setattr(Path, "replace", refuse)

    assert_right(load_mnist(full), contents)

    assert copy.read_bytes() == harmed
    assert list(full.glob(".download-*")) == []


@pytest.mark.parametrize(
    ("owner", "step"), [(fetch, "_read_array"), (Path, "write_bytes")]
)
def test_a_copy_that_another_process_makes_meanwhile_stays(
    packed, contents, monkeypatch, owner, step
):
    copy = packed / "unpacked" / COPIES["training_images"]
    function = getattr(owner, step)
    made = []

    def and_meanwhile(*arguments):
        result = function(*arguments)
        if not made:
            copy.parent.mkdir(exist_ok=True)
            with copy.open("wb") as opened:
                opened.write(contents["training_images"])
            made.append(copy.stat().st_ino)
        return result

    monkeypatch.setattr(owner, step, and_meanwhile)

    assert_right(load_mnist(packed), contents)

    assert [copy.stat().st_ino] == made
    assert_copies_right(packed, contents)


@posix_only
def test_an_array_outlives_its_copy(full, contents):
    arrays = load_mnist(full)
    for key, name in COPIES.items():
        copy = full / "unpacked" / name
        if "images" in key:
            copy.unlink()
        else:
            other = copy.with_name("other")
            other.write_bytes(bytes(10008))
            other.replace(copy)

    assert_right(arrays, contents)


# The command


def test_the_command_makes_the_copies(packed, contents, monkeypatch):
    assert run_fetch_command(monkeypatch, packed) == 0

    assert_copies_right(packed, contents)


def forge(path):
    """Change the first labels so that the CRC-32 stays the same.

    Differences that are a multiple of the CRC's polynomial don't change it. Within a
    byte, the CRC takes the lowest bit first.
    """
    content = bytearray(path.read_bytes())
    for bit, flip in enumerate(f"{0x104C11DB7:b}"):
        content[8 + bit // 8] ^= int(flip) << bit % 8
    path.write_bytes(content)


def test_a_forged_copy_is_found_by_the_command_and_not_by_a_load(
    full, contents, monkeypatch
):
    copy = full / "unpacked" / COPIES["test_labels"]
    forge(copy)
    assert copy.read_bytes() != contents["test_labels"]
    assert load_mnist(full)[3].tobytes() == copy.read_bytes()[8:]  # as documented

    assert run_fetch_command(monkeypatch, full) == 0

    assert_copies_right(full, contents)


def test_the_command_writes_no_right_copy_anew(full, monkeypatch):
    monkeypatch.setattr(fetch, "place", None)

    assert run_fetch_command(monkeypatch, full) == 0


def test_the_command_says_where_a_copy_cannot_be_kept(packed, monkeypatch, capsys):
    (packed / "unpacked").write_text("a file")

    assert run_fetch_command(monkeypatch, packed) == 0

    output = capsys.readouterr().out
    for file in FILES.values():
        assert f"{file.name}: no right unpacked copy can be kept (" in output


# Disks, processes, signals: with a Python of their own

CHILD = """
import hashlib, os, sys, time
from pathlib import Path
from scratchnet.mnist import fetch
fetch.MIRRORS = ()
cache, limit, meet = sys.argv[1:]
if limit != "none":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
if meet != "none":  # wait with what is written until so many are there
    replace = Path.replace
    def wait(self, target):
        until = time.monotonic() + 60
        while not Path(target).exists() and time.monotonic() < until:
            if len(list(Path(cache).glob(f".download-*/{self.name}"))) == int(meet):
                break
            time.sleep(0.01)
        return replace(self, target)
    Path.replace = wait
if os.environ.get("COPIES_ALONE"):
    fetch.fetch_file = None
arrays = fetch.load_mnist(cache)
print(*(hashlib.sha256(array).hexdigest() for array in arrays))
"""


def start_child(cache, prefix=(), limit="none", meet="none", **settings):
    """Load MNIST in a process of its own."""
    package = str(Path(fetch.__file__).parents[2])
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", CHILD, str(cache), str(limit), str(meet)],
        env={**os.environ, "PYTHONPATH": package, **settings},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def digests(ready):
    """Return what a child prints that has the right arrays."""
    arrays = (
        gzip.decompress((ready / FILES[key].name).read_bytes())[
            16 if "images" in key else 8 :
        ]
        for key in ORDER
    )
    return " ".join(map(fetch._sha256, arrays)) + "\n"


def unprivileged():
    """Return a command before the command: without root's right to write anywhere."""
    if os.geteuid():
        return []
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if not works([*prefix, "true"]):
        pytest.skip("root here cannot give up its right to write anywhere")
    return prefix


@posix_only
@pytest.mark.parametrize("kind", ["full", "packed", "damaged"])
def test_a_read_only_cache_serves_with_copies_and_without(request, kind, digests):
    cache = request.getfixturevalue("packed" if kind == "packed" else "full")
    if kind == "damaged":
        flip_a_bit(cache / "unpacked" / COPIES["test_images"])
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    folders = [cache, *(path for path in cache.iterdir() if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    alone = {"COPIES_ALONE": "1"} if kind == "full" else {}

    output = output_of(start_child(cache, unprivileged(), **alone))

    for folder in folders:
        folder.chmod(0o755)
    assert output == digests
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


@posix_only
def test_where_a_file_may_not_get_so_large_no_part_of_it_is_left(packed, digests):
    output = output_of(start_child(packed, limit=20_000_000))

    assert output == digests
    small = [name for key, name in COPIES.items() if key != "training_images"]
    assert copies_in(packed) == sorted(small)
    assert list(packed.glob(".download-*")) == []


@posix_only
def test_a_disk_that_is_full_half_way_is_no_obstacle(packed, tmp_path, digests):
    small_disk = tmp_path / "disk"
    small_disk.mkdir()
    prefix = [word.replace("size=1m", "size=40m") for word in full_disk(small_disk)]
    script = 'cp "$1"/*.gz "$0"; shift; "$@"; find "$0" -type f -printf "%P "'
    prefix += ["sh", "-c", script, str(small_disk), str(packed)]

    output = output_of(start_child(small_disk, prefix))

    arrays, left = output.splitlines()
    small = [f"unpacked/{COPIES[key]}" for key in ORDER[1:]]
    assert arrays + "\n" == digests
    assert sorted(left.split()) == sorted(
        [*(file.name for file in FILES.values()), *small]
    )


def test_processes_that_make_the_copies_at_once_do_not_disturb_each_other(
    packed, contents, digests
):
    children = [start_child(packed, meet=2) for _ in range(2)]

    assert [output_of(child) for child in children] == [digests] * 2
    assert_copies_right(packed, contents)
    assert list(packed.glob(".download-*")) == []


@posix_only
def test_a_process_that_is_killed_before_a_copy_is_whole_does_no_harm(packed, contents):
    with start_child(packed, meet=2) as child:  # it waits for a second one
        until = time.monotonic() + 60
        while not list(packed.glob(f".download-*/{COPIES['training_images']}")):
            assert time.monotonic() < until
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
    assert not list(packed.glob("unpacked/*"))

    assert_right(load_mnist(packed), contents)
    assert_copies_right(packed, contents)
