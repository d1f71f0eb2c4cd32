"""What the build takes from the environment, tried on a site of one page."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = (
    "REPOSITORY_URL",
    "REPOSITORY_BRANCH",
    "SITE_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_REF_NAME",
    "READTHEDOCS_CANONICAL_URL",
)
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "website" / "extensions")!r})
extensions = ["sphinx_book_theme", "sphinxext.opengraph", "book_build"]
html_theme = "sphinx_book_theme"
ogp_social_cards = {{"enable": False}}
"""


@pytest.fixture
def build(tmp_path):
    """Return a function that builds the site under some settings."""
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.rst").write_text("A page\n======\n\nSome words.\n")

    def run(**settings):
        bare = {key: os.environ[key] for key in os.environ if key not in SETTINGS}
        command = [sys.executable, "-m", "sphinx", "-q", "-W", ".", "out"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=bare | settings,
            capture_output=True,
            text=True,
        )
        page = tmp_path / "out" / "index.html"
        return done, page.read_text("utf-8") if page.exists() else ""

    return run


def test_without_an_address_no_page_links_to_a_repository(build):
    done, html = build()
    assert done.returncode == 0, done.stderr
    assert "Some words." in html
    assert "btn-source" not in html and "/edit/" not in html


@pytest.mark.parametrize(
    ("settings", "edit", "issue"),
    [
        (
            {"REPOSITORY_URL": "https://github.com/someone/book.git/"},
            "https://github.com/someone/book/edit/main/index.rst",
            "https://github.com/someone/book/issues/new",
        ),
        (
            {
                "REPOSITORY_URL": "https://gitlab.com/someone/book",
                "REPOSITORY_BRANCH": "draft",
            },
            "https://gitlab.com/someone/book/-/edit/draft/index.rst",
            "https://gitlab.com/someone/book/-/issues/new",
        ),
        (
            {"GITHUB_REPOSITORY": "someone/book", "GITHUB_REF_NAME": "trunk"},
            "https://github.com/someone/book/edit/trunk/index.rst",
            "https://github.com/someone/book/issues/new",
        ),
    ],
)
def test_with_an_address_pages_can_be_edited_and_discussed(
    build, settings, edit, issue
):
    done, html = build(**settings)
    assert done.returncode == 0, done.stderr
    assert f'href="{edit}"' in html
    assert f'href="{issue}' in html


GET_THE_BOOK = """
.. container:: get-the-book

   Copy its folder from where you have these pages.
"""


def test_the_page_says_how_to_get_the_book_with_the_address_where_it_is_known(
    build, tmp_path
):
    with (tmp_path / "index.rst").open("a", encoding="utf-8") as page:
        page.write(GET_THE_BOOK)
    _, without = build()
    assert "Copy its folder from where you have these pages." in without
    assert "git clone" not in without
    shutil.rmtree(tmp_path / "out")
    _, html = build(REPOSITORY_URL="https://github.com/someone/book.git/")
    text = re.sub("<[^>]+>", "", html)
    assert "git clone https://github.com/someone/book, then cd book and make" in text
    assert "Copy its folder" not in text


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("setting", ["SITE_URL", "READTHEDOCS_CANONICAL_URL"])
def test_a_page_knows_its_address_where_the_site_has_one(build, setting, slash):
    done, html = build(**{setting: f"https://example.org/book{slash}"})
    assert done.returncode == 0, done.stderr
    assert 'rel="canonical" href="https://example.org/book/index.html"' in html
    assert 'property="og:url" content="https://example.org/book/index.html"' in html


def test_without_an_address_a_page_names_no_host_but_says_what_it_is_about(build):
    done, html = build()
    assert done.returncode == 0, done.stderr
    assert 'rel="canonical"' not in html
    assert 'property="og:url" content="index.html"' in html
    for description in ('name="description"', 'property="og:description"'):
        assert f'{description} content="Some words."' in html


@pytest.mark.parametrize(
    "address", ["git@github.com:someone/book", "https://example.org/book", "book"]
)
def test_an_address_without_pages_to_link_to_says_so(build, address):
    done, _ = build(REPOSITORY_URL=address)
    assert done.returncode != 0
    assert "REPOSITORY_URL" in done.stderr and address in done.stderr
    assert "https://github.com/OWNER/REPOSITORY" in done.stderr
