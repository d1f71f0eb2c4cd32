"""The built book in a real browser, over http and from disk.

The tests of this folder need two things that a clone doesn't have at first: the pages
that `make book` builds, and a browser, Chromium or Chrome. Without them they are
skipped, and say so; where `CI` is set, that is a failure.
"""

import os

import pytest
from browser import BROWSERS, find_browser, open_browser
from built_book import HTML
from test_pages import LISTED, ROOT

from built_site.serve import serve

PUBLISHED = [
    *(page.relative_to(ROOT).with_suffix(".html").as_posix() for page in LISTED),
    "search.html",
    "genindex.html",
]


def missing(what):
    """Skip a test for want of something; in CI, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="package")
def browser():
    """Start Chromium or Chrome; it ends before the notebooks run."""
    path = find_browser()
    if not path:
        missing(f"no browser here: none of {', '.join(BROWSERS)}")
    with open_browser(path) as browser:
        yield browser


@pytest.fixture
def context(browser):
    """Open a window of its own for one test, 1280 pixels wide."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(120_000)  # a machine may be busy
        yield context


@pytest.fixture
def page(context):
    """Open an empty tab in that window; an error of a page's script fails the test."""
    errors = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


@pytest.fixture(scope="package")
def html():
    """Return the folder of the built pages."""
    if not (HTML / "index.html").exists():
        missing("the pages are not built: run make book first")
    return HTML


@pytest.fixture(scope="package")
def served(html):
    """Serve the built pages; return the address, without a slash at its end."""
    with serve(html) as address:
        yield address
