"""A page that runs in the reader's browser: its button, cells, exercises, and looks.

What only Python can show runs in Python, on one page that all those tests share. What
is of the page alone, such as keys and layout, meets a stand-in that starts at once.
"""

import json

import jupytext
import nbformat
import pytest
from test_pages import ROOT

from built_site.conftest import missing
from built_site.serve import serve
from built_site.test_accessibility import faults, settle
from built_site.test_pages_in_a_browser import TOO_WIDE
from classroom.exercises import Exercise, split_page

PAGE = "content/tutorial/load"
STAND_IN = """
window.pythons = 0; // that run
window.LiveKernel = {
  unavailable: () => "",
  async start({ onProgress }) {
    onProgress({ stage: "numpy", state: "loading", loaded: 1.25e6, total: 5e6,
      allLoaded: 1.25e6, allTotal: 10e6 });
    await window.held;
    onProgress({ stage: "numpy", state: "ready", loaded: 5e6, total: 5e6,
      allLoaded: 10e6, allTotal: 10e6 });
    if (window.fails) throw new Error(window.fails);
    window.pythons += 1;
    return {
      versions: { python: "3.0" },
      ran: [],
      async run(source, { onOutput }) {
        window.ran = [...(window.ran ?? []), source];
        const wide = "0123456789".repeat(30);
        onOutput({ type: "stream", name: "stdout", text: `${wide}\\n` });
        if (source.includes("forever")) {
          onOutput({ type: "progress", id: 1, desc: "", n: 1, total: 4, text: "25%",
            done: false });
          return new Promise((resolve) => (this.answer = resolve));
        }
        return window.result ?? { status: "ok", seconds: 0, error: null };
      },
      check({ answer }) {
        window.checked = answer;
        return new Promise((resolve) => (window.judge = this.answer = resolve));
      },
      async stop() {
        this.answer({ status: "stopped", seconds: 0, error: null });
        return { kept: false };
      },
      restart() {
        this.abandon?.(); // as kernel.js does
        return new Promise((resolve) => (window.getReady = this.abandon = resolve));
      },
      end() {
        window.pythons -= 1;
      },
    };
  },
};
"""


@pytest.fixture(scope="module")
def address(served, html):
    """Return the address of a page that runs, if the site has such pages."""
    if 'id="live-config"' not in (html / f"{PAGE}.html").read_text("utf-8"):
        missing("no page runs in the browser: the site is built without Pyodide")
    return f"{served}/{PAGE}.html"


def press_button(page):
    page.get_by_role("button", name="Run this page here").click()


def cell_with(page, code):
    """Return the cell of the page that has this code now, also after it's changed."""
    cell = page.locator("article .live-cell[id]").filter(
        has=page.locator("pre.live-printed", has_text=code)
    )
    return page.locator(f"#{cell.get_attribute('id')}")


def write(cell, code):
    """Put code into a cell's editor, as a reader does."""
    cell.locator(".cm-content").click()
    cell.page.keyboard.press("Control+a")
    cell.page.keyboard.insert_text(code)


def state_of(cell):
    return cell.locator(".live-state").inner_text()


def wait_for_state(cell, words):
    cell.locator(".live-state", has_text=words).wait_for()


def run(cell, words="Done"):
    """Run a cell, and wait until its state has these words."""
    cell.get_by_role("button", name="Run", exact=False).first.click()
    wait_for_state(cell, words)


def said(page):
    return page.locator(".live-said").inner_text()


# With Python --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def live(browser, address):
    """Open the page, and start Python; the tests below share it."""
    errors = []
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address, wait_until="networkidle")
        press_button(page)
        page.locator(".live-said", has_text="is ready. No cell").wait_for()
        yield page
    assert errors == []


@pytest.fixture
def cell(live):
    """Return a cell of the shared page; afterwards, it's as it was."""
    cell = cell_with(live, "counts = np.bincount")
    yield cell
    reset = cell.get_by_role("button", name="Reset this cell")
    if reset.is_visible():
        reset.click()


def test_a_name_that_is_not_there_yet_is_brought_by_the_cells_above(live):
    cell = cell_with(live, "print(images.shape, images.dtype")
    assert "Not run yet" in state_of(cell)
    run(cell, "Error in line 1")
    assert "NameError: name 'images' is not defined" in cell.inner_text()
    cell.get_by_role("button", name="Run all above, then this cell").click()
    wait_for_state(cell, "Done")
    assert "(60000, 28, 28) uint8 0 255" in cell.locator(".cell_output").inner_text()
    assert "NameError" not in cell.inner_text()


