"""What every page of the book must have."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
from built_book import book_parts

from website.pages import code_cells, is_notebook, missing

ROOT = Path(__file__).parent.parent
LISTED = [ROOT / f"{name}.md" for _, names in book_parts() for name in names]
NOTEBOOKS = [page for page in LISTED if is_notebook(page)]
# Other notebooks, such as the landing page, aren't chapters.
PARTS = ("tutorial", "going-further", "in-a-framework", "beyond-one-computer")
CHAPTERS = [page for page in NOTEBOOKS if page.parent.name in PARTS]
every_page = pytest.mark.parametrize("page", LISTED, ids=lambda page: page.stem)
every_chapter = pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)


def test_table_of_contents_lists_every_page():
    assert sorted(LISTED) == sorted((ROOT / "content").rglob("*.md"))


def test_every_page_with_code_is_a_notebook_that_pytest_runs():
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "content"]
    here = os.environ | {"BUILT_JUST_NOW": ""}  # as where no page has just run
    listing = subprocess.run(
        collect, cwd=ROOT, env=here, capture_output=True, text=True
    )
    collected = {line.split("::")[0] for line in listing.stdout.splitlines()}
    for page in LISTED:
        text, path = page.read_text("utf-8"), page.relative_to(ROOT).as_posix()
        if "{code-cell}" in text:
            skipped = missing(text) and f"{path} needs" in listing.stdout
            assert path in collected or skipped


@every_page
def test_a_page_without_code_opens_in_jupyter_without_more_programs(page):
    text = page.read_text("utf-8")  # for colon fences, Jupytext would want Pandoc there
    assert is_notebook(page) or not re.search("^:::", text, re.MULTILINE)


@every_chapter
def test_chapter_has_the_sections_that_readers_expect(page):
    headings = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
    assert headings[:3] == ["What you'll do", "What you'll learn", "What you'll need"]
    end = [heading for heading in headings if heading != "Check yourself"][-3:]
    assert end == ["What you learned", "Exercises", "Further reading"]


@every_chapter
def test_every_exercise_has_a_solution_with_code_or_an_example(page):
    text = page.read_text("utf-8")
    exercises = re.findall(r"{exercise-start}.*\n:label: (\S+)", text)
    solutions = re.findall(r"{solution-start} (\S+)\n:class: dropdown", text)
    assert 2 <= len(exercises) <= 4
    assert solutions == exercises


@every_chapter
def test_quiz_has_one_right_answer_to_each_question_and_explains_all(page):
    text = page.read_text("utf-8")
    quiz = text.split("## Check yourself\n")[1].split("## Exercises\n")[0]
    questions = re.split(r"^\*\*Question \d\.\*\* ", quiz, flags=re.MULTILINE)[1:]
    assert len(questions) >= 2
    for question in questions:
        answers = re.findall(r"^:::{dropdown} .+\n:.+\n\n(.+)\n:::$", question, re.M)
        assert len(answers) >= 3
        assert sum(answer.startswith("**Right.** ") for answer in answers) == 1
        assert sum(answer.startswith("**Not quite.** ") for answer in answers) >= 2
        assert all(len(answer.split()) >= 6 for answer in answers)


@every_page
def test_every_image_has_alternative_text(page):
    text = page.read_text("utf-8")
    figures = re.findall(r"^```{(?:figure|image)}.*\n((?::.*\n)*)", text, re.MULTILINE)
    for options in figures:
        assert re.search(r"^:alt: \S+ \S+ \S+", options, re.MULTILINE), options
    for alt in re.findall(r"!\[([^\]]*)\]\(", text):
        assert len(alt.split()) >= 3
    for tag in re.findall(r"<img\b[^>]*>", text):
        assert re.search(r"\balt=\"\S+", tag), tag


@pytest.mark.parametrize(
    ("name", "cells", "lines"),
    [
        ("going-further/check-a-gradient", ("class Node",), 40),
        (
            "tutorial/build-and-train",
            ("pixels_per_image =", "def relu", "weights_1,"),
            30,
        ),
    ],
)
def test_code_takes_about_as_many_lines_as_the_page_says(name, cells, lines):
    sources = [cell.source for cell in jupytext.read(ROOT / f"content/{name}.md").cells]
    code = [next(s for s in sources if s.startswith(cell)) for cell in cells]
    written = [line.strip() for source in code for line in source.splitlines()]
    docstrings = sum(line.startswith('"""') for line in written)
    assert abs(sum(map(bool, written)) - docstrings - lines) <= 5


