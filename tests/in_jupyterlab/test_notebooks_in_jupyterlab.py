"""The pages as notebooks in the real JupyterLab: opened, run, read, changed, saved."""

import os
import re
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest
from notebook_downloads import launch_buttons
from test_pages import CHAPTERS, ROOT

from in_jupyterlab.lab import (
    open_path,
    outputs_when_finished,
    run_all,
    save,
    show,
    wait,
    was_seen,
    watch_for,
)
from scratchnet.tools.threads import blas_threads, is_chosen

# JupyterLab on a busy machine now and then starts a kernel that never answers, or
# drops a click. A reader tries again, and so do these tests; pytest counts it.
pytestmark = pytest.mark.flaky(reruns=2, only_rerun="TimeoutError")

PART_1 = [page for page in CHAPTERS if page.parent.name == "tutorial"]
# The one that has progress bars as well; `make fresh` runs all four.
RUN = [
    page for page in PART_1 if page.stem == "build-and-train" or "FRESH" in os.environ
]
OPEN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
BAR = f"{OPEN} .jp-OutputArea .widget-inline-hbox"  # a progress bar, as a widget
FOLDED = ".jp-InputPlaceholder"  # what JupyterLab shows for a source that's hidden
RAN = """() => jupyterapp.shell.currentWidget.content.model.toJSON().cells
    .every(cell => cell.cell_type !== 'code' || cell.execution_count !== null)"""
FOLDED_HEADINGS = """() => jupyterapp.shell.currentWidget.content.model.toJSON().cells
    .filter(cell => cell.metadata['jp-MarkdownHeadingCollapsed'])
    .map(cell => cell.source)"""
MEASURED = """\
---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

```{code-cell} ipython3
:tags: [remove-cell, measured]

assert "seconds" == "as on my machine"
```

```{code-cell} ipython3
print("went on")
```
"""


def lab_path(page):
    """Return the path that the page's Binder button opens."""
    docname = page.relative_to(ROOT).with_suffix("").as_posix()
    binder = launch_buttons("https://github.com/someone/book", "main", docname)[0]
    return parse_qs(urlsplit(binder["url"]).query)["urlpath"][0]


def changes(clone):
    """Return what git sees: lines that changed, and files that are new."""
    compare = ["git", "diff", "--unified=0"]
    diff = subprocess.run(compare, cwd=clone, capture_output=True, check=True)
    lines = diff.stdout.decode().splitlines()
    listing = ["git", "ls-files", "--others", "--exclude-standard"]
    new = subprocess.run(listing, cwd=clone, capture_output=True, check=True)
    return [
        line
        for line in lines
        if line[0] in "+-" and not line.startswith(("+++", "---"))
    ] + new.stdout.decode().splitlines()


@pytest.mark.parametrize("chapter", RUN, ids=lambda page: page.stem)
def test_chapter_runs_to_its_end_and_saves_unchanged(chapter, lab, clone, page):
    open_path(page, lab, lab_path(chapter))
    watch_for(page, BAR)
    run_all(page)
    outputs = outputs_when_finished(page)
    errors = [out for out in outputs if out["output_type"] == "error"]
    assert errors == []
    assert [out for out in outputs if out.get("name") == "stderr"] == []
    assert any("image/png" in out.get("data", {}) for out in outputs)
    if " in progress(" in chapter.read_text("utf-8"):
        assert was_seen(page)
    solutions = chapter.read_text("utf-8").count("{solution-start}")
    assert page.evaluate(FOLDED_HEADINGS) == ["#### Solution"] * solutions
    save(page)
    assert changes(clone) == []


def test_double_click_opens_a_page_as_a_notebook(lab, page):
    open_path(page, lab, "lab/tree/content/index.md")
    page.locator(".jp-DirListing-item", has_text="tutorial").dblclick()
    page.locator(".jp-DirListing-item", has_text="preprocess.md").dblclick()
    title = page.locator(f"{OPEN} h1", has_text="Preprocess the images and labels")
    title.wait_for()
    page.locator(f"{OPEN} .jp-CodeCell").first.wait_for()


