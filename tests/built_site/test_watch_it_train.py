"""The page "Watch it train": what it computes in a browser, against NumPy.

The NumPy sides come from the pages themselves: training from this page's own cells, the
mistaken gradients from the chapter that makes the mistakes.
"""

import base64
import gzip
import json

import jupytext
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from test_pages import ROOT

import scratchnet

PAGE = "content/in-your-browser/watch-it-train.html"
CHAPTER = "content/tutorial/build-and-train.md"
READ_RUN = """() => {
  const { epoch, working, history, pictures, trouble } = watchItTrain.run();
  return { epoch, working, history, trouble, pictures: Array.from(pictures) };
}"""


def run_cells(page, *beginnings, **names):
    """Run those cells of a page that begin so; return the names that they define."""
    sources = [cell.source for cell in jupytext.read(ROOT / page).cells]
    for beginning in beginnings:
        exec(next(s for s in sources if s.startswith(beginning)), names)
    return names


@pytest.fixture(scope="module")
def train():
    """Return the page's own training in NumPy."""
    beginnings = "import", "class Mulberry32", "def batch_gradients", "def train"
    return run_cells(PAGE.replace(".html", ".md"), *beginnings)["train"]


@pytest.fixture(params=["served", "from disk"])
def address(request, html):
    """Return the page's address, over http and from disk."""
    if request.param == "served":
        return f"{request.getfixturevalue('served')}/{PAGE}"
    return (html / PAGE).as_uri()


@pytest.fixture
def opened(page, served):
    """Open the page over http, and put the recorded run aside."""
    page.goto(f"{served}/{PAGE}")
    press(page, "Reset")
    return page


def choose(page, **settings):
    """Set settings by their names, as a reader does."""
    for name, value in settings.items():
        field = page.locator(f".watch-it-train [name={name}]")
        if isinstance(value, bool):
            field.set_checked(value)
        elif name == "seed":
            field.fill(str(value))
            field.press("Enter")
        else:
            field.select_option(str(value))


def press(page, name):
    page.locator(".watch-it-train .buttons").get_by_role("button", name=name).click()


def wait_for(page, condition):
    """Wait for a condition on `run`, and return the run."""
    page.wait_for_function(
        f"() => {{ const run = watchItTrain.run(); return {condition} }}"
    )
    return page.evaluate(READ_RUN)


def train_epoch(page):
    """Train for one epoch more, to its end."""
    epoch = int(page.evaluate(READ_RUN)["epoch"]) + 1
    press(page, "One epoch")
    return wait_for(page, f"run.epoch >= {epoch} && !run.working")


@pytest.fixture(scope="module")
def mistaken_gradients():
    """Return the chapter's gradient of one image, by the mistakes that it makes."""
    names = run_cells(
        CHAPTER,
        "def gradients_with",
        np=np,
        forward=scratchnet.forward,
        relu=scratchnet.relu,
        relu_derivative=scratchnet.relu_derivative,
        gradients=scratchnet.gradients,
    )
    slopes = scratchnet.relu_derivative, names["mistaken_derivative"]
    make = names["gradients_with"]
    made = {(s, d): make(slopes[s], 1 if d else 2) for s in (0, 1) for d in (0, 1)}
    return made | {(0, 0): scratchnet.gradients}


