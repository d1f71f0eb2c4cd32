"""Let pages run in the reader's browser, where the build has Python for it.

Which pages are live stands in `website/live/measured.json`. The site gets a folder
`_live` (see `website/live/assemble.py`), and each live page an element with what its
script needs to know. Nothing of Python loads before the reader asks for it.

Web hosts and browsers keep files for a while, each for itself. So that no program meets
a part of another version, the address of each has a digest of them all in it, that of a
page's cells a digest of the cells.
"""

import hashlib
import json
import re
import shutil
from pathlib import Path

import jupytext
from docutils import nodes
from sphinx.util import logging

from scratchnet.mnist import practice
from website.live.assemble import assemble
from website.live.cells import page_cells
from website.live.pyodide_files import CACHE, is_right, listed
from website.live.quick_pages import live_pages

LIVE = Path(__file__).parents[1] / "live"
FOLDER = "_live"
CELLS = "pages"  # in this folder: written with a page, so it stays as long as the page
PAGE = ("live-page.css", "live-page.js")  # of website/live/page, loaded with the page
PLACE = '<div class="live-page"></div>'
BELOW = re.compile(r'<p class="page-times">.*?</p>', re.DOTALL)
logger = logging.getLogger(__name__)


def decide(app, config):
    """Find out whether pages can be live. What changes that has all written anew."""
    config.live_version = "" if lacking() else version_of(LIVE)


def prepare(app, env, docnames):
    """Write the folder, if all is there; else say in one line that no page is live."""
    app.live_size = 0
    if app.builder.name != "html" or not env.found_docs & set(live_pages()):
        return
    folder = Path(app.outdir, FOLDER)
    if why := lacking():
        shutil.rmtree(folder, ignore_errors=True)
        logger.info(f"no page runs in the browser: {why}")
        return
    for part in folder.glob("*"):
        if part.is_file():
            part.unlink()
        elif part.name != CELLS:
            shutil.rmtree(part)
    app.live_size = assemble(folder, app.config.live_version)


def lacking():
    """Say what the live pages lack in this build; nothing if it's all there."""
    if practice.is_chosen():
        return "practice digits aren't MNIST, which such pages load"
    version, files = listed()
    if not all(is_right(CACHE / file.name, file) for file in files):
        return f"Pyodide {version} isn't in {CACHE} (python -m website.live fetches it)"
    return ""


def version_of(folder):
    """Return a digest of the programs in a folder, which is part of their addresses."""
    content = [
        path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".css", ".js", ".json", ".py")
    ]
    return digest_of(b"".join(content))


def digest_of(content):
    """Return what tells some bytes from others, short enough for an address."""
    return hashlib.sha256(content).hexdigest()[:12]


def is_live(app, docname):
    """Tell whether a page of this build is live."""
    return bool(app.live_size) and docname in live_pages()


def read_cells(app, docname):
    """Return what the page's script needs to know of its cells."""
    notebook = jupytext.read(app.env.doc2path(docname))
    return page_cells(notebook, docname, app.env.titles[docname].astext())


def name_cells(app, doctree, docname):
    """Give each cell that a live page shows an id, under which its code is listed."""
    if not is_live(app, docname):
        return
    shown = [
        cell for cell in read_cells(app, docname)["cells"] if cell["shows"] != "nothing"
    ]
    elements = [
        node
        for node in doctree.findall(nodes.container)
        if node.get("nb_element") == "cell_code"
    ]
    for cell, element in zip(shown, elements, strict=True):
        code = next(element.findall(nodes.literal_block), None)
        if cell["shows"] == "code" and code.astext().strip() != cell["source"].strip():
            raise ValueError(f"{docname} shows another cell than {cell['id']} there")
        element["ids"].append(cell["id"])


def add_scripts(app, pagename, templatename, context, doctree):
    """Add to a live page what loads with it: some kilobytes."""
    if not is_live(app, pagename):
        return
    live = context["pathto"](f"{FOLDER}/", 1)
    base = f"{live}{app.config.live_version}/"
    config = {
        "docname": pagename,
        "base": base,
        "cells": f"{live}{CELLS}/{write_cells(app, pagename)}",
        "megabytes": round(app.live_size / 1e6),
    }
    tags = [f'<script src="{base}kernel.js"></script>']
    for name in PAGE:
        address = f"{base}page/{name}"
        if name.endswith(".css"):
            tags.append(f'<link rel="stylesheet" href="{address}">')
        else:
            tags.append(f'<script src="{address}"></script>')
    text = json.dumps(config)
    tags.append(f'<script type="application/json" id="live-config">{text}</script>')
    context["metatags"] = "\n".join([context.get("metatags", ""), *tags])
    context["body"] = with_place(context["body"])


def write_cells(app, docname):
    """Write a page's cells as JSON; return the file's name."""
    text = json.dumps(read_cells(app, docname))
    name = f"{docname}.{digest_of(text.encode())}.json"
    path = Path(app.outdir, FOLDER, CELLS, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    for older in path.parent.glob(f"{Path(docname).name}.*json"):
        older.unlink()
    path.write_text(text, "utf-8")
    return name


def with_place(body):
    """Put the place for the page's button below its title and times."""
    times = BELOW.search(body)
    end = times.end() if times else body.index("</h1>") + len("</h1>")
    return f"{body[:end]}\n{PLACE}{body[end:]}"


def setup(app):
    """Connect to Sphinx."""
    app.add_config_value("live_version", "", "html", [str])
    app.connect("config-inited", decide)
    app.connect("env-before-read-docs", prepare)
    app.connect("doctree-resolved", name_cells)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
