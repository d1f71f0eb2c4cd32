"""Fold away in a notebook what its page hides, and take the folds away again.

The source of a page knows nothing of JupyterLab: it has tags, and directives around a
solution. JupyterLab, for its part, folds a code cell whose metadata says so, and all
cells below a heading, up to the next heading that isn't lower. So a folded notebook

- hides the source of cells with a tag of `HIDING`;
- has a heading before each exercise and each solution; that of a solution is folded.
  Such a fold, unlike that of a single cell, stays when all cells run. A click opens it;
- runs on when a cell with the tag `measured` fails, since its numbers may be another
  processor's.

Each change is noted in the metadata of its cell, which is how `unfold` finds them all,
whatever a reader has done with the cells meanwhile. What a reader changed stays.
"""

import re
from copy import deepcopy

from nbformat.v4 import new_markdown_cell

from classroom.exercises import MARK
from website.pages import tags_of

NOTE = "folds"  # the key, in the metadata of a cell, of what `fold` did there
# Outputs aren't hidden: there are none before a cell runs, and JupyterLab shows them
# when it does.
HIDING = {"remove-cell", "remove-input", "hide-input"}
# The empty lines before an exercise and before a solution, and those after the latter.
BREAK = re.compile(
    r"((?<=^```{solution-end}\n```)\n+|\n+(?=```{(?:exercise|solution)-start}))",
    re.MULTILINE,
)
# Below a folded heading, the words of a solution needn't be folded once more.
DROPDOWN = re.compile(r"\A(```{solution-start}.*\n):class: dropdown\n")
NO_DROPDOWN = re.compile(r"\A(```{solution-start}.*\n)(?!:class: dropdown\n)")


def fold(notebook):
    """Return a notebook of a page in which all is folded that its page hides.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The page, as Jupytext reads it.
    """
    notebook = deepcopy(notebook)
    cells, notebook.cells = notebook.cells, []
    for number, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            notebook.cells += split_at_headings(cell, number)
        else:
            notebook.cells.append(hide_source(cell))
    return notebook


def split_at_headings(cell, number):
    """Split a Markdown cell around exercises and solutions; give these headings.

    Parameters
    ----------
    cell : nbformat.NotebookNode
        A cell of a page.
    number : int
        What tells its parts from those of other cells.

    Returns
    -------
    list of nbformat.NotebookNode
        The cell, if there's nothing to split; else its parts, and the headings.
    """
    pieces = BREAK.split(cell.source)  # text, newlines, text, …
    texts, gaps = pieces[::2], ["", *pieces[1::2]]
    cells = []
    for part, (text, gap) in enumerate(zip(texts, gaps, strict=True)):
        mark = MARK.match(text)
        if mark and mark[2] == "start":
            cells.append(heading(kind=mark[1], title=mark[3]))
        piece = new_markdown_cell() if part else cell
        piece.source = DROPDOWN.sub(r"\1", text)
        note = {"cell": number, "part": part, "gap": gap}
        if piece.source != text:
            note["dropdown"] = True
        if len(texts) > 1 or "dropdown" in note:
            piece.metadata[NOTE] = note
        cells.append(piece)
    return cells


def heading(kind, title):
    """Return the heading of an exercise, or, folded, that of a solution."""
    if kind == "exercise":
        text, metadata = f"### Exercise: {title.strip()}".rstrip(": "), {}
    else:
        text, metadata = "#### Solution", {"jp-MarkdownHeadingCollapsed": True}
    return new_markdown_cell(text, metadata=metadata | {NOTE: {"heading": text}})


def hide_source(cell):
    """Fold a cell's source if a tag says so; let *Run all* pass a measured one."""
    metadata, note = cell.metadata, {}
    tags = tags_of(cell)
    if HIDING.intersection(tags) and "source_hidden" not in metadata.get("jupyter", {}):
        note["jupyter"] = ["source_hidden"]
        metadata["jupyter"] = {**metadata.get("jupyter", {}), "source_hidden": True}
    if "measured" in tags and "raises-exception" not in tags:
        note["tags"] = ["raises-exception"]
        metadata["tags"] = [*tags, "raises-exception"]
    if note:
        metadata[NOTE] = note
    return cell


def unfold(notebook):
    """Return a folded notebook as its page was, with all that a reader changed.

    Parameters
    ----------
    notebook : dict
        A notebook that `fold` returned, edited perhaps.
    """
    notebook = deepcopy(notebook)
    cells, notebook["cells"] = notebook["cells"], []
    before = {}  # the note of the cell before
    for cell in cells:
        note = cell["metadata"].pop(NOTE, {})
        if "heading" in note:
            text = cell["source"].removeprefix(note["heading"]).strip("\n")
            if not text:
                continue
            cell["source"] = text  # what a reader wrote there
            cell["metadata"].pop("jp-MarkdownHeadingCollapsed", None)
        elif "part" in note and not cell["source"]:
            continue  # emptied is as good as deleted
        show_source(cell, note)
        if "dropdown" in note:
            cell["source"] = NO_DROPDOWN.sub(r"\1:class: dropdown\n", cell["source"])
        if follows(note, before) and cell["cell_type"] == "markdown":
            whole = notebook["cells"][-1]
            whole["source"] += note["gap"] + cell["source"]
            whole["metadata"].update(cell["metadata"])
        else:
            notebook["cells"].append(cell)
        before = note if cell["cell_type"] == "markdown" else {}
    return notebook


def follows(note, before):
    """Tell from their notes whether a part of a cell comes after another part of it.

    Parts between them may be deleted. A cell that a reader put there has no note.
    """
    same = "part" in note and note["cell"] == before.get("cell")
    return same and note["part"] > before["part"]


def show_source(cell, note):
    """Take from a cell's metadata what `hide_source` noted there."""
    metadata = cell["metadata"]
    if "jupyter" in note:
        metadata.get("jupyter", {}).pop("source_hidden", None)
    if "tags" in note:
        metadata["tags"] = [tag for tag in tags_of(cell) if tag not in note["tags"]]
    for key in ("jupyter", "tags"):
        if key in note and not metadata.get(key):
            metadata.pop(key, None)