@pytest.mark.parametrize("doubling", [0, 1])
@pytest.mark.parametrize("slope", [0, 1])
@pytest.mark.parametrize("dropout", [True, False])
def test_gradients_are_numpys(opened, mistaken_gradients, dropout, slope, doubling):
    n, hidden_size = 6, 30
    rng = np.random.default_rng(4)
    x_train, y_train, _, _ = scratchnet.load_mnist()
    images, labels = scratchnet.scale_pixels(x_train[:n]), y_train[:n]
    weights = scratchnet.initial_weights(rng, hidden_size=hidden_size)
    masks = rng.integers(0, 2, size=(n, hidden_size))
    assert (images @ weights[0] < 0).any() and (images @ weights[0] > 0).any()

    browsers = opened.evaluate(
        """([images, labels, weights1, weights2, masks, mistakes]) => {
          const { gradients } = watchItTrain;
          const got = gradients(images, labels, weights1, weights2, masks, mistakes);
          return [Array.from(got.gradient1), Array.from(got.gradient2), got.error];
        }""",
        [
            images.ravel().tolist(),
            labels.tolist(),
            *(matrix.ravel().tolist() for matrix in weights),
            masks.ravel().tolist() if dropout else None,
            {"slope": bool(slope), "doubling": bool(doubling)},
        ],
    )
    one_hot = scratchnet.one_hot_encoding(labels)
    numpy_masks = masks if dropout else np.full(masks.shape, 0.5)
    # Without dropout, nothing is doubled, and that mistake can't be made.
    function = mistaken_gradients[slope, doubling if dropout else 0]
    one_by_one = [
        function(image, label, *weights, mask)
        for image, label, mask in zip(images, one_hot, numpy_masks, strict=True)
    ]
    for got, expected in zip(browsers, zip(*one_by_one, strict=True), strict=False):
        expected = np.mean(expected, axis=0)
        np.testing.assert_allclose(
            np.reshape(got, expected.shape), expected, atol=1e-14
        )
    losses = [
        scratchnet.loss(scratchnet.forward(image, *weights, mask)[2], label)
        for image, label, mask in zip(images, one_hot, numpy_masks, strict=True)
    ]
    assert np.isclose(browsers[2], 2 * np.mean(losses))


def test_shipped_digits_are_training_images_byte_for_byte(html):
    script = (html / "widgets" / "watch-it-train-digits.js").read_text("ascii")
    shipped = json.loads(script.removeprefix("window.watchItTrainDigits = ")[:-2])
    unpacked = gzip.decompress(base64.b64decode(shipped["gzip"]))
    images, labels, _, _ = scratchnet.load_mnist()
    chosen = np.r_[0:4000, 50000:51000]
    assert (shipped["training"], shipped["heldOut"]) == (4000, 1000)
    assert unpacked == images[chosen].tobytes() + labels[chosen].tobytes()


def test_run_is_numpys_and_reaches_86_percent_in_four_epochs(page, train, address):
    asked_for = []
    page.on("request", lambda request: asked_for.append(request.url))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert not any("digits" in url for url in asked_for), "before they are needed"
    press(page, "Start")
    run = wait_for(page, "run.epoch >= 4")
    press(page, "Pause")

    recorded = json.loads(page.locator("#watch-it-train-recorded").text_content())
    assert [point["epoch"] for point in recorded["history"]] == [*range(1, 21)]
    *_, history = train(epochs=4)
    for place, expected in enumerate(history["held_out"]):
        point = run["history"][4 * (place + 1)]  # four are measured in each epoch
        got = point["heldOut"]["error"], point["heldOut"]["accuracy"]
        assert point["epoch"] == place + 1
        np.testing.assert_allclose(got, expected, rtol=1e-9)
        got = point["training"]["error"], point["training"]["accuracy"]
        np.testing.assert_allclose(got, history["training"][place], rtol=1e-9)
        assert recorded["history"][place] == {
            "epoch": place + 1,
            "training": pytest.approx(point["training"], rel=1e-9),
            "heldOut": pytest.approx(point["heldOut"], rel=1e-9),
        }
    assert got[1] > 0.86 and point["heldOut"]["accuracy"] > 0.86
    latest = wait_for(page, "!run.working")["history"][-1]
    shown = page.locator(".watch-it-train tbody td").all_inner_texts()
    assert shown[2] == f"{latest['heldOut']['error']:.3f}"
    assert shown[4] == f"{100 * latest['heldOut']['accuracy']:.1f}%"


@pytest.mark.parametrize(
    ("settings", "numpy_settings"),
    [
        (
            {"learningRate": 0.3, "batchSize": 100, "hiddenSize": 20, "seed": 7},
            {"learning_rate": 0.3, "batch_size": 100, "hidden_size": 20, "seed": 7},
        ),
        ({"dropout": False, "hiddenSize": 50}, {"dropout": False, "hidden_size": 50}),
        ({"slope": True}, {"slope_mistake": True}),
        ({"doubling": True}, {"doubling_mistake": True}),
    ],
    ids=["sizes", "no dropout", "mistake 1", "mistake 2"],
)
def test_settings_do_what_they_say(opened, train, settings, numpy_settings):
    choose(opened, **settings)
    point = train_epoch(opened)["history"][-1]
    *_, history = train(epochs=1, **numpy_settings)
    for whose, key in ("training", "training"), ("heldOut", "held_out"):
        got = point[whose]["error"], point[whose]["accuracy"]
        np.testing.assert_allclose(got, history[key][0], rtol=1e-9)


