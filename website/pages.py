"""What all who read the pages ask of them: has one code, which tags has a cell."""


def has_code(text):
    """Tell whether a page names a kernel in its header, and so has code to run."""
    return "\nkernelspec:\n" in text.partition("\n---\n")[0]


def is_notebook(path):
    """Tell whether a file is a page that has code to run."""
    return path.suffix == ".md" and has_code(path.read_text("utf-8"))


def tags_of(cell):
    """Return the tags of a cell."""
    return cell["metadata"].get("tags", [])
