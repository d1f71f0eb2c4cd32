"""What a reader gets where a check fails, or a cell: small books, built for real."""

import json

import pytest
from measured_checks import code_cells
from small_book import Book, cell, page

from classroom import slides

MEASURED, EXACT = "[remove-cell, measured]", "[remove-cell]"


# A measured number --------------------------------------------------------------------

ACCURACY = page(
    "A page with numbers",
    "## How well it reads\n",
    cell("accuracy, error = 93.6, 0.0401"),
    cell("assert 1 + 1 == 2 and accuracy < 100", EXACT),
    cell(
        'assert 94 < accuracy < 95, "accuracy"\n\n\nassert accuracy > 90\n'
        "seen = accuracy",
        MEASURED,
    ),
    cell('print("It goes on,", seen)\n# ```'),
)
SAID = "accuracy is 93.6 where the text says 94 to 95"
LINE = f"⚠ On your processor, 1 of this page's 3 checks came out otherwise: {SAID}"
LISTED = [
    "On your processor, 1 check of a measured number came out otherwise, as its page"
    " says:",
    f'  content/numbers.md, cell 2, under "How well it reads": {SAID}',
]


@pytest.fixture(scope="module")
def readers_book(tmp_path_factory):
    book = Book(tmp_path_factory.mktemp("book"), numbers=ACCURACY)
    return book, *book.build()


def test_a_reader_gets_every_page_and_is_told_what_came_out_otherwise(readers_book):
    book, status, lines = readers_book
    assert status == 0
    assert lines[-2:] == LISTED
    assert book.warning("numbers") == LINE and book.warning("index") == ""
    assert "It goes on, 93.6" in book.html("numbers").get_text()


def test_nothing_of_it_reaches_what_the_reader_sees_or_downloads(readers_book):
    book, *_ = readers_book
    assert "__checks__" not in str(book.html("numbers"))
    downloads = list((book.folder / "_build/html/downloads").rglob("*.ipynb"))
    assert len(downloads) == 2
    for path in downloads:
        text = path.read_text("utf-8")
        assert "accuracy, error" in text
        assert "__checks__" not in text and "measured-checks" not in text
        cells = json.loads(text)["cells"]
        assert all("assert" not in "".join(cell["source"]) for cell in cells)


def test_slides_find_the_page_as_it_ran_and_take_its_own_code(
    readers_book, monkeypatch
):
    book, *_ = readers_book
    monkeypatch.delenv("MNIST_SOURCE", raising=False)
    monkeypatch.setattr(slides, "CACHE", book.folder / "_build" / ".jupyter_cache")
    cells = code_cells(slides.as_it_ran(book.folder / "content" / "numbers.md"))
    assert cells[2].source.startswith("assert 94 < accuracy < 95")
    assert cells[3].outputs[0].text == "It goes on, 93.6\n"


def test_it_is_told_again_without_a_change_and_from_the_cache(readers_book):
    book, *_ = readers_book
    for text in (ACCURACY, ACCURACY + "\nSome more words.\n"):
        book.write("numbers", text)
        status, lines = book.build()
        assert status == 0
        assert lines[-2:] == LISTED
        assert book.warning("numbers") == LINE
    assert not any("Executing notebook" in line for line in lines)


@pytest.mark.parametrize("setting", ["true", "false"])
def test_in_ci_it_is_a_failure_that_names_page_cell_and_check(readers_book, setting):
    book, *_ = readers_book
    status, lines = book.build(CI=setting)
    if setting == "false":
        assert status == 0 and lines[-2:] == LISTED
    else:
        assert status == 1
        assert lines[-2:] == [
            "The book isn't as it should be: 1 check of measured numbers failed,"
            " and CI is set.",
            LISTED[1],
        ]


def test_many_are_cut_short_on_the_page_and_in_ci_and_not_in_the_list(tmp_path):
    code = "\n".join(f'assert 0 > {i}, "number {i}"' for i in range(1, 11))
    book = Book(tmp_path, many=page("Many", cell(code, MEASURED)))
    status, lines = book.build()
    assert status == 0
    warning = book.warning("many")
    assert "10 of this page's 10 checks came out otherwise: number 1 is 0" in warning
    assert warning.endswith("number 3 is 0 where the text says more than 3; and 7 more")
    assert lines[-11].startswith("On your processor, 10 checks came out otherwise")
    assert 'cell 0, under "Many": number 10 is 0 where' in lines[-1]
    status, lines = book.build(CI="true")
    assert status == 1
    assert "10 checks of measured numbers failed" in lines[-7]
    assert lines[-1] == "  and 5 more"


