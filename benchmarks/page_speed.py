"""How heavy the built pages are, how soon they show, and whether they then shift.

Opens every page in the browser, with an empty cache, from a local server that
compresses as web hosts do, on a processor slowed four times:

    python benchmarks/page_speed.py              # every page
    python benchmarks/page_speed.py load         # those with "load" in their address
"""

import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "website" / "extensions"), str(ROOT / "tests")]

from browser import browser_for_pages, open_browser
from built_book import HTML
from built_site.conftest import PUBLISHED
from built_site.serve import read_through, serve

VIEWPORTS = {"desktop": (1280, 900), "phone": (390, 844)}
REPEATS = 3  # the median of so many loads


def measure(browser, address, width, height):
    """Load a page once, on a slowed processor; return KB, seconds, and shift."""
    viewport = {"width": width, "height": height}
    with browser.new_context(viewport=viewport) as context:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        return read_through(page, address)


def main(wanted):
    """Measure the pages and print a table."""
    path = browser_for_pages()
    names = [name for name in PUBLISHED if any(part in name for part in wanted or [""])]
    print(f"{'':46}", *(f"{size:>22}" for size in VIEWPORTS))
    print(f"{'page':46}", *2 * [f"{'KB':>6}{'paint s':>9}{'shift':>7}"])
    with serve(HTML) as address, open_browser(path) as browser:
        for name in names:
            print(f"{name:46}", end="")
            for width, height in VIEWPORTS.values():
                runs = [
                    measure(browser, f"{address}/{name}", width, height)
                    for _ in range(REPEATS)
                ]
                kilobytes, paint, shift = map(
                    statistics.median, zip(*runs, strict=True)
                )
                print(f" {kilobytes:6.0f}{paint:9.2f}{shift:7.3f}", end="", flush=True)
            print()


if __name__ == "__main__":
    main(sys.argv[1:])
