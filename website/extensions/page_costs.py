"""How long each page ran, and how much memory it took: measured, kept, and shown.

    ```{page-costs}
    ```

MyST-NB has clocked the cells. The memory is measured here, while a page runs, and kept
with it in the cache. It's the most that the page's process had at once, and, where a
page starts further processes, the most that all of them together were seen to have.
Linux keeps that number for each process; on other systems, it isn't measured.

Where `CI` is set, a page that takes more than its limit is a warning, and so fails the
build. Seconds are shown, and no more: they depend on the computer.
"""

import re
import sys
import threading
from datetime import datetime
from functools import wraps
from pathlib import Path

import psutil
from build_outcome import is_strict
from course_timings import link_to_page, make_table
from docutils import nodes
from jupyter_cache import get_cache
from myst_nb.core.execute import cache
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LIMIT = 1024  # MiB
WITH_FRAMEWORKS = 1792  # MiB: importing PyTorch, JAX, and TensorFlow takes most of it
PEAK = "peak_memory"  # MiB, in the metadata of a notebook
EVERY = 0.5  # seconds between two looks at the processes that a page has started
LOGGER = logging.getLogger(__name__)


# While a page runs ------------------------------------------------------------------


def with_memory(execute):
    """Return a function that executes a notebook, and writes down its memory."""
    if sys.platform != "linux":
        return execute

    @wraps(execute)
    def executed(notebook, cwd, **options):
        this = psutil.Process()
        others = this.children()
        peak, over = 0, threading.Event()

        def look(**_):
            nonlocal peak
            started = [each for each in this.children() if each not in others]
            for each in started:  # one: the notebook's
                peak = max(peak, memory_of([each, *children_of(each)]))

        def watch():
            while not over.wait(EVERY):
                look()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:  # the last look is after the last cell, so that no peak is missed
            result = execute(notebook, cwd, on_cell_executed=look, **options)
        finally:
            over.set()
            watcher.join()
        result.nb.metadata[PEAK] = round(peak / 1024)
        return result

    return executed


def children_of(process):
    """List the processes that a process has started, and those that these have."""
    try:
        return process.children(recursive=True)
    except psutil.Error:  # it has ended
        return []


def memory_of(processes):
    """Return the most memory that one has had, or that all have now, in KiB.

    Forked processes share memory, so that their sum would count it several times. Of
    what `Pss` counts, each has its share.
    """
    peak = max(in_kib(each, "status", "VmHWM") for each in processes)
    if len(processes) > 1:
        peak = max(peak, sum(in_kib(each, "smaps_rollup", "Pss") for each in processes))
    return peak


def in_kib(process, file, name):
    """Return a number that Linux tells of a process; 0 of one that has ended."""
    try:
        text = Path(f"/proc/{process.pid}/{file}").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


# In the cache -----------------------------------------------------------------------


def keep_memory(start):
    """Return a function that runs a page, or takes it from the cache, and its memory.

    The memory gets to where MyST-NB has the seconds. The cache keeps it with the
    notebook, and gives back only the cells, so it's asked.
    """

    @wraps(start)
    def started(client):
        start(client)
        kept = get_cache(client.nb_config.execution_cache_path)
        try:
            number = kept.match_cache_notebook(client.notebook).pk
        except KeyError:  # the page was stopped
            return
        metadata = kept.get_cache_bundle(number).nb.metadata
        client.exec_metadata[PEAK] = metadata.get(PEAK)

    return started


def costs(env):
    """Return what is known of each page that has run, in the order of the book."""
    data = NbMetadataCollector.get_doc_data(env)
    order = [name for name in env.external_site_map if name in env.found_docs]
    return {name: ran for name in order if (ran := data[name].get("exec_data"))}


def check_limits(app, env):
    """Tell which pages take too much; have the table written anew in each build."""
    for name, ran in costs(env).items():
        limit = WITH_FRAMEWORKS if env.metadata[name].get("needs") else LIMIT
        if (ran.get(PEAK) or 0) > limit:
            tell = LOGGER.warning if is_strict() else LOGGER.info
            tell("it takes %d MiB of memory, above %d", ran[PEAK], limit, location=name)
    data = NbMetadataCollector.get_doc_data(env).items()
    return [name for name, values in data if values.get("costs")]


# On a page --------------------------------------------------------------------------


class CostsPlaceholder(nodes.General, nodes.Element):
    """Stands for the table until every page has run."""


class PageCosts(SphinxDirective):
    """Leave a placeholder."""

    def run(self):
        """Remember which page has the table."""
        NbMetadataCollector.set_doc_data(self.env, self.env.docname, "costs", True)
        return [CostsPlaceholder()]


class CostsTable(SphinxPostTransform):
    """Replace the placeholder with the table."""

    default_priority = 8  # before links are resolved

    def run(self, **_):
        """Write a row for each page, and one for the book."""
        for node in list(self.document.findall(CostsPlaceholder)):
            ran = costs(self.env)
            rows = [self.row(name, of_page) for name, of_page in ran.items()]
            seconds = sum(each["runtime"] or 0 for each in ran.values())
            peak = max((each.get(PEAK) or 0 for each in ran.values()), default=0)
            most = f"{peak} at most" if peak else ""
            rows.append(["All", f"{seconds:.0f}", most, ""])
            header = ["Page", "Time [s]", "Peak memory [MiB]", "Ran on"]
            node.replace_self(make_table(header, rows))

    def row(self, name, ran):
        """Tell of one page."""
        page = nodes.paragraph("", "", link_to_page(self.env.docname, name))
        if not ran["succeeded"]:
            return [page, "stopped", "", when(ran)]
        seconds = "not known" if ran["runtime"] is None else f"{ran['runtime']:.1f}"
        return [page, seconds, str(ran.get(PEAK) or "not measured"), when(ran)]


def when(ran):
    """Return the day on which a page ran, in one line."""
    day = datetime.fromtimestamp(ran["mtime"]).strftime("%Y-%m-%d")
    return day.replace("-", "\N{NON-BREAKING HYPHEN}")


def setup(app):
    """Connect to Sphinx."""
    app.setup_extension("build_outcome")  # the memory of a page that ends its kernel
    cache.single_nb_execution = with_memory(cache.single_nb_execution)
    client = cache.NotebookClientCache
    client.start_client = keep_memory(client.start_client)
    app.add_node(CostsPlaceholder)
    app.add_directive("page-costs", PageCosts)
    app.connect("env-updated", check_limits)
    app.add_post_transform(CostsTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
