"""A browser that opens the built book."""

import contextlib
import os
import shutil
import sys
from pathlib import Path

from built_book import HTML
from playwright.sync_api import Error, sync_playwright

# The first is Chromium without all that a window takes, so it opens pages sooner.
BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
)
QUIET = ("--disable-background-networking", "--disable-component-update")
NO_SANDBOX = """\
The browser can't shut itself in a sandbox here, so it doesn't start. Let it (install \
chromium-sandbox on Debian; on Ubuntu: sudo sysctl -w \
kernel.apparmor_restrict_unprivileged_userns=0). Or do without, since it opens this \
book alone: set CHROMIUM_SANDBOX=no."""


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
    """Start the browser at `path`, without a window; exit where it has no sandbox."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # for whom there is none
    sandbox = not root and os.environ.get("CHROMIUM_SANDBOX") != "no"
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=path, chromium_sandbox=sandbox, args=QUIET
            )
        except Error as error:
            if "sandboxing failed" in str(error):
                sys.exit(NO_SANDBOX)
            raise
        yield browser
        browser.close()


def browser_for_pages():
    """Return what `find_browser` does; exit where it, or the pages, are not there."""
    if not (HTML / "index.html").exists():
        sys.exit("The pages are not built: run make book first.")
    path = find_browser()
    if not path:
        sys.exit(f"A browser is needed; there is none of {', '.join(BROWSERS)}.")
    return path
