"""What all who read the pages ask of them: code, cells, tags, and what they need."""

import re
from importlib.util import find_spec

NEEDS = re.compile(r"^:?tags: \[(.*\bneeds-.*)\]$", re.MULTILINE)


def has_code(text):
    """Tell whether a page names a kernel in its header, and so has code to run."""
    return "\nkernelspec:\n" in text.partition("\n---\n")[0]


def is_notebook(path):
    """Tell whether a file is a page that has code to run."""
    return path.suffix == ".md" and has_code(path.read_text("utf-8"))


def tags_of(cell):
    """Return the tags of a cell."""
    return cell["metadata"].get("tags", [])


def code_cells(notebook):
    """List the cells with code, which are counted from 0."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def needs(text):
    """Return the modules that a page needs beyond the book's own environment.

    One of its cells has a tag for each, such as `needs-torch`.
    """
    tags = [tag.strip() for tags in NEEDS.findall(text) for tag in tags.split(",")]
    return [tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-")]


def missing(text):
    """Return those of the modules that a page needs that aren't installed."""
    return [name for name in needs(text) if find_spec(name) is None]
