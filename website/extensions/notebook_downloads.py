"""Offer each page as an `.ipynb` that runs anywhere: downloaded, or in Colab.

The build leaves a folder `downloads` in the site, which is also what the branch
`notebooks` holds, for Colab:

    content/tutorial/load.ipynb             without outputs
    executed/content/tutorial/load.ipynb    with the outputs of this build
    scratchnet-0.1.0-py3-none-any.whl       the package that the notebooks import

MyST's directives and roles, which Colab and plain Jupyter show raw, become Markdown.
"""

import base64
import io
import mimetypes
import os
import re
import textwrap
from copy import deepcopy
from html import escape
from pathlib import Path
from urllib.parse import quote

import nbformat
from build_outcome import stopped_pages
from flit_core.wheel import WheelBuilder
from jupyter_cache import get_cache
from myst_nb.ext.glue.crossref import read_glue_cache
from plain_markdown import PlainMarkdown
from sphinx.util.nodes import clean_astext

from website.notebook_folds.folds import NOTE, fold
from website.pages import is_notebook, needs, tags_of

ROOT = Path(__file__).parents[2]
FIRST_CELL = """\
# Run this first. It installs the book's package where it's missing, no more.
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WHEEL = {wheel!r}
FROM_THE_WEB = {address!r}

if importlib.util.find_spec("scratchnet") is None:
    package = FROM_THE_WEB
    for folder in (Path.cwd(), *Path.cwd().parents):
        if files := list(folder.glob(WHEEL.replace(".whl", "*.whl"))):
            package = max(files, key=lambda file: file.stat().st_mtime)
            break
    if not package:
        raise FileNotFoundError(
            f"This notebook needs {{WHEEL}}. Download it from the menu that this"
            " notebook came from, put it beside the notebook, and run this cell again."
        )
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(package, Path):  # pip takes no " (1)", as second downloads have
            package = shutil.copy(package, Path(folder, WHEEL))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", str(package)]
        done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip()
        advice = (
            "Run `python -m ensurepip` in this environment (or `uv pip install pip`),"
            " and this cell again."
            if said.endswith("No module named pip")
            else "Make an environment with `python -m venv`, install jupyter there, and"
            " open this notebook with it."
        )
        raise RuntimeError(f"The package can't be installed. {{advice}}\\n{{said}}")
    importlib.invalidate_caches()
    if importlib.util.find_spec("scratchnet") is None:
        raise RuntimeError("The package is installed. Restart the kernel, and go on.")
"""
ALSO_NEEDED = """
NEEDS = {needs!r}
if missing := [name for name in NEEDS if importlib.util.find_spec(name) is None]:
    names = " ".join(missing)
    raise ModuleNotFoundError(
        f"This notebook also needs {{names}}. Install that, and run this cell again:"
        f" python -m pip install {{names}}. (On Linux, PyTorch brings gigabytes of CUDA"
        " along, unless you add --extra-index-url https://download.pytorch.org/whl/cpu)"
    )
"""
STYLE, HINT = 'plt.style.use("scratchnet.book")', "  # needs the first cell's package"
# Browsers show a file that they can read, unless a link says that it's to be kept.
KEEP = """\
document.addEventListener("DOMContentLoaded", () => {
  for (const link of document.querySelectorAll("a[href*='downloads/']"))
    link.download = "";
});
"""


# From MyST to Markdown --------------------------------------------------------------


