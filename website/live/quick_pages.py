"""Which pages are live: those that are quick enough, as measured.json records."""

import json
from pathlib import Path

RECORD = Path(__file__).parent / "measured.json"
BUDGET = 60  # seconds for the cells of a page, without those of solutions


def live_pages():
    """List the pages that are live.

    Returns
    -------
    list of str
        Their names, such as "content/tutorial/load".
    """
    pages = recorded()
    return [name for name, page in pages.items() if is_quick(page)]


def recorded():
    """Return what is recorded of each page, by its name; nothing before the first."""
    if not RECORD.exists():
        return {}
    return json.loads(RECORD.read_text("utf-8"))["pages"]


def is_quick(page):
    """Tell whether a page may be live, from its record."""
    return not page["failed"] and page["seconds"] <= BUDGET
