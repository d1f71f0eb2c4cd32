"""Make slides from the chapters as they ran: `python -m classroom.slides`.

Nothing is marked by hand in the pages. A section begins a new column of slides. A text
becomes the first sentences of its paragraphs, with its formulas and drawings; the whole
of it is in the slide's notes for the speaker (press S). Code is shown with what it
printed, a figure without the code that draws it. The questions of the exercises come
last.
"""

import argparse
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import jupytext
from book_build import copy_mathjax_to
from built_book import BUILD, CACHE
from jupyter_cache import get_cache
from measured_checks import as_executed
from nbconvert.exporters import SlidesExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from plain_markdown import PlainMarkdown
from traitlets.config import Config

from classroom.course import ROOT, TEACHING
from classroom.editions import chosen
from classroom.exercises import Exercise, split_page
from website.pages import tags_of

SLIDES = BUILD / "slides"
DIAGRAMS = ROOT / "_static" / "diagrams"
LEFT_OUT = {"What you'll need", "Exercises", "Further reading"}
LINES, IMAGE_LINES = 19, 15  # what a slide has room for, and what an image takes
LINE, CODE_LINES = 0.8, 19  # what a line of code takes, and how many of them fit
IMAGE = re.compile(r"\]\((?!\w+:)[^)]*/([\w.-]+\.(?:svg|png))\)")
VIEW_BOX = re.compile(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"')
SENTENCE = re.compile(r"(?<=[.?!:])\s+(?=[A-Z`*$(])")


def as_it_ran(page):
    """Return a page as a notebook, with the outputs that the build has kept.

    Raises
    ------
    LookupError
        If the page has changed since, or has never run.
    """
    text = page.read_text("utf-8")
    notebook = jupytext.reads(as_executed(text), "md:myst")
    try:
        executed = get_cache(CACHE).merge_match_into_notebook(notebook)[1]
    except KeyError:
        raise LookupError(f"{page.name} has changed since it ran: make book") from None
    own = jupytext.reads(text, "md:myst")
    for cell, own_cell in zip(executed.cells, own.cells, strict=True):
        cell.source = own_cell.source
    return executed


class Deck:
    """Cells in the order of the slides; a new slide begins where the last is full.

    Each slide has notes: all of the text of which it shows the beginning, or, where it
    shows code alone, the notes before.
    """

    def __init__(self):
        self.cells = []
        self.heading = ""
        self.left = 0  # lines
        self.said, self.said_before = [], ""

    def add(self, cell, lines, new=None):
        """Put a cell on the slide, or on a new one if told so or if it doesn't fit."""
        if new or lines > self.left:
            self.finish()
            self.left = LINES
            if not new and self.heading:
                repeated = new_markdown_cell(f"### {self.heading}")
                self.cells.append(on_slide(repeated, "subslide"))
                self.left -= 2
            else:
                on_slide(cell, new or "subslide")
        self.left -= lines
        self.cells.append(cell)

    def finish(self):
        """End a slide with its notes."""
        notes = "\n\n".join(self.said) or self.said_before
        if self.cells and notes:
            self.cells.append(on_slide(new_markdown_cell(notes), "notes"))
        self.said, self.said_before = [], notes

    def add_text(self, text, new=None):
        """Add what matters of a text, block by block; all of it goes into the notes."""
        for block, whole in essence(text):
            lines = 1 + sum(1 + len(line) // 75 for line in block.splitlines())
            has_image = block.startswith("![")
            self.add(new_markdown_cell(block), LINES - 2 if has_image else lines, new)
            self.said.append(re.sub(r"!\[.*?\]\(.*?\)\n*", "", whole))
            new = None

    def add_code(self, cell, markdown):
        """Add code with what it printed, or a figure with its caption.

        What doesn't fit is divided: the code between its parts, then what it printed,
        of which the middle may be left out.
        """
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption")
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            self.add(shown(cell, tags=["figure"]), IMAGE_LINES + 2 * bool(caption))
        else:
            outputs = [shortened(output) for output in cell.outputs]
            printed = sum(1 + out.get("text", "").count("\n") for out in outputs)
            *parts, last = parts_of(cell.source)
            for part in parts:
                self.add(shown(cell, part), code_lines(part))
            if code_lines(last) + LINE * printed <= LINES - 2:
                lines = code_lines(last) + LINE * printed
                self.add(shown(cell, last, outputs), lines)
            else:
                self.add(shown(cell, last), code_lines(last))
                whole = shown(cell, "", outputs, tags=["figure"])
                self.add(whole, min(LINE * printed, LINES - 2))
        if caption:
            self.cells.append(new_markdown_cell(markdown.convert(caption)))


def is_to_be_seen(cell):
    """Tell whether the page shows anything of a cell."""
    hides_code = "remove-input" in tags_of(cell)
    return "remove-cell" not in tags_of(cell) and bool(cell.outputs or not hides_code)


def code_lines(source):
    """Return how many lines of a slide some code takes."""
    return 1 + LINE * (1 + source.count("\n"))


def parts_of(source):
    """Divide code that no slide has room for, where a line is empty if possible."""
    lines, parts = source.splitlines(), []
    while len(lines) > CODE_LINES:
        empty = [n for n in range(4, CODE_LINES) if not lines[n].strip()]
        end = empty[-1] if empty else CODE_LINES
        parts.append("\n".join(lines[:end]).rstrip())
        lines = lines[end:]
        while lines and not lines[0].strip():
            lines = lines[1:]
    return [*parts, "\n".join(lines)]


def shortened(output):
    """Leave out the middle of what code printed where a slide has no room for it."""
    lines = output.get("text", "").splitlines()
    if len(lines) <= CODE_LINES:
        return output
    output = output.copy()
    output["text"] = "\n".join([*lines[:8], "⋮", *lines[9 - CODE_LINES :]]) + "\n"
    return output


def shown(cell, source=None, outputs=None, tags=()):
    """Return a cell of code for a slide; with the tag "figure", its outputs alone."""
    if source is None:
        source, outputs = cell.source, cell.outputs
    metadata = {"tags": list(tags)} if tags else {}
    return new_code_cell(source, outputs=outputs or [], metadata=metadata)


def slides_of(page, executed):
    """Turn a chapter into a notebook whose cells say on which slide they are.

    Parameters
    ----------
    page : pathlib.Path
        The chapter.
    executed : nbformat.NotebookNode
        The same chapter, with the outputs of the build.

    Returns
    -------
    nbformat.NotebookNode
        A notebook for nbconvert's slides.
    """
    markdown = PlainMarkdown(glued_values(executed))
    deck, exercises, is_left_out = Deck(), [], False
    for part in split_page(executed):
        if isinstance(part, Exercise):
            exercises.append(part)
        elif part.cell_type == "markdown":
            for text in re.split(r"(?m)^(?=#{1,3} )", part.source):
                heading = re.match(r"(#{1,3}) (.+)", text)
                if heading and len(heading[1]) < 3:
                    is_left_out = heading[2] in LEFT_OUT
                if text.strip() and not is_left_out:
                    new = None
                    if heading:
                        deck.heading = heading[2]
                        new = "slide" if len(heading[1]) < 3 else "subslide"
                    deck.add_text(markdown.convert(text), new)
        elif not is_left_out and is_to_be_seen(part):
            deck.add_code(part, markdown)
    for exercise in exercises:
        deck.heading = f"Exercise: {exercise.title}"
        text = f"## {deck.heading}\n\n{markdown.convert(exercise.text)}"
        new = "slide" if exercise is exercises[0] else "subslide"
        deck.add(new_markdown_cell(text), LINES, new)
        deck.said.append("The solution is on the page, folded away.")
    deck.finish()
    notebook = new_notebook(cells=deck.cells, metadata=executed.metadata)
    notebook.metadata["title"] = page.stem
    return notebook


def on_slide(cell, kind):
    """Say which kind of slide a cell begins, or that it's notes."""
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def essence(text):
    """Keep headings, lists, formulas, images, and how each paragraph begins.

    Parameters
    ----------
    text : str
        Plain Markdown.

    Yields
    ------
    pair of str
        A block of Markdown, and all of the text that it stands for. A heading is in
        one block with what follows, an image with its caption. Of a paragraph, it's the
        first sentence, and more if that is a question, is short, or leads to the next.
    """
    blocks = re.split(r"\n{2,}", text)
    while blocks:
        parts = [blocks.pop(0)]
        while blocks and re.match(r"#+ .*$|!\[.*\)$", parts[-1]):
            is_image = parts[-1].startswith("!")
            if is_image and not re.match(r"\*[^*]", blocks[0]):
                break
            parts.append(blocks.pop(0))
        yield "\n\n".join(map(beginning, parts)), "\n\n".join(parts)


def beginning(block):
    """Return how a paragraph begins; the whole of any other block."""
    if re.match(r"#|- |\d+\. |\$\$|!\[|\||\*[^*]|```", block):
        return block
    sentences = SENTENCE.split(block)
    kept = sentences.pop(0)
    while sentences and (kept.endswith(("?", ":")) or len(kept) < 45):
        kept += f" {sentences.pop(0)}"
    return kept


def glued_values(notebook):
    """Collect the values that a page's text quotes from its outputs."""
    prefix = "application/papermill.record/text/plain"
    return {
        output.metadata["scrapbook"]["name"]: output.data[prefix]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if prefix in output.get("data", {})
    }


def place_of(image):
    """Return where the slides have a drawing; the end tells if it's a tall one."""
    name = image[1]
    text = (DIAGRAMS / name).read_text("utf-8", "ignore")  # that of a picture has none
    size = VIEW_BOX.search(text)
    is_tall = size and float(size[2]) > float(size[1])
    return f"](images/{name}{'#tall' * bool(is_tall)})"


def write_slides(name, notebook, folder):
    """Write the slides of one chapter, with its drawings beside them."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = IMAGE.sub(place_of, cell.source)
    remove = {"enabled": True, "remove_input_tags": {"figure"}}
    exporter = SlidesExporter(
        config=Config({"TagRemovePreprocessor": remove}),
        template_name="slides-template",
        extra_template_basedirs=[str(Path(__file__).parent)],
        reveal_url_prefix="reveal",
        reveal_theme="white",
        mathjax_url="mathjax/startup.js",
    )
    html, _ = exporter.from_notebook_node(notebook)
    (folder / f"{name}.html").write_text(html, "utf-8")


def main(arguments=None):
    """Write the slides of the chapters, and what they load.

    Parameters
    ----------
    arguments : list of str, optional
        The command line, by default that of the program.

    Returns
    -------
    int
        Exit status: 1 if a chapter is unknown, if one hasn't run as it is (the others
        have slides), if the folder has other files in it, or if reveal.js isn't
        installed.
    """
    parser = argparse.ArgumentParser(prog="slides", description=__doc__)
    parser.add_argument("--folder", type=Path, default=SLIDES, help="where to write")
    parser.add_argument("names", nargs="*", help="chapters, such as load; or all")
    options = parser.parse_args(arguments)

    sys.path.append(str(TEACHING))
    package = find_spec("sphinx_revealjs")
    if not package:
        print("reveal.js isn't installed. Run make slides.", file=sys.stderr)
        return 1
    folder = options.folder.expanduser().resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / "reveal").exists():
        print(
            f"{folder} has files in it that aren't slides: name another --folder",
            file=sys.stderr,
        )
        return 1
    try:
        pages = chosen(options.names)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    notebooks = {}
    for page in pages:
        try:
            notebooks[page.stem] = slides_of(page, as_it_ran(page))
        except LookupError as error:
            print(f"No slides: {error}", file=sys.stderr)
    if not notebooks:
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    reveal = Path(package.origin).parent / "_static" / "revealjs"
    no_maps = shutil.ignore_patterns("*.map", "*.esm.js")
    for part in ("dist", "plugin/notes"):
        shutil.copytree(reveal / part, folder / "reveal" / part, ignore=no_maps)
    shutil.copy(reveal / "LICENSE", folder / "reveal")
    copy_mathjax_to(folder / "mathjax")
    shutil.copytree(DIAGRAMS, folder / "images")
    for name, notebook in notebooks.items():
        write_slides(name, notebook, folder)
    print(f"Slides of {len(notebooks)} chapters; open them in a browser, such as")
    print(f"  {(folder / next(iter(notebooks))).as_uri()}.html")
    return int(len(notebooks) < len(pages))


if __name__ == "__main__":
    sys.exit(main())
