"""Find what students handed in for a chapter, and copy it to where nbgrader grades.

`submitted/STUDENT/CHAPTER/` is only read. The copies are in `collected/`, under the
name that nbgrader wants, and their cells are marked as in the student edition.
"""

import shutil
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

SUBMITTED, COLLECTED = "submitted", "collected"
NOT_HANDED_IN = (".ipynb_checkpoints", "__pycache__")
PATTERN = set("[]*?")  # nbgrader takes a folder with one of these for a pattern
NEW_CELL = {"code": new_code_cell, "markdown": new_markdown_cell}
BESIDE = "(There's text in other cells.)"


@dataclass
class HandIn:
    """What a student handed in for a chapter.

    Attributes
    ----------
    student : str
        The name of the student's folder.
    notebook : nbformat.NotebookNode or None
        What is to be graded, repaired; None if there's nothing.
    folder : pathlib.Path or None
        Where it is; the other files there go with it.
    refused : str
        Why it can't be graded.
    notes : list of str
        What was repaired, or looks odd.
    is_empty : bool
        Whether every answer is as the student got it.
    """

    student: str
    notebook: nbformat.NotebookNode | None = None
    folder: Path | None = None
    refused: str = ""
    notes: list = field(default_factory=list)
    is_empty: bool = False


def students(course):
    """List the names of the students' folders."""
    folders = sorted((course / SUBMITTED).glob("*"))
    return [path.name for path in folders if path.is_dir() and path.name[0] != "."]


def notebooks(folder, pattern="*"):
    """List the notebooks in a folder, also those that a browser named `.ipynb.txt`."""
    return [
        path
        for path in sorted(folder.glob(pattern))
        if ".ipynb" in path.name.lower()
        and path.is_file()
        and not set(path.relative_to(folder).parts) & set(NOT_HANDED_IN)
    ]


def find(course, chapter, student, release):
    """Find what a student handed in for a chapter, under whatever name, and repair it.

    Parameters
    ----------
    course : pathlib.Path
        The folder of the course.
    chapter, student : str
        Such as "load" and "ann".
    release : nbformat.NotebookNode
        The chapter's student edition.

    Returns
    -------
    HandIn or None
        None if there's nothing of this chapter in the student's folder.
    """
    home, hand_in = course / SUBMITTED / student, HandIn(student)
    found, proper = notebooks(home / chapter), f"{chapter}.ipynb"
    if not found:
        found = [path for path in notebooks(home, "**/*") if is_of(path, release)]
    if not found:
        return None
    if odd := PATTERN & set(student):
        hand_in.refused = (
            f"nbgrader can't read its folder: rename it without {' '.join(sorted(odd))}"
        )
        return hand_in
    named = [path for path in found if path.name == proper]
    if len(found) > 1 and len(named) != 1:
        names = ", ".join(str(path.relative_to(home)) for path in found)
        hand_in.refused = f"which one? keep one of {names}"
        return hand_in
    (path,) = named or found
    hand_in.folder = path.parent
    if path != home / chapter / proper:
        hand_in.notes.append(f"handed in as {path.relative_to(home)}")
    for other in found:
        if other != path:
            hand_in.notes.append(f"{other.relative_to(home)} isn't graded")
    try:
        notebook = read(path)
        hand_in.is_empty = not is_answered(notebook, release)
        hand_in.notes += repair(notebook, release)
        hand_in.notebook = notebook
    except ValueError as error:
        hand_in.refused = f"{path.relative_to(home)} {error}"
    return hand_in


def strays(course):
    """List the notebooks in `submitted/` that are in no student's folder."""
    return notebooks(course / SUBMITTED)


def read(path):
    """Read a notebook.

    Raises
    ------
    ValueError
        If it's none; the message goes on from the file's name.
    """
    content = path.read_bytes()
    if not content.strip():
        raise ValueError("is an empty file")
    try:
        notebook = nbformat.reader.reads(content.decode("utf-8-sig"))
        is_old = nbformat.reader.get_version(notebook)[0] < 4
        notebook = nbformat.convert(notebook, 4)
        give_ids(notebook, is_old)
        nbformat.validate(notebook)
    except Exception as error:  # nbformat raises whatever a damaged file leads to
        reason = str(error).splitlines()[0][:80] if str(error) else repr(error)
        raise ValueError(f"isn't a notebook: {reason}") from None
    return notebook


def give_ids(notebook, is_old):
    """Give each cell an id that no other has, where it has none.

    nbformat makes ids up by chance, also as it converts old notebooks. These are the
    same each time that a file is read, so that it doesn't look like a new hand-in.
    """
    taken = set()
    for number, cell in enumerate(notebook.cells):
        if is_old or cell.get("id", "") in {"", *taken}:
            cell.id = f"place-{number}"  # unlike those of the student edition
        taken.add(cell.id)
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)  # the first with ids


def grade_id(cell):
    """Return nbgrader's name for a cell; empty for one that it doesn't know."""
    mark = cell.metadata.get("nbgrader")
    name = mark.get("grade_id") if isinstance(mark, dict) else ""
    return name if isinstance(name, str) else ""


