"""`benchmarks/seconds_to_accuracy.py`: all do the book's training, and it's recorded.

The frameworks are in `requirements-frameworks.txt`. Where one isn't installed, its
tests are skipped, and say so.
"""

import importlib
import json

import numpy as np
import pytest

from benchmarks import seconds_to_accuracy as command
from benchmarks.reaching import with_numpy
from benchmarks.reaching.course import Course
from benchmarks.reaching.targets import FRAMEWORKS, TARGETS
from scratchnet.ladder import recipes, records
from scratchnet.mnist import practice
from scratchnet.optimizers import SGD
from scratchnet.training import each_epoch

PACKAGES = {"numpy": "numpy", "pytorch": "torch", "jax": "jax"}
N = 2000  # images: so many that the statistics' batches are equally large


def images_and_labels():
    rng = np.random.default_rng(0)
    images = rng.random((N, 784), np.float32) * (rng.random((N, 784)) < 0.2)
    return images.astype(np.float32), rng.integers(10, size=N)


@pytest.fixture(params=[name for name in PACKAGES if name != "numpy"])
def framework(request):
    """Name a framework that's installed."""
    pytest.importorskip(PACKAGES[request.param])
    return request.param


# The same training -------------------------------------------------------------------


def logits_after(framework, recipe, **changes):
    """Train in a framework; return what the network of scratchnet says after it."""
    images, labels = images_and_labels()
    course = Course(recipe, images, labels, 1, epochs=2, **changes)
    trainer = importlib.import_module(f"benchmarks.reaching.with_{framework}")
    before = course.network.predict(images[:200])
    assert trainer.train(course, 1) >= 0
    return before, course.network.predict(images[:200])


@pytest.mark.parametrize(
    ("recipe", "changes", "tolerance"),
    [
        ("momentum", {}, 1e-4),
        ("momentum", {"averaging": 0.9, "loss": recipes.smoothed}, 1e-4),
        ("momentum", {"augment": recipes.augment_mildly, "plain_epochs": 1}, 1e-4),
        # Where a largest pixel changes, so does more: with a low rate, there's little.
        ("cnn-plain", {"parts": 1, "learning_rate": 1e-4}, 1e-2),
        ("cnn-tiny", {"learning_rate": 1e-4}, 1e-2),
    ],
)
def test_a_framework_ends_where_scratchnet_does(framework, recipe, changes, tolerance):
    before, ours = logits_after("numpy", recipe, **changes)
    _, theirs = logits_after(framework, recipe, **changes)
    assert np.abs(ours - before).max() > 20 * tolerance  # it has learned something
    np.testing.assert_allclose(theirs, ours, atol=tolerance)


