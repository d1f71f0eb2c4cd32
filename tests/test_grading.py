"""A class hands in, and nbgrader itself grades: whatever one notebook is, others count.

The chapter is small and made up, with an exercise for code to check and one for a
person. All hand-ins are graded in one run, with `PYTHONOPTIMIZE` set, which would leave
the checks out. Then students hand in again.
"""

import contextlib
import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from copy import deepcopy

import nbformat
import psutil
import pytest
import requests
from bs4 import BeautifulSoup

from classroom import course as teaching
from classroom import grading, hand_ins

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

```{exercise-start} Add
:label: exercise-add
```

Call the sum `total`.

```{exercise-end}
```

```{solution-start} exercise-add
:class: dropdown
```

```{code-cell} ipython3
total = sum(terms)
```

```{code-cell} ipython3
:tags: [remove-cell, autograder]

assert total == 6

wrong_answers = ["total = 5", "total = 4", "total = 3"]
```

```{solution-end}
```

```{exercise-start} Explain
:label: exercise-explain
```

Why is it even?

```{exercise-end}
```

```{solution-start} exercise-explain
:class: dropdown
```

Two terms are odd.

```{solution-end}
```
"""
# The book's list of chapters is replaced by this one; all else is what a teacher runs.
MAKE = """
import sys
from pathlib import Path
from classroom import editions
editions.chapters = lambda: [Path(sys.argv[1])]
sys.exit(editions.main(["--course", sys.argv[2]]))
"""
RIGHT = "total = sum(terms)"
# A value that the check shows, and a warning: neither is for nbgrader to judge.
SHOWING = "get_ipython().ast_node_interactivity = 'all'\ntotal = 1"
WARNING = """\
import warnings
class Total(int):
    def __eq__(self, other):
        warnings.warn("compared")
        return int(self) == other
total = Total(6)"""
TIME_LIMIT = 5  # seconds a cell
ANY_NAME = sys.platform == "linux"  # of a file: elsewhere, it must be UTF-8
NO_UTF_8 = "\udcff"  # how Python shows the byte 0xFF in a name

pytestmark = pytest.mark.skipif(
    not (teaching.TEACHING / "nbgrader").exists(),
    reason="nbgrader isn't installed: run make student first",
)


def run(*command, **variables):
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=teaching.ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )


def make_student(folder, page=PAGE):
    (folder / "sums.md").write_text(page)
    return run("-c", MAKE, folder / "sums.md", folder / "my course")


def grade(course, chapter="sums", **variables):
    command = ("-m", "classroom.grading", "grade", "--course", course)
    return run(*command, "--chapter", chapter, **variables)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Make a course of one chapter, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("teaching")
    result = make_student(folder)
    assert result.returncode == 0, result.stderr
    config = folder / "my course" / teaching.CONFIG_FILE
    config.write_text(
        teaching.CONFIG.replace("timeout = 180", f"timeout = {TIME_LIMIT}")
    )
    return config.parent


def released(course):
    return nbformat.read(course / "release" / "sums" / "sums.ipynb", 4)


def number_of(notebook, name):
    return [hand_ins.grade_id(cell) for cell in notebook.cells].index(name)


def hand_in(course, place, answer=None, change=lambda notebook: None):
    """Put a notebook into `submitted/`, with an answer to the first exercise."""
    notebook = released(course)
    if answer:
        notebook.cells[number_of(notebook, "exercise-add")].source = answer
    change(notebook)
    path = course / "submitted" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    # As it is: nbformat would repair it.
    path.write_text(json.dumps(notebook), "utf-8")


def split_answers(notebook):
    """Split both answers, as JupyterLab does: each half has the whole's metadata."""
    for name, first, second in (
        ("exercise-add", "total = 2 * 3", "total += 0"),
        ("exercise-explain", "Two terms", "are odd."),
    ):
        number = number_of(notebook, name)
        half = deepcopy(notebook.cells[number])
        half.id += "-half"
        notebook.cells[number].source, half.source = first, second
        notebook.cells.insert(number + 1, half)


def revise(notebook):
    """Split both answers, and add a cell."""
    split_answers(notebook)
    notebook.cells.append(nbformat.v4.new_markdown_cell("Better now?"))


