"""Outputs of the pages that need frameworks, for builds without these.

    python -m website.recorded [PAGE…]    # run these pages, and keep what they put out

A page that has a tag such as `needs-torch` runs where PyTorch is installed. Elsewhere,
the build shows what is kept here, in the folder `recorded` beside the page: a JSON file
with the outputs of each cell, a hash of its code, and what the page ran on.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from datetime import date
from difflib import SequenceMatcher
from importlib.metadata import packages_distributions, version
from pathlib import Path

import jupytext
import nbclient
from nbformat import from_dict

from scratchnet.mnist import practice
from website.pages import code_cells, is_notebook, missing, needs

ROOT = Path(__file__).resolve().parent.parent


def pages_with_needs(root=ROOT):
    """List the pages that need more than the book's own environment."""
    pages = sorted((root / "content").rglob("*.md"))
    return [p for p in pages if is_notebook(p) and needs(p.read_text("utf-8"))]


def record_of(page):
    """Return what is kept of a page; None if nothing is."""
    path = file_of(page)
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def file_of(page):
    """Return the file in which the outputs of a page are kept."""
    return page.parent / "recorded" / f"{page.stem}.json"


def fill(notebook, record, codes):
    """Put kept outputs into a notebook.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        It gets the outputs.
    record : dict
        What is kept of the page.
    codes : list of str
        The code of each code cell, as the page has it.

    Returns
    -------
    int
        How many cells changed since. What is kept of the code that they replace stands
        below them.
    """
    kept = record["cells"]
    old, new = [cell["code"] for cell in kept], [hash_of(code) for code in codes]
    cells = code_cells(notebook)
    changed = 0
    for what, i, i_end, j, j_end in SequenceMatcher(None, old, new).get_opcodes():
        changed += (what != "equal") * max(i_end - i, j_end - j)
        for before, cell in zip(kept[i:i_end], cells[j:j_end], strict=False):
            cell.outputs = [from_dict(output) for output in before["outputs"]]
    return changed


def hash_of(code):
    """Return what tells the code of a cell from other code."""
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def codes_of(text):
    """Return the code of each code cell of a page."""
    return [cell.source for cell in code_cells(jupytext.reads(text, "md:myst"))]


def changed_cells(page):
    """Count the cells of a page that changed since it was recorded."""
    notebook = jupytext.reads(page.read_text("utf-8"), "md:myst")
    codes = [cell.source for cell in code_cells(notebook)]
    return fill(notebook, record_of(page), codes)


# The command ------------------------------------------------------------------------


def record(page):
    """Run a page, and keep its outputs; a failed check stops it."""
    text = page.read_text("utf-8")
    if practice.is_chosen():
        raise SystemExit("These are practice digits; record pages with MNIST.")
    if absent := missing(text):
        raise SystemExit(f"{page.name} needs {', '.join(absent)}: make frameworks")
    notebook = jupytext.reads(text, "md:myst")
    start = time.perf_counter()
    os.environ["TQDM_DISABLE"] = "1"  # as in the build; the kernel inherits it
    nbclient.execute(notebook, cwd=page.parent, timeout=600, kernel_name="python3")
    cells = code_cells(notebook)
    for number, cell in enumerate(cells):
        if warned := [out.text for out in cell.outputs if out.get("name") == "stderr"]:
            raise SystemExit(f"{page.name}, cell {number} warns: {warned[0]}")
    kept = {
        "date": date.today().isoformat(),
        "seconds": round(time.perf_counter() - start, 1),
        "machine": machine(),
        "versions": {"Python": platform.python_version(), **versions(needs(text))},
        "cells": [
            {"code": hash_of(cell.source), "outputs": cell.outputs} for cell in cells
        ],
    }
    path = file_of(page)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def machine():
    """Tell what the pages run on."""
    from benchmarks.machine import processor

    return f"{processor()}, {platform.system()}"


def versions(modules):
    """Return the version of each module's distribution, by the distribution's name."""
    names = packages_distributions()
    distributions = [names.get(module, [module])[0] for module in modules]
    return {name: version(name) for name in distributions}


def main():
    """Record the pages that are named, or all that need to be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", help="such as train-the-cnn; all if none")
    named = parser.parse_args().pages
    pages = {page.stem: page for page in pages_with_needs()}
    if unknown := set(named) - pages.keys():
        sys.exit(f"No page with recorded outputs: {', '.join(sorted(unknown))}")
    for name in named or pages:
        print(f"{name} …", flush=True)
        path = record(pages[name])
        print(f"  {path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
