"""The slides, opened from disk in a real browser."""

import jupytext
import pytest

from built_site.conftest import missing
from classroom import editions, slides
from classroom.exercises import Exercise, split_page

NAMES = ("build-and-train", "say-what-it-is")
PAGES = {page.stem: page for page in editions.chapters() if page.stem in NAMES}


@pytest.fixture(scope="module")
def decks(html, tmp_path_factory):
    """Make the slides of two chapters; return their folder."""
    if not (slides.TEACHING / "sphinx_revealjs").exists():
        missing("reveal.js isn't installed: run make slides first")
    folder = tmp_path_factory.mktemp("slides") / "slides"
    assert slides.main(["--folder", str(folder), *NAMES]) == 0
    return folder


def test_a_folder_with_other_files_stays(decks, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert slides.main(["--folder", str(tmp_path), *NAMES]) == 1
    assert "files in it that aren't slides" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_unknown_chapter_is_named_and_the_slides_stay(decks, capsys):
    assert slides.main(["--folder", str(decks), "no-such-page"]) == 1
    assert "no-such-page" in capsys.readouterr().err
    assert (decks / f"{NAMES[0]}.html").exists()


@pytest.fixture(params=NAMES)
def deck(request, decks, page):
    """Open the slides of a chapter; return the page, its name, and what it loads."""
    loads = []
    page.on("request", lambda request: loads.append(request.url))
    page.goto(f"file://{decks}/{request.param}.html")
    page.wait_for_function("Reveal.isReady() && MathJax.startup.promise")
    page.evaluate("MathJax.startup.promise")
    return page, request.param, loads


def test_slides_load_nothing_from_elsewhere(deck):
    _, _, loads = deck
    assert loads
    assert [url for url in loads if not url.startswith(("file:", "data:"))] == []


def test_every_formula_is_typeset(deck):
    page, _, _ = deck
    assert page.locator("mjx-container").count() > 5
    assert page.locator("mjx-merror").count() == 0
    assert "$$" not in page.locator(".slides").inner_text()


def test_every_slide_shows_something_that_fits_and_has_notes(deck):
    page, _, _ = deck
    n_slides = page.evaluate("Reveal.getTotalSlides()")
    assert n_slides > 20
    for number in range(n_slides):
        slide = page.locator("section.present section.present")
        assert slide.inner_text().strip()
        for image in slide.locator("img").all():
            assert image.evaluate("image => image.naturalWidth > 0")
        for drawing in slide.locator("img[src*='.svg']").all():
            assert drawing.bounding_box()["height"] > 400
        hidden = slide.evaluate("slide => slide.scrollHeight - slide.clientHeight")
        assert hidden == 0, f"{hidden} pixels of slide {number + 1} aren't seen"
        assert slide.locator("aside.notes").text_content().strip()
        page.evaluate("Reveal.next()")


def test_exercises_are_asked_and_not_answered(deck):
    page, name, _ = deck
    text = page.evaluate("document.querySelector('.slides').textContent")
    parts = split_page(jupytext.read(PAGES[name]))
    for exercise in (part for part in parts if isinstance(part, Exercise)):
        assert f"Exercise: {exercise.title}" in text
        for cell in exercise.solution:
            assert cell.source not in text


def test_a_chapter_that_has_changed_since_it_ran_is_named(tmp_path):
    changed = tmp_path / "changed.md"
    text = PAGES["build-and-train"].read_text("utf-8")
    changed.write_text(text.replace("hidden_size = 100", "hidden_size = 101"))
    with pytest.raises(LookupError, match=r"changed\.md has changed since it ran"):
        slides.as_it_ran(changed)


def test_a_chapter_that_has_changed_costs_no_other_its_slides(
    decks, tmp_path, monkeypatch, capsys
):
    changed = tmp_path / "changed.md"
    text = PAGES["build-and-train"].read_text("utf-8")
    changed.write_text(text.replace("hidden_size = 100", "hidden_size = 101"))
    monkeypatch.setattr(slides, "chosen", lambda names: [changed, PAGES[NAMES[1]]])
    assert slides.main(["--folder", str(tmp_path / "slides")]) == 1
    assert "No slides: changed.md has changed since it ran" in capsys.readouterr().err
    assert (tmp_path / "slides" / f"{NAMES[1]}.html").exists()


def test_long_code_and_what_it_prints_are_divided():
    code = "\n\n".join(f"def f_{n}():\n    a = 1\n    return a" for n in range(12))
    parts = slides.parts_of(code)
    assert all(part.count("\n") < slides.CODE_LINES for part in parts)
    assert all(part.startswith("def ") for part in parts)
    assert "\n\n".join(parts) == code
    printed = {"text": "\n".join(f"epoch {n}" for n in range(40))}
    lines = slides.shortened(printed)["text"].splitlines()
    assert (lines[0], lines[-1]) == ("epoch 0", "epoch 39")
    assert "⋮" in lines and len(lines) <= slides.CODE_LINES
