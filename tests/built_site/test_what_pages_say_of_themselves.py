"""Times, descriptions, social cards, and sizes that the build writes into pages."""

import re
from html import unescape

import numpy as np
import pytest
from bs4 import BeautifulSoup
from built_book import HTML
from matplotlib import rc_params_from_file
from matplotlib.colors import to_rgb
from page_times import WORDS_PER_MINUTE
from PIL import Image
from test_pages import LISTED, NOTEBOOKS, ROOT

pytestmark = pytest.mark.usefixtures("html")
every_page = pytest.mark.parametrize("page", LISTED, ids=lambda page: page.stem)


def built(page):
    return (HTML / page.relative_to(ROOT).with_suffix(".html")).read_text("utf-8")


def meta(html, name):
    found = re.findall(rf'<meta (?:name|property)="{name}" content="([^"]*)"', html)
    assert len(found) == 1
    return unescape(found[0])


@every_page
def test_page_says_how_long_it_takes(page):
    line = re.findall(r'<p class="page-times">(.*?)</p>', built(page))
    assert len(line) == 1
    assert re.search(r"\d+ (minute|hour)s? to read, (<a .*>)?a guess", line[0])
    ran = re.search(r"ran,? in \d+ (second|minute)s?", line[0])
    assert bool(ran) == (page in NOTEBOOKS)


@every_page
def test_page_has_a_description_of_whole_sentences(page):
    html = built(page)
    description = meta(html, "description")
    assert description == meta(html, "og:description")
    assert 40 <= len(description) <= 200
    assert description.endswith((".", "?", "!", "…"))
    assert "[" not in description, "a citation"


def test_no_two_pages_have_the_same_description():
    descriptions = [meta(built(page), "description") for page in LISTED]
    assert len(set(descriptions)) == len(LISTED)


@every_page
def test_page_has_a_social_card(page):
    html = built(page)
    assert meta(html, "og:site_name") == "Deep learning on MNIST from scratch"
    card = HTML / "_images" / "social_previews" / meta(html, "og:image").split("/")[-1]
    with Image.open(card) as image:
        assert image.size == (
            int(meta(html, "og:image:width")),
            int(meta(html, "og:image:height")),
        )


@every_page
def test_images_of_the_text_say_their_size(page):
    for tag in re.findall(r'<img\b[^>]*src="[^"]*_images/[^>]*>', built(page)):
        assert re.search(r'\swidth="\d+" height="\d+"', tag), tag


LOOK = rc_params_from_file(ROOT / "scratchnet" / "book.mplstyle", False, False)
ON_A_PHONE = 382  # pixels of 390, see the figures in _static/book.css


@every_page
def test_labels_of_figures_are_large_enough_on_a_phone(page):
    label = LOOK["font.size"] / 72 * LOOK["figure.dpi"]  # pixels
    soup = BeautifulSoup(built(page), "html.parser")
    for image in soup.select(".cell_output figure img"):
        assert label * min(1, ON_A_PHONE / int(image["width"])) >= 9, image["alt"]
    for said in re.findall(r"(?:font|label)size=([\d.]+)", page.read_text("utf-8")):
        assert float(said) >= LOOK["font.size"]


def contrast(one, other):
    """Return the contrast of two colors, as WCAG defines it."""
    colors = np.array([to_rgb(one), to_rgb(other)])
    linear = np.where(
        colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4
    )
    darker, lighter = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (lighter + 0.05) / (darker + 0.05)


def test_labels_of_figures_stand_out_in_light_and_dark():
    css = (ROOT / "_static" / "book.css").read_text("utf-8")
    light, dark = re.findall(r"--pst-color-background: (#\w+);", css)
    brighter = float(re.search(r"brightness\(([\d.]+)\)", css)[1])
    for part in ("text.", "axes.label", "axes.title", "xtick.", "ytick."):
        color = to_rgb(LOOK[f"{part}color"])
        assert contrast(color, light) >= 4.5
        assert contrast(brighter * np.array(color), dark) >= 4.5


def test_a_digit_can_be_chosen_with_the_keyboard_and_is_read(page, served):
    page.goto(f"{served}/content/index.html")
    seven = page.get_by_role("radio", name="7")
    assert seven.is_checked()
    seven.focus()
    page.keyboard.press("ArrowLeft")
    panels = page.locator(".reader .panel:visible")
    assert panels.count() == 1
    heard = panels.get_attribute("aria-label")
    assert heard.startswith("A handwritten 6 of 28 by 28 pixels")
    answer = re.search(r"highest of the ten scores is that of (\d)", heard).group(1)
    assert panels.locator(".verdict").inner_text().startswith(f"“{answer}”")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_digit_moves_only_for_readers_who_want_it(browser, served, motion):
    with browser.new_context(reduced_motion=motion) as context:
        page = context.new_page()
        page.goto(f"{served}/content/index.html")
        style = "getComputedStyle(document.querySelector('.reader .verdict'))"
        moves = page.evaluate(f"{style}.animationName") != "none"
        assert moves == (motion == "no-preference")


def test_courses_take_the_times_that_their_pages_say():
    name = "content/what-comes-after/teach-with-this-book"
    teach = BeautifulSoup((HTML / f"{name}.html").read_text("utf-8"), "html.parser")
    said = 0
    for row in teach.select("table:has(th:-soup-contains('Read')) tbody tr"):
        links = row.select("a[href$='.html']")
        if len(links) == 1:
            page = (HTML / name).parent / links[0]["href"]
            minutes = re.search(r"(\d+) minutes? to read", page.read_text("utf-8"))[1]
            assert row.select("td")[1].text.strip() == minutes, links[0]["href"]
            said += 1
    assert said
    assert WORDS_PER_MINUTE == 200
    assert "two hundred words of text and code" in teach.text