# Numbers in prose ------------------------------------------------------------------

STATED = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?%?(?![\w-])")
NOT_STATEMENTS = re.compile(
    r"```{math}.*?```|^```.*$|^:(?!alt:).*$"  # formulas, fences, options of directives
    r"|`[^`]*`|{[^}]*}`[^`]*`|\]\([^)]*\)"  # code, roles, addresses of links
    r"|Python [\d., or]+|CC BY 4\.0",  # versions
    re.MULTILINE | re.DOTALL,
)


def stated_numbers(text):
    """Find the numbers in prose that could be wrong: large ones, decimals, shares."""
    for found in STATED.findall(NOT_STATEMENTS.sub(" ", text)):
        number = float(found.rstrip("%").replace(",", ""))
        if number >= 100 or "." in found or "%" in found:
            yield found, {number, number / 100} if "%" in found else {number}


def prose(page):
    """Join what a page says in words: its text, captions, and alternative texts."""
    if not is_notebook(page):
        return page.read_text("utf-8")
    parts = []
    for cell in jupytext.read(page).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        shown = cell.metadata.get("mystnb", {})
        parts.append(shown.get("image", {}).get("alt", ""))
        parts.append(shown.get("figure", {}).get("caption", ""))
    return "\n\n".join(parts)


def held_numbers(page):
    """Collect the numbers that a page's checks hold, and those that its code sets."""
    return {
        float(leaf.value)
        for tree in code_of(page)
        for leaf in ast.walk(tree)
        if isinstance(leaf, ast.Constant) and type(leaf.value) in (int, float)
    }


def code_of(page):
    """Parse the code cells of a page."""
    return [ast.parse(cell.source) for cell in code_cells(jupytext.read(page))]


@every_page
def test_every_number_in_prose_is_held_by_the_code_of_the_page(page):
    # A page without code may quote what any chapter holds.
    sources = [page] if page in NOTEBOOKS else NOTEBOOKS
    held = set().union(*map(held_numbers, sources))
    loose = [
        found for found, values in stated_numbers(prose(page)) if not values & held
    ]
    assert loose == [], "neither a check nor a setting on this page holds these numbers"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It reads 83.7% of 1,000 images.", ["83.7%", "1,000"]),
        ("In `x[784]`, {eq}`eq-1000`, and ten 28 × 28 images.", []),
        ("```{math}\nx = 784\n```\nSo 0.5, SHA-256, and 64 digits.", ["0.5"]),
    ],
)
def test_numbers_in_prose_are_found(text, found):
    assert [number for number, _ in stated_numbers(text)] == found


# What assertions hold --------------------------------------------------------------

# Functions that compute nothing that their arguments don't say
PLAIN = {"abs", "all", "any", "dict", "float", "int", "len", "list", "max", "min"}
PLAIN |= {"range", "round", "set", "sorted", "sum", "tuple", "zip"}


