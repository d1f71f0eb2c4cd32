"""The built book in a real browser, over http and from disk.

The tests of this folder need two things that a clone doesn't have at first: the pages
that `make book` builds, and a browser, Chromium or Chrome. Without them they are
skipped, and say so; where `CI` is set, that is a failure.
"""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from scratchnet import practice

BUILD = "_build/practice/_build" if practice.is_chosen() else "_build"
HTML = Path(__file__).parents[2] / BUILD / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = ("--disable-background-networking", "--disable-component-update")


def missing(what):
    """Skip a test for want of something; in CI, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="package")
def browser():
    """Start Chromium or Chrome; it ends before the notebooks run."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        missing(f"no browser here: none of {', '.join(BROWSERS)}")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, chromium_sandbox=not root, args=QUIET
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser):
    """Open a window of its own for one test, 1280 pixels wide."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
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


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line for each."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="package")
def served(html):
    """Serve the built pages; return the address, without a slash at its end."""
    handler = functools.partial(QuietHandler, directory=html)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
