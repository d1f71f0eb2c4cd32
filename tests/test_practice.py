"""Practice digits: what they look like, where they live, and who gets them."""

import functools
import gzip
import os
import runpy
import subprocess
import symtable
import sys
from pathlib import Path

import jupytext
import numpy as np
import pytest
from small_book import Book, page
from test_pages import NOTEBOOKS

from scratchnet import MnistUnavailableError, load_mnist, read_idx
from scratchnet.ladder.records import FOLDER, write_record
from scratchnet.mnist import FILES, fetch, fetch_file, practice
from website.pages import tags_of

NAMES = sorted(file.name for file in FILES.values())


# What they look like


@functools.cache
def some_digits():
    rng = np.random.default_rng(1)
    labels = rng.permutation(np.arange(4000) % 10)
    return practice.draw_digits(labels, rng), labels


def test_digits_are_drawn_as_mnist_is():
    images, _ = some_digits()
    assert images.shape == (4000, 28, 28) and images.dtype == np.uint8
    background = np.mean(images == 0)
    assert 0.75 < background < 0.87 and np.mean(images == 255) > 0.02
    assert np.mean((images > 0) & (images < 255)) > 0.05  # the edges are soft
    mass = images.sum(axis=(1, 2))
    places = np.arange(28) - 13.5
    for axis in (1, 2):
        center = images.sum(axis=axis) @ places / mass
        assert abs(center).max() < 1
        inked = images.any(axis=axis)
        extent = 28 - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1)
        assert np.mean(extent <= 21) > 0.99


def test_same_seed_same_digits():
    images, labels = some_digits()
    rng = np.random.default_rng(1)
    assert (rng.permutation(np.arange(4000) % 10) == labels).all()
    assert np.array_equal(practice.draw_digits(labels, rng), images)
    other = practice.draw_digits(labels, np.random.default_rng(2))
    assert np.mean((other != images).any(axis=(1, 2))) > 0.99


def test_what_is_no_digit_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"labels must be from 0 to 9, not \[ 3 10\]"):
        practice.draw_digits(np.array([3, 10]), np.random.default_rng(0))


def test_digits_can_be_read_but_not_too_easily():
    images, labels = some_digits()
    rows = images.reshape(-1, 784) / 255
    means = np.array(
        [rows[:3000][labels[:3000] == digit].mean(0) for digit in range(10)]
    )
    distances = ((rows[3000:, np.newaxis] - means) ** 2).sum(axis=2)
    nearest = distances.argmin(axis=1)
    assert 0.65 < np.mean(nearest == labels[3000:]) < 0.85
    for digit in range(10):
        assert np.mean(nearest[labels[3000:] == digit] == digit) > 0.4


# Where they live


@pytest.fixture
def small_files(monkeypatch):
    """Make the files small, 200 images and 100, so that they are drawn at once."""
    for key, n in (("training", 200), ("test", 100)):
        for kind, *size in (("images", 28, 28), ("labels",)):
            name = f"{key}_{kind}"
            shape = (n, *size)
            monkeypatch.setitem(FILES, name, FILES[name]._replace(shape=shape))


@pytest.fixture
def chosen(small_files, monkeypatch):
    """Ask for practice digits, and see to it that nobody is asked for MNIST."""
    monkeypatch.setenv("MNIST_SOURCE", "practice")
    monkeypatch.setattr(fetch, "_take_download", None)
    monkeypatch.setattr(fetch, "_copy", None)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_they_come_as_the_four_files_in_a_folder_of_their_own(chosen, tmp_path):
    x_train, y_train, x_test, y_test = load_mnist(tmp_path)

    assert x_train.shape == (200, 784) and x_test.shape == (100, 784)
    assert (np.bincount(y_train) == 20).all() and (np.bincount(y_test) == 10).all()
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {
        np.dtype(np.uint8)
    }
    assert [path.name for path in tmp_path.iterdir()] == ["practice"]
    folder = tmp_path / "practice"
    assert sorted(path.name for path in folder.iterdir()) == [practice.MANIFEST, *NAMES]
    assert list(practice.read_checksums(folder)) != []
    assert fetch_file("test_labels", tmp_path) == (
        folder / FILES["test_labels"].name,
        "practice",
    )


def test_mnist_in_the_cache_is_neither_used_nor_touched(chosen, tmp_path):
    copies = tmp_path / "unpacked"
    copies.mkdir()
    for name in NAMES:
        (tmp_path / name).write_bytes(b"MNIST")
        file = next(file for file in FILES.values() if file.name == name)
        (copies / name.removesuffix(".gz")).write_bytes(bytes(file.content_size))
    before = contents(copies)
    assert load_mnist(tmp_path)[0].any()
    assert contents(tmp_path) == dict.fromkeys(NAMES, b"MNIST")
    assert contents(copies) == before


def test_they_are_drawn_once(chosen, tmp_path, monkeypatch):
    before = load_mnist(tmp_path)
    monkeypatch.setattr(practice, "draw_digits", None)
    for one, other in zip(before, load_mnist(tmp_path), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    "harm", ["damaged", "lost", "half done", "cut", "other recipe"]
)
def test_files_that_are_not_as_drawn_are_drawn_anew(chosen, tmp_path, harm):
    load_mnist(tmp_path)
    folder = tmp_path / "practice"
    before = contents(folder)
    labels, manifest = folder / FILES["test_labels"].name, folder / practice.MANIFEST
    match harm:
        case "damaged":
            labels.write_bytes(gzip.compress(b"something else"))
        case "lost":
            labels.unlink()
        case "half done":
            manifest.unlink()
        case "cut":
            manifest.write_text("# cut\n")
        case "other recipe":
            manifest.write_text(
                manifest.read_text("utf-8").replace("of SHA", "of a SHA")
            )
    load_mnist(tmp_path)
    assert contents(folder) == before


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_they_are_drawn_in_a_folder_like_any_other(chosen, tmp_path, monkeypatch):
    replace = Path.replace
    drawn_in = {}

    def note(self, target):
        drawn_in[self.parent.name] = self.parent.stat().st_mode
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", note)
    load_mnist(tmp_path)

    ((name, mode),) = drawn_in.items()
    assert name.startswith(".drawing-")  # `make clean` looks for it
    assert mode == (tmp_path / "practice").stat().st_mode
    assert not (tmp_path / "practice" / name).exists()


