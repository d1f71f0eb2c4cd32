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


# What cells have printed that scrolls: a reader on a phone sees part of it.
PARTLY_SEEN = """() =>
  [...document.querySelectorAll("article .cell_output pre")]
    .filter((printed) => printed.scrollWidth > printed.clientWidth + 1)
    .filter((printed) => printed.checkVisibility())
    .map((printed) => printed.textContent)"""


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


@pytest.mark.parametrize("root", ["file"], indirect=True)
@pytest.mark.parametrize("name", PUBLISHED)
def test_page_from_disk_keeps_to_itself_and_fits_a_phone(page, root, name, complaints):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{root}/{name}", wait_until="networkidle")
    assert complaints == []
    assert page.evaluate(UNSET_FORMULAS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(PARTLY_SEEN) == []
    page.set_viewport_size({"width": 320, "height": 700})  # a small one
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("root", ["http"], indirect=True)
@pytest.mark.parametrize("name", PUBLISHED)
def test_page_of_a_site_keeps_to_itself_is_light_and_stands_still(
    page, root, name, complaints
):
    kilobytes, _, shift = read_through(page, f"{root}/{name}")
    assert complaints == []
    assert kilobytes < 600, "see benchmarks/page_speed.py"
    assert shift < 0.05
    assert page.evaluate(UNSET_FORMULAS) == []


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_its_colors_in_a_frame_that_may_store_nothing(page, served, scheme):
    name = f"{served}/content/in-your-browser/watch-it-train.html"
    page.route(
        f"{served}/course.html",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<iframe sandbox="allow-scripts" src="{name}"></iframe>',
        ),
    )
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{served}/course.html", wait_until="networkidle")
    frame = page.frame(url=name)
    assert frame.evaluate("document.documentElement.dataset.theme") == scheme
    frame.locator("button.theme-switch-button").first.evaluate("b => b.click()")
    chosen = frame.evaluate("localStorage.getItem('theme')")
    assert frame.evaluate("document.documentElement.dataset.theme") == chosen


def test_page_is_light_where_scripts_are_off(browser, served):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{served}/content/tutorial/load.html")
        code = page.locator("div.highlight").first
        ground = "element => getComputedStyle(element).backgroundColor"
        assert code.evaluate(ground) == "rgb(244, 246, 249)"


@pytest.mark.parametrize("share", [0.05, 0.5, 0.97], ids=["title", "middle", "end"])
def test_a_tap_anywhere_on_its_bar_opens_a_solution(browser, served, share):
    window = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with browser.new_context(**window) as context:
        page = context.new_page()
        page.goto(f"{served}/content/tutorial/load.html", wait_until="networkidle")
        solution = page.locator(".admonition.solution").first
        bar = solution.locator("> .admonition-title")
        bar.scroll_into_view_if_needed()
        box = bar.bounding_box()
        back = solution.get_by_role("link", name="Back to the exercise")
        assert not back.is_visible()
        page.touchscreen.tap(
            box["x"] + share * box["width"], box["y"] + box["height"] / 2
        )
        back.wait_for()
        back.click()
        exercise = page.url.partition("#")[2]
        assert page.locator(f"#{exercise}").get_attribute("class").startswith("exerc")


def test_wide_code_shows_that_it_goes_on_until_its_end_is_seen(page, served):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{served}/content/tutorial/build-and-train.html", wait_until="load")
    wide = page.locator(".cell_input pre.goes-on").first
    assert wide.evaluate("code => getComputedStyle(code).boxShadow") != "none"
    handle = wide.element_handle()
    handle.evaluate("code => code.scrollTo(code.scrollWidth, 0)")
    page.wait_for_function("code => !code.matches('.goes-on')", arg=handle)


def test_paper_is_printed_in_dark_on_light_whatever_the_screen_shows(page, served):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{served}/content/in-your-browser/draw-a-digit.html")
    page.evaluate(
        """() => addEventListener("beforeprint", () => {
          window.printed = getComputedStyle(document.querySelector("h1")).color;
        })"""
    )
    page.pdf()
    assert page.evaluate("window.printed") == "rgb(28, 35, 44)"
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_wherever_the_keyboard_is_there_is_a_ring(page, served):
    page.goto(f"{served}/content/tutorial/build-and-train.html")
    quiz = page.locator("details.answer summary").first
    for start in (page.locator("body"), quiz):
        start.focus()
        for _ in range(25):
            page.keyboard.press("Tab")
            ring = page.evaluate(
                """() => {
                  const { outlineStyle, outlineWidth, outlineOffset } =
                    getComputedStyle(document.activeElement);
                  return [outlineStyle, outlineWidth, outlineOffset];
                }"""
            )
            where = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
            assert ring[:2] == ["solid", "3px"], where
    quiz.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert quiz.evaluate("q => getComputedStyle(q).outlineOffset") == "-3px"