def test_myst_is_rendered(lab, page):
    open_path(page, lab, "lab/tree/content/tutorial/build-and-train.md")
    show(page, "```{figure} ../../_static/diagrams/network.svg")
    drawing = page.locator(f"{OPEN} figure img").first
    drawing.wait_for()
    page.wait_for_function(
        "image => image.naturalWidth > 0", arg=drawing.element_handle()
    )
    page.locator(f"{OPEN} .katex").first.wait_for()
    show(page, "```{exercise-start}")
    page.locator(f"{OPEN} aside", has_text="Exercise 1").first.wait_for()


def test_a_change_is_all_that_a_save_writes(lab, clone, page):
    open_path(page, lab, "lab/tree/content/tutorial/preprocess.md")
    cell = page.locator(f"{OPEN} .jp-CodeCell .cm-content").first
    cell.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("learning = True\n")
    save(page)
    assert changes(clone) == ["+learning = True"]


def cell_with(page, text):
    """Return the cell that shows a text."""
    return page.locator(f"{OPEN} .jp-Cell", has_text=text)


def test_checks_are_folded(lab, page):
    open_path(page, lab, "lab/tree/content/tutorial/load.md")
    show(page, "assert counts[1]")
    check = cell_with(page, "assert counts[1]")
    check.locator(FOLDED).wait_for()
    assert check.locator(".cm-content").count() == 0
    shown = cell_with(page, "counts = np.bincount(y_train)").first
    assert shown.locator(".cm-content").is_visible()
    assert shown.locator(FOLDED).count() == 0


def test_code_that_the_page_folds_is_folded_and_opens(lab, clone, page):
    open_path(page, lab, "lab/tree/content/what-comes-after/how-this-book-ran.md")
    code = page.locator(f"{OPEN} .jp-CodeCell").first
    code.locator(FOLDED).click()
    code.locator(".cm-content").wait_for()
    save(page)
    assert changes(clone) == []


def test_a_solution_opens_when_asked_for_and_saves_unchanged(lab, clone, page):
    open_path(page, lab, "lab/tree/content/tutorial/preprocess.md")
    show(page, "#### Solution")
    opener = page.locator(f"{OPEN} .jp-showHiddenCellsButton").first
    opener.wait_for()
    assert cell_with(page, "How much memory do all 60,000").first.is_visible()
    solution = [
        cell_with(page, "You don't need to make the arrays").first,
        cell_with(page, "for dtype in (np.uint8").first,
    ]
    assert not any(cell.is_visible() for cell in solution)
    opener.click()
    for cell in solution:
        cell.wait_for()
    assert page.evaluate(FOLDED_HEADINGS) == ["#### Solution"] * 2
    save(page)
    assert changes(clone) == []


def test_a_matrix_product_takes_one_thread(lab, page):
    open_path(page, lab, "lab/tree/content/what-comes-after/how-this-book-ran.md")
    run_all(page)
    outputs = outputs_when_finished(page)
    assert [out for out in outputs if out["output_type"] == "error"] == []
    printed = "".join(out["text"] for out in outputs if out.get("name") == "stdout")
    if not is_chosen() and blas_threads():
        assert re.search(r"^BLAS threads +1$", printed, re.MULTILINE)


def test_all_cells_run_though_a_measured_check_fails(lab, clone, page):
    path = clone / "content" / "measured.md"
    path.write_text(MEASURED, "utf-8")
    open_path(page, lab, "lab/tree/content/measured.md")
    run_all(page)
    wait(page, RAN, seconds=60)
    cell_with(page, "AssertionError").locator(FOLDED).wait_for()
    cell_with(page, "went on").first.wait_for()
    path.unlink()