def test_what_is_changed_changes_what_comes_out(cell):
    write(cell, "print('six times seven:', 6 * 7)")
    assert "Changed" in state_of(cell)
    run(cell)
    assert cell.locator(".cell_output").inner_text().strip() == "six times seven: 42"
    cell.get_by_role("button", name="Reset this cell").click()
    assert "counts = np.bincount" in cell.locator(".cm-content").inner_text()
    assert "Changed since it ran" in state_of(cell)


def test_an_error_is_shown_with_its_line_and_the_page_goes_on(cell):
    write(cell, "a = 1\nb = a / 0")
    run(cell, "Error in line 2")
    shown = cell.locator(".cell_output").inner_text()
    assert shown.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "line 2" in shown and len(shown.splitlines()) < 8
    write(cell, "print(a)")
    run(cell)
    assert cell.locator(".cell_output").inner_text().strip() == "1"


def test_a_loop_shows_how_far_it_is_and_stops(cell):
    write(
        cell,
        "import time\nfrom tqdm import tqdm\nprint('begins')\n"
        "for i in tqdm(range(1000)):\n    time.sleep(0.02)\n",
    )
    cell.get_by_role("button", name="Run").first.click()
    bar = cell.get_by_role("progressbar")
    bar.wait_for()
    assert "/1000" in cell.locator(".live-bar").inner_text()
    cell.get_by_role("button", name="Stop").click()
    cell.locator(".live-state", has_text="Running").wait_for(
        state="detached", timeout=3000
    )
    cell.page.locator(".live-said", has_text="Stopped.").wait_for()
    assert bar.count() == 0
    write(cell, "print('goes on')")
    run(cell)
    assert cell.locator(".cell_output").inner_text().strip() == "goes on"


def test_figure_takes_the_place_of_the_printed_one(live):
    cell = cell_with(live, 'ax.set(xlabel="Digit"')
    image, words = cell.locator("figure img"), cell.locator("figure .caption-text")
    caption, alt = words.inner_text(), image.get_attribute("alt")
    shape = [image.get_attribute(side) for side in ("width", "height")]
    cell.get_by_role("button", name="Run all above").click()
    run(cell)  # it waits for those above
    assert cell.locator(".live-editor").is_hidden(), "it stays folded"
    assert image.get_attribute("src").startswith("data:image/png;base64,")
    assert words.inner_text() == caption and image.get_attribute("alt") == alt
    for side, before in zip(("width", "height"), shape, strict=True):
        assert abs(int(image.get_attribute(side)) - int(before)) < 30


GRADED = [
    exercise
    for exercise in split_page(jupytext.read(ROOT / f"{PAGE}.md"))
    if isinstance(exercise, Exercise) and exercise.check
]


@pytest.mark.parametrize("exercise", GRADED, ids=lambda exercise: exercise.label)
def test_wrong_empty_and_right_answers_are_told_apart(live, exercise):
    place = live.locator(f"#{exercise.label}")
    answer, verdict = place.locator(".live-answer"), place.locator(".live-verdict")
    right = "\n\n".join(
        cell.source for cell in exercise.solution if cell.cell_type == "code"
    )
    for code, status in [
        ("# Only a comment", "empty"),
        *((wrong, "wrong") for wrong in exercise.wrong_answers),
        ("not Python", "error"),
        (right, "right"),
        ("", "empty"),
    ]:
        if code:
            write(answer, code)
        else:
            place.get_by_role("button", name="Clear").click()
        assert verdict.inner_text() == "", "of the answer before"
        place.get_by_role("button", name="Check my answer").click()
        live.locator(
            f"#{exercise.label} .live-verdict:not([data-status=working])",
            has_text=".",
        ).wait_for()
        assert verdict.get_attribute("data-status") == status, code
        for line in filter(None, exercise.check.splitlines()):
            assert line.removeprefix("assert ") not in verdict.inner_text()


def test_all_cells_run_and_every_check_of_the_page_holds(live):
    changed = cell_with(live, "rng = np.random.default_rng(3767)")
    write(
        changed, changed.locator("pre.live-printed").text_content().replace("3767", "1")
    )
    live.get_by_role("button", name="Run all cells").click()
    live.locator(".live-said", has_text="came out otherwise").wait_for()
    note = live.get_by_role("note").filter(has_text="labels[ten]")
    assert note.count() == 1
    changed.get_by_role("button", name="Reset this cell").click()
    live.get_by_role("button", name="Run all cells").click()
    live.locator(".live-said", has_text="checks of the page hold.").wait_for()
    assert note.count() == 0


