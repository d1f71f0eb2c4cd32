"""Grade a class's answers, and write its feedback.

    python -m classroom.grading grade --course COURSE --chapter CHAPTER
    python -m classroom.grading feedback --course COURSE --chapter CHAPTER

Each hand-in is graded by itself: whatever is wrong with one is named, and costs no
other its grade. One that was graded before is graded again if it has changed.
"""

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
from book_build import mathjax_file

from classroom.course import (
    CONFIG_FILE,
    COURSE,
    ROOT,
    check_course,
    did_you_mean,
    settings,
    use_nbgrader,
    write_text,
)
from classroom.hand_ins import collect, find, grade_id, strays, students
from scratchnet.mnist import FILES, MnistUnavailableError, fetch_file, practice

OUTCOMES, GRADES = "outcomes.json", "grades.csv"
GRADED = ("graded", "empty")
SIDE_BY_SIDE = min(os.cpu_count() or 1, 4)  # a kernel needs up to 800 MB
ODD_NAMES = "backslashreplace"  # how to write names of files that are not UTF-8


# A course ---------------------------------------------------------------------------


def chapter_of(course, name):
    """Return a chapter's student edition.

    Raises
    ------
    LookupError
        If the folder is no course, or has no such chapter; the message says what to do.
    """
    check_course(course)
    there = sorted(path.stem for path in (course / "release").glob("*/*.ipynb"))
    if not there or not (course / "gradebook.db").exists():
        raise LookupError(
            f"There's no course in {course}. Make one, or name its folder:"
            " make student COURSE=…"
        )
    if not name:
        raise LookupError(f"Which chapter? Add CHAPTER={there[0]}, for example.")
    if name not in there:
        hint = did_you_mean(name, there)
        raise LookupError(f"The course has no chapter {name!r}. {hint}")
    return nbformat.read(course / "release" / name / f"{name}.ipynb", 4)


def read_outcomes(course):
    """Return what became of each hand-in: by chapter, then by student."""
    path = course / OUTCOMES
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def gradebook(course):
    """Open nbgrader's gradebook."""
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI

    return Gradebook(NbGraderAPI(config=settings(course)).coursedir.db_url)


# Grading ----------------------------------------------------------------------------


def prepare_kernels():
    """Set what the kernels inherit.

    Checks are assertions, so Python must not leave these out.
    """
    os.environ.pop("PYTHONOPTIMIZE", None)
    os.environ["TQDM_DISABLE"] = "1"
    folders = [fetch_file(key)[0].parent for key in FILES]
    if not practice.is_chosen():
        os.environ["MNIST_SOURCE"] = str(folders[0])


def grade(course, chapter, release, minutes):
    """Grade each hand-in that is new or has changed, several side by side.

    Parameters
    ----------
    course : pathlib.Path
        The folder of the course.
    chapter : str
        Such as "load".
    release : nbformat.NotebookNode
        The chapter's student edition.
    minutes : float
        How long a hand-in may take as a whole.

    Returns
    -------
    dict of dict
        By student: `outcome`, `notes`, and `fingerprint`, which tells whether a
        hand-in has changed. It's kept in the course.
    """
    before = read_outcomes(course).get(chapter, {})
    known, waiting = dict(before), {}  # what was known stays until there's better
    for student in sorted({*students(course), *before}):
        found, is_new = look_at(course, chapter, student, release, before)
        (waiting if is_new else known)[student] = found
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        try:
            jobs = {
                pool.submit(run, course, chapter, student, minutes): student
                for student in waiting
            }
            for number, job in enumerate(as_completed(jobs), 1):
                student = jobs[job]
                found = waiting[student]
                known[student] = found | result_of(job, course, chapter, student, found)
                keep(course, chapter, known)
                print(f"{number} of {len(jobs)}: {student}", flush=True)
        except BaseException:  # such as Ctrl+C: those that haven't begun don't begin
            pool.shutdown(cancel_futures=True)
            raise
    known = dict(sorted(known.items()))
    keep(course, chapter, known)
    return known


def result_of(job, course, chapter, student, found):
    """Return the outcome and the notes of a hand-in whose grading has ended."""
    try:
        problem = job.result()
        notes = [] if problem else errors(course, chapter, student)
    except Exception as error:  # see `look_at`
        problem = describe(error)
    if problem:
        return {"outcome": "not graded", "notes": [problem, *found["notes"]]}
    return {"notes": [*found["notes"], *notes]}


