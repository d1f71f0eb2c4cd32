"""Where the built book is, and what its parts are."""

from pathlib import Path

import yaml

from scratchnet.mnist import practice

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ("_build/practice/_build" if practice.is_chosen() else "_build")
CACHE = BUILD / (".jupyter_cache" + practice.is_chosen() * "_practice")
HTML = BUILD / "html"


def book_parts(root=ROOT):
    """Return the book's parts: pairs of a caption and the names of its pages."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    parts = [("", [toc["root"]])]
    for part in toc["parts"]:
        names = [chapter["file"] for chapter in part["chapters"]]
        parts.append((part["caption"], names))
    return parts
