"""Pages that need frameworks: what a build shows that lacks them, and for how long."""

import importlib.util
import json
import re

import pytest
from small_book import Book, cell, page
from test_pages import ROOT

from website import recorded
from website.pages import missing, needs

ABSENT = "[needs-json, needs-no_such_framework]"  # one is installed, one isn't
PAGE = page(
    "A page with frameworks",
    cell("import no_such_framework", ABSENT),
    cell("print('seen', 6 * 7)"),
    "The answer is {glue:text}`answer`.\n",
    cell(
        "from myst_nb import glue\n\nglue('answer', 42, display=False)", "[remove-cell]"
    ),
)
GLUED = {
    "output_type": "display_data",
    "data": {"application/papermill.record/text/plain": "42"},
    "metadata": {
        "scrapbook": {"mime_prefix": "application/papermill.record/", "name": "answer"}
    },
}
SEEN = {"output_type": "stream", "name": "stdout", "text": "seen 42, on another\n"}


def write_record(book, name="bridge", text=PAGE):
    """Keep outputs of a page, as if it had run on another computer."""
    codes = recorded.codes_of(text)
    cells = [{"code": recorded.hash_of(code), "outputs": []} for code in codes]
    cells[1]["outputs"], cells[2]["outputs"] = [SEEN], [GLUED]
    record = {
        "date": "2026-02-03",
        "seconds": 7.0,
        "machine": "Another processor, Linux",
        "versions": {"Python": "3.11.7", "no-such-framework": "1.2.3"},
        "cells": cells,
    }
    path = recorded.file_of(book.folder / "content" / f"{name}.md")
    path.parent.mkdir()
    path.write_text(json.dumps(record))


@pytest.fixture(scope="module")
def readers_book(tmp_path_factory):
    costs = "# Costs\n\n```{page-costs}\n```\n"
    book = Book(tmp_path_factory.mktemp("book"), bridge=PAGE, costs=costs)
    write_record(book)
    return book, *book.build(CI="true")


def test_a_build_without_the_frameworks_shows_the_recorded_outputs(readers_book):
    book, status, _ = readers_book
    assert status == 0
    text = book.html("bridge").get_text()
    assert "seen 42, on another" in text and "The answer is 42." in text
    assert "seen 42, on another" in (
        book.folder / "_build/html/downloads/executed/content/bridge.ipynb"
    ).read_text("utf-8")


def test_the_page_says_what_it_needs_and_where_it_ran(readers_book):
    book, *_ = readers_book
    said = book.warning("bridge")
    assert "The outputs on this page are recorded." in said
    assert "This page needs no_such_framework, which isn't installed here" in said
    assert "make frameworks" in said
    assert "on 2026-02-03 on Another processor, Linux" in said
    assert "Python 3.11.7, no-such-framework 1.2.3." in said
    assert "changed since" not in said
    assert "2026\N{NON-BREAKING HYPHEN}02\N{NON-BREAKING HYPHEN}03" in (
        book.html("costs").get_text()
    )


def test_its_notebook_names_what_to_install(readers_book):
    book, *_ = readers_book
    path = book.folder / "_build/html/downloads/content/bridge.ipynb"
    cells = json.loads(path.read_text("utf-8"))["cells"]
    first = next("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    code = first[first.index("NEEDS") :]  # what installs the package is tried elsewhere
    with pytest.raises(ModuleNotFoundError, match="pip install no_such_framework"):
        exec(code, {"importlib": importlib})


def test_a_record_that_is_stale_is_shown_and_the_page_says_so(tmp_path):
    new = cell("glue('more', 43, display=False)", "[remove-cell]")
    changed = PAGE.replace("6 * 7", "7 * 6") + "And {glue:text}`more`.\n" + new
    book = Book(tmp_path, bridge=changed)
    write_record(book)
    status, _ = book.build()
    assert status == 0
    assert "2 cells have changed since" in book.warning("bridge")
    assert "seen 42, on another" in book.html("bridge").get_text()


def test_a_page_that_was_never_recorded_is_built_without_outputs(tmp_path):
    text = PAGE.replace("The answer is {glue:text}`answer`.\n", "")
    book = Book(tmp_path, bridge=text)
    status, _ = book.build()
    assert status == 0
    assert "3 cells have changed since" in book.warning("bridge")


def test_the_page_runs_once_the_frameworks_are_there(readers_book):
    book, *_ = readers_book  # which ran nothing yet; the last test that looks at it
    module = book.folder / "installed"
    module.mkdir()
    (module / "no_such_framework.py").write_text("")
    for _ in range(2):  # the second time, from the cache
        status, _ = book.build(PYTHONPATH=str(module))
        assert status == 0
        assert book.warning("bridge") == ""
        assert "seen 42\n" in book.html("bridge").get_text()
    status, _ = book.build()  # gone again; its own outputs stay
    assert status == 0
    assert "seen 42\n" in book.html("bridge").get_text()
    assert book.warning("bridge") == ""


def test_the_page_runs_again_with_another_version(tmp_path):
    code = "import no_such_framework\n\nprint('with', no_such_framework.version)"
    book = Book(tmp_path / "book", bridge=page("Bridge", cell(code, ABSENT)))
    for version in ("1.0", "2.0"):
        modules = tmp_path / version
        about = modules / f"no_such_framework-{version}.dist-info" / "METADATA"
        about.parent.mkdir(parents=True)
        about.write_text(f"Name: no_such_framework\nVersion: {version}\n")
        (modules / "no_such_framework.py").write_text(f"version = '{version}'\n")
        for again in (False, True):
            status, lines = book.build(PYTHONPATH=str(modules))
            assert status == 0
            assert f"with {version}" in book.html("bridge").get_text()
            assert any("Executing notebook" in line for line in lines) != again


# This book's own pages ----------------------------------------------------------------

PAGES = recorded.pages_with_needs()
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


@every_page
def test_the_record_is_of_the_page_as_it_is(path):
    assert recorded.record_of(path), f"python -m website.recorded {path.stem}"
    assert recorded.changed_cells(path) == 0, f"python -m website.recorded {path.stem}"


@every_page
def test_the_record_is_small_and_whole(path):
    assert recorded.file_of(path).stat().st_size < 600_000
    record = recorded.record_of(path)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", record["date"])
    assert record["machine"] and len(record["versions"]) > 1
    outputs = [out for cell in record["cells"] for out in cell["outputs"]]
    assert outputs
    assert not [out for out in outputs if out["output_type"] == "error"]
    assert str(ROOT) not in recorded.file_of(path).read_text("utf-8")


def test_every_record_belongs_to_a_page():
    kept = set((ROOT / "content").rglob("recorded/*.json"))
    assert kept - {recorded.file_of(path) for path in PAGES} == set()


def test_a_page_names_what_it_needs_in_the_tags_of_a_cell():
    assert needs(PAGE) == ["json", "no_such_framework"]
    assert missing(PAGE) == ["no_such_framework"]
    assert needs(page("None", cell("needs-torch"), "tags: needs-torch")) == []
