"""The editions for a class, and the grading of answers.

That each solution runs, that its check accepts it, and that the check rejects the
empty answer and the wrong ones: this is tried whenever a page runs as a test, see
`try_wrong_answers`. Here the editions are derived. For grading a class, see
test_grading.py.
"""

import ast
import builtins
import csv
import os
import re
import shutil
import stat
import subprocess
import sys
import venv
from pathlib import Path

import jupytext
import nbformat
import pytest
from notebook_downloads import wheel_name

from classroom import editions
from classroom.course import ROOT, TEACHING
from classroom.exercises import Exercise, asked_names, split_page, try_wrong_answers

CHAPTERS = {page.stem: page for page in editions.chapters()}
RELEASED = ("load", "preprocess")
every_chapter = pytest.mark.parametrize("name", CHAPTERS)
needs_nbgrader = pytest.mark.skipif(
    not (TEACHING / "nbgrader").exists(),
    reason="nbgrader isn't installed: run make student first",
)
PAGE = """\
---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# Sums

```{code-cell} ipython3
terms = [1, 2, 3]
```

```{code-cell} ipython3
:tags: [remove-cell]

assert len(terms) == 3
```

```{exercise-start} Add
:label: exercise-add
```

Call the sum `total`.

```{exercise-end}
```

```{solution-start} exercise-add
:class: dropdown
```

Python has a function:

```{code-cell} ipython3
total = sum(terms)
```

```{code-cell} ipython3
:tags: [remove-cell, autograder]

assert total == 6

wrong_answers = [
    "total = 5",
    "total = max(terms)",
    "total = len(terms)",
]
```

```{solution-end}
```

## Further reading
"""


def exercises(page):
    parts = split_page(jupytext.read(page))
    return [part for part in parts if isinstance(part, Exercise)]


@every_chapter
def test_every_exercise_has_a_solution(name):
    for exercise in exercises(CHAPTERS[name]):
        assert exercise.text and exercise.solution


@every_chapter
def test_every_chapter_has_a_check_with_three_wrong_answers(name):
    checked = [exercise for exercise in exercises(CHAPTERS[name]) if exercise.check]
    assert checked
    for exercise in checked:
        assert "assert" in exercise.check
        assert len(set(exercise.wrong_answers)) == 3


@every_chapter
def test_an_edition_uses_no_name_that_only_a_hidden_cell_defines(name):
    stored, loaded = set(dir(builtins)) | {"_"}, set()
    for cell in editions.instructor_edition(CHAPTERS[name]).cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Name):
                    is_load = isinstance(node.ctx, ast.Load)
                    (loaded if is_load else stored).add(node.id)
                elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                    stored.add(node.name)
                elif isinstance(node, ast.arg):
                    stored.add(node.arg)
                elif isinstance(node, ast.alias):
                    stored.add((node.asname or node.name).partition(".")[0])
                elif isinstance(node, ast.ExceptHandler):
                    stored.add(node.name)
    assert loaded - stored == set()


@every_chapter
def test_an_edition_shows_no_directive_that_only_the_site_knows(name):
    for cell in editions.instructor_edition(CHAPTERS[name]).cells:
        if cell.cell_type == "markdown":
            assert "```{" not in cell.source and "}`" not in cell.source


def chapters_with(directive):
    """Try a test on the chapters that have a directive."""
    names = [
        name for name in CHAPTERS if directive in CHAPTERS[name].read_text("utf-8")
    ]
    assert names
    return pytest.mark.parametrize("name", names)


@chapters_with("{list-table}")
def test_the_cells_of_every_table_are_in_the_edition(name):
    cells = editions.instructor_edition(CHAPTERS[name]).cells
    edition = "\n".join(cell.source for cell in cells)
    text = CHAPTERS[name].read_text("utf-8")
    tables = re.findall(r"(?ms)^(`{3,}|:{3,}){list-table}.*?\n\n(.*?)^\1$", text)
    to_markdown = editions.EditionMarkdown(CHAPTERS[name]).convert
    for line in "".join(table for _, table in tables).splitlines():
        assert f"| {to_markdown(line[4:])} |" in edition


@chapters_with("{figure}")
def test_an_edition_has_its_drawings_beside_it(name, tmp_path):
    editions.write_source(CHAPTERS[name], tmp_path)
    drawings = re.findall(r"{figure} .*/(.+)", CHAPTERS[name].read_text("utf-8"))
    files = {path.name for path in (tmp_path / "source" / name).iterdir()}
    assert files == {*drawings, f"{name}.ipynb", wheel_name()}


@pytest.mark.parametrize("site", ["", "https://books.example/mnist"])
def test_links_lead_to_the_published_book_if_there_is_one(site, monkeypatch):
    monkeypatch.setenv("SITE_URL", site)
    monkeypatch.delenv("READTHEDOCS_CANONICAL_URL", raising=False)
    convert = editions.EditionMarkdown(CHAPTERS["load"]).convert
    text = convert("See [the next](preprocess.md#scale-the-pixels), [](next-steps.md).")
    if site:
        page = f"{site}/content/tutorial/"
        title = f"[Take the next steps]({page}next-steps.html)"
        assert (
            text == f"See [the next]({page}preprocess.html#scale-the-pixels), {title}."
        )
    else:
        assert text == "See *the next*, *Take the next steps*."