def conditions(tree):
    """Yield the parts of all assertions: what stands between their `and`s."""
    tests = [node.test for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    while tests:
        test = tests.pop()
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            tests += test.values
        else:
            yield test


def is_literal(node, known):
    """Tell whether nothing in an expression is computed, given names of literals."""
    return all(
        leaf.id in known | PLAIN
        if isinstance(leaf, ast.Name) and isinstance(leaf.ctx, ast.Load)
        else isinstance(leaf.func, ast.Name) and leaf.func.id in PLAIN
        if isinstance(leaf, ast.Call)
        else True
        for leaf in ast.walk(node)
    )


def names_of_literals(trees):
    """Return the names to which a page's code gives literals, and nothing else."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    stored = [
        n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]
    given = {name: [] for name in stored}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            given[node.targets[0].id].append(node.value)
        elif isinstance(
            node, ast.Attribute | ast.Subscript
        ):  # filled, it may be, later
            filled = isinstance(node.ctx, ast.Store) or isinstance(node, ast.Attribute)
            if filled and isinstance(node.value, ast.Name):
                stored.append(node.value.id)
    known = set()
    while True:
        more = {
            name
            for name, values in given.items()
            if len(values) == stored.count(name)  # given by no loop, in no tuple
            and all(is_literal(value, known) for value in values)
        }
        if more == known:
            return known
        known = more


def unit(stated):
    """Return one unit of the last digit of a number as it's written: 0.1 of 83.7."""
    digits = stated.partition(".")[2]
    if digits:
        return 10.0 ** -len(digits)
    return 10.0 ** (len(stated) - len(stated.rstrip("0")))


def too_wide(test):
    """Tell whether a part of an assertion allows more than the number in it says.

    In `abs(accuracy - 83.7) < 0.2`, the text says 83.7. With a tolerance of more than
    two units of its last digit, the text could be false, and the check still hold.
    """
    match test:
        case ast.Compare(
            ast.Call(
                ast.Name("abs"), [ast.BinOp(_, ast.Sub(), ast.Constant() as said)]
            ),
            [ast.Lt() | ast.LtE()],
            [ast.Constant(tolerance)],
        ):
            return tolerance > 2.001 * unit(ast.unparse(said))
    return False


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
def test_every_assertion_tests_something_computed_as_tightly_as_it_is_said(page):
    trees = code_of(page)
    known = names_of_literals(trees)
    tests = [test for tree in trees for test in conditions(tree)]
    literals = [ast.unparse(test) for test in tests if is_literal(test, known)]
    assert literals == [], "these compare literals or settings, and so hold nothing"
    wide = [ast.unparse(test) for test in tests if too_wide(test)]
    assert wide == [], (
        "these allow more than two units of the stated number's last digit"
    )


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("assert 100 * 0.8 == 80", 1),
        ("rates = [0.1, 0.3]\nassert rates[1] == 0.3 and len(rates) == 2", 2),
        ("n = 50\nm = 2 * n\nassert m == 100", 1),
        ("n = 50\nn += f()\nassert n == 100", 0),
        ("for n in trained():\n    assert n == 3", 0),
        ("assert abs(np.log(10) - 2.3) < 0.1", 0),
        ("rates = [0.1, 0.3]\nassert rates[best()] == 0.3", 0),
        ("loss, n = train()\nassert loss < 3", 0),
        ("found = {}\nfound[1] = train()\nassert found[1] < 3", 0),
        ("found = []\nfound.append(train())\nassert found[0] < 3", 0),
    ],
)
def test_assertions_of_literals_are_found(code, number):
    tree = ast.parse(code)
    known = names_of_literals([tree])
    assert sum(is_literal(test, known) for test in conditions(tree)) == number


@pytest.mark.parametrize(
    ("code", "wide"),
    [
        ("assert abs(accuracy - 83.7) < 0.3", True),
        ("assert abs(accuracy - 83.7) < 0.2", False),
        ("assert abs(accuracy - 84) < 2", False),
        ("assert abs(seconds - 90) <= 20", False),
        ("assert abs(seconds - 90) <= 21", True),
        ("assert abs(gradient - numerical) < 1e-7", False),
    ],
)
def test_tolerances_beyond_the_claim_are_found(code, wide):
    (test,) = conditions(ast.parse(code))
    assert too_wide(test) is wide