def test_a_course_gives_what_the_books_training_takes(monkeypatch):
    images, labels = images_and_labels()
    taken = []

    class Noting(SGD):
        def step(self, parameters, gradients, learning_rate):
            taken.append(learning_rate)

    seen = []

    def noting(network, images, labels, **how):
        class Seen:
            array = images.array

            def __len__(self):
                return len(images)

            def __getitem__(self, chosen):
                seen.append(images[chosen])
                return seen[-1]

        return each_epoch(network, Seen(), labels, **how)

    monkeypatch.setattr(recipes, "each_epoch", noting)
    changes = {"epochs": 2, "plain_epochs": 0, "optimizer": Noting, "averaging": None}
    recipes.train_recipe("cnn-tiny", images, labels, 1, **changes)
    changes["averaging"] = 0.9
    batches = list(Course("cnn-tiny", images, labels, 1, **changes).batches())
    assert len(batches) == len(seen) == 2 * (N // 128)
    assert [rate for _, _, rate, _ in batches] == pytest.approx(taken)
    for (x, _, _, _), ours in zip(batches, seen, strict=True):
        np.testing.assert_array_equal(x, ours)
    shares = [share for _, _, _, share in batches]
    assert shares[0] == pytest.approx(1 / 11) and shares[-1] == pytest.approx(30 / 40)


def test_parts_of_a_batch_are_invented_by_generators_of_their_own():
    images, labels = images_and_labels()
    x, y, _, _ = next(Course("cnn-small", images, labels, 1, epochs=1).batches())
    _, rng = recipes.fresh_network("cnn-small", 1)
    generators = rng.spawn(2)
    chosen = rng.permutation(N)[:128]
    augment = recipes.RECIPES["cnn-small"].training["augment"]
    np.testing.assert_array_equal(x[:64], augment(images[chosen[:64]], generators[0]))
    np.testing.assert_array_equal(x[64:], augment(images[chosen[64:]], generators[1]))
    np.testing.assert_array_equal(y, labels[chosen])


# The record ----------------------------------------------------------------------


@pytest.fixture
def empty_record(tmp_path, monkeypatch):
    """Let the command record and log in an empty folder; return the trainings asked."""
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    monkeypatch.setattr(records, "LOG", tmp_path / records.LOG.name)
    monkeypatch.setattr(practice, "is_chosen", lambda: False)
    asked = []

    def trained(target, framework, seed):
        asked.append((target, framework, int(seed)))
        result = {"target": target, "framework": framework, "seed": int(seed)}
        result |= {"recipe": TARGETS[target].recipe, "epochs": 2, "compiling": 1.0}
        return result | {"seconds": 10.0 * int(seed), "accuracy": 98.0 + int(seed) / 10}

    monkeypatch.setattr(command, "in_a_process", trained)
    return asked


def test_what_is_missing_is_measured_logged_and_shown(empty_record, capsys):
    arguments = ["98", "--frameworks", "jax", "numpy"]
    command.main([*arguments, "--seeds", "1"])
    command.main([*arguments, "--seeds", "2"])
    assert empty_record == [("98", f, s) for s in (1, 2) for f in ("jax", "numpy")]
    found = command.summary(command.recorded())
    assert list(found) == [("98", "numpy"), ("98", "jax")]
    row = found["98", "jax"]
    assert (row["seconds"], row["least"], row["most"]) == (15.0, 10.0, 20.0)
    assert row["accuracy"] == pytest.approx(98.15) and row["lowest"] == 98.1
    printed = capsys.readouterr().out.splitlines()[-1]
    assert "15.0" in printed and "10.0 to 20.0" in printed and "98.15" in printed
    lines = [json.loads(line) for line in records.LOG.read_text().splitlines()]
    assert [line["mean"] for line in lines] == [98.1, 98.1, 98.2, 98.2]
    assert lines[0]["network"] == f"{TARGETS['98'].recipe}, 2 epochs, jax"


def test_no_training_starts_after_the_time_that_was_given(empty_record):
    command.main(["98", "--minutes", "1e-9"])
    assert empty_record == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(["97"], "no target is 97"), (["98", "--frameworks", "mxnet"], "invalid choice")],
)
def test_a_mistake_on_the_command_line_is_named(arguments, error, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert error in capsys.readouterr().err


def test_practice_digits_are_not_recorded(empty_record, monkeypatch, capsys):
    monkeypatch.setattr(practice, "is_chosen", lambda: True)
    with pytest.raises(SystemExit):
        command.main(["98"])
    assert "nothing is recorded" in capsys.readouterr().err
    assert empty_record == []


def test_the_record_and_the_log_agree():
    for training in command.recorded():
        what = f"{training['recipe']}, {training['epochs']} epochs"
        what += f", {training['framework']}"
        readings = records.read_log(what)
        assert any(
            training["seed"] in reading["seeds"]
            and reading["when"] == training["when"]
            and np.isclose(reading["mean"], training["accuracy"], atol=0.001)
            for reading in readings
        )
        assert training["target"] in TARGETS and training["framework"] in FRAMEWORKS
        assert training["recipe"] == TARGETS[training["target"]].recipe


def test_the_books_own_training_is_the_ladders():
    images, labels = images_and_labels()
    course = Course("momentum", images, labels, 5, epochs=1)
    with_numpy.train(course, 1)
    network, _ = recipes.train_recipe("momentum", images, labels, 5, epochs=1)
    for name, array in network.state.items():
        np.testing.assert_array_equal(course.network.state[name], array)