@every_chapter
def test_every_check_reads_names_that_its_question_asks_for(name):
    for exercise in exercises(CHAPTERS[name]):
        if exercise.check:
            assert asked_names(exercise)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("```{solution-start} exercise-add", "```{note}", "exercise-add has no"),
        ("```{exercise-start} Add", "```{note}", "ends that has not begun"),
        ("-start} exercise-add", "-start} exercise-ad", "is a solution of no exercise"),
        (":label: exercise-add\n", "", "'Add' has no :label:"),
        ("```{exercise-end}", "```{code-cell}\n1\n```\n```{exercise-end}", "code cell"),
        ("wrong_answers = [", "other = [", "needs one list of wrong_answers"),
        ("`total`", "what you like", "exercise-add doesn't name what its check reads"),
    ],
)
def test_an_exercise_that_lacks_something_is_named(old, new, message, tmp_path):
    page = tmp_path / "sums.md"
    page.write_text(PAGE.replace(old, new))
    with pytest.raises(ValueError, match=message):
        editions.instructor_edition(page)


def run(page):
    """Run a page's cells as its test does."""
    names = {}
    for cell in try_wrong_answers(jupytext.reads(page, "md:myst")).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)


def test_a_good_check_passes_as_its_page_runs_and_takes_no_name():
    later = "## Further reading\n\n```{code-cell} ipython3\nassert answer == 42\n```\n"
    page = PAGE.replace("terms = [", "answer = names = 42\nterms = [")
    run(page.replace("## Further reading\n", later))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("total = 5", "total = 6", "accepts: total = 6"),
        ("assert total == 6", "assert terms", "accepts: an empty answer"),
        ("assert total == 6", "assert total == 7", None),
        ("terms = [1", "total = 6\nterms = [1", "accepts: an empty answer"),
    ],
)
def test_a_bad_check_fails_as_its_page_runs(old, new, message):
    with pytest.raises(AssertionError, match=message):
        run(PAGE.replace(old, new))


def test_a_wrong_answer_must_run_by_itself():
    with pytest.raises(NameError, match="nothing"):
        run(PAGE.replace("total = 5", "total = nothing"))


def test_the_instructor_edition_follows_its_page(tmp_path):
    page = tmp_path / "sums.md"
    page.write_text(PAGE)
    editions.write_source(page, tmp_path)
    page.write_text(PAGE.replace("total = sum(terms)", "total = sum(terms, 0)"))
    editions.write_source(page, tmp_path)

    notebook = nbformat.read(tmp_path / "source" / "sums" / "sums.ipynb", 4)

    nbformat.validate(notebook)
    sources = [cell.source for cell in notebook.cells]
    assert "total = sum(terms, 0)" in sources
    assert not any("len(terms) == 3" in source for source in sources)


# With nbgrader


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Make both editions of two chapters; return the folder of the course."""
    folder = tmp_path_factory.mktemp("teaching") / "course"
    run_module("classroom.editions", "--course", folder, *RELEASED)
    return folder


def run_module(*command):
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)


def read(course, edition, name):
    return nbformat.read(course / edition / name / f"{name}.ipynb", 4)


@needs_nbgrader
@pytest.mark.skipif(os.name != "posix", reason="rights are others on Windows")
def test_nobody_else_may_enter_a_new_course(course):
    assert stat.S_IMODE(course.stat().st_mode) == 0o700


@needs_nbgrader
@pytest.mark.parametrize("name", RELEASED)
def test_the_student_edition_has_neither_solutions_nor_checks(course, name):
    solved, released = (read(course, kind, name) for kind in ("source", "release"))
    text = "\n".join(cell.source for cell in released.cells)
    for exercise in exercises(CHAPTERS[name]):
        assert exercise.title in text
        for statement in ast.parse(exercise.check).body:
            assert ast.get_source_segment(exercise.check, statement) not in text
        for cell in exercise.solution:
            assert cell.source not in text
    stubs = [cell for cell in released.cells if cell.source == "# your code here"]
    assert len(stubs) == len(exercises(CHAPTERS[name]))
    assert len(released.cells) < len(solved.cells)


@needs_nbgrader
def test_the_student_edition_installs_the_package_beside_it(course, tmp_path):
    """In a Python that has pip alone; what the package needs is left out here."""
    venv.create(tmp_path / "plain", with_pip=True)
    python = tmp_path / "plain" / "bin" / "python"
    first = next(
        c for c in read(course, "release", "load").cells if c.cell_type == "code"
    )
    find = "import importlib.util as u; print(u.find_spec('scratchnet').origin)"
    output = subprocess.run(
        [python, "-c", f"{first.source}\n{find}"],
        cwd=course / "release" / "load",
        env={"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    package = Path(output.splitlines()[-1]).parent
    assert package.is_relative_to(tmp_path) and (package / "book.mplstyle").exists()


@needs_nbgrader
def test_the_solutions_of_a_chapter_get_every_point(course):
    hand_in = course / "submitted" / "ann" / "preprocess" / "preprocess.ipynb"
    hand_in.parent.mkdir(parents=True)
    shutil.copy(course / "source" / "preprocess" / "preprocess.ipynb", hand_in)
    command = ("classroom.grading", "grade", "--course", course)
    run_module(*command, "--chapter", "preprocess")
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["outcome"], row["score"], row["max_score"]) == ("graded", "2.0", "2.0")