def test_on_practice_digits_numbers_of_mnist_are_no_checks_of_the_page(tmp_path):
    tags = "[remove-cell, measured, mnist-numbers]"
    checks = [cell("assert 1 > 2", tags), cell('assert 1 > 3, "one"', MEASURED)]
    book = Book(tmp_path, both=page("Both", *checks))
    status, lines = book.build(MNIST_SOURCE="practice")
    assert status == 0
    assert lines[-1].endswith("one is 1 where the text says more than 3")
    assert "1 of this page's 1 checks" in book.warning("both")
    book.build(MNIST_SOURCE="elsewhere")
    assert "2 of this page's 2 checks" in book.warning("both")


# A warning ----------------------------------------------------------------------------


def test_a_warning_fails_the_build_until_it_is_mended(tmp_path):
    text = page("Skips", cell("print(6 * 7)"), "### A level too deep\n")
    book = Book(tmp_path, skips=text)
    for again in (False, True):  # the second time, the page hasn't changed
        status, lines = book.build()
        assert status == 1
        assert any("skips.md" in line and "H1 to H3" in line for line in lines)
        assert any("Executing notebook" in line for line in lines) != again
    book.write("skips", text.replace("###", "##"))
    status, _ = book.build()
    assert status == 0


def test_a_link_to_a_page_that_is_not_there_is_a_warning(tmp_path):
    book = Book(tmp_path, links=page("Links", cell("n = 1"), "[A page](gone.md)\n"))
    status, lines = book.build()
    assert status == 1
    assert any("links.md" in line and "gone.md" in line for line in lines)
    assert not any("KeyError" in line for line in lines)


# What stops a page --------------------------------------------------------------------


def test_an_exact_check_fails_the_build_until_it_is_mended(tmp_path):
    broken = page(
        "Broken",
        cell("n = 10"),
        "## Count\n\n```python\n# no heading\n```\n",
        cell('assert n > 1\n\nassert (\n    n == 11\n), "images"', EXACT),
        cell('print("It goes on.")'),
    )
    book = Book(tmp_path, broken=broken, numbers=ACCURACY)
    for _ in range(2):  # the second time, the page hasn't changed
        status, lines = book.build()
        assert status == 1
        why = 'cell 1, under "Count": a check fails: n == 11: images'
        assert lines[-3:] == [
            "The book isn't as it should be: 1 page stopped.",
            f"  content/broken.md, {why}",
            f"The tracebacks are in {tmp_path / '_build/html/reports'}",
        ]
        assert lines[-5:-3] == LISTED
        assert book.warning("broken") == f"⚠ This page stopped before its end: {why}"
        assert book.warning("numbers") == LINE
    report = tmp_path / "_build/html/reports/content/broken.err.log"
    assert "n == 11" in report.read_text("utf-8")

    book.write("broken", broken.replace("== 11", "== 10"))
    status, lines = book.build()
    assert status == 0
    assert lines[-2:] == LISTED
    assert book.warning("broken") == ""


def test_whatever_else_stops_a_page_is_named_in_ten_lines(tmp_path):
    glued = "from myst_nb import glue\n\n1 / 0\n\nglue('lost', 1)"
    pages = {
        "dies": page("Dies", cell("import os"), cell("os._exit(1)")),
        "divides": page("Divides", cell(glued), "It's {glue}`lost`.\n"),
        "no-name": page("No name", cell("x = 1"), cell("assert y > x", MEASURED)),
        "raises": page("Raises", cell('raise ValueError("too " * 99 + "\\nlong")')),
        "sleeps": page("Sleeps", cell("import time"), cell("time.sleep(60)")).replace(
            "---\n\n", "execution: {timeout: 5}\n---\n\n"
        ),
        "undone": page("Undone", cell("undone()")),
    }
    status, lines = Book(tmp_path, **pages).build()
    assert status == 1
    assert lines[-8] == "The book isn't as it should be: 6 pages stopped."
    for line, words in zip(
        lines[-7:-2],
        [
            'dies.md, cell 1, under "Dies": its process has ended, as when memory runs',
            'divides.md, cell 0, under "Divides": ZeroDivisionError: division by zero',
            "no-name.md, cell 1, under \"No name\": NameError: name 'y' is not defined",
            'raises.md, cell 0, under "Raises": ValueError: too too too',
            'sleeps.md, cell 1, under "Sleeps": it takes longer than the timeout',
        ],
        strict=True,
    ):
        assert line.startswith(f"  content/{words}")
    assert lines[-4].endswith("…") and lines[-2] == "  and 1 more"