def describe(error):
    """Tell what was wrong with a hand-in."""
    return f"{type(error).__name__}: {error}"


def keep(course, chapter, outcomes):
    """Note what became of the hand-ins to a chapter."""
    text = json.dumps(read_outcomes(course) | {chapter: outcomes}, indent=1)
    write_text(course / OUTCOMES, text)


def look_at(course, chapter, student, release, before):
    """Tell what there is of a student, and whether it's to be graded (now)."""
    try:
        hand_in = find(course, chapter, student, release)
        if hand_in is None:
            return {"outcome": "not handed in", "notes": []}, False
        if hand_in.refused:
            notes = [hand_in.refused, *hand_in.notes]
            return {"outcome": "not graded", "notes": notes}, False
        fingerprint = fingerprint_of(course, chapter, collect(hand_in, course, chapter))
    except Exception as error:  # whatever it is, it costs no other student a grade
        return {"outcome": "not graded", "notes": [describe(error)]}, False
    graded = course / "autograded" / student / chapter / f"{chapter}.ipynb"
    earlier = before.get(student, {})
    # One that was stopped is tried again: the computer may have been busy.
    was_graded = earlier.get("outcome") in GRADED and graded.exists()
    if was_graded and earlier["fingerprint"] == fingerprint:
        return earlier, False
    outcome = "empty" if hand_in.is_empty else "graded"
    found = {"outcome": outcome, "notes": hand_in.notes, "fingerprint": fingerprint}
    return found, True


def fingerprint_of(course, chapter, folder):
    """Return a digest of a hand-in, of what it's graded with, and of the settings."""
    digest = hashlib.sha256()
    source = course / "source" / chapter / f"{chapter}.ipynb"
    files = [path for path in sorted(folder.glob("**/*")) if path.is_file()]
    for path in (course / CONFIG_FILE, source, *files):
        # A file's name may be any bytes.
        digest.update(os.fsencode(path.relative_to(course)) + b"\n")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(course, chapter, student, minutes):
    """Grade one hand-in in a process of its own; return what went wrong, or nothing."""
    command = [sys.executable, "-m", "classroom.autograde", course, chapter, student]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            output, log = process.communicate(timeout=60 * minutes)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            # A process that the hand-in left behind may hold the pipes for ever.
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=5)
            return f"stopped after {minutes:g} minutes"
    try:
        return json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        return f"the grader ended with {process.returncode}: {log.strip()[-200:]}"


def errors(course, chapter, student):
    """Tell which answers stopped with an error, and which errors other cells had."""
    path = course / "autograded" / student / chapter / f"{chapter}.ipynb"
    notes, others = [], set()
    for cell in nbformat.read(path, 4).cells:
        names = [o.ename for o in cell.get("outputs", []) if o.output_type == "error"]
        if not names:
            continue
        is_late = "CellTimeoutError" in names
        error = "stopped at the time limit of a cell" if is_late else names[0]
        if not grade_id(cell):
            others.add(error)
        elif not cell.metadata.nbgrader.grade:
            notes.append(f"{grade_id(cell)}: {error}")
    if others:
        notes.append(f"cells besides the answers: {', '.join(sorted(others))}")
    return notes


# What came out ----------------------------------------------------------------------

COLUMNS = ("chapter", "student", "outcome", "score", "max_score", "by_hand", "notes")


def rows_of(course, chapter, outcomes):
    """Return a chapter's rows of the table of grades, with what the gradebook knows.

    A score is empty where nothing was graded. `by_hand` is the number of answers that
    wait for a person.
    """
    from nbgrader.api import MissingEntry

    rows = []
    with gradebook(course) as book:
        try:
            max_score = book.find_assignment(chapter).max_score
        except MissingEntry:  # the gradebook is a new one
            max_score = ""
        for student, found in outcomes.items():
            score = by_hand = ""
            if found["outcome"] in GRADED:
                try:
                    graded = book.find_submission_notebook(chapter, chapter, student)
                except MissingEntry:
                    found = found | {"outcome": "not graded"}
                else:
                    score = graded.score
                    by_hand = sum(grade.needs_manual_grade for grade in graded.grades)
            notes = "; ".join(found["notes"])
            values = (chapter, student, found["outcome"], score, max_score, by_hand)
            rows.append(dict(zip(COLUMNS, (*values, notes), strict=True)))
    return rows


