"""Describe each page by the first sentences of its first paragraph.

They go into the page's `description`, for search engines, and onto its social card.
The extension that makes both, sphinxext-opengraph, would cut off in the middle of a
word, and would quote citations.
"""

import re
from html import escape
from textwrap import shorten

from docutils import nodes
from sphinxext import opengraph


def plain_text(node):
    """Return a node's text, without citations."""
    if "bibtex-citation" in node.get("classes", ()):
        return ""
    return "".join(
        child if isinstance(child, nodes.Text) else plain_text(child)
        for child in node.children
    )


def first_sentences(doctree, length, known_titles=frozenset()):
    """Return as many whole sentences as fit in `length` characters, one at least."""
    paragraph = next(doctree.findall(nodes.paragraph), None)
    if paragraph is None:
        return ""
    text = re.sub(r"\s+(?=[.,;:])", "", " ".join(plain_text(paragraph).split()))
    sentences = re.split(r"(?<=[.?!]) ", text)
    description = sentences[0]
    for sentence in sentences[1:]:
        if len(description) + 1 + len(sentence) > length:
            break
        description += f" {sentence}"
    return escape(shorten(description, length, placeholder=" …"), quote=False)


def setup(app):
    """Take the place of the extension's own choice of words."""
    opengraph.get_description = first_sentences
    return {"parallel_read_safe": True, "parallel_write_safe": True}