def marked_cells(notebook):
    """Return the cells that nbgrader knows, by their names; of several, all."""
    cells = {}
    for cell in notebook.cells:
        if grade_id(cell):
            cells.setdefault(grade_id(cell), []).append(cell)
    return cells


def is_of(path, release):
    """Tell whether a file is a notebook with answers to this chapter."""
    try:
        return bool(set(marked_cells(read(path))) & set(marked_cells(release)))
    except ValueError:
        return False


def is_answered(notebook, release):
    """Tell whether any answer, other code, or other text is new or changed."""
    given = {cell.source.strip() for cell in release.cells}
    return bool(texts_beside(notebook, release)) or any(
        cell.source.strip() not in given
        for cell in notebook.cells
        if cell.cell_type == "code" or grade_id(cell)
    )


def texts_beside(notebook, release):
    """List the cells of text, other than answers, that the student wrote or changed."""
    given = {"", *(cell.source.strip() for cell in release.cells)}
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "markdown" and not grade_id(cell)
        if cell.source.strip() not in given
    ]


def repair(notebook, release):
    """Mark a hand-in's cells as the student edition did, each name once.

    Splitting a cell in JupyterLab gives both halves the same name, over which nbgrader
    stops; a deleted check would cost its point in silence. Only marks and checks are
    touched, and the types of marked cells: what the student wrote stays, in its order.
    A written answer may be in a cell of its own, beside the one that was meant for it.
    Then that one says so, or it would count as empty, and no person would look.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The hand-in; it's changed in place.
    release : nbformat.NotebookNode
        The student edition.

    Returns
    -------
    list of str
        What was found, for the teacher.

    Raises
    ------
    ValueError
        If the hand-in has none of the chapter's answer cells.
    """
    notes = []
    wanted = {name: cells[0] for name, cells in marked_cells(release).items()}
    found = {n: cells for n, cells in marked_cells(notebook).items() if n in wanted}
    beside = texts_beside(notebook, release)
    if not found:
        raise ValueError(
            "has none of the chapter's answer cells: it isn't this chapter's student"
            " edition, or a program has taken away its cells' metadata"
        )
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
    for name, cells in found.items():
        given = wanted[name]
        written = [
            cell for cell in cells if cell.source.strip() != given.source.strip()
        ]
        kept = (written or cells)[-1]
        if len(cells) > 1:
            notes.append(f"{name} was split or copied into {len(cells)} cells; all run")
        if given.metadata.nbgrader.locked and written:
            notes.append(f"{name} was changed; the book's is used")
        if kept.cell_type != given.cell_type:
            notes.append(f"{name} was made {kept.cell_type}; it's {given.cell_type}")
            new = NEW_CELL[given.cell_type](kept.source, metadata=kept.metadata)
            new.id = kept.id
            notebook.cells[notebook.cells.index(kept)] = kept = new
        kept.metadata["nbgrader"] = deepcopy(given.metadata.nbgrader)
    for name in wanted:
        if name not in found:
            notes.append(f"{name} was deleted, and put back as it was")
            put_back(name, notebook, release)
    for cell in notebook.cells if beside else ():
        if is_empty_text(cell, wanted):
            notes.append(f"{grade_id(cell)} is empty, but other cells have new text")
            cell.source += f"\n\n{BESIDE}"
    return notes


def is_empty_text(cell, wanted):
    """Tell whether a cell is for a written answer, and has none."""
    name = grade_id(cell)
    is_text = cell.cell_type == "markdown" and name in wanted
    return is_text and cell.source.strip() == wanted[name].source.strip()


def put_back(name, notebook, release):
    """Insert a cell of the student edition before the one that follows it there.

    So it comes after what the student may have written in its place.
    """
    place = [grade_id(cell) for cell in release.cells].index(name)
    here = {key: n for n, cell in enumerate(notebook.cells) for key in keys(cell)}
    followers = [
        here[key]
        for cell in release.cells[place + 1 :]
        for key in keys(cell)
        if key in here
    ]
    cell = deepcopy(release.cells[place])
    cell.id = f"back-{place}"
    notebook.cells.insert(min(followers, default=len(notebook.cells)), cell)


def keys(cell):
    """Return what a cell may be known by: its mark, or the number that it was given."""
    return {("mark", grade_id(cell)), ("id", cell.id)} - {("mark", "")}


def collect(hand_in, course, chapter):
    """Copy a hand-in to where nbgrader looks for it, and return that folder."""
    target = course / COLLECTED / hand_in.student / chapter
    shutil.rmtree(target, ignore_errors=True)
    if hand_in.folder == course / SUBMITTED / hand_in.student / chapter:
        others = shutil.ignore_patterns("*.ipynb*", *NOT_HANDED_IN)
        shutil.copytree(hand_in.folder, target, ignore=others)
    target.mkdir(parents=True, exist_ok=True)
    nbformat.write(hand_in.notebook, target / f"{chapter}.ipynb")
    return target
