"""Pages that run at the same time: small books, built for real."""

import multiprocessing
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor

import nbformat
import pytest
import side_by_side
from small_book import Book, cell, page

MEET = """
import time
from pathlib import Path

with Path("runs.txt").open("a") as runs:
    print("{here}", file=runs)
end = time.monotonic() + 300
while time.monotonic() < end and "{there}" not in Path("runs.txt").read_text():
    time.sleep(0.1)
met = time.monotonic() < end
assert met
print("they met")
"""


@pytest.mark.skipif(os.cpu_count() < 2, reason="needs two cores")
def test_pages_run_at_the_same_time_and_once(tmp_path):
    book = Book(
        tmp_path,
        left=page("Left", cell(MEET.format(here="left", there="right"))),
        right=page("Right", cell(MEET.format(here="right", there="left"))),
    )
    status, lines = book.build()
    assert status == 0
    assert "running 2 pages, 2 at a time" in lines
    [last] = [line for line in lines if line.startswith("  2 of 2: content/")]
    assert last.endswith(" s")
    assert "they met" in book.html("left").text
    assert sorted((tmp_path / "content" / "runs.txt").read_text().split()) == [
        "left",
        "right",
    ]

    book.write("left", page("Left", "Other words.\n", cell("print('changed')")))
    status, lines = book.build()
    assert status == 0
    assert not [line for line in lines if line.startswith("running")]  # one page alone
    assert "changed" in book.html("left").text
    assert "they met" in book.html("right").text


# What they took, in time and memory ---------------------------------------------------

TAKE = """
import time

import numpy as np

numbers = np.ones({mib} * 2**17)  # 8 bytes each
time.sleep(1)
del numbers
"""
FORK = """
import multiprocessing
import time

import numpy as np


def take():
    numbers = np.ones(200 * 2**17)
    time.sleep(4)


fork = multiprocessing.get_context("fork")
children = [fork.Process(target=take) for _ in range(2)]
for child in children:
    child.start()
for child in children:
    child.join()
"""
PAGES = {
    "small": page("Small", cell(TAKE.format(mib=1))),
    "large": page("Large", cell(TAKE.format(mib=300)), cell("print('goes on')")),
    "forking": page("Forking", cell(FORK)),
    "fails": page("Fails", cell("1 / 0")),
    "costs": "# Costs\n\n```{page-costs}\n```\n",
}
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


def table(book):
    """Return the table of costs: what each page's row says."""
    rows = book.html("costs").select("article table tbody tr")
    said = [[entry.text.strip() for entry in row.select("td")] for row in rows]
    return {name: numbers for name, *numbers in said}


@pytest.fixture(scope="module")
def measured_book(tmp_path_factory):
    book = Book(tmp_path_factory.mktemp("book"), **PAGES)
    book.build()
    return book, table(book)


@linux
def test_each_page_says_how_much_memory_it_took(measured_book):
    _, said = measured_book
    assert list(said) == ["Small", "Large", "Forking", "Fails", "All"]
    small, large, forking = (int(said[name][1]) for name in list(said)[:3])
    assert 20 < small < 200  # of Python and NumPy
    assert large - small == pytest.approx(299, abs=15)
    assert 350 < forking - small < 500  # two have 200 each
    assert 1 < float(said["Small"][0]) < 60
    assert said["Fails"][:2] == ["stopped", ""]
    assert said["All"][1] == f"{max(large, forking)} at most"


def test_a_page_from_the_cache_keeps_what_it_took(measured_book):
    book, said = measured_book
    shutil.rmtree(book.folder / "_build" / ".doctrees")  # then Sphinx reads all anew
    book.write("fails", page("Works", cell("print('no more')")))
    _, lines = book.build()
    assert not [line for line in lines if line.startswith("running")]  # one page alone
    now = table(book)
    for name in ("Small", "Large", "Forking"):
        assert now[name] == said[name]
    assert float(now["Works"][0]) > 0
    if sys.platform == "linux":
        assert int(now["Works"][1]) > 20


def change(book, old, new):
    """Change the build step that measures."""
    path = book.folder / "website" / "extensions" / "page_costs.py"
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


@linux
def test_more_than_the_limit_fails_the_build_in_ci_and_no_readers(tmp_path):
    book = Book(tmp_path, large=PAGES["large"], small=PAGES["small"])
    change(book, "LIMIT = 1024", "LIMIT = 250")
    for setting, fails in (("", False), ("true", True)):
        status, lines = book.build(CI=setting)
        assert bool(status) == fails
        [told] = [line for line in lines if "MiB of memory, above 250" in line]
        assert "content/large.md" in told
        assert ("WARNING" in told) == fails


def test_where_memory_cannot_be_measured_the_table_says_so(tmp_path):
    book = Book(tmp_path, small=PAGES["small"], costs=PAGES["costs"])
    change(book, 'sys.platform != "linux"', "True")
    status, _ = book.build()
    assert status == 0
    assert table(book)["Small"][1] == "not measured"
    assert table(book)["All"][1] == ""


def test_a_process_that_is_not_forked_runs_a_page_alike(tmp_path):
    """As on other systems: there, nothing is set up in it."""
    settings = {"timeout": 60, "allow_errors": False}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        works, ends = (
            pool.submit(side_by_side.run, notebook(code), str(tmp_path), settings)
            for code in ("print(1)", "import os; os._exit(1)")
        )
    assert works.result().err is None
    if sys.platform == "linux":
        assert works.result().nb.metadata["peak_memory"] > 20
    assert type(ends.result().err).__name__ == "DeadKernelError"


def notebook(code):
    """Return a notebook of one cell."""
    cells = [nbformat.v4.new_code_cell(code)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "", "language": ""}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)