class NotebookMarkdown(PlainMarkdown):
    """Turns one page's MyST into Markdown, with what the build knows of the book."""

    defined = r"- **\g<term>**: \g<text>"

    def __init__(self, app, docname):
        self.app, self.env, self.docname = app, app.env, docname
        self.folder = Path(app.srcdir, docname).parent
        bibtex = self.env.get_domain("cite")
        self.citations = {
            citation.key: citation.formatted_entry.label
            for citation in bibtex.citations
        }
        self.site = app.config.html_baseurl  # see book_build.py

    # `fold` gives exercises and solutions headings, under which notebooks fold.
    as_exercise_start = as_exercise_end = PlainMarkdown.nothing
    as_solution_start = as_solution_end = PlainMarkdown.nothing
    as_button_link = as_button_ref = PlainMarkdown.nothing

    def as_dropdown(self, title, options, body):
        """Hide what is to be unfolded, as the page does."""
        return f"<details><summary>{escape(title)}</summary>\n\n{body}\n\n</details>"

    def as_literalinclude(self, title, options, body):
        """Show the part of a file that the page shows."""
        lines = (self.folder / title).read_text("utf-8").splitlines()
        start, end = (
            options.get(key, "").strip('"') for key in ("start-at", "end-before")
        )
        first = next(i for i, line in enumerate(lines) if start in line)
        rest = enumerate(lines[first + 1 :], first + 1)
        last = next((i for i, line in rest if end and end in line), len(lines))
        code = textwrap.dedent("\n".join(lines[first:last])).strip()
        return f"```{options.get('language', '')}\n{code}\n```"

    def as_raw(self, title, options, body):
        """Say where the page's live part is."""
        place = f"[website]({self.site}{self.docname}.html)" if self.site else "website"
        return f"*Here, the page on the book's {place} is live.*"

    def as_tableofcontents(self, title, options, body):
        """List the notebooks."""
        pages = self.env.toctree_includes.get(self.docname, [])
        notebooks = [name for name in pages if notebook_of(self.app, name)]
        return "\n".join(f"- {self.page_link('', name)}" for name in notebooks)

    def box(self, title, body):
        """Set off a titled part as a quotation."""
        lines = [f"**{title}**", "", *body.splitlines()]
        return "\n".join(f"> {line}".rstrip() for line in lines)

    def image(self, path, options):
        """Put the drawing into the notebook, where nothing can lose it."""
        path = self.folder / path
        kind = mimetypes.guess_type(path.name)[0]
        data = base64.b64encode(path.read_bytes()).decode()
        width = re.sub(r"\D", "", options.get("width", "")) or "560"
        alt = escape(options.get("alt", ""))
        return f'<img src="data:{kind};base64,{data}" width="{width}" alt="{alt}">'

    def link(self, words, path, anchor):
        """Lead a link to another page of the book somewhere that exists."""
        docname = self.docname_of(path) if path else self.docname
        return self.page_link(words, docname, anchor)

    def equation(self, label):
        """Return the number that an equation has in the book."""
        _, number = self.env.get_domain("math").equations[label]
        return number

    def citation(self, keys):
        """Cite sources by authors and years, as the book does."""
        return f"({'; '.join(self.citations[key.strip()] for key in keys)})"

    def glued(self, page, key):
        """Return a value that a page computed, as text."""
        docname = self.docname_of(page) if page else self.docname
        values = read_glue_cache(self.env.mystnb_config.output_folder, docname)
        if key not in values:  # a warning of the page, or its recorded outputs are old
            return "…"
        return values[key]["data"]["text/plain"]

    def docname_of(self, path):
        """Return the name of the page that a relative path leads to."""
        return self.env.path2doc((self.folder / path).resolve())

    def page_link(self, words, docname, anchor=""):
        """Link to a page on the web, or else to the notebook beside this one."""
        if docname not in self.env.titles:  # Sphinx has warned of it
            return words or docname
        title = clean_astext(self.env.titles[docname])
        if self.site:
            return f"[{words or title}]({self.site}{docname}.html{anchor})"
        if docname != self.docname and notebook_of(self.app, docname):
            path = os.path.relpath(docname, Path(self.docname).parent).replace(
                os.sep, "/"
            )
            return f"[{words or title}]({path}.ipynb)"
        return words or title


# Notebooks and package --------------------------------------------------------------


def notebook_of(app, docname):
    """Return where the build left a page as an executed notebook, or None."""
    path = Path(app.outdir).parent / "jupyter_execute" / f"{docname}.ipynb"
    runs = is_notebook(Path(app.env.doc2path(docname)))
    return path if runs and path.exists() else None


def executed_notebook(app, path):
    """Read a notebook with its outputs.

    MyST-NB leaves them out where they come from its cache: merge them in again.
    """
    notebook = nbformat.read(path, 4)
    if any(cell.get("outputs") for cell in notebook.cells):
        return notebook
    cache = get_cache(app.env.mystnb_config.execution_cache_path)
    return cache.merge_match_into_notebook(notebook)[1]


def readers_notebook(notebook, markdown, first_cell):
    """Return a notebook for readers: folded, Markdown for MyST, and no check cells."""
    cells = [nbformat.v4.new_code_cell(first_cell)]
    for cell in fold(notebook).cells:
        if "remove-cell" in tags_of(cell):
            continue
        cell.metadata.pop(NOTE, None)
        caption = cell.metadata.pop("mystnb", {}).get("figure", {}).get("caption")
        if cell.cell_type == "markdown":
            cell.source = markdown.convert(cell.source)
            if not cell.source:
                continue
        cell.source = cell.source.replace(STYLE, STYLE + HINT)
        cells.append(cell)
        if caption:
            words = markdown.convert(caption)
            cells.append(nbformat.v4.new_markdown_cell(f"*{words}*"))
    title = next(cell for cell in cells if cell.cell_type == "markdown")
    cells.remove(title)
    cells.insert(0, title)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same in each build
    kept = ("kernelspec", "language_info")
    metadata = {key: notebook.metadata[key] for key in kept if key in notebook.metadata}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def without_outputs(notebook):
    """Return a notebook as it is before it runs."""
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def write_wheel(folder):
    """Build the package into a folder, without JupyterLab's settings for a clone."""
    content = io.BytesIO()
    builder = WheelBuilder.from_ini_path(ROOT / "pyproject.toml", content)
    builder.data_directory = None
    builder.build(editable=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / builder.wheel_filename).write_bytes(content.getvalue())
    return builder.wheel_filename