def test_all_that_a_page_asks_for_is_of_its_version(live, html):
    """So no host and no browser that keeps files for a while can mix two versions."""
    config = json.loads(live.locator("#live-config").text_content())
    loaded = live.evaluate(
        "performance.getEntriesByType('resource').map((e) => e.name)"
    )
    names = {url.partition("/_live/")[2] for url in loaded if "/_live/" in url}
    cells = config["cells"].partition("/_live/")[2]
    version = config["base"].partition("/_live/")[2]
    programs = {
        path.relative_to(html / "_live").as_posix()
        for path in (html / "_live" / version).rglob("*.*s")  # .js and .css
    }
    assert names == programs | {cells}


def test_start_afresh_forgets_what_has_run_and_keeps_the_code(live, cell):
    write(cell, "here = 1")
    run(cell)
    live.get_by_role("button", name="Start afresh").click()
    live.locator(".live-said", has_text="Python is fresh").wait_for()
    assert "not run yet" in state_of(cell)
    write(cell, "here")
    run(cell, "Error in line 1")
    assert "NameError" in cell.inner_text()


# Without Python -----------------------------------------------------------------------


@pytest.fixture
def quick(page, address):
    """Open the page with the stand-in for Python."""
    page.route(
        "**/_live/*/kernel.js",
        lambda route: route.fulfill(content_type="text/javascript", body=STAND_IN),
    )
    page.context.set_default_timeout(20_000)
    page.goto(address, wait_until="networkidle")
    return page


def start(page):
    press_button(page)
    page.locator(".live-said", has_text="is ready. No cell").wait_for()


def test_before_the_press_there_is_a_button_alone(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address, wait_until="networkidle")
    of_live = [url.partition("/_live/")[2] for url in asked if "/_live/" in url]
    names = {name.partition("/")[2] for name in of_live}
    assert names == {"kernel.js", "page/live-page.css", "page/live-page.js"}
    config = json.loads(page.locator("#live-config").text_content())
    about = page.locator(".live-page .live-about").inner_text()
    assert f"{config['megabytes']} MB" in about
    assert page.locator(".live-editor").count() == 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_no_fault_before_during_and_after(quick, scheme, width):
    quick.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    quick.set_viewport_size({"width": width, "height": 900})
    quick.evaluate("() => { window.held = new Promise((go) => (window.go = go)) }")
    settle(quick)
    assert faults(quick) == []
    press_button(quick)
    quick.get_by_text("NumPy: 1.3 of 5.0 MB").wait_for()
    bar = quick.get_by_role("progressbar", name="Loading")
    assert bar.evaluate("bar => bar.value") == 0.125
    assert faults(quick) == []
    quick.evaluate("go()")
    quick.locator(".live-said", has_text="is ready. No cell").wait_for()
    run(cell_with(quick, "counts = np.bincount"))
    settle(quick)
    assert faults(quick) == []
    assert quick.evaluate("document.documentElement.scrollWidth") <= width
    assert quick.evaluate(TOO_WIDE) == []


def test_a_start_that_fails_says_why_and_can_be_tried_again(quick):
    quick.evaluate("() => { window.fails = 'The connection is lost.' }")
    press_button(quick)
    about = quick.locator(".live-about", has_text="The connection is lost.")
    about.wait_for()
    quick.evaluate("() => { window.fails = null }")
    quick.get_by_role("button", name="Try again").click()
    quick.locator(".live-editor").first.wait_for()


CODE = "**/_live/pages/**"  # of a page, as JSON


def test_a_start_without_the_code_of_the_page_starts_no_python(quick):
    quick.route(CODE, lambda route: route.fulfill(status=404))
    press_button(quick)
    quick.locator(".live-about", has_text="The page’s code hasn’t come.").wait_for()
    assert quick.evaluate("pythons") == 0
    quick.unroute(CODE)
    quick.get_by_role("button", name="Try again").click()
    quick.locator(".live-editor").first.wait_for()
    assert quick.evaluate("pythons") == 1


def test_where_code_and_page_do_not_fit_no_python_is_left_running(quick):
    quick.evaluate("document.querySelector('[id^=live-cell] pre').remove()")
    press_button(quick)
    quick.locator(".live-about", has_text="older than its code").wait_for()
    assert quick.evaluate("pythons") == 0


