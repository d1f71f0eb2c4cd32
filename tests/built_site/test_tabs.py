"""Tabs in a real browser: they change together, by keyboard too, and print whole."""

import pytest

PAGE = "content/in-a-framework/take-the-same-step.html"
SHOWN = """() =>
  [...document.querySelectorAll("article .sd-tab-set > .sd-tab-content")]
    .filter((content) => content.checkVisibility())
    .map((content) => content.previousElementSibling.textContent.trim())"""
RING = """(input) => getComputedStyle(input.nextElementSibling).outlineWidth"""


@pytest.fixture
def tabs(page, served):
    page.goto(f"{served}/{PAGE}", wait_until="networkidle")
    assert page.locator("article .sd-tab-set").count() > 5
    return page


def shown(page):
    """Return the labels of the tabs that are shown, without repetitions."""
    return set(page.evaluate(SHOWN))


def test_tabs_change_together_and_by_keyboard(tabs):
    assert shown(tabs) == {"NumPy"}
    first = tabs.locator("article .sd-tab-set > input").first
    first.focus()
    for name in ("PyTorch", "JAX", "TensorFlow", "NumPy"):
        tabs.keyboard.press("ArrowRight")
        assert shown(tabs) == {name}
        focused = tabs.evaluate_handle("document.activeElement")
        assert tabs.evaluate(RING, focused) == "3px"
    tabs.keyboard.press("ArrowLeft")
    assert shown(tabs) == {"TensorFlow"}
    tabs.reload(wait_until="networkidle")
    assert shown(tabs) == {"TensorFlow"}


def test_a_click_changes_all_and_nothing_moves_away(tabs):
    label = tabs.locator("article .sd-tab-set > label", has_text="JAX").nth(3)
    label.scroll_into_view_if_needed()
    label.click()
    assert shown(tabs) == {"JAX"}
    assert label.is_visible()


def test_on_paper_all_four_stand_below_each_other(tabs):
    tabs.emulate_media(media="print")
    for tab_set in tabs.locator("article .sd-tab-set").all():
        labels = tab_set.locator("> label").all()
        contents = tab_set.locator("> .sd-tab-content").all()
        assert len(labels) == len(contents) == 4
        end = 0
        for label, content in zip(labels, contents, strict=True):
            boxes = label.bounding_box(), content.bounding_box()
            assert all(box["height"] > 5 for box in boxes)
            assert end <= boxes[0]["y"] < boxes[1]["y"]
            end = boxes[1]["y"]


def test_without_scripts_a_click_shows_another(browser, served):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{served}/{PAGE}")
        first = page.locator("article .sd-tab-set").first
        first.locator("> label", has_text="PyTorch").click()
        code = first.locator("> .sd-tab-content").nth(1)
        assert code.is_visible() and "torch" in code.inner_text()
