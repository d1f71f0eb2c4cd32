"""Checks of measured numbers don't stop the build: the page says what came out.

Training amplifies rounding, so on a reader's processor a measured number may come out
otherwise. The build has the cells tagged `measured` call `hold` (checks/measured.py),
which keeps what failed with the page, also in the cache of executed pages. A line under
the page's title tells of it. For the end of the build, see build_outcome.py.
"""

import ast
import json
import re
from html import escape
from pathlib import Path

import jupytext
from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from practice_notice import as_executed as without_numbers

from checks import measured
from website.pages import code_cells, has_code, tags_of

HEADING = re.compile(r"^(?:#+ |```{exercise-start} )(.+)$", re.MULTILINE)
FENCED = re.compile(r"^```(?!{exercise-start}).*?^```$", re.MULTILINE | re.DOTALL)
NAMED = 3  # failed checks on a page: the line is to be read


# Before a page runs -----------------------------------------------------------------


def as_executed(text):
    """Return a page as it's executed: its checks of measured numbers stop nothing.

    Parameters
    ----------
    text : str
        The page, in MyST Markdown.

    Returns
    -------
    str
        The page, with as many cells and lines.
    """
    text = without_numbers(text)
    if "measured" not in text or not has_code(text):
        return text
    notebook = jupytext.reads(text, "md:myst")
    for number, cell in enumerate(code_cells(notebook)):
        if "measured" in tags_of(cell) and runs(cell):
            cell.source = held(number, cell.source)
    return jupytext.writes(notebook, "md:myst")


def held(number, source):
    """Return a call of `hold` that has as many lines as the cell it runs."""
    lines = "\n".join(repr(line) for line in source.splitlines(keepends=True))
    return f"import checks.measured as __checks__; __checks__.hold({number}, {lines})"


def runs(cell):
    """Tell whether a cell with code runs: practice digits skip some."""
    return bool(cell.source) and "skip-execution" not in tags_of(cell)


def prepare_page(app, docname, source):
    """Rewrite a page that has just been read; keep what it checks, and where."""
    if not has_code(source[0]):
        return
    notebook = jupytext.reads(without_numbers(source[0]), "md:myst")
    app.env.metadata[docname]["checks"] = {
        "number": sum(map(count_checks, code_cells(notebook))),
        "headings": headings(notebook),
    }
    source[0] = as_executed(source[0])


def count_checks(cell):
    """Count the assertions in a cell, if it runs."""
    tree = ast.parse(cell.source if runs(cell) else "")
    return sum(isinstance(node, ast.Assert) for node in ast.walk(tree))


def headings(notebook):
    """Return the heading that each code cell stands under."""
    found, last = [], ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found.append(last)
        else:
            last = [last, *HEADING.findall(FENCED.sub("", cell.source))][-1]
    return found


# After it has run -------------------------------------------------------------------


def keep_failed(app, doctree):
    """Keep the checks that failed on a page that has just run."""
    env, docname = app.env, app.env.docname
    data = NbMetadataCollector.get_doc_data(env)[docname]
    keys = [key for key in data.get("glue", ()) if key.startswith(measured.NAME)]
    if keys:
        path = Path(env.mystnb_config.output_folder, f"{docname}.glue.json")
        glued = json.loads(path.read_text("utf-8"))
        texts = [glued[key]["data"]["text/plain"] for key in keys]
        failed = [check for text in texts for check in json.loads(text)]
        env.metadata[docname]["checks"]["failed"] = failed


def failed_checks(env, docname):
    """Return the checks that failed on a page, as `hold` has kept them."""
    return env.metadata[docname].get("checks", {}).get("failed", [])


def place(env, docname, cell):
    """Name a cell by its number and its heading."""
    heading = env.metadata[docname]["checks"]["headings"][cell]
    return f'cell {cell}, under "{heading}"' if heading else f"cell {cell}"


def show_failed(app, doctree, docname):
    """Say under the title of a page what came out otherwise."""
    failed = failed_checks(app.env, docname)
    if not failed:
        return
    number = len({(check["cell"], check["line"]) for check in failed})
    of_all = f"{number} of this page's {app.env.metadata[docname]['checks']['number']}"
    words = [check["words"] for check in failed[:NAMED]]
    if len(failed) > NAMED:
        words.append(f"and {len(failed) - NAMED} more")
    beginning = f"On your processor, {of_all} checks came out otherwise:"
    put_under_title(app, doctree, beginning, "; ".join(words))


def put_under_title(app, doctree, beginning, rest):
    """Put a line under the title of a page that nobody can overlook, or mishear."""
    title = next(doctree.findall(nodes.title), None)
    if title is None or app.builder.format != "html":
        return
    line = (
        '<p class="page-warning" role="note"><span aria-hidden="true">⚠</span>'
        f" <strong>{escape(beginning)}</strong> {escape(rest)}</p>"
    )
    place = title.parent.index(title) + 1
    title.parent.insert(place, nodes.raw("", line, format="html"))


def setup(app):
    """Connect to Sphinx."""
    app.connect("source-read", prepare_page)
    app.connect("doctree-read", keep_failed)
    app.connect("doctree-resolved", show_failed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