def test_same_seed_same_run_even_with_pauses(opened):
    choose(opened, hiddenSize=50)
    press(opened, "One batch")
    wait_for(opened, "run.epoch > 0 && !run.working")
    press(opened, "Continue")
    wait_for(opened, "run.epoch > 0.01")
    press(opened, "Pause")
    assert wait_for(opened, "!run.working")["epoch"] < 20
    with_pauses = train_epoch(opened)["history"]

    press(opened, "Reset")
    press(opened, "Start")
    run = wait_for(opened, f"run.epoch >= {with_pauses[-1]['epoch']}")
    assert run["history"][: len(with_pauses)] == with_pauses

    choose(opened, seed=2)
    assert train_epoch(opened)["history"][4] != with_pauses[4]
    earlier = opened.locator(".watch-it-train tbody")
    assert earlier.count() == 4 and "seed 2" in earlier.first.inner_text()


def test_page_shows_a_finished_run_before_anything_is_pressed(page, address):
    page.goto(address)
    run = page.evaluate(READ_RUN)
    assert run["epoch"] == 20 and not run["working"]
    assert np.ptp(run["pictures"]) > 0.3, "the random start spans 0.2"
    for chart in ("error", "accuracy"):
        curves = page.locator(f"svg.{chart} polyline")
        drawn = [curve.get_attribute("points").split() for curve in curves.all()]
        assert [len(points) for points in drawn] == [20, 20]
    table = page.locator(".watch-it-train tbody").inner_text()
    error, accuracy = page.locator(".cell_output", has_text="held_out").evaluate(
        "output => output.textContent.match(/held_out .*error ([.0-9]+).* ([.0-9]+%)/)"
        ".slice(1)"
    )
    assert f"{float(error):.3f}" in table and accuracy in table
    assert "learning rate 0.1, batches of 20, 100 units, dropout, seed 1" in table
    assert "recorded" in page.locator(".status").inner_text()
    press(page, "One batch")
    assert wait_for(page, "run.epoch > 0 && !run.working")["epoch"] == 1 / 200
    assert page.locator("tbody", has_text="earlier").count() == 1


def test_page_answers_while_it_trains(opened):
    choose(opened, hiddenSize=200, batchSize=500)
    press(opened, "Start")
    wait_for(opened, "run.working && run.history.length > 1")
    assert len(opened.workers) == 1, "in a thread of its own"
    opened.locator(".watch-it-train [name=change]").uncheck()
    assert (
        opened.locator(".pictures")
        .get_attribute("aria-label")
        .startswith("The weights")
    )
    opened.locator("[name=seed]").fill("-1")  # no reason to train on
    press(opened, "Pause")
    paused = wait_for(opened, "!run.working")
    assert paused["epoch"] < 20
    for _ in range(5):
        opened.evaluate("() => new Promise(requestAnimationFrame)")
    assert opened.evaluate(READ_RUN)["epoch"] == paused["epoch"]


def test_each_press_counts_however_quick_and_while_the_digits_load(opened):
    opened.evaluate(
        """() => {
          const button = document.querySelector(".watch-it-train .batch");
          for (let press = 0; press < 60; press++) button.click();
        }"""
    )
    wait_for(opened, "run.epoch >= 60 / 200 && !run.working")
    opened.locator(".batch").dblclick()
    wait_for(opened, "run.epoch >= 62 / 200 && !run.working")
    assert opened.evaluate(READ_RUN)["epoch"] == 62 / 200


def test_enter_in_an_unchanged_seed_keeps_the_run(opened):
    press(opened, "One batch")
    before = wait_for(opened, "run.epoch > 0 && !run.working")
    opened.locator("[name=seed]").press("Enter")
    assert opened.evaluate(READ_RUN) == before


def test_reset_while_the_digits_load_starts_nothing(opened):
    asked = []
    opened.route("**/watch-it-train-digits.js", lambda route: asked.append(route))
    press(opened, "Start")
    opened.locator(".status", has_text="Loading").wait_for()
    press(opened, "Reset")
    asked[0].continue_()
    opened.locator(".status", has_text="Epoch 0.00").wait_for()
    run = opened.evaluate(READ_RUN)
    assert (run["epoch"], run["working"]) == (0, False)