def test_a_file_in_the_way_is_named(chosen, tmp_path):
    (tmp_path / "practice").write_text("a file")
    with pytest.raises(
        MnistUnavailableError, match=r"Practice digits go to .*practice"
    ):
        load_mnist(tmp_path)


def test_all_of_them_have_the_size_of_mnist_and_are_balanced(monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", "practice")
    x_train, y_train, x_test, y_test = load_mnist()
    assert x_train.shape == (60000, 784) and x_test.shape == (10000, 784)
    assert (np.bincount(y_train) == 6000).all() and (np.bincount(y_test) == 1000).all()
    path, _ = fetch_file("training_images")
    assert read_idx(path).shape == (60000, 28, 28)


# Who gets them


@pytest.fixture
def nothing_reached(small_files, tmp_path, monkeypatch):
    """Leave practice digits in the cache, and no source of MNIST."""
    practice.ensure_files(tmp_path / "practice", FILES)
    monkeypatch.setattr(fetch, "MIRRORS", ())
    monkeypatch.delenv("MNIST_SOURCE", raising=False)
    return tmp_path


def test_nobody_gets_them_without_asking(nothing_reached):
    with pytest.raises(MnistUnavailableError) as caught:
        load_mnist(nothing_reached)
    # The message that lists what failed names the way out.
    assert "MNIST_SOURCE=practice" in str(caught.value)
    assert "not MNIST" in str(caught.value)


def test_they_never_pass_for_mnist(nothing_reached, monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", str(nothing_reached / "practice"))
    with (
        pytest.warns(UserWarning, match="MNIST_SOURCE did not give"),
        pytest.raises(MnistUnavailableError, match="a gzip file of something else"),
    ):
        load_mnist(nothing_reached)


def test_a_notebook_is_told_once(chosen, tmp_path, capsys):
    practice.announce.cache_clear()
    load_mnist(tmp_path)
    load_mnist(tmp_path)
    output = capsys.readouterr()
    assert output.out.splitlines() == [f"⚠ {practice.NOTICE}"]
    assert output.err == ""  # the build takes a warning there for a fault of the page


def test_the_fetch_command_says_what_it_drew(chosen, tmp_path, monkeypatch, capsys):
    practice.announce.cache_clear()
    monkeypatch.setattr(fetch, "cache_folder", lambda: tmp_path)
    monkeypatch.delitem(sys.modules, "scratchnet.mnist.__main__", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("scratchnet.mnist", run_name="__main__")
    *files, notice, ready = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert len(files) == 4 and all("drawn for practice" in line for line in files)
    assert practice.NOTICE in notice
    assert ready == f"The practice digits are ready in {tmp_path / 'practice'}"


def test_what_they_give_is_never_recorded(chosen):
    with pytest.raises(RuntimeError, match=r"not recorded.*not MNIST"):
        write_record("practice", {})
    assert not (FOLDER / "practice.json").exists()


# In the book


def uses(table):
    """Collect the global names that a cell, and the functions in it, refer to."""
    used = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced()
        and (symbol.is_global() or table.get_type() == "module")
    }
    return used.union(*map(uses, table.get_children()))


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
def test_no_cell_needs_a_cell_with_numbers_of_mnist(page):
    """Hold that the cells that practice skips neither define nor glue anything."""
    defined, skipped = set(), set()
    for cell in jupytext.read(page).cells:
        if cell.cell_type != "code":
            continue
        table = symtable.symtable(cell.source, page.name, "exec")
        own = {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_assigned() or symbol.is_imported()
        }
        if "mnist-numbers" in tags_of(cell):
            assert "glue(" not in cell.source
            skipped |= own - defined
        else:
            assert uses(table) & (skipped - own) == set(), cell.source
            defined |= own
            skipped -= own


CELLS = """\
```{code-cell} ipython3
:tags: [remove-cell, mnist-numbers]

import os

assert os.environ["MNIST_SOURCE"] != "practice"
```

```{code-cell} ipython3
import os

print("The source is", os.environ["MNIST_SOURCE"])
```
"""


def test_every_built_page_has_the_notice_and_skips_the_numbers(tmp_path):
    """Build a book of two pages with this book's settings, on one source, then other.

    Both go into the same folder, where nothing of the one may be left in the other.
    """
    Book(tmp_path, page=page("A page with code", CELLS))
    command = [
        sys.executable,
        "-P",  # the package is this clone's, not the copy, which only gets packed
        "-m",
        "jupyter",
        "book",
        "build",
        ".",
        "-W",
        "--keep-going",
    ]
    for source in ("practice", "elsewhere"):
        environment = os.environ | {"MNIST_SOURCE": source, "NO_COLOR": "1"}
        built = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert built.returncode == 0, built.stdout + built.stderr
        for name in ("index", "page"):
            path = tmp_path / "_build" / "html" / "content" / f"{name}.html"
            html = path.read_text("utf-8")
            noticed = html.count(f'__content"><p>⚠ {practice.NOTICE}')
            assert noticed == (source == "practice"), name
        assert f"The source is {source}" in html
