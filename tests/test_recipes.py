"""The accuracy ladder: its recipes, its records, its figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scratchnet.ladder import records
from scratchnet.ladder.recipes import (
    KEPT,
    RECIPES,
    VOTERS,
    fresh_network,
    train_recipe,
    trained,
)
from scratchnet.tools import plots

recorded = pytest.mark.parametrize(
    "rung", records.ladder(), ids=lambda rung: rung["name"]
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_every_rung_is_a_recipe_and_has_a_record():
    assert set(records.RUNGS) == {"tutorial", "ensemble", *RECIPES}
    assert [rung["name"] for rung in records.ladder()] == list(records.RUNGS)


@recorded
def test_record_tells_how_it_came_about(rung):
    assert rung["command"] == f"python benchmarks/accuracy.py {rung['name']}"
    assert len(rung["accuracies"]) == (len(rung["seeds"]) or 1)
    assert 80 < rung["mean"] < 100 and rung["seconds"] > 1
    assert rung["numpy"] and rung["python"] and rung["machine"]


@recorded
def test_record_is_of_the_network_as_it_is_now(rung):
    if rung["name"] in RECIPES:
        assert fresh_network(rung["name"])[0].n_parameters == rung["n_parameters"]
        assert rung["title"] == RECIPES[rung["name"]].title


@pytest.mark.parametrize(
    ("name", "seed"), [(name, seed) for name, seeds in KEPT.items() for seed in seeds]
)
def test_kept_weights_are_finite_and_differ_from_the_start(name, seed):
    network, start = trained(name, seed), fresh_network(name, seed)[0]
    for key, array in network.state.items():
        assert array.dtype == np.float32 and np.isfinite(array).all()
        assert not np.array_equal(array, start.state[key])


@pytest.mark.parametrize(("name", "seed"), [("softmax", 1), ("cnn-best", 6)])
def test_weights_that_are_not_kept_are_refused(name, seed):
    with pytest.raises(ValueError, match=f"'{name}' with seed {seed}.*'cnn-best': "):
        trained(name, seed)


def test_at_most_five_networks_vote_and_all_of_them_are_kept():
    assert len(set(VOTERS)) == len(VOTERS) <= 5
    assert all(seed in KEPT[name] for name, seed in VOTERS)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_trains_and_is_reproducible(name):
    rng = np.random.default_rng(0)
    images = rng.random((32, 784), dtype=np.float32)
    labels = rng.integers(0, 10, 32)
    # More epochs than any recipe has plain ones
    few = {"epochs": 3, "batch_size": 16, "learning_rate": 0.01}
    (network, _), (again, _) = (
        train_recipe(name, images, labels, seed=3, **few) for _ in "ab"
    )
    for key, array in network.state.items():
        assert np.array_equal(array, again.state[key])
    other, _ = train_recipe(name, images, labels, seed=4, **few)
    start, _ = fresh_network(name, 3)
    for different in (other, start):
        key = next(key for key in different.state if key.endswith("weights"))
        assert not np.array_equal(network.state[key], different.state[key])


def test_a_training_may_be_shorter_than_its_plain_epochs():
    rng = np.random.default_rng(0)
    data = rng.random((32, 784), dtype=np.float32), rng.integers(0, 10, 32)
    _, history = train_recipe(
        "cnn-small", *data, epochs=1, plain_epochs=2, batch_size=16
    )
    assert len(history["training_loss"]) == 1


def test_ladder_is_printed_with_its_command(capsys):
    records.print_ladder("softmax", "ensemble")
    lines = capsys.readouterr().out.splitlines()
    assert "±" in lines[0] and "±" not in lines[1]  # one ensemble has no spread
    [machine] = [line for line in lines if line.startswith("Measured with ")]
    assert "cores" in machine
    assert lines[-1] == "python benchmarks/accuracy.py softmax ensemble"


def test_ladder_is_drawn_with_a_row_for_each_rung():
    rungs = records.ladder("tutorial", "softmax", "momentum")
    [axis] = plots.plot_ladder(rungs).axes
    texts = " ".join(text.get_text() for text in axis.texts)
    for rung in rungs:
        assert rung["title"] in texts and f"{100 - rung['mean']:.2f} %" in texts
    left, right = axis.get_xlim()
    assert left > 100 - rungs[0]["mean"] > 100 - rungs[-1]["mean"] > right


def test_digits_are_drawn_in_a_grid_with_titles():
    images = np.arange(3 * 784).reshape(3, 784)
    figure = plots.show_digits(images, titles=["a", "b", "c"], n_columns=2)
    drawn = [axis for axis in figure.axes if axis.images]
    assert len(figure.axes) == 4 and [axis.get_title() for axis in drawn] == [*"abc"]
    assert np.array_equal(drawn[2].images[0].get_array(), images[2].reshape(28, 28))
    wide = np.arange(12).reshape(1, 2, 6)
    [axis] = plots.show_digits(wide, titles=np.array(["wide"]), n_columns=1).axes
    assert np.array_equal(axis.images[0].get_array(), wide[0])


def test_digits_are_drawn_in_whatever_form_they_come():
    image = np.arange(784).reshape(28, 28)
    for one in (image, image.ravel(), image.reshape(1, 784), image.tolist()):
        [drawn] = plots.show_digits(one, n_columns=1).axes[0].images
        assert np.array_equal(drawn.get_array(), image)
    with pytest.raises(ValueError, match="there are no images"):
        plots.show_digits(np.zeros((0, 784)))
    with pytest.raises(ValueError, match="1 images but 2 titles"):
        plots.show_digits(image, titles=["a", "b"])


def test_history_is_drawn_in_two_panels():
    history = {
        "training_loss": [2.0, 1.0],
        "validation_loss": [1.5, 0.9],
        "validation_accuracy": [0.5, 0.75],
    }
    upper, lower = plots.plot_history(history).axes
    assert [line.get_ydata().tolist() for line in upper.lines] == [[2, 1], [1.5, 0.9]]
    assert lower.lines[0].get_ydata().tolist() == [50, 75]  # percent