def delete_answer_and_check(notebook):
    number = number_of(notebook, "exercise-add")
    answer, _ = notebook.cells[number : number + 2]
    notebook.cells[number : number + 2] = [nbformat.v4.new_code_cell(answer.source)]


def change_check(notebook):
    cell = notebook.cells[number_of(notebook, "check-exercise-add")]
    cell.source = "total == 5"


def answer_in_a_text_cell(notebook):
    number = number_of(notebook, "exercise-add")
    code = notebook.cells[number]
    notebook.cells[number] = nbformat.v4.new_markdown_cell(
        code.source, metadata=code.metadata
    )


def be_another_chapter(notebook):
    for cell in notebook.cells:
        if hand_ins.grade_id(cell):
            cell.metadata.nbgrader.grade_id += "-of-another-chapter"


def be_older(notebook):
    """Be a notebook of the format that had no ids for cells."""
    delete_answer_and_check(notebook)
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]


def give_all_cells_one_id(notebook):
    for cell in notebook.cells:
        cell.id = "same"


def mark_with_a_list(notebook):
    mark = notebook.cells[number_of(notebook, "exercise-add")].metadata.nbgrader
    mark.grade_id = ["exercise-add"]


def have_half_a_character(notebook):
    notebook.cells[0].source += "\ud83d"


def write_beside(notebook):
    notebook.cells.append(nbformat.v4.new_markdown_cell("Two terms are odd."))


def write_in_its_place(notebook):
    number = number_of(notebook, "exercise-explain")
    notebook.cells[number] = nbformat.v4.new_markdown_cell("Two terms are odd.")


@pytest.fixture(scope="module")
def table(course):
    """Hand in everything that people hand in; return the rows of `grades.csv`."""
    hand_in(course, "right/sums/sums.ipynb", RIGHT)
    hand_in(course, "empty/sums/sums.ipynb")
    hand_in(course, "wrong/sums/sums.ipynb", "total = 5", change_check)
    hand_in(course, "broken/sums/sums.ipynb", "total = = 6")
    hand_in(course, "numbered/sums/sums (1).ipynb", RIGHT)
    hand_in(course, "Zoë Noël/Zoë's sums.ipynb", RIGHT)
    hand_in(course, "split/sums/sums.ipynb", None, split_answers)
    hand_in(course, "deleted/sums/sums.ipynb", RIGHT, delete_answer_and_check)
    hand_in(course, "text/sums/sums.ipynb", RIGHT, answer_in_a_text_cell)
    hand_in(course, "dead/sums/sums.ipynb", "import os; os._exit(1)")
    hand_in(course, "endless/sums/sums.ipynb", "while True: pass")
    hand_in(course, "two/sums/a.ipynb", RIGHT)
    hand_in(course, "two/sums/b.ipynb", RIGHT)
    hand_in(course, "pattern [2]/sums/sums.ipynb", RIGHT)
    hand_in(course, "other/sums/sums.ipynb", RIGHT, be_another_chapter)
    hand_in(course, "older/sums/sums.ipynb", RIGHT, be_older)
    hand_in(course, "same/sums/sums.ipynb", RIGHT, give_all_cells_one_id)
    hand_in(course, "list/sums/sums.ipynb", RIGHT, mark_with_a_list)
    hand_in(course, "half/sums/sums.ipynb", RIGHT, have_half_a_character)
    hand_in(course, "beside/sums/sums.ipynb", None, write_beside)
    hand_in(course, "instead/sums/sums.ipynb", RIGHT, write_in_its_place)
    hand_in(course, "showing/sums/sums.ipynb", SHOWING)
    hand_in(course, "warning/sums/sums.ipynb", WARNING)
    if ANY_NAME:
        hand_in(course, f"bytes/sums/{NO_UTF_8}.ipynb", RIGHT)
        beside = course / "submitted" / "bytes" / "sums" / f"{NO_UTF_8}.txt"
        beside.write_text("a file beside it")
    hand_in(course, "nobodys.ipynb", RIGHT)
    for name, content in (("nothing", b""), ("html", b"<html>"), ("json", b"[1]")):
        hand_in(course, f"{name}/sums/sums.ipynb")
        (course / "submitted" / name / "sums" / "sums.ipynb").write_bytes(content)
    (course / "submitted" / "absent").mkdir()
    result = grade(course, PYTHONOPTIMIZE="1")
    assert result.returncode == 0, result.stderr
    rows = rows_of(course)
    for row in rows.values():
        assert row["student"] in result.stdout and row["notes"] in result.stdout
    assert "nobodys.ipynb in submitted/ is in no student's folder" in result.stdout
    return rows


