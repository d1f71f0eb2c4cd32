"""Every page in a real browser, from a folder of a web host and from disk.

A page may ask nobody else for anything, may not complain, and must fit a phone.
"""

import pytest

from built_site.conftest import PUBLISHED
from built_site.serve import read_through, serve

# Formulas that are still TeX, or that MathJax couldn't read.
UNSET_FORMULAS = """async () => {
  await window.MathJax?.startup?.promise;
  return [...document.querySelectorAll("article .math")]
    .filter((math) => !math.querySelector("mjx-container:not(:has(mjx-merror))"))
    .map((math) => math.textContent);
}"""

# What sticks out of the window on the right, and can't be scrolled on its own.
TOO_WIDE = """() => {
  const scrolls = (element) =>
    element && (getComputedStyle(element).overflowX !== "visible"
      || scrolls(element.parentElement.closest("article *")));
  return [...document.querySelectorAll("article *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
    .filter((element) => element.checkVisibility() && !scrolls(element))
    .map((element) => element.outerHTML.slice(0, 200));
}"""


@pytest.fixture(scope="package")
def roots(html):
    """Return where the site starts: in a folder of a web host, and on disk."""
    with serve(html.parent) as address:
        yield {"http": f"{address}/{html.name}", "file": html.as_uri()}


@pytest.fixture(params=["http", "file"])
def root(request, roots):
    """Return one of them."""
    return roots[request.param]


@pytest.fixture
def complaints(context, root):
    """Record what goes wrong: requests elsewhere or in vain, errors, warnings."""
    found = []

    def check_request(request):
        if not request.url.startswith((f"{root}/", "data:", "blob:")):
            found.append(f"a request elsewhere: {request.url}")

    def check_response(response):
        if response.status >= 400:
            found.append(f"{response.status}: {response.url}")

    def check_failure(request):
        if request.failure != "net::ERR_ABORTED":  # the reader went on before it came
            found.append(f"failed: {request.url}")

    def check_message(message):
        if message.type in ("error", "warning"):
            found.append(f"{message.type}: {message.text} {message.location['url']}")

    context.on("request", check_request)
    context.on("response", check_response)
    context.on("requestfailed", check_failure)
    context.on("console", check_message)
    context.on("weberror", lambda error: found.append(str(error.error)))
    return found


@pytest.mark.parametrize("name", PUBLISHED)
def test_page_keeps_to_itself_and_fits_a_phone(page, root, name, complaints):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{root}/{name}", wait_until="networkidle")
    assert complaints == []
    assert page.evaluate(UNSET_FORMULAS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(TOO_WIDE) == []


def test_a_request_elsewhere_would_be_found(page, roots, complaints, root):
    page.goto(f"{root}/content/index.html")
    with page.expect_event("requestfailed"):
        page.evaluate("() => { new Image().src = 'http://127.0.0.1:9/pixel.png' }")
    assert any("elsewhere" in complaint for complaint in complaints)


def test_front_door_opens(page, root, complaints):
    page.goto(f"{root}/index.html")
    page.wait_for_url("**/content/index.html")
    page.wait_for_load_state("networkidle")
    # Jupyter Book writes the front door, without an icon: a browser may look for one.
    assert [text for text in complaints if not text.endswith("/favicon.ico")] == []


def test_search_finds_a_chapter(page, root, complaints):
    page.goto(f"{root}/content/tutorial/load.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("dropout")
    page.keyboard.press("Enter")
    result = page.locator("#search-results ul.search a", has_text="Build and train")
    result.first.wait_for()
    page.wait_for_load_state("networkidle")  # the excerpts have come
    result.first.click()
    page.wait_for_url("**/build-and-train.html*")
    assert complaints == []


def test_copy_button_copies_the_code_of_a_cell(page, root, complaints):
    page.goto(f"{root}/content/tutorial/build-and-train.html")
    cell = page.locator("div.cell_input", has=page.locator("button.copybtn")).first
    cell.hover()
    cell.locator("button.copybtn").click()
    page.keyboard.press("Control+k")
    page.keyboard.press("Control+v")
    pasted = page.locator("#pst-search-dialog input").input_value()
    code = cell.locator("pre").text_content()
    assert pasted.split() == code.split()
    assert complaints == []


def test_page_follows_the_system_and_the_switch(page, root):
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{root}/content/index.html")
        assert page.locator("html").get_attribute("data-theme") == scheme
        seen[scheme] = page.evaluate(ground)
    assert seen["light"] != seen["dark"]
    switch = page.locator("button.theme-switch-button:visible").first
    for _ in range(3):  # automatic, light, dark, in some order
        switch.click()
        mode = page.locator("html").get_attribute("data-mode")
        theme = page.locator("html").get_attribute("data-theme")
        assert theme == ("dark" if mode == "auto" else mode)
        assert page.evaluate(ground) == seen[theme]


@pytest.mark.parametrize("name", PUBLISHED)
def test_page_is_light_and_stands_still(page, served, name):
    kilobytes, _, shift = read_through(page, f"{served}/{name}")
    assert kilobytes < 600, "see benchmarks/page_speed.py"
    assert shift < 0.05
