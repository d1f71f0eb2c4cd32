"""Say under each page's title how long it takes to read, and how long it took to run.

Nobody types these times: the words are counted, and MyST-NB has clocked the cells.
How fast these pages are read, we haven't measured: the line calls that time a guess,
and leads to where the book says how it guesses.
"""

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector

WORDS_PER_MINUTE = 200
RECORD = "content/what-comes-after/how-this-book-ran"
GUESS = "content/what-comes-after/teach-with-this-book"
FOLDED = {"cell_output", "dropdown", "sd-dropdown"}  # outputs; solutions and answers


def count_words(node):
    """Count the words in a part of a page, text and visible code.

    What cells print isn't read word by word, and what is folded may stay so.
    """
    if isinstance(node, nodes.Text):
        return len(node.split())
    if FOLDED & set(node.get("classes", ())):
        return 0
    if isinstance(node, (nodes.Invisible, nodes.math_block, nodes.raw)):
        return 0
    return sum(map(count_words, node.children))


def record_words(app, doctree):
    """Keep the number of words of a page that has just been read."""
    app.env.metadata[app.env.docname]["words"] = count_words(doctree)


def seconds_to_run(env, name):
    """Return how long the cells of a page ran, or None for a page without any."""
    data = NbMetadataCollector.get_doc_data(env)[name].get("exec_data")
    return data and data["runtime"]


def in_words(number, unit):
    """Name a time: 1 minute, 2 minutes."""
    number = max(1, round(number))
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def times(env, name):
    """Return what the line says: on the landing page about the whole book."""
    names = env.found_docs if name == env.config.root_doc else [name]
    minutes = sum(env.metadata[each]["words"] for each in names) / WORDS_PER_MINUTE
    ran = [seconds for each in names if (seconds := seconds_to_run(env, each))]
    if len(names) == 1:
        read = f"{in_words(minutes, 'minute')} to read"
        run = f"ran in {in_words(sum(ran), 'second')}"
    else:
        read = f"{len(names)} pages, {in_words(minutes / 60, 'hour')} to read"
        run = f"every cell ran, in {in_words(sum(ran) / 60, 'minute')}"
    return read, run if ran else None


def link_to(app, name, target, words):
    """Link words of a page to another page, if the book has it."""
    if target == name or target not in app.env.found_docs:
        return words
    return f'<a href="{app.builder.get_relative_uri(name, target)}">{words}</a>'


def show_times(app, doctree, name):
    """Put the line under the title of a page."""
    title = next(doctree.findall(nodes.title), None)
    if title is None or app.builder.format != "html":
        return
    read, run = times(app.env, name)
    line = f"{read}, {link_to(app, name, GUESS, 'a guess')}"
    if run:
        line += f" · {link_to(app, name, RECORD, run)}"
    line = f'<p class="page-times">{line}</p>'
    place = title.parent.index(title) + 1
    title.parent.insert(place, nodes.raw("", line, format="html"))


def landing_page(app, env):
    """Write the landing page again when any page has changed: it adds them up."""
    return [app.config.root_doc] if app.config.root_doc in env.found_docs else []


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-read", record_words)
    app.connect("env-updated", landing_page)
    app.connect("doctree-resolved", show_times)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
