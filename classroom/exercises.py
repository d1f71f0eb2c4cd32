"""Find a page's exercises, their solutions, and the checks that grade an answer.

The page is the only source. An exercise can be graded if its solution ends with a
hidden cell, tagged `autograder`: assertions on the names that the exercise asks for,
then `wrong_answers`, a list of code that the assertions must reject.
"""

import ast
import re
from dataclasses import dataclass, field

from website.pages import tags_of

MARK = re.compile(
    r"^```{(exercise|solution)-(start|end)} *(.*)\n((?::.*\n)*)```$\n?", re.MULTILINE
)
QUIZ = re.compile(r"^## Check yourself\n(?:(?!^## ).*\n?)*", re.MULTILINE)


@dataclass
class Exercise:
    """An exercise of a page.

    Attributes
    ----------
    label, title : str
        Its name, as links use it, and its heading.
    text : str
        What is asked, in MyST.
    solution : list
        The cells that a reader sees when the solution is unfolded.
    check : str
        Assertions that accept the solution; empty if it can't be graded by code.
    wrong_answers : list of str
        Code that they reject.
    """

    label: str
    title: str
    text: str = ""
    solution: list = field(default_factory=list)
    check: str = ""
    wrong_answers: list = field(default_factory=list)


def split_page(notebook):
    """Split a page into its cells and exercises, in their order.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The page, as Jupytext reads it.

    Yields
    ------
    nbformat.NotebookNode or Exercise
        A cell outside of any exercise, without what marks exercises, and without the
        quiz, whose answers only the site folds away; or an exercise with its solution,
        where the solution ends.

    Raises
    ------
    ValueError
        If an exercise has no label or no solution, a code cell in its question, or a
        check without wrong answers; or if a solution has no exercise before it.
    """
    exercise, place = None, "page"
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            if place == "page":
                yield cell
            elif place == "exercise":
                raise ValueError(f"{exercise.label} has a code cell in its question")
            elif "autograder" in tags_of(cell):
                exercise.check, exercise.wrong_answers = split_check(cell.source)
            elif "remove-cell" not in tags_of(cell):
                exercise.solution.append(cell)
            continue
        # MARK has four groups: the text, then kind, edge, title, options, text, …
        pieces = MARK.split(cell.source)
        for number in range(0, len(pieces), 5):
            if number:
                kind, edge, title, options = pieces[number - 4 : number]
                if (kind, edge) == ("exercise", "start"):
                    if exercise:
                        raise ValueError(f"{exercise.label} has no solution")
                    label = re.search(r"^:label: (\S+)", options, re.MULTILINE)
                    if not label:
                        raise ValueError(f"the exercise {title!r} has no :label:")
                    exercise = Exercise(label[1], title.strip())
                    place = "exercise"
                elif (kind, edge) == ("solution", "start"):
                    if not exercise or exercise.label != title.strip():
                        raise ValueError(f"{title} is a solution of no exercise here")
                    place = "solution"
                elif kind == "solution":
                    if not exercise:
                        raise ValueError("a solution ends that has not begun")
                    if place != "solution":
                        raise ValueError(f"{exercise.label} has no solution")
                    yield exercise
                    exercise, place = None, "page"
                elif place != "exercise":
                    raise ValueError("an exercise ends that has not begun")
                else:
                    place = "between"
            text = QUIZ.sub("", pieces[number]).strip("\n")
            if not text:
                continue
            if place == "exercise":
                exercise.text = f"{exercise.text}\n\n{text}".strip()
            else:
                part = cell.copy()
                part.source = text
                if place == "page":
                    yield part
                elif place == "solution":
                    exercise.solution.append(part)
    if exercise:
        raise ValueError(f"{exercise.label} has no solution")


def split_check(source):
    """Split an `autograder` cell into its assertions and its wrong answers."""
    statements = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "wrong_answers"
    ]
    if len(statements) != 1:
        raise ValueError(
            "a cell with the tag autograder needs one list of wrong_answers, but has"
            f" {len(statements)}:\n{source}"
        )
    (statement,) = statements
    lines = source.splitlines()
    check = "\n".join(lines[: statement.lineno - 1]).strip("\n")
    return check, [answer.strip("\n") for answer in ast.literal_eval(statement.value)]


def asked_names(exercise):
    """List the names that a check reads from the answer, in the order of the question.

    Parameters
    ----------
    exercise : Exercise
        With a check.

    Returns
    -------
    list of str
        What the question has in backticks, the solution defines, and the check uses.

    Raises
    ------
    ValueError
        If there's none: the question doesn't say what the check needs.
    """
    code = [cell.source for cell in exercise.solution if cell.cell_type == "code"]
    defined, used = set(), set()
    for node in ast.walk(ast.parse("\n".join(code))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
    for node in ast.walk(ast.parse(exercise.check)):
        if isinstance(node, ast.Name):
            used.add(node.id)
    asked = dict.fromkeys(re.findall(r"`([A-Za-z_]\w*)", exercise.text))
    names = [name for name in asked if name in defined & used]
    if not names:
        raise ValueError(f"{exercise.label} doesn't name what its check reads")
    return names


def try_wrong_answers(notebook):
    """Have a page, when it runs as a test, also try the wrong answers on its checks.

    The check has accepted the page's solution by then. Now it must reject the empty
    answer and each wrong one, starting from what was defined before the solution. A
    wrong answer must run: only the check may stop it.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The page; some of its cells get more code.

    Returns
    -------
    nbformat.NotebookNode
        The same page, with as many cells as before.
    """
    at_start = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            marks = MARK.findall(cell.source)
            at_start = bool(marks) and marks[-1][:2] == ("solution", "start")
        elif at_start:
            cell.source = f"before_the_answer = dict(globals())\n{cell.source}"
            at_start = False
        if cell.cell_type == "code" and "autograder" in tags_of(cell):
            check, _ = split_check(cell.source)
            cell.source += TRIAL.format(check=check)
    return notebook


# In a function, so that it takes no name that the page's later cells use.
TRIAL = """

def reject_wrong_answers():
    for attempt in ["", *wrong_answers]:
        names = dict(before_the_answer)
        exec(attempt, names)
        try:
            exec({check!r}, names)
        except Exception:
            continue
        raise AssertionError("the check accepts: " + (attempt or "an empty answer"))


reject_wrong_answers()
"""
