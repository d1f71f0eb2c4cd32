"""JupyterLab's view of a page: what it folds, and that a save leaves no trace of it."""

import asyncio
import json
import re
from types import SimpleNamespace

import jupytext
import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupytext.async_contentsmanager import build_async_jupytext_contents_manager_class
from notebook_downloads import readers_notebook
from test_pages import NOTEBOOKS

from classroom.exercises import MARK
from website.notebook_folds.contents import folding
from website.notebook_folds.folds import HIDING, NOTE, fold
from website.pages import tags_of

MANAGER = build_async_jupytext_contents_manager_class(AsyncLargeFileManager)
every_notebook = pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
PAGE = f"""\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
    jupytext_version: {jupytext.__version__}
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A page

```{{exercise-start}} Add
:label: exercise-add
```

What is 1 + 1?

```{{exercise-end}}
```

```{{solution-start}} exercise-add
:class: dropdown
```

It's 2.

```{{code-cell}} ipython3
:tags: [remove-cell, measured]

assert 1 + 1 == 2
```

```{{solution-end}}
```

## Further reading

None.
"""


@pytest.fixture
def manager(tmp_path):
    return folding(MANAGER)(root_dir=str(tmp_path))


@pytest.fixture
def page(tmp_path):
    """Write a small page; return its path."""
    path = tmp_path / "page.md"
    path.write_text(PAGE, "utf-8")
    return path


def opened(manager, path):
    """Return a page as JupyterLab gets it: as JSON."""
    model = asyncio.run(manager.get(path.name, type="notebook"))
    return json.loads(json.dumps(model["content"]))


def save(manager, path, notebook):
    """Save a notebook as JupyterLab does; return the lines that it changed."""
    before = path.read_text("utf-8").splitlines()
    model = {"type": "notebook", "format": "json", "content": notebook}
    asyncio.run(manager.save(model, path.name))
    after = path.read_text("utf-8").splitlines()
    removed = [f"-{line}" for line in before if line not in after]
    return removed + [f"+{line}" for line in after if line not in before]


def place(notebook, text):
    """Return the number of the first cell whose source has a text."""
    cells = notebook["cells"]
    return next(n for n, cell in enumerate(cells) if text in cell["source"])


def hidden_by_headings(cells):
    """Return the cells that JupyterLab hides below folded headings."""
    hidden, folded = [], 7  # deeper than any heading
    for cell in cells:
        markdown = cell["source"] if cell["cell_type"] == "markdown" else ""
        prose = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
        marks = re.findall(r"^(#+) ", prose, re.MULTILINE)
        level = min(map(len, marks), default=7)
        if level <= folded:
            folded = 7
        if folded < 7:
            hidden.append(cell)
        elif cell["metadata"].get("jp-MarkdownHeadingCollapsed"):
            folded = level
    return hidden


@every_notebook
def test_solutions_are_hidden_and_nothing_else(page):
    notebook = fold(jupytext.read(page))
    nbformat.validate(notebook)
    solutions, inside = [], False
    for cell in notebook.cells:
        edges = [mark[:2] for mark in MARK.findall(cell.source)]
        inside = inside or ("solution", "start") in edges
        solutions += [cell] if inside else []
        inside = inside and ("solution", "end") not in edges
    # If this fails, there's a heading in a solution, or prose without one behind it.
    assert hidden_by_headings(notebook.cells) == solutions


@every_notebook
def test_cells_that_the_page_hides_are_folded(page):
    for cell in fold(jupytext.read(page)).cells:
        if cell.cell_type == "code":
            hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
            assert hidden == bool(HIDING & set(tags_of(cell)))


@every_notebook
def test_page_is_saved_as_it_was(page, manager, tmp_path):
    path = tmp_path / page.name
    path.write_bytes(page.read_bytes())
    notebook = opened(manager, path)
    assert any(NOTE in cell["metadata"] for cell in notebook["cells"])
    save(manager, path, notebook)
    assert path.read_bytes() == page.read_bytes()

    for cell in notebook["cells"]:  # as JupyterLab does when folds open, and cells run
        cell["metadata"].pop("jp-MarkdownHeadingCollapsed", None)
        cell["metadata"].pop("jupyter", None)
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
    save(manager, path, notebook)
    assert path.read_bytes() == page.read_bytes()


def test_an_edit_is_all_that_a_save_changes(manager, page):
    notebook = opened(manager, page)
    for text in ("What is", "It's 2", "assert", "None."):
        cell = notebook["cells"][place(notebook, text)]
        cell["source"] = cell["source"].replace(text, f"Mine: {text}")
    assert save(manager, page, notebook) == [
        "-What is 1 + 1?",
        "-It's 2.",
        "-assert 1 + 1 == 2",
        "-None.",
        "+Mine: What is 1 + 1?",
        "+Mine: It's 2.",
        "+Mine: assert 1 + 1 == 2",
        "+Mine: None.",
    ]


