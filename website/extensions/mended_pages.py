"""Mend what the theme and the extensions do wrong in their readers' browsers."""

import re
from html import unescape

from docutils import nodes
from sphinx_exercise.nodes import solution_node

# Where cookies are off, and in the frames of some course systems, a page may not store
# anything: to ask throws an error. The theme asks first thing, and then has no colors.
STORAGE = """<script>
for (const name of ["localStorage", "sessionStorage"])
  try {
    window[name].setItem("?", "");
    window[name].removeItem("?");
  } catch {
    const kept = new Map(); // until the page is left
    Object.defineProperty(window, name, { value: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, String(value)),
      removeItem: (key) => kept.delete(key),
    } });
  }
</script>
"""
PRINTED = re.compile(
    r'(<div class="output [^"]*"><div class="highlight">)<pre>(.*?)</pre>', re.DOTALL
)
TAG = re.compile(r"<[^>]+>")


def let_titles_open(app, doctree, name):
    """Make a solution's title text: a tap on it opens the solution.

    As a link, it leads back to the exercise, and the solution stays shut. That link
    goes to the end of the solution.
    """
    for solution in doctree.findall(solution_node):
        for link in solution.next_node(nodes.title).findall(nodes.reference):
            children = link.children
            link.parent.replace(link, children)
            back = nodes.reference("", "Back to the exercise", internal=True)
            back["refuri"] = link["refuri"]
            solution += nodes.paragraph("", "", back, classes=["back"])


def give_each_id_once(app, doctree, name):
    """Take the same id away from all exercises and solutions of a page."""
    for section in doctree.findall(nodes.section):
        if section["ids"] in (["exercise-content"], ["solution-content"]):
            section["ids"] = []


def tell_width(printed):
    """Write into what a cell has printed how many characters its longest line has."""
    start, text = printed.groups()
    lines = unescape(TAG.sub("", text)).splitlines()
    columns = max(map(len, lines), default=0)
    return f'{start}<pre style="--columns: {columns}">{text}</pre>'


def mend(app, name, template, context, doctree):
    """Add to a page what it needs before all else, and to its outputs their widths."""
    context["metatags"] = STORAGE + context.get("metatags", "")
    if "body" in context:
        context["body"] = PRINTED.sub(tell_width, context["body"])


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-resolved", let_titles_open)
    app.connect("doctree-resolved", give_each_id_once)
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