def test_all_of_it_works_by_keyboard(quick):
    keyboard = quick.keyboard
    quick.get_by_role("button", name="Run this page here").focus()
    keyboard.press("Enter")
    quick.locator(".live-said", has_text="is ready. No cell").wait_for()
    assert quick.evaluate("document.activeElement.textContent") == "Run all"

    first = quick.locator(".live-cell").first
    code = first.locator(".cm-content")
    before = code.inner_text()
    for _ in range(12):  # through the page's buttons, to the first cell
        keyboard.press("Tab")
        if code.evaluate("code => code === document.activeElement"):
            break
    assert code.get_attribute("aria-label") == "Code of cell 1"
    ring = first.locator(".cm-editor").evaluate(
        "editor => { const { outlineStyle, outlineWidth } = getComputedStyle(editor);"
        " return [outlineStyle, outlineWidth]; }"
    )
    assert ring == ["solid", "3px"]
    focused = "document.activeElement.ariaLabel ?? document.activeElement.className"
    keyboard.press("Tab")  # not in use yet: it leads on
    assert quick.evaluate(focused).startswith("copybtn")
    keyboard.press("Tab")
    assert quick.evaluate(focused) == "Run cell 1"
    assert code.inner_text() == before

    code.focus()
    keyboard.type("x/y")  # on the site, "/" means its search
    keyboard.press("Tab")
    assert code.inner_text().startswith("    x/y")
    keyboard.press("Escape")
    keyboard.press("Tab")
    assert quick.evaluate(focused).startswith("copybtn")
    keyboard.press("Shift+Tab")
    keyboard.press("Shift+Enter")
    wait_for_state(first, "Done")
    assert quick.evaluate("window.ran[0]").startswith("    x/y")
    assert code.evaluate("code => code === document.activeElement")


def test_stop_ends_what_runs_and_what_waits(quick):
    start(quick)
    first, second = (quick.locator(".live-cell").nth(place) for place in (0, 1))
    write(first, "forever")
    first.get_by_role("button", name="Run cell 1").click()
    second.get_by_role("button", name="Run cell 2").click()
    assert "Waiting" in state_of(second)
    first.get_by_role("button", name="Stop").click()
    quick.locator(".live-said", has_text="what has run is forgotten").wait_for()
    assert quick.evaluate("window.ran") == ["forever"]
    assert "not run yet" in state_of(first) and "Not run yet" in state_of(second)
    run(second)
    assert said(quick).startswith("Cell 2 has run.")


def test_of_two_starts_afresh_the_last_one_says_that_python_is_fresh(quick):
    start(quick)
    first = quick.locator(".live-cell").first
    run(first)
    for _ in range(2):
        quick.get_by_role("button", name="Start afresh").click()
    assert said(quick) == "Python starts anew …"
    assert "Done" in state_of(first)
    quick.evaluate("getReady()")
    quick.locator(".live-said", has_text="Python is fresh").wait_for()
    assert "Not run yet" in state_of(first)


@pytest.mark.parametrize("fails", [False, True])
def test_all_above_may_be_a_single_hidden_check(quick, fails):
    start(quick)
    cell = cell_with(quick, 'ax.set(xlabel="Digit"')
    cell.get_by_role("button", name="Run all above").click()
    quick.locator(".live-said", has_text="cells have run").wait_for()
    run(cell)
    if fails:
        error = {"name": "AssertionError", "message": "", "line": 1, "traceback": ""}
        result = {"status": "error", "seconds": 0, "error": error}
        quick.evaluate("result => { window.result = result }", result)
    below = cell_with(quick, "header = content[:16]")
    below.get_by_role("button", name="Run all above").click()
    quick.locator(".live-said", has_text="A hidden cell has run.").wait_for()
    assert said(quick).endswith("Its check came out otherwise.") == fails


@pytest.fixture
def checked(quick):
    """Begin to check an answer; return its place on the page."""
    start(quick)
    answer = quick.locator(".live-answer").first
    write(answer, "a = 1")
    answer.get_by_role("button", name="Check my answer").click()
    quick.wait_for_function("window.checked === 'a = 1'")
    return answer


RIGHT = "judge({ status: 'right', message: '', seconds: 0, error: null })"