def rows_of(course):
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("student", "outcome", "score", "notes"),
    [
        ("right", "graded", "1.0", ""),
        ("empty", "empty", "0.0", ""),
        (
            "wrong",
            "graded",
            "0.0",
            "check-exercise-add was changed; the book's is used",
        ),
        ("broken", "graded", "0.0", "exercise-add: SyntaxError"),
        ("numbered", "graded", "1.0", "handed in as sums/sums (1).ipynb"),
        ("Zoë Noël", "graded", "1.0", "handed in as Zoë's sums.ipynb"),
        ("split", "graded", "1.0", "exercise-explain was split or copied into 2 cells"),
        ("deleted", "graded", "1.0", "check-exercise-add was deleted, and put back"),
        ("text", "graded", "1.0", "exercise-add was made markdown; it's code"),
        (
            "endless",
            "graded",
            "0.0",
            "exercise-add: stopped at the time limit of a cell",
        ),
        ("dead", "not graded", "", "its kernel died"),
        ("two", "not graded", "", "which one? keep one of sums/a.ipynb, sums/b.ipynb"),
        ("pattern [2]", "not graded", "", "rename it without [ ]"),
        ("other", "not graded", "", "has none of the chapter's answer cells"),
        ("older", "graded", "1.0", "check-exercise-add was deleted, and put back"),
        ("same", "graded", "1.0", ""),
        ("list", "graded", "1.0", "exercise-add was deleted, and put back as it was"),
        ("half", "not graded", "", "UnicodeEncodeError"),
        ("beside", "graded", "0.0", "exercise-explain is empty, but other cells have"),
        ("instead", "graded", "1.0", "exercise-explain is empty, but other cells have"),
        ("showing", "graded", "0.0", ""),
        ("warning", "graded", "1.0", ""),
        pytest.param(
            "bytes",
            "graded",
            "1.0",
            r"handed in as sums/\udcff.ipynb",
            marks=pytest.mark.skipif(not ANY_NAME, reason="names are UTF-8 here"),
        ),
        ("nothing", "not graded", "", "sums/sums.ipynb is an empty file"),
        ("html", "not graded", "", "sums/sums.ipynb isn't a notebook"),
        ("json", "not graded", "", "sums/sums.ipynb isn't a notebook"),
        ("absent", "not handed in", "", ""),
    ],
)
def test_each_student_has_a_grade_or_a_reason(table, student, outcome, score, notes):
    row = table[student]
    assert (row["chapter"], row["max_score"]) == ("sums", "2.0")
    assert (row["outcome"], row["score"]) == (outcome, score)
    assert notes in row["notes"] and bool(notes) == bool(row["notes"])


def test_the_table_has_one_row_a_student(course, table):
    assert set(table) == set(hand_ins.students(course))


def test_written_answers_wait_for_a_person_unless_nothing_was_written(table):
    assert table["split"]["by_hand"] == "1"
    assert table["empty"]["by_hand"] == table["right"]["by_hand"] == "0"


def test_an_answer_in_a_cell_of_its_own_waits_for_a_person_too(table):
    assert table["beside"]["by_hand"] == table["instead"]["by_hand"] == "1"


@pytest.fixture(scope="module")
def second(course, table):
    """Hand in again: one better answer, one file that is no notebook anymore."""
    hand_in(course, "wrong/sums/sums.ipynb", RIGHT)
    (course / "submitted" / "numbered" / "sums" / "sums (1).ipynb").write_bytes(b"")
    shutil.rmtree(course / "submitted" / "dead")
    result = grade(course)
    assert result.returncode == 0, result.stderr
    return result.stdout, rows_of(course)


def test_what_changed_is_graded_again_and_nothing_else(second, table):
    output, rows = second
    assert "1 of 1: wrong" in output
    assert (rows["wrong"]["outcome"], rows["wrong"]["score"]) == ("graded", "1.0")
    assert (rows["numbered"]["outcome"], rows["numbered"]["score"]) == (
        "not graded",
        "",
    )
    assert rows["dead"]["outcome"] == "not handed in"
    changed = ("wrong", "numbered", "dead")
    assert all(rows[name] == row for name, row in table.items() if name not in changed)