def write_grades(course):
    """Write the grades of all chapters that were graded so far; return the rows."""
    rows = []
    for chapter, outcomes in read_outcomes(course).items():
        rows += rows_of(course, chapter, outcomes)
    part = course / f".{GRADES}.part"
    with part.open("w", newline="", encoding="utf-8", errors=ODD_NAMES) as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    part.replace(course / GRADES)
    return rows


def show(rows):
    """Print a table of students, points, and what is to be known."""
    width = max(len(row["student"]) for row in rows)
    for row in rows:
        points = f"{row['score']:g}/{row['max_score']:g}" if row["score"] != "" else "–"
        by_hand = f"{row['by_hand']} by hand; " if row["by_hand"] else ""
        text = f"{row['student']:{width}}  {points:>5}  {row['outcome']:13}"
        print(f"{text}  {by_hand}{row['notes']}".rstrip())


def grade_command(course, chapter, release, minutes):
    """Grade a chapter, print the table, and write the file."""
    prepare_kernels()
    outcomes = grade(course, chapter, release, minutes)
    if not outcomes:
        raise LookupError(
            f"Nobody has handed in anything: {course / 'submitted'} has no folder for"
            f" a student. Put notebooks into submitted/NAME/{chapter}/."
        )
    rows = [row for row in write_grades(course) if row["chapter"] == chapter]
    show(rows)
    for path in strays(course):
        print(f"{path.name} in submitted/ is in no student's folder, and isn't graded.")
    n_graded = sum(row["outcome"] in GRADED for row in rows)
    print(f"{n_graded} of {len(rows)} are graded. The table is {course / GRADES}")


def whole_pages():
    """Return settings of nbconvert for feedback that loads nothing from elsewhere.

    A student gets a page alone, perhaps in a room without a network. nbgrader's own
    template, "feedback", would load MathJax from the web. What `feedback-template` has
    for the template of this name goes first, and puts MathJax into the page.
    """
    import nbgrader
    from traitlets.config import Config

    formgrader = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
    folders = Path(__file__).with_name("feedback-template"), formgrader / "templates"
    exporter = {
        "extra_template_basedirs": [str(folder) for folder in folders],
        "filters": {"mathjax_file": lambda name: mathjax_file(name).read_text("utf-8")},
    }
    return Config({"HTMLExporter": exporter})


def feedback_command(course, chapter):
    """Write a page of feedback for each graded hand-in."""
    from nbgrader.apps import NbGraderAPI

    config = settings(course)
    config.merge(whole_pages())
    api = NbGraderAPI(config=config)
    outcomes = read_outcomes(course).get(chapter, {})
    graded = [name for name, found in outcomes.items() if found["outcome"] in GRADED]
    if not graded:
        raise LookupError(f"Nothing is graded yet: make grade CHAPTER={chapter}")
    for student in graded:
        result = api.generate_feedback(chapter, student)
        page = course / "feedback" / student / chapter / f"{chapter}.html"
        print(page if result["success"] else f"{student}: none; {result['log']}")
    if others := [name for name in outcomes if name not in graded]:
        print(f"No feedback, since not graded: {', '.join(others)}")


def main(arguments=None):
    """Grade a chapter, or write its feedback.

    Parameters
    ----------
    arguments : list of str, optional
        The command line, by default that of the program.

    Returns
    -------
    int
        Exit status: 1 if there's no such course or chapter, or nothing to grade.
    """
    parser = argparse.ArgumentParser(prog="grading")
    parser.add_argument("command", choices=["grade", "feedback"])
    parser.add_argument("--course", type=Path, default=COURSE, help="a folder")
    parser.add_argument("--chapter", default="", help="such as load")
    parser.add_argument("--minutes", type=float, default=20, help="for each hand-in")
    options = parser.parse_args(arguments)
    course = options.course.expanduser().resolve()
    chapter = options.chapter.strip()
    sys.stdout.reconfigure(errors=ODD_NAMES)
    try:
        release = chapter_of(course, chapter)
        use_nbgrader()
        if options.command == "grade":
            grade_command(course, chapter, release, options.minutes)
        else:
            feedback_command(course, chapter)
    except (LookupError, MnistUnavailableError) as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError:
        print("nbgrader isn't installed. Run make student.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