def test_a_verdict_is_shown_below_the_answer_it_is_of_and_no_other(quick, checked):
    write(checked, "a = 2")
    quick.evaluate(RIGHT)
    wait_for_state(checked, "Changed since it ran")
    assert checked.locator(".live-verdict").inner_text() == ""
    checked.get_by_role("button", name="Check my answer").click()
    quick.wait_for_function("window.checked === 'a = 2'")
    quick.evaluate(RIGHT)
    checked.locator(".live-verdict", has_text="Right:").wait_for()
    assert "Done" in state_of(checked)


def test_a_check_that_is_stopped_says_so(quick, checked):
    checked.get_by_role("button", name="Stop").click()
    words = "Stopped before the check was through."
    checked.locator(".live-verdict", has_text=words).wait_for()


def test_an_answer_is_there_again_when_the_reader_comes_back(quick):
    start(quick)
    answer = quick.locator(".live-answer").first
    write(answer, "def decompresses(data):\n    ...")
    quick.reload(wait_until="networkidle")
    start(quick)
    kept = answer.locator(".cm-line").all_inner_texts()
    assert kept == ["def decompresses(data):", "    ..."]
    answer.get_by_role("button", name="Clear").click()
    assert "decompresses" not in quick.evaluate("JSON.stringify(localStorage)")


def come_back(page):
    page.reload(wait_until="networkidle")
    start(page)


def kept(page):
    """Return what this browser keeps of cells: the reader's code by the book's."""
    store = page.evaluate("({ ...localStorage })")
    place = f"cell /{PAGE} "
    return {
        key.removeprefix(place): code
        for key, code in store.items()
        if key.startswith(place)
    }


def test_changed_cells_are_so_again_when_the_reader_comes_back(quick):
    start(quick)
    cell = cell_with(quick, "counts = np.bincount")
    code, printed = cell.locator(".cm-content"), cell.locator("pre.live-printed")
    original = code.inner_text()
    name = cell.get_by_role("group").get_attribute("aria-label")
    write(cell, "counts = [1, 2, 3]")
    come_back(quick)
    assert said(quick).endswith(f"With your earlier changes: {name.lower()}.")
    assert state_of(cell) == f"{name}: Changed earlier, not run yet"
    assert code.inner_text() == printed.text_content() == "counts = [1, 2, 3]"
    run(cell)
    assert quick.evaluate("ran") == ["counts = [1, 2, 3]"]
    cell.get_by_role("button", name="Reset this cell").click()
    assert code.inner_text() == original
    assert kept(quick) == {}
    come_back(quick)
    assert said(quick).endswith("No cell has run yet.")
    assert not quick.get_by_role("button", name="Reset all cells").count()


def test_all_cells_can_be_as_the_book_has_them_again(quick):
    start(quick)
    first, second = (quick.locator(".live-cell").nth(place) for place in (0, 1))
    original = first.locator(".cm-content").inner_text()
    write(first, "a = 1")
    write(second, "b = 2")
    quick.keyboard.press("Control+a")
    quick.keyboard.press("Delete")
    come_back(quick)
    assert said(quick).endswith("With your earlier changes: cell 1 and cell 2.")
    assert second.locator(".cm-content").inner_text().strip() == ""
    quick.get_by_role("button", name="Reset all cells").click()
    assert first.locator(".cm-content").inner_text() == original
    assert quick.evaluate("document.activeElement.textContent") == "Run all"
    assert kept(quick) == {}


def test_earlier_changes_hide_no_new_edition_of_a_cell(quick):
    start(quick)
    cell = cell_with(quick, "counts = np.bincount")
    write(cell, "counts = [1, 2, 3]")

    def publish_anew(route):
        text = route.fetch().text()
        route.fulfill(body=text.replace("counts = np.bincount", "counts = np.unique"))

    quick.route(CODE, publish_anew)
    come_back(quick)
    assert "The book has changed a cell that you had changed" in said(quick)
    assert "earlier changes" not in said(quick)
    assert "Not run yet" in state_of(cell)
    assert "counts = np.unique" in cell.locator(".cm-content").inner_text()
    old = quick.locator(".live-left-over")
    old.locator("summary").click()
    assert old.locator("pre").inner_text() == "counts = [1, 2, 3]"
    assert faults(quick) == []
    old.get_by_role("button", name="Forget it").click()
    assert old.is_hidden() and kept(quick) == {}


