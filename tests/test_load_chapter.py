"""The cells of the chapter "Load MNIST", without the package and against real faults.

While the book is built, MNIST is on disk already, and the code that downloads doesn't
run.
"""

import re
import sys
from pathlib import Path

import faulty_server as answers
import jupytext
import matplotlib as mpl
import pytest
from faulty_server import FaultyServer, good, status

from scratchnet.mnist import FILES, fetch_file, practice
from website.pages import tags_of

PAGE = Path(__file__).parent.parent / "content" / "tutorial" / "load.md"
LABELS = FILES["test_labels"].name


@pytest.fixture(scope="module")
def real():
    if practice.is_chosen():
        pytest.skip("needs the files of MNIST, not practice digits")
    files = {file.name: fetch_file(key)[0] for key, file in FILES.items()}
    return {name: path.read_bytes() for name, path in files.items()}


def shown_cells():
    """Return the source of the code cells that a reader of the page can copy."""
    return [
        cell.source
        for cell in jupytext.read(PAGE).cells
        if cell.cell_type == "code"
        and not {"remove-cell", "remove-input"} & set(tags_of(cell))
    ]


@pytest.fixture
def without_package(tmp_path, monkeypatch):
    """Work in an empty folder, as somebody who has no `scratchnet`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "scratchnet", None)
    mpl.use("Agg")


@pytest.fixture
def chapter(without_package):
    """Return what the page's cells define that download, without what they fetch."""
    names = {}
    for source in shown_cells():
        if re.search("^import |^def download", source, re.MULTILINE):
            exec(source, names)
        if "download" in names:
            return names
    raise AssertionError("no cell defines `download`")


def test_copied_cells_run_without_the_package(without_package, real, capsys):
    names = {"__name__": "__main__"}
    with FaultyServer(real, [good]) as server:
        for source in shown_cells():
            exec(re.sub('"https://[^"]+/"', repr(server.url), source), names)
    assert names["x_train"].shape == (60000, 784)
    assert "right: False" not in capsys.readouterr().out
    kept = {path.name: path.read_bytes() for path in Path("_data").iterdir()}
    assert kept == real


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
        with pytest.raises(RuntimeError, match=f"No mirror gave {LABELS}"):
            chapter["download"](LABELS)
    assert not (chapter["data_dir"] / LABELS).exists()
