"""Derive the editions of the chapters for a class: `python -m classroom.editions`.

Two editions, as the folders of an nbgrader course: `source/` for instructors, with
solutions and checks, and `release/` for students, with `# your code here` instead.
Nothing in them is written by hand. They are made anew from the pages each time; what a
teacher has changed there stays, and is named.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

import jupytext
import nbformat
from book_build import repository, site
from built_book import book_parts
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook_downloads import FIRST_CELL, package_address, wheel_name, write_wheel
from plain_markdown import PlainMarkdown

from classroom.course import (
    COURSE,
    ROOT,
    changed_by_hand,
    check_course,
    did_you_mean,
    note_what_is_written,
    settings,
    use_nbgrader,
    write_config,
)
from classroom.exercises import Exercise, asked_names, split_page
from website.pages import tags_of


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
    known = [page.stem for page in chapters()]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise LookupError(f"No chapter with exercises is named {name!r}. {hint}")
    return pages


class EditionMarkdown(PlainMarkdown):
    """Turns a page's MyST into Markdown, without the values that the page computes.

    Parameters
    ----------
    page : pathlib.Path
        The page: links in it are relative to its folder.
    """

    def __init__(self, page):
        super().__init__()
        self.page = page

    def link(self, words, path, anchor):
        """Link to a page where the book is published, if that is known."""
        target = (self.page.parent / path).resolve() if path else self.page
        words = words or title_of(target)
        if not site() or not target.is_relative_to(ROOT):
            return f"*{words}*"
        address = target.relative_to(ROOT).with_suffix(".html").as_posix()
        return f"[{words}]({site()}{address}{anchor})"


def title_of(page):
    """Return a page's title."""
    title = re.search(r"^# (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return title[1] if title else page.stem


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
        The hidden cells that hold the page's own numbers are left out. The first cell
        of code installs the package where it's missing.
    """
    page_notebook = jupytext.read(page)
    to_markdown = EditionMarkdown(page).convert
    cells = []
    for part in split_page(page_notebook):
        if isinstance(part, Exercise):
            cells += exercise_cells(part, to_markdown)
        elif part.cell_type == "markdown":
            cells.append(new_markdown_cell(to_markdown(part.source)))
        elif "remove-cell" not in tags_of(part):
            cells.append(new_code_cell(part.source))
    cells.insert(1, new_code_cell(first_cell()))  # after the title
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = page_notebook.metadata.kernelspec
    return notebook


def first_cell():
    """Return the code that lets an edition run in any Jupyter, as downloads have it."""
    wheel = wheel_name()
    address = package_address(site(), *repository(), wheel)
    return FIRST_CELL.format(wheel=wheel, address=address).rstrip()


def exercise_cells(exercise, to_markdown):
    """Return an exercise's cells: question, answer, explanation, check.

    The check begins with the names that it reads, for students to see: one that's
    missing is an error there, which says so.
    """
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
            "# Your answer is checked here when it's graded. Run this to see what is"
            f" read:\n{', '.join(asked_names(exercise))}\n"
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
    """Write a chapter's instructor edition, its images, and the package beside it."""
    folder = course / "source" / page.stem
    shutil.rmtree(folder, ignore_errors=True)
    write_wheel(folder)
    notebook = instructor_edition(page)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for image in re.findall(r"!\[.*\]\((.*)\)", cell.source):
                shutil.copy(page.parent / image, folder)
                name = Path(image).name
                cell.source = cell.source.replace(f"]({image})", f"]({name})")
    nbformat.write(notebook, folder / f"{page.stem}.ipynb")


def release(name, course):
    """Have nbgrader derive a student edition, and note the checks in its gradebook.

    Raises
    ------
    RuntimeError
        If nbgrader can't make it; the message is nbgrader's.
    """
    from nbgrader.apps import NbGraderAPI

    api = NbGraderAPI(config=settings(course))
    result = api.generate_assignment(name, force=True)
    if not result["success"]:
        raise RuntimeError(f"{name}: {result['log']}")


def check_gradebook(pages, course):
    """Refuse to give a chapter other exercises than those that students answered.

    Raises
    ------
    LookupError
        If answers were graded whose cells would be gone, or new ones come.
    """
    from nbgrader.api import Gradebook, MissingEntry

    if not (course / "gradebook.db").exists():
        return
    with Gradebook(settings(course).CourseDirectory.db_url) as book:
        for page in pages:
            try:
                graded = book.find_notebook(page.stem, page.stem)
            except MissingEntry:
                continue
            marks = [c.metadata.get("nbgrader") for c in instructor_edition(page).cells]
            names = {mark["grade_id"] for mark in marks if mark}
            if graded.submissions and names != {c.name for c in graded.source_cells}:
                raise LookupError(
                    f"{page.stem} has other exercises than those whose answers are in"
                    f" {course}. Make the new edition in another folder. Nothing was"
                    " written."
                )


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
    course = options.course.expanduser().resolve()
    try:
        check_course(course)
        pages = chosen(options.names)
        names = [page.stem for page in pages]
        use_nbgrader()
        if by_hand := changed_by_hand(course, names):
            raise LookupError(
                f"These files in {course} were changed since make student wrote them:"
                f" {', '.join(by_hand)}. Move them away, or name another folder."
                " Nothing was written."
            )
        # Nobody else may enter a new one: it has the solutions, and later the grades.
        course.mkdir(0o700, parents=True, exist_ok=True)
        write_config(course)
        check_gradebook(pages, course)
        for page in pages:
            write_source(page, course)
            note_what_is_written(course, page.stem)
            release(page.stem, course)
            note_what_is_written(course, page.stem)
    except (LookupError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError:
        print("nbgrader isn't installed. Run make student.", file=sys.stderr)
        return 1
    print(f"{len(pages)} chapters in {course}")
    print("  source/   for instructors, with solutions and checks")
    print("  release/  for students, with # your code here: send its folders, whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
