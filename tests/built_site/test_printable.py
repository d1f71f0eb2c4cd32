"""The book as one document to print, and its PDF."""

import re

import pytest
from bs4 import BeautifulSoup
from printable import book_parts, print_pdf, printable_book
from test_pages import LISTED, ROOT


@pytest.fixture(scope="module")
def book(html):
    return BeautifulSoup(printable_book(book_parts(), html), "html.parser")


def test_every_page_of_the_book_is_in_it_once(book):
    pages = [article["id"] for article in book.select("main > article")]
    names = [page.relative_to(ROOT).with_suffix("").as_posix() for page in LISTED]
    assert pages == [name.replace("/", "-") for name in names]


def test_every_cross_reference_leads_to_one_place(book):
    places = [element["id"] for element in book.find_all(id=True)]
    links = {link["href"] for link in book.find_all("a", href=True)}
    inside = {link[1:] for link in links if link.startswith("#")}
    assert len(inside) > 100
    assert inside - set(places) == set()
    assert [place for place in inside if places.count(place) > 1] == []
    assert all(re.match("#|https?://|mailto:", link) for link in links)


def test_what_works_only_on_a_screen_is_left_out_or_open(book):
    assert book.select("main button, main noscript, main script") == []
    assert all(details.has_attr("open") for details in book.select("details"))


def test_a_chapter_is_printed_with_outline_and_tags(html, page, tmp_path):
    parts = [("Part I", ["content/tutorial/build-and-train"])]
    document = tmp_path / "book.html"
    document.write_text(printable_book(parts, html), "utf-8")
    print_pdf(page, document, tmp_path / "book.pdf")
    pdf = (tmp_path / "book.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Outlines" in pdf and b"/StructTreeRoot" in pdf
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 5
    assert page.locator("main mjx-container").count() > 0
