"""The editions for a class, and the grading of answers.

That each solution runs, that its check accepts it, and that the check rejects the
empty answer and the wrong ones: this is tried whenever a page runs as a test, see
`try_wrong_answers`. Here the editions are derived, and nbgrader itself grades answers
to the exercises of two quick chapters.
"""

import ast
import builtins
import json
import re
import subprocess
import sys

import jupytext
import nbformat
import pytest
from digits import mnist_source

from classroom import editions
from classroom.exercises import Exercise, split_page, try_wrong_answers

CHAPTERS = {page.stem: page for page in editions.chapters()}
GRADED = ("load", "preprocess")
ANSWERS = ("solution", "empty", "wrong-1", "wrong-2", "wrong-3")
every_chapter = pytest.mark.parametrize("name", CHAPTERS)
needs_nbgrader = pytest.mark.skipif(
    not (editions.TEACHING / "nbgrader").exists(),
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
    for line in "".join(table for _, table in tables).splitlines():
        assert f"| {editions.to_markdown(line[4:])} |" in edition


@chapters_with("{figure}")
def test_an_edition_has_its_drawings_beside_it(name, tmp_path):
    editions.write_source(CHAPTERS[name], tmp_path)
    drawings = re.findall(r"{figure} .*/(.+)", CHAPTERS[name].read_text("utf-8"))
    folder = tmp_path / "source" / name
    assert {path.name for path in folder.iterdir()} == {*drawings, f"{name}.ipynb"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("```{solution-start} exercise-add", "```{note}", "exercise-add has no"),
        ("```{exercise-start} Add", "```{note}", "ends that has not begun"),
        ("-start} exercise-add", "-start} exercise-ad", "is a solution of no exercise"),
        (":label: exercise-add\n", "", "'Add' has no :label:"),
        ("```{exercise-end}", "```{code-cell}\n1\n```\n```{exercise-end}", "code cell"),
        ("wrong_answers = [", "other = [", "needs one list of wrong_answers"),
    ],
)
def test_an_exercise_without_its_solution_is_named(old, new, message):
    broken = jupytext.reads(PAGE.replace(old, new), "md:myst")
    with pytest.raises(ValueError, match=message):
        list(split_page(broken))


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
    folder = tmp_path_factory.mktemp("course")
    command = [sys.executable, "-m", "classroom.editions", "--course", folder, *GRADED]
    subprocess.run(command, cwd=editions.ROOT, check=True)
    return folder


def read(course, edition, name):
    return nbformat.read(course / edition / name / f"{name}.ipynb", 4)


@needs_nbgrader
@pytest.mark.parametrize("name", GRADED)
def test_the_student_edition_has_neither_solutions_nor_checks(course, name):
    solved, released = (read(course, kind, name) for kind in ("source", "release"))
    text = json.dumps([cell.source for cell in released.cells])
    for exercise in exercises(CHAPTERS[name]):
        assert exercise.title in text
        for line in exercise.check.splitlines():
            assert line not in text
        for cell in exercise.solution:
            assert cell.source not in text
    stubs = [cell for cell in released.cells if cell.source == "# your code here"]
    assert len(stubs) == len(exercises(CHAPTERS[name]))
    assert len(released.cells) < len(solved.cells)


@pytest.fixture(scope="module")
def scores(course):
    """Hand in five answers to each exercise, and have nbgrader grade them."""
    for name in GRADED:
        solved = {cell.id: cell.source for cell in read(course, "source", name).cells}
        answers_of = {
            exercise.label: exercise for exercise in exercises(CHAPTERS[name])
        }
        for kind in ANSWERS:
            notebook = read(course, "release", name)
            for cell in notebook.cells:
                exercise = answers_of.get(
                    cell.metadata.get("nbgrader", {}).get("grade_id")
                )
                if exercise and kind == "solution":
                    cell.source = solved[cell.id]
                elif exercise and exercise.check and kind.startswith("wrong"):
                    cell.source = exercise.wrong_answers[int(kind[-1]) - 1]
            folder = course / "submitted" / kind / name
            folder.mkdir(parents=True)
            nbformat.write(notebook, folder / f"{name}.ipynb")
    script = GRADE.format(names=GRADED, data=mnist_source())
    command = [sys.executable, "-c", script, course]
    output = subprocess.run(
        command, cwd=editions.ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(output.stdout.splitlines()[-1])


GRADE = """
import json, os, sys
from pathlib import Path
from classroom.editions import settings, use_nbgrader
os.environ["MNIST_SOURCE"] = {data!r}
use_nbgrader()
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
course = Path(sys.argv[1])
api = NbGraderAPI(config=settings(course))
scores = {{}}
for name in {names}:
    for student in sorted(os.listdir(course / "submitted")):
        result = api.autograde(name, student)
        assert result["success"], result
        with Gradebook("sqlite:///" + str(course / "gradebook.db")) as book:
            graded = book.find_submission_notebook(name, name, student)
            scores.setdefault(name, {{}})[student] = {{
                grade.name: grade.auto_score for grade in graded.grades
            }}
print(json.dumps(scores))
"""


@needs_nbgrader
@pytest.mark.parametrize("name", GRADED)
@pytest.mark.parametrize("kind", ANSWERS)
def test_nbgrader_gives_the_point_to_the_solution_alone(scores, name, kind):
    checks = {f"check-{e.label}" for e in exercises(CHAPTERS[name]) if e.check}
    assert len(checks) == 2
    right = 1 if kind == "solution" else 0
    assert scores[name][kind] == dict.fromkeys(checks, right)
