"""Where the built book is, what its parts are, and a browser to open it with."""

import contextlib
import os
import shutil
from pathlib import Path

import yaml
from playwright.sync_api import sync_playwright

from scratchnet import practice

ROOT = Path(__file__).parent.parent
BUILD = ROOT / ("_build/practice/_build" if practice.is_chosen() else "_build")
CACHE = BUILD / (".jupyter_cache" + practice.is_chosen() * "_practice")
HTML = BUILD / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = ("--disable-background-networking", "--disable-component-update")


def book_parts(root=ROOT):
    """Return the book's parts: pairs of a caption and the names of its pages."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    parts = [("", [toc["root"]])]
    for part in toc["parts"]:
        names = [chapter["file"] for chapter in part["chapters"]]
        parts.append((part["caption"], names))
    return parts


def find_browser():
    """Return the path of an installed Chromium or Chrome, or Playwright's, or None."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return found
    with sync_playwright() as playwright:  # what `playwright install` has fetched
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextlib.contextmanager
def open_browser(path):
    """Start the browser at `path`, without a window."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, chromium_sandbox=not root, args=QUIET
        )
        yield browser
        browser.close()