def test_two_books_of_one_host_keep_their_changes_apart(quick, html, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).symlink_to(html)
    found = {}
    with serve(tmp_path) as host:
        for name in ("one", "two", "one"):
            quick.goto(f"{host}/{name}/{PAGE}.html", wait_until="networkidle")
            start(quick)
            places = ".live-cell[id]:has(.cm-content)", ".live-answer"
            cells = [quick.locator(place).first for place in places]
            found[name] = [cell.locator(".cm-content").inner_text() for cell in cells]
            for cell in cells:
                write(cell, f"n = '{name}'")
    assert found["one"] == ["n = 'one'"] * 2
    assert not any("one" in text for text in found["two"])


NO_STORE = """Object.defineProperty(window, "localStorage", { configurable: true,
  get() { throw new DOMException("Not in this window.", "SecurityError"); } });"""
FULL = """() => {
  const { setItem } = Storage.prototype;
  Storage.prototype.setItem = function (key, value) {
    if (/^(cell|answer) /.test(key)) throw new DOMException("", "QuotaExceededError");
    setItem.call(this, key, value);
  };
}"""


@pytest.mark.parametrize("denied", [NO_STORE, FULL], ids=["no store", "full"])
def test_where_nothing_can_be_kept_all_else_works(quick, denied):
    if denied == NO_STORE:
        quick.add_init_script(denied)
        quick.reload(wait_until="networkidle")
    else:
        quick.evaluate(denied)
    start(quick)
    for place in (".live-cell", ".live-answer"):
        cell = quick.locator(place).first
        write(cell, f"print('{place}')")
        run(cell)
    assert quick.evaluate("ran") == ["print('.live-cell')", "print('.live-answer')"]
    come_back(quick)
    assert said(quick).endswith("No cell has run yet.")


def test_changes_and_answers_are_in_the_notebook(quick):
    start(quick)
    write(cell_with(quick, "counts = np.bincount"), "counts = [1, 2, 3]")
    write(quick.locator(".live-answer").nth(1), "accuracy = 0.1")
    with quick.expect_download() as download:
        quick.get_by_role("button", name="Download as a notebook").click()
    assert download.value.suggested_filename == "load-changed.ipynb"
    notebook = nbformat.read(download.value.path(), 4)
    nbformat.validate(notebook)
    sources = [cell.source for cell in notebook.cells]
    assert "counts = [1, 2, 3]" in sources
    assert not any("counts = np.bincount(y_train)" in source for source in sources)
    place = sources.index("accuracy = 0.1")
    assert sources[place + 1] == "#### Solution"
    assert sources[place - 2] == "### Exercise: Beat the laziest program"


def test_paper_shows_what_was_run_and_no_buttons(quick):
    start(quick)
    cell = cell_with(quick, "counts = np.bincount")
    write(cell, "counts = [1, 2, 3]  # changed")
    run(cell)
    quick.emulate_media(media="print")
    assert cell.locator("pre.live-printed").is_visible()
    assert cell.locator("pre.live-printed").inner_text() == (
        "counts = [1, 2, 3]  # changed"
    )
    assert "01234" in cell.locator(".cell_output").inner_text()
    for part in (".live-button", ".live-editor", ".live-answer", ".live-state"):
        assert not any(shown.is_visible() for shown in quick.locator(part).all()), part


def test_code_is_copied_as_the_reader_has_it(quick):
    quick.context.grant_permissions(["clipboard-read", "clipboard-write"])
    start(quick)
    cell = cell_with(quick, "counts = np.bincount")
    write(cell, "counts = [1, 2, 3]")
    cell.locator("button.copybtn").click()
    assert quick.evaluate("navigator.clipboard.readText()") == "counts = [1, 2, 3]"


# Where it can't run -------------------------------------------------------------------


def test_from_disk_a_page_says_why_it_cannot_run(page, address, html):
    page.goto((html / f"{PAGE}.html").as_uri())
    assert "opened from disk" in page.locator(".live-page").inner_text()
    assert page.locator(".live-button").count() == 0


@pytest.mark.parametrize("denied", ["Worker", "WebAssembly"])
def test_without_what_it_needs_a_page_says_why_it_cannot_run(page, address, denied):
    page.add_init_script(f"delete window.{denied}")
    page.goto(address)
    assert "can’t run here" in page.locator(".live-page").inner_text()
    assert page.locator(".live-button").count() == 0


def test_without_scripts_a_page_is_as_it_was(browser, address):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        assert page.locator(".live-page").inner_text() == ""
        assert page.locator(".live-page").bounding_box()["height"] == 0
