"""How the cells with checks of measured numbers are written, and rewritten."""

import ast

import jupytext
import pytest
from measured_checks import as_executed, code_cells, count_checks, headings
from test_pages import NOTEBOOKS

from website.pages import tags_of

every_notebook = pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
PAGE = """\
---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# A title

```{code-cell} ipython3
assert 1 < 2
```

## A heading

```python
# not a heading
```

```{exercise-start} An exercise
:label: ex-one
```

```{code-cell} ipython3
:tags: [remove-cell, measured]

text = '''
"several" \\lines'''
for x in (1, 2):

    assert x < 2 and x > 0
```

```{code-cell} ipython3
:tags: [remove-cell, measured, mnist-numbers]

assert 2 < 1
```

```{code-cell} ipython3
x = 3
```
"""


@every_notebook
def test_measured_checks_are_hidden_and_in_no_function(page):
    for cell in code_cells(jupytext.read(page)):
        if "measured" in tags_of(cell):
            assert "remove-cell" in tags_of(cell), cell.source
            assert count_checks(cell), cell.source
            # It may be called where nothing records it, and so would hold nothing.
            functions = (ast.FunctionDef, ast.Lambda, ast.ClassDef)
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, functions):
                    inside = ast.walk(node)
                    assert not any(isinstance(each, ast.Assert) for each in inside)


@every_notebook
def test_what_is_rewritten_keeps_every_line_but_those_of_measured_checks(page):
    text = page.read_text("utf-8")
    notebook, rewritten = (
        jupytext.reads(each, "md:myst") for each in (text, as_executed(text))
    )
    assert as_executed(text).count("\n") == text.count("\n")
    for cell, other in zip(notebook.cells, rewritten.cells, strict=True):
        if "measured" not in tags_of(cell):
            assert other.source == cell.source


def rewritten(page):
    return [
        cell.source for cell in code_cells(jupytext.reads(as_executed(page), "md:myst"))
    ]


def given_to_hold(source):
    _, call = ast.parse(source).body
    return [argument.value for argument in call.value.args]


def test_a_measured_cell_calls_hold_with_its_number_and_code():
    before = [cell.source for cell in code_cells(jupytext.reads(PAGE, "md:myst"))]
    after = rewritten(PAGE)
    assert given_to_hold(after[1]) == [1, before[1]]
    assert given_to_hold(after[2]) == [2, before[2]]
    lines = [source.count("\n") for source in before]
    assert [source.count("\n") for source in after] == lines
    assert (after[0], after[3]) == (before[0], before[3])


def test_on_practice_digits_what_is_skipped_stays_as_it_is(monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", "practice")
    assert given_to_hold(rewritten(PAGE)[1])[0] == 1
    assert rewritten(PAGE)[2] == "assert 2 < 1"
    cells = code_cells(jupytext.reads(as_executed(PAGE), "md:myst"))
    assert "skip-execution" in tags_of(cells[2])


def test_cells_stand_under_headings_and_exercises():
    notebook = jupytext.reads(PAGE, "md:myst")
    assert headings(notebook) == ["A title", *["An exercise"] * 3]
