"""What every page of the book must have."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
from built_book import book_parts

from conftest import is_notebook

ROOT = Path(__file__).parent.parent
LISTED = [ROOT / f"{name}.md" for _, names in book_parts() for name in names]
NOTEBOOKS = [page for page in LISTED if is_notebook(page)]
# Other notebooks, such as the landing page, aren't chapters.
CHAPTERS = [
    page for page in NOTEBOOKS if page.parent.name in ("tutorial", "going-further")
]
every_page = pytest.mark.parametrize("page", LISTED, ids=lambda page: page.stem)
every_chapter = pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)


def test_table_of_contents_lists_every_page():
    assert sorted(LISTED) == sorted((ROOT / "content").rglob("*.md"))


def test_every_page_with_code_is_a_notebook_that_pytest_runs():
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "content"]
    listing = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True)
    collected = {line.split("::")[0] for line in listing.stdout.splitlines()}
    for page in LISTED:
        if "{code-cell}" in page.read_text("utf-8"):
            assert page.relative_to(ROOT).as_posix() in collected


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


def test_automatic_differentiation_takes_about_forty_lines():
    page = ROOT / "content" / "going-further" / "check-a-gradient.md"
    sources = [cell.source for cell in jupytext.read(page).cells]
    definition = next(source for source in sources if source.startswith("class Node"))
    assert 35 <= sum(bool(line.strip()) for line in definition.splitlines()) <= 45


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


def asserted_numbers(page):
    """Collect the numbers that the page's `assert` cells and statements hold."""
    numbers = set()
    for cell in jupytext.read(page).cells:
        if cell.cell_type != "code":
            continue
        hidden = "remove-cell" in cell.metadata.get("tags", [])
        tree = ast.parse(cell.source)
        asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
        for node in [tree] if hidden and asserts else asserts:
            for leaf in ast.walk(node):
                if isinstance(leaf, ast.Constant) and type(leaf.value) in (int, float):
                    numbers.add(float(leaf.value))
    return numbers


@every_page
def test_every_number_in_prose_is_held_by_an_assertion(page):
    # A page without code may quote what any chapter asserts.
    sources = [page] if page in NOTEBOOKS else NOTEBOOKS
    asserted = set().union(*map(asserted_numbers, sources))
    loose = [
        found for found, values in stated_numbers(prose(page)) if not values & asserted
    ]
    assert loose == [], "no assertion on this page holds these numbers"


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
