"""Derive the editions of the chapters for a class: `python -m classroom.editions`.

Two editions, as the folders of an nbgrader course: `source/` for instructors, with
solutions and checks, and `release/` for students, with `# your code here` instead.
Nothing in them is written by hand. They are made anew from the pages each time.
"""

import argparse
import importlib
import os
import re
import shutil
import sys
from pathlib import Path

import jupytext
import nbformat
from built_book import book_parts
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from plain_markdown import PlainMarkdown

from classroom.exercises import Exercise, is_tagged, split_page

ROOT = Path(__file__).resolve().parent.parent
COURSE = ROOT / "_build" / "classroom"
TEACHING = ROOT / ".teaching"  # where `make student` puts nbgrader
to_markdown = PlainMarkdown().convert  # without the values that a page computes
CONFIG = """\
from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.converters import GenerateAssignment

c = get_config()
c.ClearSolutions.code_stub = {"python": "# your code here"}
c.ClearSolutions.text_stub = "*Your answer here.*"
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {"instructor"}
c.GenerateAssignment.preprocessors = [
    TagRemovePreprocessor,
    *GenerateAssignment.class_traits()["preprocessors"].default(),
]
c.ExecutePreprocessor.timeout = 180  # seconds a cell
c.ClearHiddenTests.begin_test_delimeter = "BEGIN CHECK"
c.ClearHiddenTests.end_test_delimeter = "END CHECK"
"""


def chapters():
    """List the pages that have exercises, in the order of the book."""
    pages = [ROOT / f"{name}.md" for _, names in book_parts() for name in names]
    return [page for page in pages if "{exercise-start}" in page.read_text("utf-8")]


def chosen(names):
    """Return the chapters of these names, such as "load", or all of them.

    Raises
    ------
    LookupError
        If one is unknown, or has no exercises.
    """
    pages = [page for page in chapters() if page.stem in (names or [page.stem])]
    if missing := set(names) - {page.stem for page in pages}:
        raise LookupError(f"No chapter with exercises: {', '.join(sorted(missing))}")
    return pages


def instructor_edition(page):
    """Make the notebook with solutions and checks, in nbgrader's format.

    Parameters
    ----------
    page : pathlib.Path
        A chapter.

    Returns
    -------
    nbformat.NotebookNode
        Its text and code, and for each exercise: the question, the solution in one
        cell, explanations that only instructors get, and the check, if there's one.
        The hidden cells that hold the page's own numbers are left out.
    """
    page_notebook = jupytext.read(page)
    cells = []
    for part in split_page(page_notebook):
        if isinstance(part, Exercise):
            cells += exercise_cells(part)
        elif part.cell_type == "markdown":
            cells.append(new_markdown_cell(to_markdown(part.source)))
        elif not is_tagged(part, "remove-cell"):
            cells.append(new_code_cell(part.source))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = page_notebook.metadata.kernelspec
    return notebook


def exercise_cells(exercise):
    """Return an exercise's cells: question, answer, explanation, check."""
    text = to_markdown(exercise.text)
    yield new_markdown_cell(f"### Exercise: {exercise.title}\n\n{text}")
    code = [cell.source for cell in exercise.solution if cell.cell_type == "code"]
    words = "\n\n".join(
        to_markdown(cell.source)
        for cell in exercise.solution
        if cell.cell_type == "markdown"
    )
    if code:
        answer = new_code_cell("\n\n".join(code))
        if words:
            yield new_markdown_cell(words, metadata={"tags": ["instructor"]})
    else:
        answer = new_markdown_cell(words)
    # Written answers are graded by a person, code without a check is not graded.
    by_hand = not code
    answer.metadata["nbgrader"] = about(exercise.label, solution=True, grade=by_hand)
    yield answer
    if exercise.check:
        check = new_code_cell(
            "# Your answer is checked here when it's graded.\n"
            f"### BEGIN CHECK\n{exercise.check}\n### END CHECK"
        )
        check.metadata["nbgrader"] = about(f"check-{exercise.label}", grade=True)
        yield check


def about(grade_id, solution=False, grade=False):
    """Return what nbgrader wants to know of a cell."""
    known = {"schema_version": 3, "grade_id": grade_id, "task": False}
    known |= {"solution": solution, "grade": grade, "locked": not solution}
    return known | ({"points": 1} if grade else {})


def write_source(page, course):
    """Write a chapter's instructor edition, with its images beside it."""
    folder = course / "source" / page.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    notebook = instructor_edition(page)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for image in re.findall(r"!\[.*\]\((.*)\)", cell.source):
                shutil.copy(page.parent / image, folder)
                name = Path(image).name
                cell.source = cell.source.replace(f"]({image})", f"]({name})")
    nbformat.write(notebook, folder / f"{page.stem}.ipynb")


def use_nbgrader():
    """Let this process, its kernels, and its commands find nbgrader.

    Raises
    ------
    ModuleNotFoundError
        If it isn't installed.
    """
    sys.path.append(str(TEACHING))
    for name, folder in (("PYTHONPATH", TEACHING), ("PATH", TEACHING / "bin")):
        earlier = os.environ.get(name)
        os.environ[name] = os.pathsep.join(filter(None, [earlier, str(folder)]))
    importlib.import_module("nbgrader")


def settings(course):
    """Return nbgrader's settings for a course, a folder that `main` has made."""
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    return config


def release(names, course):
    """Have nbgrader derive the student editions, and note the checks in its gradebook.

    Raises
    ------
    RuntimeError
        If nbgrader can't make one; the message is nbgrader's.
    """
    from nbgrader.apps import NbGraderAPI

    api = NbGraderAPI(config=settings(course))
    for name in names:
        result = api.generate_assignment(name, force=True)
        if not result["success"]:
            raise RuntimeError(f"{name}: {result['log']}")


def main(arguments=None):
    """Write both editions of all chapters.

    Parameters
    ----------
    arguments : list of str, optional
        The command line, by default that of the program.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(prog="editions", description=__doc__)
    parser.add_argument("--course", type=Path, default=COURSE, help="a folder")
    parser.add_argument("names", nargs="*", help="chapters, such as load; or all")
    options = parser.parse_args(arguments)
    try:
        pages = chosen(options.names)
        use_nbgrader()
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError:
        print("nbgrader isn't installed. Run make student.", file=sys.stderr)
        return 1
    course = options.course.expanduser().resolve()
    for page in pages:
        write_source(page, course)
    (course / "nbgrader_config.py").write_text(CONFIG)
    try:
        release([page.stem for page in pages], course)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(pages)} chapters in {course}")
    print("  source/   for instructors, with solutions and checks")
    print("  release/  for students, with # your code here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
