"""The pages as notebooks in the real JupyterLab: opened, run, read, changed, saved."""

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
    was_seen,
    watch_for,
)

# JupyterLab on a busy machine now and then starts a kernel that never answers, or
# drops a click. A reader tries again, and so do these tests; pytest counts it.
pytestmark = pytest.mark.flaky(reruns=2, only_rerun="TimeoutError")

PART_1 = [page for page in CHAPTERS if page.parent.name == "tutorial"]
OPEN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
BAR = f"{OPEN} .jp-OutputArea .widget-inline-hbox"  # a progress bar, as a widget


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


@pytest.mark.parametrize("chapter", PART_1, ids=lambda page: page.stem)
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
