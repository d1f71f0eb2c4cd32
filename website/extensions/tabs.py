"""Cells that say the same in several frameworks stand in tabs.

Consecutive code cells with tags such as `tab-numpy` and `tab-pytorch` become a set of
tabs, which changes with all others of the page. In JupyterLab, they're cells like any
other, one after the other. On paper, all are shown (_static/book.css).
"""

from docutils import nodes
from sphinx_design.shared import create_component

TAG = "tag_tab-"  # MyST-NB makes classes of a cell's tags
LABELS = {
    "numpy": "NumPy",
    "pytorch": "PyTorch",
    "jax": "JAX",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
}


def framework_of(node):
    """Return which tab a part of a page goes into; None if it's no such cell."""
    classes = node.get("classes", ()) if isinstance(node, nodes.container) else ()
    return next((c.removeprefix(TAG) for c in classes if c.startswith(TAG)), None)


def gather(app, doctree):
    """Put cells that follow each other into tabs; a framework's second begins anew."""
    cells = [node for node in doctree.findall(nodes.container) if framework_of(node)]
    tab_set, before = None, None
    for cell in cells:
        follows = tab_set and before is previous(cell)
        if not follows or framework_of(cell) in tab_set["frameworks"]:
            tab_set = create_component("tab-set", ["sd-tab-set"], frameworks=[])
            cell.parent.replace(cell, tab_set)
        else:
            cell.parent.remove(cell)
        tab_set["frameworks"].append(framework_of(cell))
        tab_set += tab(cell)
        before = tab_set
    for tab_set in {id(n): n for n in doctree.findall(is_gathered)}.values():
        del tab_set["frameworks"]


def previous(node):
    """Return what stands before a part of a page, on the same level."""
    place = node.parent.index(node)
    return node.parent[place - 1] if place else None


def is_gathered(node):
    """Tell whether a set of tabs has just been made."""
    return isinstance(node, nodes.container) and "frameworks" in node


def tab(cell):
    """Return a cell as a tab, as sphinx-design makes them."""
    name = framework_of(cell)
    label = nodes.rubric("", LABELS[name], classes=["sd-tab-label"])
    label["sync_group"], label["sync_id"] = "framework", name
    content = create_component("tab-content", ["sd-tab-content"], children=[cell])
    return create_component("tab-item", ["sd-tab-item"], children=[label, content])


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-read", gather)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
