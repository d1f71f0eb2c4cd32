"""Pages run side by side, as many as there are cores; then Sphinx reads them in turn.

Sphinx would run them one after the other while it reads them. Here, all that have to
run do so before, each in the way in which MyST-NB would run it, and MyST-NB takes the
result: what it keeps in its cache, and what stops a page, stays the same.
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from functools import wraps
from pathlib import Path

from build_outcome import survive_dead_kernels
from jupyter_cache import get_cache
from jupyter_cache.executors.utils import single_nb_execution
from measured_checks import as_executed
from myst_nb.core.execute import cache
from myst_nb.core.read import create_nb_reader
from page_costs import with_memory
from sphinx.util import logging

from website.pages import code_cells

AT_ONCE = 4  # on many cores, too: a page may take a gigabyte of memory
logger = logging.getLogger(__name__)
done = {}  # what ran, by folder and code, until MyST-NB asks for it


def run_pages(app, env, docnames):
    """Run all pages that have to run, the last of the book first: they train longest.

    Progress is told page by page. A single page is left to MyST-NB.
    """
    waiting = {name: nb for name in docnames if (nb := to_run(env, name))}
    if len(waiting) < 2 or env.mystnb_config.execution_in_temp:
        return
    order = [name for name in env.external_site_map if name in waiting]
    at_once = min(AT_ONCE, os.cpu_count() or 1, len(waiting))
    settings = {
        "timeout": env.mystnb_config.execution_timeout,
        "allow_errors": env.mystnb_config.execution_allow_errors,
    }
    logger.info(f"running {len(waiting)} pages, {at_once} at a time")
    start = time.perf_counter()
    with ProcessPoolExecutor(at_once) as pool:
        jobs = {}
        for name in reversed(order):
            folder = str(Path(env.doc2path(name)).parent)
            jobs[pool.submit(run, waiting[name], folder, settings)] = name, folder
        for number, job in enumerate(as_completed(jobs), start=1):
            name, folder = jobs[job]
            result = job.result()
            done[key(waiting[name], folder)] = result
            ended = "stopped" if result.err else f"{result.time:.0f} s"
            logger.info(f"  {number} of {len(jobs)}: {name}, {ended}")
    logger.info(f"all ran in {time.perf_counter() - start:.0f} s")


def to_run(env, docname):
    """Return a page as a notebook, or None if it has no code, or has run before."""
    notebook = notebook_of(env, docname)
    if notebook is None or env.mystnb_config.execution_mode != "cache":
        return None
    with suppress(KeyError):
        kept = get_cache(env.mystnb_config.execution_cache_path)
        kept.match_cache_notebook(notebook)
        return None
    return notebook


def notebook_of(env, docname):
    """Return a page as the notebook that MyST-NB will run, or None without code."""
    path = env.doc2path(docname)
    text = as_executed(Path(path).read_text("utf-8"))
    reader = create_nb_reader(path, env.myst_config, env.mystnb_config, text)
    return reader and reader.read(text)


def run(notebook, folder, settings):
    """Run a notebook as MyST-NB does, in a process of its own.

    Where processes aren't forked, nothing has been set up in this one.
    """
    execute = with_memory(survive_dead_kernels(single_nb_execution))
    return execute(notebook, cwd=folder, **settings)


def key(notebook, folder):
    """Return what tells a page from others: where it runs, and its code."""
    return folder, *(cell.source for cell in code_cells(notebook))


def take_what_ran(execute):
    """Return a function that runs a notebook, unless it has run side by side."""

    @wraps(execute)
    def executed(notebook, cwd, **options):
        result = done.pop(key(notebook, cwd), None)
        if result is None:
            return execute(notebook, cwd, **options)
        notebook.update(result.nb)  # in place: MyST-NB goes on with its own
        return result

    return executed


def setup(app):
    """Connect to Sphinx."""
    app.setup_extension("page_costs")  # and with it build_outcome: both see a page run
    cache.single_nb_execution = take_what_ran(cache.single_nb_execution)
    app.connect("env-before-read-docs", run_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
