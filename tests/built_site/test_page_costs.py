"""What each page took, as the book tells it."""

import re

import pytest
from bs4 import BeautifulSoup
from built_book import HTML
from test_pages import LISTED, NOTEBOOKS

RECORD = HTML / "content" / "what-comes-after" / "how-this-book-ran.html"


@pytest.mark.usefixtures("html")
def test_the_table_has_every_page_that_ran_and_what_the_page_says():
    soup = BeautifulSoup(RECORD.read_text("utf-8"), "html.parser")
    *rows, _ = soup.select("table:has(th:-soup-contains('Peak memory')) tbody tr")
    links = [row.a["href"].partition("#")[0] or RECORD.name for row in rows]
    pages = [(RECORD.parent / link).resolve() for link in links]
    listed = [page.stem for page in LISTED if page in NOTEBOOKS]
    assert [page.stem for page in pages] == listed
    for page, row in zip(pages, rows, strict=True):
        said = re.search(r"ran in (\d+) second", page.read_text("utf-8"))
        seconds = float(row.select("td")[1].text)
        if page.stem != "index":  # which tells of the whole book
            assert int(said[1]) == pytest.approx(max(1, seconds), abs=0.55)