def test_feedback_goes_to_all_who_are_graded_and_names_the_others(course, second):
    command = ("-m", "classroom.grading", "feedback", "--course", course)
    result = run(*command, "--chapter", "sums")
    assert result.returncode == 0, result.stderr
    for student, row in second[1].items():
        page = course / "feedback" / student / "sums" / "sums.html"
        assert page.exists() == (row["outcome"] in grading.GRADED)
        assert student in result.stdout
    broken = course / "feedback" / "broken" / "sums" / "sums.html"
    page = BeautifulSoup(broken.read_text("utf-8"), "html.parser")
    assert "SyntaxError" in page.body.get_text()
    loaded = [tag.get("src") or tag["href"] for tag in page.select("[src], link[href]")]
    assert [url for url in loaded if not url.startswith("data:")] == []


@pytest.fixture
def form(course, second):
    """Open the form for written answers; return a function that asks it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["-m", "classroom.by_hand", "--course", course, "--chapter", "sums"]
    address = f"http://127.0.0.1:{port}"
    session = requests.Session()
    session.headers["Authorization"] = "token of-the-test"
    with subprocess.Popen(
        [sys.executable, *map(str, command), "--port", str(port)],
        cwd=teaching.ROOT,
        env=os.environ | {"JUPYTER_TOKEN": "of-the-test", "BROWSER": "true"},
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            for _ in range(600):
                with contextlib.suppress(requests.ConnectionError):
                    session.get(f"{address}/api")
                    break
                time.sleep(0.1)
            yield lambda path, method="get", **content: session.request(
                method, f"{address}/formgrader/api/{path}", json=content or None
            ).json()
        finally:
            server.terminate()


def test_points_given_by_hand_count(course, form):
    handed_in = form("submitted_notebooks/sums/sums")
    (split,) = (one for one in handed_in if one["student"] == "split")
    assert split["needs_manual_grade"]
    grades = form(f"grades?submission_id={split['id']}")
    (written,) = (one for one in grades if one["needs_manual_grade"])
    form(f"grade/{written['id']}", "put", manual_score=0.5)
    assert grade(course).returncode == 0
    row = rows_of(course)["split"]
    assert (row["score"], row["by_hand"]) == ("1.5", "0")
    hand_in(course, "split/sums/sums.ipynb", None, revise)
    assert "1 of 1: split" in grade(course).stdout
    row = rows_of(course)["split"]
    assert (row["score"], row["by_hand"]) == ("1.5", "1"), "it's to be looked at again"


def test_a_hand_in_that_takes_too_long_is_stopped_with_all_it_started(course, table):
    before = {process.pid for process in psutil.process_iter()}
    problem = grading.run(course, "sums", "endless", 0.02)
    assert problem == "stopped after 0.02 minutes"
    new = [p for p in psutil.process_iter(["cmdline"]) if p.pid not in before]
    assert not [p for p in new if "endless" in " ".join(p.info["cmdline"] or [])]


@pytest.mark.skipif(not shutil.which("setsid"), reason="there's no setsid")
def test_what_a_hand_in_leaves_behind_keeps_nobody_waiting(tmp_path, monkeypatch):
    grader = tmp_path / "grader"  # it ends, but something that it started lives on
    grader.write_text("#!/bin/sh\nsetsid sleep 60 &\n")
    grader.chmod(0o755)
    monkeypatch.setattr(grading.sys, "executable", str(grader))
    start = time.monotonic()
    assert grading.run(tmp_path, "sums", "ann", 0.01) == "stopped after 0.01 minutes"
    assert time.monotonic() - start < 40


# When grading itself is ended


@pytest.fixture
def class_of(course, tmp_path, monkeypatch):
    """Return a function that makes a course in which nothing is graded yet.

    It takes the students' names, and what stands in for the grader, in one thread.
    """
    kept = ("source", "release", teaching.CONFIG_FILE, "gradebook.db")

    def make(names, run):
        for name in kept:
            copy = shutil.copytree if (course / name).is_dir() else shutil.copy
            copy(course / name, tmp_path / name)
        for name in names:
            hand_in(tmp_path, f"{name}/sums/sums.ipynb", RIGHT)
        monkeypatch.setattr(grading, "SIDE_BY_SIDE", 1)
        monkeypatch.setattr(grading, "run", run)
        return tmp_path, lambda: grading.grade(tmp_path, "sums", released(tmp_path), 1)

    return make


def leave_notebook(course, chapter, student):
    """Leave what nbgrader writes before it runs a hand-in."""
    path = course / "autograded" / student / chapter / f"{chapter}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(released(course), path)


def test_a_hand_in_whose_grading_was_stopped_is_tried_again(class_of):
    problems = ["stopped after 1 minutes", ""]

    def run(course, chapter, student, minutes):
        leave_notebook(course, chapter, student)
        return problems.pop(0)

    _, grade_all = class_of(["slow"], run)
    assert grade_all()["slow"]["outcome"] == "not graded"
    assert grade_all()["slow"]["outcome"] == "graded"
    assert grade_all()["slow"]["outcome"] == "graded"  # it didn't run once more


def test_ctrl_c_begins_no_other_and_keeps_what_was_known(class_of, monkeypatch):
    names, begun = list("abcdef"), []

    def run(course, chapter, student, minutes):
        leave_notebook(course, chapter, student)
        return ""

    def be_interrupted(course, chapter, student, minutes):
        begun.append(student)
        if student == "b":
            raise KeyboardInterrupt
        if student == "c":
            time.sleep(1)  # it had begun
        return ""

    course, grade_all = class_of(names, run)
    first = grade_all()
    for name in names:
        hand_in(course, f"{name}/sums/sums.ipynb", "total = 6")
    monkeypatch.setattr(grading, "run", be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        grade_all()
    assert begun in (["a", "b"], ["a", "b", "c"])
    known = grading.read_outcomes(course)["sums"]
    assert known["a"] != first["a"]
    assert all(known[name] == first[name] for name in names[1:])


def test_what_goes_wrong_in_looking_at_errors_costs_one_grade(class_of):
    def run(course, chapter, student, minutes):
        if student != "gone":
            leave_notebook(course, chapter, student)
        return ""

    _, grade_all = class_of(["ann", "gone", "zoe"], run)
    known = grade_all()
    assert known["ann"]["outcome"] == known["zoe"]["outcome"] == "graded"
    assert known["gone"]["outcome"] == "not graded"
    assert "FileNotFoundError" in known["gone"]["notes"][0]


@pytest.mark.parametrize(
    ("folder", "chapter", "message"),
    [
        ("my course", "", "Which chapter? Add CHAPTER=sums"),
        ("my course", "sum", "no chapter 'sum'. Did you mean sums?"),
        ("elsewhere", "sums", "There's no course in"),
    ],
)
def test_a_course_or_chapter_that_is_not_there_is_named(
    course, folder, chapter, message
):
    result = grade(course.with_name(folder), chapter)
    assert result.returncode == 1 and message in result.stderr
    assert len(result.stderr.splitlines()) == 1


# What a teacher wrote


def test_an_edited_setting_stays_and_is_named(course, table):
    result = make_student(course.parent)
    assert result.returncode == 0, result.stderr
    assert f"{course / teaching.CONFIG_FILE} was edited" in result.stdout
    assert f"timeout = {TIME_LIMIT}" in (course / teaching.CONFIG_FILE).read_text()


def test_other_exercises_than_those_answered_are_refused(course, table):
    before = teaching.files_of(course, "sums")
    result = make_student(course.parent, PAGE.replace("exercise-add", "exercise-sum"))
    assert result.returncode == 1
    assert "sums has other exercises than those whose answers are in" in result.stderr
    assert teaching.files_of(course, "sums") == before


def test_an_edited_notebook_stays_and_is_named(tmp_path):
    make_student(tmp_path)
    edited = tmp_path / "my course" / "source" / "sums" / "sums.ipynb"
    edited.write_text(edited.read_text().replace("Call the sum", "Please call the sum"))
    before = teaching.files_of(tmp_path / "my course", "sums")
    result = make_student(tmp_path)
    assert result.returncode == 1
    assert "source/sums/sums.ipynb" in result.stderr
    assert teaching.files_of(tmp_path / "my course", "sums") == before