def wheel_name():
    """Return the name of the package's file."""
    builder = WheelBuilder.from_ini_path(ROOT / "pyproject.toml", io.BytesIO())
    return builder.wheel_filename


def package_address(site, repository, branch, wheel):
    """Return what pip installs the package from where it isn't beside the notebook."""
    if site:
        return f"{site}downloads/{wheel}"
    return f"git+{repository}@{branch}" if repository else ""


def write_downloads(app, exception):
    """Write the folder `downloads` of the site."""
    if exception or app.builder.name != "html":
        return
    if stopped_pages(app.env):  # they lack values that others quote
        return
    folder = Path(app.outdir, "downloads")
    wheel = write_wheel(folder)
    config = app.config
    address = package_address(config.html_baseurl, *config.book_repository, wheel)
    first_cell = FIRST_CELL.format(wheel=wheel, address=address).rstrip()
    for docname in sorted(app.env.found_docs):
        path = notebook_of(app, docname)
        if not path:
            continue
        markdown = NotebookMarkdown(app, docname)
        first = first_cell
        if needed := needs(Path(app.env.doc2path(docname)).read_text("utf-8")):
            first += "\n" + ALSO_NEEDED.format(needs=needed).rstrip()
        executed = readers_notebook(executed_notebook(app, path), markdown, first)
        for target, notebook in (
            (folder / "executed" / f"{docname}.ipynb", executed),
            (folder / f"{docname}.ipynb", without_outputs(executed)),
        ):
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, target)


# Buttons ----------------------------------------------------------------------------


def launch_buttons(repository, branch, docname):
    """Return the buttons that open a page on Binder and in Colab."""
    host, owner, name = repository.rsplit("/", 2)
    github = host.endswith("//github.com")
    place = f"gh/{owner}/{name}" if github else f"git/{quote(repository, safe='')}"
    ref = quote(branch, safe="")
    path = quote(f"lab/tree/{docname}.md", safe="")
    buttons = [
        {
            "type": "link",
            "text": "Binder",
            "tooltip": "Run this page on Binder",
            "icon": "_static/images/logo_binder.svg",
            "url": f"https://mybinder.org/v2/{place}/{ref}?urlpath={path}",
        }
    ]
    if github:
        buttons.append(
            {
                "type": "link",
                "text": "Colab",
                "tooltip": "Run this page in Colab",
                "icon": "_static/images/logo_colab.png",
                "url": f"https://colab.research.google.com/github/{owner}/{name}"
                f"/blob/notebooks/{docname}.ipynb",
            }
        )
    return buttons


def add_buttons(app, pagename, templatename, context, doctree):
    """Add to the menus of a notebook's page: download it, or launch it."""
    if doctree is None or not notebook_of(app, pagename):
        return
    menus = context["header_buttons"]
    downloads = next(m for m in menus if m.get("label") == "download-buttons")
    for place, (text, tooltip, path) in enumerate(
        [
            (".ipynb", "Download the notebook", f"{pagename}.ipynb"),
            (
                ".ipynb with outputs",
                "Download the notebook with its outputs",
                f"executed/{pagename}.ipynb",
            ),
            (
                "scratchnet.whl",
                "Download the package that the notebook needs",
                wheel_name(),
            ),
        ]
    ):
        button = {
            "type": "link",
            "text": text,
            "tooltip": tooltip,
            "icon": "fas fa-box" if path.endswith(".whl") else "fas fa-code",
            "url": context["pathto"](f"downloads/{path}", 1),
            "label": "download-notebook-button",
        }
        downloads["buttons"].insert(place, button)
    repository, branch = app.config.book_repository
    if repository:
        menus.insert(
            0,
            {
                "type": "group",
                "tooltip": "Launch this page",
                "icon": "fas fa-rocket",
                "label": "launch-buttons",
                "buttons": launch_buttons(repository, branch, pagename),
            },
        )


def setup(app):
    """Connect to Sphinx."""
    app.add_config_value("book_repository", ("", "main"), "html")
    app.add_js_file(None, body=KEEP)
    app.connect("html-page-context", add_buttons, priority=502)  # after the theme's
    app.connect("build-finished", write_downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
