"""How the book's files are written, so that diffs show what changed and no more."""

import ast
import subprocess

import jupytext
import pytest
from test_pages import NOTEBOOKS, ROOT

KERNEL = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}


def tracked(pattern):
    command = ["git", "ls-files", pattern]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return listing.stdout.split()


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
def test_notebook_is_as_jupytext_writes_it(page):
    text = page.read_text("utf-8")
    notebook = jupytext.reads(text, "md:myst")
    assert notebook.metadata["kernelspec"] == KERNEL
    assert jupytext.writes(notebook, "md:myst") == text, "run: make format"


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
def test_notebook_holds_no_outputs(page):
    text = page.read_text("utf-8")
    assert "data:image/" not in text
    assert "{code-cell}" in text, "a page without code needs no kernel"


@pytest.mark.parametrize("pattern", ["*.ipynb", "_data/*", "_build/*", "*.gz"])
def test_nothing_made_is_committed(pattern):
    assert tracked(pattern) == []


def test_requirements_are_exact():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    packages = [line for line in lines if line and line[0] not in "#-"]
    assert packages
    constraints = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    for package in packages:
        assert "==" in package
        assert package in constraints, "run: make lock"


def test_what_the_book_teaches_stays_small():
    taught = list((ROOT / "scratchnet").glob("*.py"))
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in taught)
    assert 1_000 < lines <= 1_200, "a newcomer reads all of it, with its comments"
    for path in (ROOT / "scratchnet").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                where = f"{path.relative_to(ROOT)}: {node.name}"
                assert node.end_lineno - node.lineno < 60, where
                named = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                assert len(named) <= 10, where
