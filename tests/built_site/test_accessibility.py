"""What axe-core finds on the pages: nothing, in light and dark, wide and narrow."""

from contextlib import suppress
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError as TimesOut
from test_pages import CHAPTERS

from built_site.conftest import PUBLISHED

WIDTHS = {"desktop": 1280, "phone": 390}
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in WIDTHS]
# The chapters look alike: after the first, one of two looks will do, in turns.
ALIKE = [*(chapter.stem for chapter in CHAPTERS[1:]), "the-package"]
IN_TURNS = [("light", "desktop"), ("dark", "phone")]
# To measure contrasts takes most of the time. Texts of one kind have the same colors on
# the same ground: the first one that is seen stands for all. That holds in the flow of
# the page, where nothing is below a text but its parents' grounds. What moves out of it
# is measured, each text of it.
MARK_WHAT_IS_MEASURED = """() => {
  const PLAIN = "rgba(0, 0, 0, 0),none,1,none,normal";
  const known = new Map([[null, { ground: "", flows: true, box: null }]]);
  const about = (element) => {
    if (!known.has(element)) {
      const { ground, flows, box } = about(element.parentElement);
      const style = getComputedStyle(element);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity,
        style.filter, style.mixBlendMode].join();
      const isMoved = ["absolute", "fixed"].includes(style.position)
        || style.transform !== "none" || element instanceof SVGElement;
      known.set(element, {
        ground: own === PLAIN ? ground : `${ground}; ${own}`,
        flows: flows && !isMoved,
        box: style.overflow === "visible" ? box : element, // what may cut it off
      });
    }
    return known.get(element);
  };
  const isSeen = (text, box) => {
    const inner = text.getBoundingClientRect(), outer = box?.getBoundingClientRect();
    return text.checkVisibility({ opacityProperty: true, visibilityProperty: true })
      && inner.width > 0 && (!box || (inner.left >= outer.left && inner.top >= outer.top
        && inner.right <= outer.right && inner.bottom <= outer.bottom));
  };
  const seen = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    const { ground, flows } = about(element);
    const kind = [color, fontSize, fontWeight, textShadow, ground].join();
    const hasText = element.matches("input, select, textarea")
      || [...element.childNodes].some(
        ({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim());
    element.toggleAttribute("data-measured", hasText && !(flows && seen.has(kind)));
    const { box } = about(element.parentElement);
    if (flows && hasText && isSeen(element, box)) seen.add(kind);
  }
}"""
# Words of code that aren't measured are plain text meanwhile: no other rule asks what
# color a word has, and axe-core takes its time for each element.
TAKE_WORDS_OUT = """() => {
  for (const code of document.querySelectorAll("pre")) code.whole = code.innerHTML;
  for (const word of document.querySelectorAll("pre span:not([data-measured])")) {
    if (!word.children.length && !word.id) word.replaceWith(word.textContent);
  }
}"""
PUT_WORDS_BACK = """() => {
  for (const code of document.querySelectorAll("pre")) code.innerHTML = code.whole;
}"""
WHAT_SCROLLS_HAS_A_PLACE = """() => [...document.querySelectorAll("pre")].every(
  (code) => code.scrollWidth <= code.clientWidth || code.tabIndex >= 0)"""
MEASURE_MARKED = """
axe.configure({ rules: [{ id: "color-contrast", selector: "[data-measured]" }] });
"""


def faults(page):
    """Run axe-core in the page; say what it finds."""
    rules = {"label-content-name-mismatch": {"enabled": True}}
    options = {"resultTypes": ["violations"], "rules": rules}
    page.evaluate(MARK_WHAT_IS_MEASURED)
    page.evaluate(TAKE_WORDS_OUT)
    axe = Axe(AXE_SCRIPT + MEASURE_MARKED)
    violations = axe.run(page, options=options).response["violations"]
    page.evaluate(PUT_WORDS_BACK)
    return [
        f"{violation['id']}: {node['html'][:200]}\n{node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]


def settle(page):
    """Wait for the theme: transitions end, and what scrolls can have the focus.

    A script sees to the second a moment after the window's size changes. Where it
    doesn't, axe says what can't have it.
    """
    page.wait_for_timeout(400)
    with suppress(TimesOut):
        page.wait_for_function(WHAT_SCROLLS_HAS_A_PLACE, timeout=10_000)


def looks_of(name):
    """Return in which looks a page is to be seen."""
    stem = Path(name).stem
    return [IN_TURNS[ALIKE.index(stem) % 2]] if stem in ALIKE else LOOKS


@pytest.mark.parametrize("name", PUBLISHED)
def test_axe_finds_no_fault(page, served, name):
    page.goto(f"{served}/{name}", wait_until="networkidle")
    for scheme, width in looks_of(name):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": WIDTHS[width], "height": 900})
        settle(page)
        assert page.locator("html").get_attribute("data-theme") == scheme
        assert faults(page) == [], f"{scheme}, {width}"


@pytest.mark.parametrize(
    ("place", "style"),
    [
        ("h1", "color: #777; background: #888"),
        ("p", "opacity: 0.4"),
        ("pre", "opacity: 0.4"),  # of words whose kind was seen elsewhere
        ("pre .kn", "color: #888"),
        ("pre .n", "color: #999"),
    ],
)
@pytest.mark.parametrize("number", [0, -1])
def test_axe_would_find_a_fault(page, served, place, style, number):
    page.goto(f"{served}/content/tutorial/preprocess.html", wait_until="networkidle")
    shown = [
        element
        for element in page.locator(f"article {place}").all()
        if element.is_visible()
    ]
    shown[number].evaluate("(element, style) => { element.style = style }", style)
    found = [fault for fault in faults(page) if fault.startswith("color-contrast")]
    assert found
