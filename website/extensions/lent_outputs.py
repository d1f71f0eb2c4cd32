"""Pages that need frameworks: where these are missing, recorded outputs are shown.

The outputs (website/recorded.py) go into the cache of executed pages before a page is
read. So whatever takes outputs from there, takes these: MyST-NB, downloads, and slides.
A line under the title says where they come from. Once the frameworks are installed, or
other versions of them, the page leaves the cache, and runs.
"""

import functools
from datetime import datetime
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from measured_checks import put_under_title
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util import logging

from website.pages import has_code, missing, needs
from website.recorded import codes_of, file_of, fill, hash_of, record_of

MARK = "recorded"  # in the metadata of a notebook in the cache
distributions = functools.cache(packages_distributions)  # it reads hundreds of files
logger = logging.getLogger(__name__)
lent = {}  # what to say of the pages in the cache, by name, until they are read


def text_of(env, docname):
    """Return a page as its file has it."""
    path = Path(env.doc2path(docname))
    return path.read_text("utf-8") if path.exists() else ""


def state(env, docname):
    """Return what decides whether a page runs, or which outputs it's lent."""
    text = text_of(env, docname)
    if not (has_code(text) and needs(text)):
        return None
    kept = file_of(Path(env.doc2path(docname)))
    record = hash_of(kept.read_text("utf-8")) if kept.exists() else ""
    return missing(text), record, [version_of(module) for module in needs(text)]


def version_of(module):
    """Return the version of an installed module; "" if it's not known."""
    try:
        return version(distributions().get(module, [module])[0])
    except PackageNotFoundError:
        return ""


def read_again(app, env, added, changed, removed):
    """Have pages read anew whose frameworks, or whose recorded outputs, changed."""
    return [
        name
        for name in env.found_docs & env.all_docs.keys()
        if env.metadata[name].get("needs") != state(env, name)
    ]


def ran_with_others(env, docname):
    """Tell whether a page has all that it needs, and ran with other versions of it."""
    absent, _, versions = state(env, docname)
    before = env.metadata[docname].get("needs")
    return bool(before) and not absent and before[-1] != versions


def lend(app, env, docnames):
    """Put recorded outputs into the cache, or take them out, before pages run."""
    from side_by_side import notebook_of  # it wraps what MyST-NB runs, at its import

    lent.clear()
    for name in docnames:
        if state(env, name) is None or env.mystnb_config.execution_mode != "cache":
            continue
        notebook = notebook_of(env, name)
        cache = get_cache(env.mystnb_config.execution_cache_path)
        try:
            number = cache.match_cache_notebook(notebook).pk
            is_lent = MARK in cache.get_cache_bundle(number).nb.metadata
            if not (is_lent or ran_with_others(env, name)):
                continue  # it has run here
            cache.remove_cache(number)
        except KeyError:
            pass
        if missing(text_of(env, name)):
            put_into(cache, env, name, notebook)


def put_into(cache, env, name, notebook):
    """Put what is recorded of a page into the cache, and keep what to say of it."""
    page, text = Path(env.doc2path(name)), text_of(env, name)
    record = record_of(page) or {"cells": [], "seconds": None}
    changed = fill(notebook, record, codes_of(text))
    if changed:  # what those cells would have kept for the text is missing
        app_config = env.config
        app_config.suppress_warnings = [*app_config.suppress_warnings, "mystnb.glue"]
    notebook.metadata[MARK] = True
    cache.cache_notebook_bundle(
        CacheBundleIn(
            notebook, str(page), data={"execution_seconds": record["seconds"]}
        ),
        check_validity=False,
        overwrite=True,
    )
    lent[name] = {key: value for key, value in record.items() if key != "cells"}
    lent[name] |= {"missing": missing(text), "changed": changed}


def keep(app, doctree):
    """Keep with a page what it needs, and what is to be said of its outputs."""
    env, name = app.env, app.env.docname
    if needed := state(env, name):
        env.metadata[name]["needs"] = needed
    if name in lent:
        env.metadata[name][MARK] = lent[name]
        if day := lent[name].get("date"):
            ran = NbMetadataCollector.get_doc_data(env)[name]["exec_data"]
            ran["mtime"] = datetime.fromisoformat(day).timestamp()


def in_words(of_page):
    """Say where the outputs of a page come from, and how to have one's own."""
    *others, last = of_page["missing"]
    absent = (
        f"{', '.join(others)} and {last}, which aren't"
        if others
        else f"{last}, which isn't"
    )
    words = [f"This page needs {absent} installed here. To run it: make frameworks."]
    if "date" in of_page:
        versions = [" ".join(each) for each in of_page["versions"].items()]
        words.append(
            f"It ran on {of_page['date']} on {of_page['machine']}, with"
            f" {', '.join(versions)}."
        )
    if number := of_page["changed"]:
        cells = "1 cell has" if number == 1 else f"{number} cells have"
        words.append(f"{cells} changed since, and may show what they put out before.")
    return " ".join(words)


def show(app, doctree, docname):
    """Say under the title of a page that its outputs are recorded."""
    if of_page := app.env.metadata[docname].get(MARK):
        beginning = "The outputs on this page are recorded."
        put_under_title(app, doctree, beginning, in_words(of_page))


def setup(app):
    """Connect to Sphinx."""
    app.connect("env-get-outdated", read_again)
    app.connect("env-before-read-docs", lend, priority=400)  # before pages run
    app.connect("doctree-read", keep)
    app.connect("doctree-resolved", show)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
