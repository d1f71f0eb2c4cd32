"""What a build must have left behind.

Jupyter Book can exit 0 without having published a page.
"""

import functools
import re
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from bs4 import BeautifulSoup
from test_pages import LISTED, NOTEBOOKS, ROOT

from built_site.conftest import HTML, PUBLISHED
from scratchnet.mnist import practice

pytestmark = pytest.mark.usefixtures("html")


def built(page):
    return HTML / page.relative_to(ROOT).with_suffix(".html")


@pytest.mark.parametrize("page", LISTED, ids=lambda page: page.stem)
def test_page_is_published(page):
    title = re.search(r"^# (.+)$", page.read_text("utf-8"), re.MULTILINE).group(1)
    html = built(page).read_text("utf-8")
    assert title in html
    assert built(page).stat().st_mtime >= page.stat().st_mtime, "an older build"


@pytest.mark.parametrize("page", LISTED, ids=lambda page: page.stem)
def test_page_says_so_where_the_digits_are_not_mnist(page):
    assert (practice.NOTICE in built(page).read_text("utf-8")) == practice.is_chosen()


def test_front_door_leads_to_the_landing_page():
    assert "content/index.html" in (HTML / "index.html").read_text("utf-8")


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
def test_page_shows_outputs_and_no_debris(page):
    html = built(page).read_text("utf-8")
    assert 'class="cell_output' in html
    for debris in ("widget-view", "widget-subarea", "it/s]", "Traceback (most"):
        assert debris not in html


@pytest.mark.parametrize("page", LISTED, ids=lambda page: page.stem)
def test_images_have_alternative_text(page):
    for tag in re.findall(r"<img\b[^>]*>", built(page).read_text("utf-8")):
        alt = re.search(r'\balt="([^"]*)"', tag)
        assert alt and alt.group(1).strip(), tag
        assert "_images/" not in alt.group(1) and ".png" not in alt.group(1), tag


def test_no_tex_is_left_in_the_references():
    page = HTML / "content/what-comes-after/references.html"
    soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
    references = soup.select_one(".citation-list").get_text()
    assert "Cireşan et al., 2012" in references
    assert not re.search(r"[\\{}$]|\w\"\w", references)


@functools.cache
def parsed(path):
    """Return the places that a page can be entered at, and where its links lead."""
    soup = BeautifulSoup(path.read_text("utf-8"), "html.parser")
    places = [tag["id"] for tag in soup.find_all(id=True)]
    return places, [tag["href"] for tag in soup.find_all("a", href=True)]


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_place_of_a_page_has_the_name_of_another(name):
    places = parsed(HTML / name)[0]
    assert sorted(places) == sorted(set(places))


@pytest.mark.parametrize("name", PUBLISHED)
def test_links_within_the_site_lead_somewhere(name):
    page = HTML / name
    lost = []
    for link in parsed(page)[1]:
        if urlsplit(link).scheme in ("https", "http", "mailto"):
            continue
        address, place = urldefrag(link)
        target = (page.parent / unquote(address)).resolve() if address else page
        found = target.is_file() and target.is_relative_to(HTML)
        if found and place and target.suffix == ".html":
            found = unquote(place) in parsed(target)[0]
        if not found:
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", LISTED, ids=lambda page: page.stem)
def test_definition_lists_are_lists(page):
    if re.search(r"^: \S", page.read_text("utf-8"), re.MULTILINE):
        assert "<dt>" in built(page).read_text("utf-8")
