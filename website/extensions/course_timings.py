"""The directive `course-timings`: how long the sessions of a course take.

    ```{course-timings}
    :minutes: 90

    Week 1: tutorial/load, tutorial/preprocess
    Week 2: tutorial/build-and-train
    ```

Nothing in the table is typed in: words and exercises are counted in the pages, and
how long they ran comes from the build. With `:minutes:`, that is what each session
has. Where `CI` is set, a session that doesn't fit is a warning, and so fails the build;
a reader's computer may be slow.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
from build_outcome import is_strict
from docutils import nodes
from docutils.parsers.rst import directives
from myst_nb.sphinx_ import NbMetadataCollector
from page_times import WORDS_PER_MINUTE, seconds_to_run
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)


class CoursePlaceholder(nodes.General, nodes.Element):
    """Stands for the table until every page has run."""


class CourseTimings(SphinxDirective):
    """Take the sessions, and leave a placeholder."""

    has_content = True
    option_spec: ClassVar = {"minutes": directives.positive_int}

    def run(self):
        """Check that the pages are there."""
        sessions = []
        for line in self.content:
            title, _, pages = line.rpartition(": ")
            pages = [f"content/{page.strip()}" for page in pages.split(",")]
            for page in pages:
                if page not in self.env.found_docs:
                    raise self.error(f"course-timings: there is no page {page}")
            sessions.append((title.strip(), pages))
        NbMetadataCollector.set_doc_data(self.env, self.env.docname, "course", True)
        node = CoursePlaceholder(
            sessions=sessions, minutes=self.options.get("minutes"), where=self.lineno
        )
        return [node]


def pages_with_courses(app, env):
    """Have the tables written anew in each build: any page may have changed."""
    data = NbMetadataCollector.get_doc_data(env).items()
    return [docname for docname, values in data if values.get("course")]


class CourseTables(SphinxPostTransform):
    """Replace the placeholders with tables."""

    default_priority = 8  # before links are resolved

    def run(self, **_):
        """Count, add up, and write the table."""
        for node in list(self.document.findall(CoursePlaceholder)):
            node.replace_self(self.table(node))

    def table(self, node):
        """Make one table: a row for each session, and one for their sum."""
        available = node["minutes"]
        header = ["Session", "Read [min]", "Run [s]", "Exercises"]
        rows, total = [], np.zeros(3)
        for title, pages in node["sessions"]:
            timings = np.sum([self.timings(page) for page in pages], axis=0)
            total += timings
            rows.append([self.session(title, pages), *self.cells(timings, available)])
            if available and timings[0] + timings[1] / 60 > available:
                warn = LOGGER.warning if is_strict() else LOGGER.info
                warn(
                    "%s: its pages take longer than %d minutes",
                    title or pages[0],
                    available,
                    location=(self.env.docname, node["where"]),
                )
        if available:
            header.append("Left [min]")
        if len(rows) > 1:
            available = available and available * len(rows)
            rows.append(["All", *self.cells(total, available)])
        return make_table(header, rows)

    def timings(self, docname):
        """Return minutes to read, seconds to run, exercises."""
        minutes = self.env.metadata[docname]["words"] / WORDS_PER_MINUTE
        source = Path(self.env.doc2path(docname)).read_text("utf-8")
        exercises = source.count("{exercise-start}")
        return minutes, seconds_to_run(self.env, docname) or 0, exercises

    @staticmethod
    def cells(timings, available):
        """Round for the reader."""
        minutes, seconds, exercises = timings
        cells = [f"{minutes:.0f}", f"{seconds:.0f}", f"{exercises:.0f}"]
        if available:
            cells.append(f"{available - minutes - seconds / 60:.0f}")
        return cells

    def session(self, title, pages):
        """Name the session, and link to its pages by their titles."""
        paragraph = nodes.paragraph()
        paragraph += nodes.strong(text=title)
        for page in pages:
            paragraph += nodes.Text(": " if page == pages[0] else ", ")
            paragraph += link_to_page(self.env.docname, page)
        return paragraph


def link_to_page(origin, page):
    """Return a link from one page to another, which has that page's title."""
    link = pending_xref(
        refdoc=origin,
        refdomain="std",
        reftype="doc",
        reftarget=f"/{page}",
        refexplicit=False,
        refwarn=True,
    )
    link += nodes.inline(text=page)
    return link


def make_table(header, rows):
    """Return a docutils table of texts and paragraphs."""
    group = nodes.tgroup(cols=len(header))
    group += [nodes.colspec(colwidth=1) for _ in header]
    head, body = nodes.thead(), nodes.tbody()
    for part, part_rows in ((head, [header]), (body, rows)):
        for cells in part_rows:
            row = nodes.row()
            for cell in cells:
                entry = nodes.entry()
                entry += nodes.paragraph(text=cell) if isinstance(cell, str) else cell
                row += entry
            part += row
    group += [head, body]
    table = nodes.table("", group, classes=["colwidths-auto"])
    return table


def setup(app):
    """Register the directive."""
    app.add_node(CoursePlaceholder)
    app.add_directive("course-timings", CourseTimings)
    app.connect("env-updated", pages_with_courses)
    app.add_post_transform(CourseTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
