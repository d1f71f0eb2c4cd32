"""The download that the chapter "Load MNIST" teaches, against real faults.

While the book is built, MNIST is on disk already, and that code doesn't run.
"""

import re
from pathlib import Path

import faulty_server as answers
import jupytext
import pytest
from faulty_server import FaultyServer, good, status

from scratchnet import practice
from scratchnet.mnist import FILES, fetch_file

PAGE = Path(__file__).parent.parent / "content" / "tutorial" / "load.md"
LABELS = FILES["test_labels"].name


@pytest.fixture(scope="module")
def real():
    if practice.is_chosen():
        pytest.skip("needs the files of MNIST, not practice digits")
    return {LABELS: fetch_file("test_labels")[0].read_bytes()}


def define(wanted):
    """Run the chapter's cells up to the one that defines a name; return all names."""
    names = {}
    for cell in jupytext.read(PAGE).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
        if wanted in names:
            return names
    raise AssertionError(f"no cell of {PAGE.name} defines {wanted}")


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """Return what the cells define, up to `download`, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNIST_SOURCE", raising=False)
    names = define("download")
    assert names["data_dir"] == tmp_path / "_data"
    return names


@pytest.mark.parametrize(
    "fault",
    [
        status(403),
        status(500),
        answers.login_page,
        answers.cut_short,
        answers.byte_flipped,
        answers.stalled,
        answers.hang_up,
    ],
)
def test_the_next_mirror_helps_when_one_fails(
    chapter, real, fault, capsys, monkeypatch
):
    get = chapter["requests"].get
    monkeypatch.setattr(
        chapter["requests"],
        "get",
        lambda *args, **kw: get(*args, **kw | {"timeout": 2}),
    )
    with FaultyServer(real, [fault]) as bad, FaultyServer(real, [good]) as fine:
        chapter["mirrors"][:] = [bad.url, fine.url]
        path = chapter["download"](LABELS)
    assert path == chapter["data_dir"] / LABELS
    assert path.read_bytes() == real[LABELS]
    assert [file.name for file in path.parent.iterdir()] == [LABELS]
    assert re.search(f"{bad.url} (failed|sent something)", capsys.readouterr().out)


def test_a_wrong_file_never_gets_the_right_name(chapter, real):
    with FaultyServer(real, [answers.login_page]) as bad:
        chapter["mirrors"][:] = [bad.url]
        with pytest.raises(RuntimeError, match=f"No mirror gave {LABELS}. Set MNIST_"):
            chapter["download"](LABELS)
    assert not (chapter["data_dir"] / LABELS).exists()


@pytest.mark.parametrize(
    ("source", "mirror"),
    [("http://lab:8000", "http://lab:8000/"), ("/usb/mnist", None)],
)
def test_mnist_source_is_a_server_or_a_folder(tmp_path, monkeypatch, source, mirror):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_SOURCE", source)
    names = define("local_folders")
    if mirror:
        assert names["mirrors"][0] == mirror
    else:
        assert names["local_folders"] == [tmp_path / "_data", Path(source)]