def test_page_trains_where_workers_are_denied(page, served, train):
    def deny(route):
        response = route.fetch()
        policy = {"Content-Security-Policy": "worker-src 'none'"}
        route.fulfill(response=response, headers=response.headers | policy)

    page.route(f"**/{PAGE}", deny)
    page.goto(f"{served}/{PAGE}")
    choose(page, hiddenSize=20)
    point = train_epoch(page)["history"][-1]
    assert page.workers == []
    *_, history = train(epochs=1, hidden_size=20)
    got = point["heldOut"]["error"], point["heldOut"]["accuracy"]
    np.testing.assert_allclose(got, history["held_out"][0], rtol=1e-9)
    assert "denies workers" in page.locator(".status").inner_text()
    press(page, "Continue")
    press(page, "Pause")
    assert wait_for(page, "!run.working")["epoch"] < 20


def test_a_worker_that_fails_is_reported_and_can_be_started_anew(page, served):
    page.add_init_script(
        """const TrueWorker = Worker;
        window.workers = [];
        window.Worker = function (address) {
          workers.push(new TrueWorker(address));
          return workers.at(-1);
        };"""
    )
    page.goto(f"{served}/{PAGE}")
    press(page, "Start")
    wait_for(page, "run.epoch > 0")
    page.evaluate(
        "workers[0].dispatchEvent(new ErrorEvent('error', { message: 'no memory' }))"
    )
    message = page.get_by_role("alert").filter(has_text="stopped: no memory")
    page.locator("[name=change]").uncheck()
    assert "Press Reset" in message.inner_text()
    assert page.locator(".go").inner_text() == "Continue"
    assert page.locator(".go").is_disabled()
    press(page, "Reset")
    assert message.count() == 0
    press(page, "One batch")
    assert wait_for(page, "run.epoch > 0 && !run.working")["epoch"] == 1 / 200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"learningRate": 3}, "diverged"),
        ({"learningRate": 3, "hiddenSize": 20}, "All hidden units are off"),
    ],
)
def test_failed_training_stops_and_says_what_to_try(opened, settings, said):
    choose(opened, **settings)
    opened.locator(".go").press("Enter")
    wait_for(opened, "run.trouble && !run.working")
    assert opened.locator(".go").evaluate("go => go === document.activeElement")
    message = opened.get_by_role("alert").filter(has_text=said)
    message.wait_for()
    assert "lower learning rate" in message.inner_text()
    assert opened.locator(".go").is_disabled()
    choose(opened, learningRate=0.1)
    assert message.count() == 0
    assert train_epoch(opened)["history"][-1]["heldOut"]["accuracy"] > 0.5


def test_missing_digits_are_reported_and_can_be_asked_for_again(opened):
    opened.route("**/watch-it-train-digits.js", lambda route: route.abort())
    press(opened, "Start")
    opened.get_by_role("alert").filter(has_text="didn’t load").wait_for()
    opened.unroute("**/watch-it-train-digits.js")
    press(opened, "One batch")
    assert wait_for(opened, "run.epoch > 0 && !run.working")["epoch"] == 1 / 200


def test_impossible_seed_starts_nothing(opened):
    opened.locator("[name=seed]").fill("-1")
    press(opened, "Start")
    assert opened.evaluate("document.querySelector('[name=seed]:invalid') !== null")
    assert opened.evaluate(READ_RUN)["working"] is False


def test_without_scripts_the_page_leads_to_its_figure(browser, served):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{served}/{PAGE}")
        link = page.locator(".watch-it-train").get_by_role("link")
        assert link.is_visible()
        assert page.locator(".watch-it-train button").count() == 0
        figure = page.locator(link.get_attribute("href"))
        assert figure.locator("img").get_attribute("alt").startswith("Two panels")


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_widget_is_accessible_and_fits(page, served, mode, width):
    page.emulate_media(color_scheme=mode)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{served}/{PAGE}")
    choose(page, hiddenSize=20)
    train_epoch(page)
    page.locator(".spoken", has_text="Epoch 1, paused").wait_for(state="attached")
    choose(page, learningRate=3)
    press(page, "Start")
    wait_for(page, "run.trouble && !run.working")
    assert page.locator("svg.accuracy polyline").count() == 4
    results = Axe().run(page, context=".watch-it-train").response
    assert [found["id"] for found in results["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
