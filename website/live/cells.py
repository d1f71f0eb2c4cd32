"""Tell what a live page needs to know of its cells: the page is their only source."""

from classroom.exercises import MARK, asked_names, split_check, split_page
from website.pages import code_cells, tags_of

HIDDEN = {"remove-cell": "nothing", "remove-input": "output"}


def cell_id(number):
    """Name a code cell, counted from 0, hidden ones too; HTML and JSON use this."""
    return f"live-cell-{number}"


def page_cells(notebook, docname, title):
    """Describe a page's code cells in their order, and its exercises.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The page, as Jupytext reads it.
    docname, title : str

    Returns
    -------
    dict
        As kernel.js's users read it from JSON.
    """
    exercises = solved_exercises(notebook)
    code = code_cells(notebook)
    cells = [
        describe(cell, cell_id(number), exercise)
        for number, (cell, exercise) in enumerate(zip(code, exercises, strict=True))
    ]
    graded = [
        {
            "label": exercise.label,
            "title": exercise.title,
            "names": asked_names(exercise),
            "check": exercise.check,
        }
        for exercise in split_page(notebook)
        if getattr(exercise, "check", "")
    ]
    return {"docname": docname, "title": title, "cells": cells, "exercises": graded}


def describe(cell, name, exercise):
    """Describe one cell."""
    tags = tags_of(cell)
    shows = next((HIDDEN[tag] for tag in HIDDEN if tag in tags), "code")
    if shows == "output" and "remove-output" in tags:
        shows = "nothing"
    source = cell.source
    check = ""
    if "autograder" in tags:
        check, source = "autograder", split_check(source)[0]
    elif shows == "nothing" and "assert" in source:
        check = "measured" if "measured" in tags else "exact"
    image = cell.metadata.get("mystnb", {}).get("image", {})
    return {
        "id": name,
        "source": source,
        "tags": tags,
        "shows": shows,
        "check": check,
        "exercise": exercise,
        "alt": image.get("alt", ""),
    }


def solved_exercises(notebook):
    """Return, for each code cell, the label of the exercise that it solves, or None."""
    solves, label = [], None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            solves.append(label)
            continue
        for kind, edge, title, _ in MARK.findall(cell.source):
            if kind == "solution":
                label = title.strip() if edge == "start" else None
    return solves