def test_an_answer_between_exercise_and_solution_is_kept(manager, page):
    notebook = opened(manager, page)
    answer = nbformat.v4.new_code_cell("1 + 1")
    notebook["cells"].insert(place(notebook, "#### Solution"), answer)
    after = PAGE.replace(
        "```\n\n```{solution-start}",
        "```\n\n```{code-cell} ipython3\n1 + 1\n```\n\n```{solution-start}",
    )
    save(manager, page, notebook)
    assert page.read_text("utf-8") == after


def test_prose_between_the_parts_of_a_cell_stays_a_cell(manager, page):
    notebook = opened(manager, page)
    answer = nbformat.v4.new_markdown_cell("I say 2.")
    notebook["cells"].insert(place(notebook, "#### Solution"), answer)
    save(manager, page, notebook)
    assert page.read_text("utf-8") == PAGE.replace(
        "```\n\n```{solution-start}",
        "```\n\n+++\n\nI say 2.\n\n+++\n\n```{solution-start}",
    )


@pytest.mark.parametrize("emptied", [False, True])
def test_a_deleted_part_is_all_that_is_missing(manager, page, emptied):
    notebook = opened(manager, page)
    number = place(notebook, "What is")
    if emptied:
        notebook["cells"][number]["source"] = ""
    else:
        del notebook["cells"][number]
    save(manager, page, notebook)
    start, end = PAGE.index("```{exercise-start}"), PAGE.index("```{solution-start}")
    assert page.read_text("utf-8") == PAGE[:start] + PAGE[end:]


def test_what_a_reader_writes_under_a_heading_of_the_folds_is_kept(manager, page):
    notebook = opened(manager, page)
    notebook["cells"][place(notebook, "#### Solution")]["source"] += "\n\nI had 3."
    assert save(manager, page, notebook) == ["++++", "+I had 3.", "++++"]


def test_what_a_reader_sets_is_kept(manager, page):
    notebook = opened(manager, page)
    for text, metadata in {
        "What is": {"mine": 1},
        "# A page": {"jp-MarkdownHeadingCollapsed": True},
        "assert": {"jupyter": {"outputs_hidden": True}},
    }.items():
        notebook["cells"][place(notebook, text)]["metadata"] |= metadata
    save(manager, page, notebook)
    title, check, _ = jupytext.read(page).cells
    assert title.metadata == {"mine": 1, "jp-MarkdownHeadingCollapsed": True}
    assert check.metadata == {
        "tags": ["remove-cell", "measured"],
        "jupyter": {"outputs_hidden": True},
    }


def test_options_of_the_page_itself_are_kept(manager, page):
    tags = ":tags: [remove-cell, measured]\n\n"
    own = ":tags: [hide-input, raises-exception, measured]\n"
    own = f"---\njupyter:\n  source_hidden: true\n{own[1:]}---\n"
    own_page = PAGE.replace(tags, own).replace(":class: dropdown\n", "")
    page.write_text(own_page, "utf-8")
    assert save(manager, page, opened(manager, page)) == []
    assert page.read_text("utf-8") == own_page


def test_all_cells_run_though_a_measured_check_fails(manager, page):
    notebook = opened(manager, page)
    tags = notebook["cells"][place(notebook, "assert")]["metadata"]["tags"]
    assert tags == ["remove-cell", "measured", "raises-exception"]


def test_other_files_are_neither_folded_nor_changed(manager, page, tmp_path):
    notebook = jupytext.read(page)
    notebook.cells[1].metadata[NOTE] = {"jupyter": ["source_hidden"]}
    path = tmp_path / "other.ipynb"
    nbformat.write(notebook, path)
    other = opened(manager, path)
    assert len(other["cells"]) == 3
    save(manager, path, other)
    assert nbformat.read(path, 4).cells == notebook.cells

    model = asyncio.run(manager.get("page.md", type="file"))
    assert model["content"] == PAGE
    asyncio.run(manager.save(model, "page.md"))
    assert page.read_text("utf-8") == PAGE
    assert asyncio.run(manager.get("page.md", content=False))["content"] is None


def test_downloaded_notebook_folds_solutions(page):
    plain = SimpleNamespace(convert=lambda text: text.strip())
    notebook = readers_notebook(jupytext.read(page), plain, "import sys")
    nbformat.validate(notebook)
    assert [cell.source for cell in hidden_by_headings(notebook.cells)] == [
        "```{solution-start} exercise-add\n```\n\nIt's 2.",
        "```{solution-end}\n```",
    ]
    assert not any(NOTE in cell.metadata for cell in notebook.cells)
