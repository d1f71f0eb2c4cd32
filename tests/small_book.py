"""A book of two pages with this book's settings, which is built in no time."""

import shutil

from test_pages import ROOT

PARTS = ("_ext", "_static", "_extra", "_jupyter", "checks", "notebook_folds")
FILES = ("_config.yml", "pyproject.toml", "README.md", "LICENSE")
HEADER = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# A page with code

"""


def write_small_book(folder, cells):
    """Write it into a folder: a page without code, and a page of these cells."""
    for name in (*PARTS, "scratchnet"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    for name in (*FILES, "content/what-comes-after/references.bib"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    toc = "format: jb-book\nroot: content/index\nchapters:\n- file: content/page\n"
    (folder / "_toc.yml").write_text(toc)
    (folder / "content" / "index.md").write_text("# A page without code\n")
    (folder / "content" / "page.md").write_text(HEADER + cells)
