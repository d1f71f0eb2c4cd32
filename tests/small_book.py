"""Small books with this book's settings, which are built in no time."""

import os
import shutil
import subprocess
import sys

from bs4 import BeautifulSoup
from test_pages import ROOT

PARTS = ("_static", "checks", "scratchnet", "website")
FILES = (
    "_config.yml",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "content/what-comes-after/references.bib",
)
HEADER = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec:
  {display_name: Python 3, language: python, name: python3}
---

"""
CELL = "```{{code-cell}} ipython3\n{}\n```\n"


def cell(code, tags=""):
    return CELL.format(f":tags: {tags}\n\n{code}" if tags else code)


def page(title, *parts):
    return HEADER + "\n".join([f"# {title}\n", *parts])


class Book:
    """A small book with this book's settings."""

    def __init__(self, folder, **pages):
        self.folder = folder
        for name in PARTS:
            shutil.copytree(ROOT / name, folder / name)
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        toc = ["format: jb-book", "root: content/index", "chapters:"]
        toc += [f"- file: content/{name}" for name in pages]
        (folder / "_toc.yml").write_text("\n".join(toc))
        self.write("index", "# The first page\n\nIt has no code.\n")
        for name, text in pages.items():
            self.write(name, text)

    def write(self, name, text):
        """Write a page."""
        (self.folder / "content" / f"{name}.md").write_text(text)

    def build(self, **settings):
        """Build as README says; return the exit status and the lines of the output."""
        # -P: the package is this clone's, not the copy, which only gets packed
        command = [sys.executable, "-P", "-m", "jupyter", "book", "build", "."]
        built = subprocess.run(
            [*command, "-n", "-W", "--keep-going"],
            cwd=self.folder,
            env=os.environ | {"CI": "", "NO_COLOR": "1"} | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for program in ("sphinx", "jupyter_book", "myst_nb"):
            assert f"{os.sep}{program}{os.sep}" not in built.stdout  # no traceback
        return built.returncode, built.stdout.splitlines()

    def html(self, name):
        """Return a built page."""
        path = self.folder / "_build" / "html" / "content" / f"{name}.html"
        return BeautifulSoup(path.read_text("utf-8"), "html.parser")

    def warning(self, name):
        """Return what a page says under its title, before all else."""
        below = self.html(name).select_one("article h1").find_next_sibling()
        if "page-warning" not in below.get("class", []):
            assert not self.html(name).select(".page-warning")
            return ""
        assert below["role"] == "note" and below.strong
        assert below.span.attrs == {"aria-hidden": "true"}
        return " ".join(below.get_text().split())
