"""What axe-core finds on the pages: nothing, in light and dark, wide and narrow."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_pages import CHAPTERS

from built_site.conftest import PUBLISHED

WIDTHS = {"desktop": 1280, "phone": 390}
SCHEMES = ("light", "dark")
# To measure the contrast of each piece of code and each sign of a formula takes most
# of the time. The chapters look alike: for all but one, two of the four looks will do.
MUCH_CODE = {*(chapter.stem for chapter in CHAPTERS[1:]), "the-package"}
LOOKS_FOR_COLORS = (("light", "desktop"), ("dark", "phone"))


def faults(page, rules):
    """Run axe-core in the page; say what it finds."""
    options = {"resultTypes": ["violations"], "rules": rules}
    violations = Axe().run(page, options=options).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}\n{node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("name", PUBLISHED)
def test_axe_finds_no_fault(page, served, name):
    alike = Path(name).stem in MUCH_CODE
    page.goto(f"{served}/{name}", wait_until="networkidle")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for look, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 900})
            # The theme's transitions end; its script makes focusable what scrolls.
            page.wait_for_timeout(400)
            assert page.locator("html").get_attribute("data-theme") == scheme
            colors = not alike or (scheme, look) in LOOKS_FOR_COLORS
            rules = {
                "color-contrast": {"enabled": colors},
                "label-content-name-mismatch": {"enabled": True},
            }
            assert faults(page, rules) == [], f"{scheme}, {look}"


def test_axe_would_find_a_fault(page, served):
    page.goto(f"{served}/search.html", wait_until="networkidle")
    page.evaluate(
        "document.querySelector('h1').outerHTML = '<h1 style=\"color: #777;"
        " background: #888\">Search</h1>'"
    )
    assert any(fault.startswith("color-contrast") for fault in faults(page, {}))
