"""Pages that run at the same time: small books, built for real."""

import os

import pytest
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
