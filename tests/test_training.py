"""The training loop, and the file that a network is kept in."""

import multiprocessing
import os
import signal
import subprocess
import sys
from functools import partial
from zipfile import ZipFile

import numpy as np
import pytest

from scratchnet.layers import (
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    Images,
    Linear,
    MaxPool,
    ReLU,
)
from scratchnet.losses import softmax_cross_entropy, squared_error
from scratchnet.metrics import measure
from scratchnet.optimizers import SGD, Adam, cosine, triangular
from scratchnet.sequential import Sequential
from scratchnet.training import fit, measure_statistics

# JAX, which other tests use, and Python from 3.12 on warn of locks that another thread
# may hold at a fork. The processes of a training use NumPy alone.
pytestmark = pytest.mark.filterwarnings(r"ignore:.*fork\(\)")
needs_fork = pytest.mark.skipif(
    sys.platform != "linux", reason="training in parallel needs Linux"
)


def make_network(seed=0, dropout=0.0):
    """Return a small network for 3 × 3 pixels and 3 classes."""
    rng = np.random.default_rng(seed)
    return Sequential(
        Linear(9, 12, rng, bias=False),
        BatchNorm(12),
        ReLU(),
        Dropout(dropout, rng),
        Linear(12, 3, rng),
    )


def make_convolutional(seed=0):
    """Return a small convolutional network for 6 × 6 pixels and 3 classes."""
    rng = np.random.default_rng(seed)
    return Sequential(
        Images(6, 6),
        Convolution(1, 3, 3, rng, bias=False),
        MaxPool(),
        BatchNorm(3),
        ReLU(),
        Flatten(),
        Linear(12, 3, rng),
    )


@pytest.fixture(scope="module")
def tiny():
    """Return 60 images of 9 pixels, whose label is the brightest of three pixels."""
    images = np.random.default_rng(1).random((60, 9), dtype=np.float32)
    return images, images[:, :3].argmax(axis=1)


@pytest.fixture(scope="module")
def other():
    """Return 40 more of them."""
    images = np.random.default_rng(2).random((40, 9), dtype=np.float32)
    return images, images[:, :3].argmax(axis=1)


def train(data, network=None, **how):
    """Train a new network, unless one is given; return it and its history."""
    network = network or make_network()
    how = {"epochs": 4, "learning_rate": 0.1, "batch_size": 16} | how
    rng = np.random.default_rng(how.pop("seed", 3))
    return network, fit(network, *data, rng=rng, **how)


def assert_same(network, other_network):
    for name, array in network.state.items():
        assert np.array_equal(array, other_network.state[name]), name


# What fit does ---------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [partial(SGD, 0.9, nesterov=True), Adam])
def test_training_learns(tiny, other, optimizer):
    how = {"epochs": 60, "learning_rate": 0.02, "schedule": triangular}
    network, history = train(tiny, **how, optimizer=optimizer(), validation_set=other)
    assert {name: len(values) for name, values in history.items()} == {
        "training_loss": 60,
        "validation_loss": 60,
        "validation_accuracy": 60,
    }
    assert history["training_loss"][-1] < 0.5 * history["training_loss"][0]
    assert history["validation_accuracy"][-1] > 0.6
    measured = measure(network, *other)
    last = history["validation_loss"][-1], history["validation_accuracy"][-1]
    assert last == measured


def noisy(images, rng):
    """Stand in for augmentation."""
    return images + rng.normal(scale=0.01, size=images.shape).astype(np.float32)


def test_the_same_seed_gives_the_same_network(tiny, other):
    how = {"augment": noisy, "averaging": 0.9, "validation_set": other}
    first, history = train(tiny, make_network(dropout=0.3), **how)
    again, same = train(tiny, make_network(dropout=0.3), **how)
    assert history == same
    assert_same(first, again)
    different, _ = train(tiny, make_network(dropout=0.3), **how, seed=4)
    assert not np.array_equal(different.predict(tiny[0]), first.predict(tiny[0]))


def test_training_keeps_the_precision_of_the_parameters(tiny):
    same, _ = train(tiny)
    network, _ = train((tiny[0].astype(np.float64), tiny[1]))
    assert_same(network, same)


@needs_fork
@pytest.mark.parametrize("parts", [2, 3])
def test_processes_do_not_change_a_bit(tiny, parts):
    def disturb(images, rng):
        return images + rng.normal(size=images.shape)  # float64

    how = {"parts": parts, "augment": disturb, "plain_epochs": 1}
    one, history = train(tiny, make_network(dropout=0.3), **how)
    two, same = train(tiny, make_network(dropout=0.3), **how, parallel=True)
    assert history == same
    assert_same(one, two)
    assert not multiprocessing.active_children()


@needs_fork
def test_processes_do_not_change_a_bit_of_a_convolutional_network():
    rng = np.random.default_rng(5)
    data = rng.random((40, 36), dtype=np.float32), rng.integers(3, size=40)
    how = {"parts": 2, "averaging": 0.9}
    (one, history), (two, same) = (
        train(
            data,
            make_convolutional(),
            **how,
            optimizer=SGD(0.9, weight_decay=0.01),
            parallel=parallel,
        )
        for parallel in (False, True)
    )
    assert history == same
    assert_same(one, two)


@needs_fork
@pytest.mark.parametrize("kind", [ValueError, EOFError])
@pytest.mark.parametrize("in_parent", [False, True])
def test_what_fails_in_a_process_is_raised(tiny, kind, in_parent):
    parent = os.getpid()

    def fail(images, rng):
        if (os.getpid() == parent) == in_parent:
            raise kind("no image can be changed here")
        return images

    with pytest.raises(kind, match="no image can be changed here"):
        train(tiny, augment=fail, parts=2, parallel=True)
    assert not multiprocessing.active_children()


class Unpicklable(Exception):
    """An error that's pickled, but not made again with one argument."""

    def __init__(self, what, where):
        super().__init__(f"{what} in {where}")


@needs_fork
def test_an_error_that_cannot_leave_its_process_is_told_of(tiny):
    parent = os.getpid()

    def fail(images, rng):
        if os.getpid() != parent:
            raise Unpicklable("an image", "a process")
        return images

    with pytest.raises(RuntimeError, match=r"Unpicklable.'an image in a process'"):
        train(tiny, augment=fail, parts=2, parallel=True)


@needs_fork
def test_a_process_that_is_killed_ends_the_training(tiny):
    parent = os.getpid()

    def vanish(images, rng):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return images

    with pytest.raises(ChildProcessError, match="a process of the training ended"):
        train(tiny, augment=vanish, parts=2, parallel=True)
    assert not multiprocessing.active_children()


@needs_fork
def test_no_process_outlives_the_training():
    killed_in_training = """
import os, signal
import numpy as np
from scratchnet.layers import Linear
from scratchnet.sequential import Sequential
from scratchnet.training import fit

rng, parent = np.random.default_rng(0), os.getpid()
images, labels = rng.random((40, 9), np.float32), np.arange(40) % 3

def kill(images, rng):
    if os.getpid() == parent:
        os.kill(parent, signal.SIGKILL)
    return images

how = {"epochs": 1, "learning_rate": 0.1, "batch_size": 20, "augment": kill}
network = Sequential(Linear(9, 3, rng))
fit(network, images, labels, rng=rng, **how, parts=3, parallel=True)
"""
    # The output ends when the last process that could write to it has ended.
    done = subprocess.run(
        [sys.executable, "-c", killed_in_training], stdout=subprocess.PIPE, timeout=60
    )
    assert done.returncode == -signal.SIGKILL


def test_other_systems_than_linux_cannot_train_in_parallel(tiny, monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(ValueError, match="needs Linux, and this is win32"):
        train(tiny, parts=2, parallel=True)


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_parts_do_not_change_what_is_learned_without_batch_statistics(tiny, parts):
    def plain():
        rng = np.random.default_rng(6)
        return Sequential(Linear(9, 5, rng), ReLU(), Linear(5, 3, rng)).astype(float)

    data = tiny[0].astype(float), tiny[1]
    whole, history = train(data, plain())
    split, same = train(data, plain(), parts=parts)
    assert np.allclose(history["training_loss"], same["training_loss"], rtol=1e-12)
    for name, array in whole.parameters.items():
        assert np.allclose(split.parameters[name], array, rtol=1e-9, atol=1e-12)


def test_one_step_is_one_step_of_gradient_descent(tiny):
    images, labels = tiny
    network, by_hand = make_network(), make_network()
    loss = partial(softmax_cross_entropy, label_smoothing=0.1)
    _, history = train(tiny, network, epochs=1, batch_size=60, loss=loss)
    value, gradient = loss(by_hand.forward(images, training=True), labels)
    by_hand.backward(gradient)
    SGD().step(by_hand.parameters, by_hand.gradients, 0.1)
    assert np.isclose(history["training_loss"][0], value, rtol=1e-5)
    for name, array in by_hand.state.items():
        assert np.allclose(network.state[name], array, rtol=1e-4, atol=1e-6), name


def test_the_schedule_is_asked_for_the_share_of_the_steps_that_are_done(tiny):
    asked = []

    def schedule(progress):
        asked.append(progress)
        return cosine(progress)

    train(tiny, epochs=2, batch_size=25, schedule=schedule)  # 2 steps, 10 images wait
    assert asked == [0, 0.25, 0.5, 0.75]


def test_each_image_is_seen_once_an_epoch(tiny):
    seen = []

    def watch(images, rng):
        seen.append(images.copy())
        return images

    train(tiny, epochs=2, batch_size=20, augment=watch)
    epochs = np.concatenate(seen).reshape(2, 60, 9)
    for images in epochs:
        assert np.array_equal(np.sort(images, axis=0), np.sort(tiny[0], axis=0))
    assert not np.array_equal(*epochs)


def test_the_last_epochs_can_do_without_augmentation(tiny):
    n_images = []

    def watch(images, rng):
        n_images.append(len(images))
        return images

    network, _ = train(tiny, epochs=3, batch_size=20, augment=watch, plain_epochs=2)
    assert n_images == [20] * 3  # one epoch of three steps
    same, _ = train(tiny, epochs=3, batch_size=20)
    assert_same(network, same)


def test_patience_stops_and_goes_back_to_the_best_parameters(tiny, other):
    states = []

    def remember(images, rng):
        states.append({name: a.copy() for name, a in network.state.items()})
        return images

    network = make_network()
    how = {"learning_rate": 2.0, "epochs": 200, "batch_size": 60, "augment": remember}
    _, history = train(tiny, network, **how, validation_set=other, patience=3)
    losses = history["validation_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 4 < 200
    assert measure(network, *other)[0] == losses[best]
    for name, array in states[best + 1].items():  # as the next epoch found it
        assert np.array_equal(network.state[name], array)


def test_averaging_gives_what_a_direct_computation_gives(tiny):
    path = []

    class Watched(SGD):
        def step(self, parameters, gradients, learning_rate):
            path.append({name: array.copy() for name, array in parameters.items()})
            super().step(parameters, gradients, learning_rate)

    plain, _ = train(tiny, optimizer=Watched())
    network, _ = train(tiny, averaging=0.8)
    places = [*path[1:], plain.parameters]
    average = path[0]
    for n_steps, place in enumerate(places, start=1):
        past = min(0.8, n_steps / (n_steps + 10))
        average = {
            name: past * average[name] + (1 - past) * array
            for name, array in place.items()
        }
    for name, array in network.parameters.items():
        assert np.allclose(array, average[name], rtol=1e-4, atol=1e-6)
    hidden = tiny[0] @ network.parameters["0.weights"]
    assert np.allclose(network.state["1.mean"], hidden.mean(axis=0), atol=1e-5)
    assert np.allclose(network.state["1.variance"], hidden.var(axis=0), rtol=1e-4)


@pytest.mark.parametrize("n", [60, 59, 41, 21])  # 21: one left over
def test_measured_statistics_are_means_over_all_images(tiny, n):
    network, images = make_network(), tiny[0][:n]
    before = {name: array.copy() for name, array in network.parameters.items()}
    hidden = images @ network.parameters["0.weights"]
    measure_statistics(network, images, batch_size=20)
    assert np.allclose(network.state["1.mean"], hidden.mean(axis=0), atol=1e-5)
    # Within the batches alone, so a little less than over all images at once.
    ratio = network.state["1.variance"] / hidden.var(axis=0)
    assert (ratio > 0.8).all() and (ratio <= 1.0001).all()
    assert network.layers[1].momentum == 0.1
    for name, array in network.parameters.items():
        assert np.array_equal(array, before[name])
    with pytest.raises(ValueError, match="Linear needs an input"):
        measure_statistics(network, images[:, 1:])
    assert network.layers[1].momentum == 0.1


def test_no_epochs_change_nothing(tiny):
    network, history = train(tiny, epochs=0)
    assert history == {"training_loss": []}
    assert_same(network, make_network())


# What it refuses -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((60, 8))}, r"Linear needs an input of shape \(n, 9\)"),
        ({"epochs": -1}, "epochs must be a whole number from 0 to inf, not -1"),
        ({"plain_epochs": 5}, "plain_epochs must be a whole number from 0 to 4, not 5"),
        ({"plain_epochs": -1}, "from 0 to 4, not -1"),
        ({"averaging": 1.0}, "averaging must be from 0 to below 1, not 1.0"),
        ({"averaging": float("nan")}, "averaging must be from 0 to below 1, not nan"),
        ({"patience": 0}, "patience must be a whole number from 1 to inf, not 0"),
        ({"batch_size": 61}, "batch_size must be a whole number from 1 to 60, not 61"),
        ({"parts": 17}, "parts must be a whole number from 1 to 16, not 17"),
        ({"parts": 0}, "from 1 to 16, not 0"),
        ({"patience": 2}, "patience needs a validation_set"),
        (
            {"validation_set": (np.full((4, 9), np.nan), np.zeros(4, int))},
            "images must be finite numbers",
        ),
        (
            {"validation_set": (np.zeros((4, 9)), np.zeros(3, int))},
            "4 images but 3 labels",
        ),
        (
            {"validation_set": (np.zeros((4, 9)), np.full(4, 3))},
            "label 3 is not in 0 to 2",
        ),
        (
            {"validation_set": (np.zeros((4, 8)), np.zeros(4, int))},
            r"Linear needs an input of shape \(n, 9\)",
        ),
        (
            {"validation_set": (np.zeros((0, 9)), np.zeros(0, int))},
            "there are no images",
        ),
    ],
)
def test_training_refuses_what_does_not_fit(tiny, change, message):
    data = change.pop("images", tiny[0]), change.pop("labels", tiny[1])
    network = make_network()
    with pytest.raises(ValueError, match=message):
        train(data, network, **change)
    assert_same(network, make_network())


def test_patience_and_averaging_exclude_each_other(tiny, other):
    with pytest.raises(ValueError, match="each choose the final parameters"):
        train(tiny, validation_set=other, patience=2, averaging=0.9)


@pytest.mark.parametrize("loss", [softmax_cross_entropy, squared_error])
def test_training_stops_when_it_diverges(tiny, loss):
    rng = np.random.default_rng(7)
    network = Sequential(Linear(9, 5, rng), ReLU(), Linear(5, 3, rng))
    with pytest.raises(FloatingPointError, match="try a lower learning_rate than 1e"):
        train(tiny, network, learning_rate=1e30, epochs=9, loss=loss)


def test_the_last_step_cannot_diverge_unseen(tiny):
    rng = np.random.default_rng(8)
    network = Sequential(Linear(9, 3, rng))
    how = {"learning_rate": 1e40, "epochs": 1, "batch_size": 60}
    with pytest.raises(FloatingPointError, match="diverged in epoch 1"):
        train(tiny, network, **how)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_a_validation_that_overflows_stops_training(tiny, other, n_layers):
    rng = np.random.default_rng(9)
    hidden = [layer for _ in range(n_layers) for layer in (Linear(9, 9, rng), ReLU())]
    network = Sequential(*hidden, Linear(9, 3, rng))
    how = {"learning_rate": 1e25, "epochs": 1, "batch_size": 60}
    with pytest.raises(FloatingPointError, match="diverged in epoch 1"):
        train(tiny, network, **how, validation_set=other)


def test_statistics_that_overflow_stop_training(tiny):
    how = {"learning_rate": 1e25, "epochs": 1, "batch_size": 60, "averaging": 0.9}
    with pytest.raises(FloatingPointError, match="diverged in epoch 1"):
        train(tiny, **how)


def test_a_gradient_of_nan_stops_training(tiny):
    def broken(logits, labels):
        return 1.0, np.full_like(logits, np.nan)

    with pytest.raises(FloatingPointError, match="diverged in epoch 1"):
        train(tiny, loss=broken)


# The network and its file ----------------------------------------------------------


class Residual:
    """A layer that keeps others, as a reader may write one."""

    def __init__(self, *layers):
        self.inner = Sequential(*layers)

    def forward(self, x, training=False):
        """Return the sum of the input and of what the layers make of it."""
        return x + self.inner.forward(x, training)


@pytest.mark.parametrize("layer", [Linear(9, 9, np.random.default_rng(0)), ReLU()])
def test_a_layer_has_one_place_in_a_network(layer):
    message = f"one {type(layer).__name__} is in this network twice: make a layer for"
    for twice in (
        [layer, ReLU(), layer],
        [layer, Residual(layer)],
        [Residual(layer), ReLU(), Residual(Residual(layer))],
    ):
        with pytest.raises(ValueError, match=message):
            Sequential(*twice)
    Sequential(layer, ReLU(), Residual(ReLU()))  # another network may share it


def test_a_network_within_a_network_stands_for_its_layers(tiny):
    whole, nested = make_network(), make_network()
    first, *others = nested.layers
    nested = Sequential(first, Sequential(*others))
    assert nested.layers == (first, *others)
    assert train(tiny, nested, parts=2)[1] == train(tiny, whole, parts=2)[1]
    assert_same(nested, whole)


@pytest.mark.parametrize("layers", [[ReLU()], ReLU, None, np.maximum])
def test_a_network_takes_layers_one_after_another(layers):
    with pytest.raises(TypeError, match="one layer after another, as in Sequential"):
        Sequential(layers)


@pytest.mark.parametrize("make", [make_network, make_convolutional])
def test_a_saved_network_comes_back(tmp_path, make):
    network, fresh = make(seed=9), make(seed=10)
    n_pixels = 9 if make is make_network else 36
    images = np.random.default_rng(11).random((20, n_pixels), dtype=np.float32)
    network.forward(images, training=True)  # so that there are statistics
    network.save(tmp_path / "network.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["network.npz"]
    assert fresh.load(tmp_path / "network.npz") is fresh
    assert_same(fresh, network)
    assert np.array_equal(fresh.predict(images), network.predict(images))


def test_loading_refuses_the_file_of_another_network(tmp_path):
    path = tmp_path / "network.npz"
    rng = np.random.default_rng(12)
    Sequential(Linear(9, 12, rng), ReLU(), Linear(12, 3, rng)).save(path)
    wider = Sequential(Linear(9, 13, rng), ReLU(), Linear(13, 3, rng))
    before = {name: array.copy() for name, array in wider.state.items()}
    message = r"isn't of this network: 0.bias is \(12,\) there, \(13,\) here"
    with pytest.raises(ValueError, match=message):
        wider.load(path)
    assert all(np.array_equal(wider.state[name], before[name]) for name in before)
    with pytest.raises(ValueError, match=r"0.bias is \(12,\) there, None here"):
        make_network().load(path)


@pytest.mark.parametrize(
    "content", ["text", "half", "array", "empty", "zip", "words", "newer zip"]
)
def test_loading_refuses_files_that_are_not_whole(tmp_path, content):
    path, network = tmp_path / "network.npz", make_network()
    network.save(path)
    whole = path.read_bytes()
    if content == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif content == "zip":
        with ZipFile(path, "w") as file:
            file.writestr("0.weights", b"not an array")
    elif content == "words":
        words = {name: array.astype(str) for name, array in network.state.items()}
        np.savez(path, **words)
    else:
        entry = whole.index(b"PK\1\2") + 6  # the version that the last part needs
        changed = {
            "text": b"not a network",
            "half": whole[: len(whole) // 2],
            "empty": b"",
            "newer zip": whole[:entry] + b"\xff" + whole[entry + 1 :],
        }
        path.write_bytes(changed[content])
    with pytest.raises(ValueError, match="isn't a whole file of a network"):
        network.load(path)


def test_loading_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        make_network().load(tmp_path / "missing.npz")


@pytest.mark.parametrize("existing", [True, False])
def test_an_interrupted_save_leaves_what_was_there(tmp_path, monkeypatch, existing):
    path, network = tmp_path / "network.npz", make_network()
    if existing:
        network.save(path)

    def interrupted(file, **arrays):
        file.write(b"half of")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_network(seed=13).save(path)
    assert path.exists() == existing
    if existing:
        assert_same(make_network(seed=14).load(path), network)


def test_a_twin_shares_parameters_but_not_memory():
    network = make_network(dropout=0.5)
    twin = network.twin()
    images = np.random.default_rng(15).random((8, 9), dtype=np.float32)
    for name, array in network.parameters.items():
        assert twin.parameters[name] is array
    before = {name: array.copy() for name, array in network.state.items()}
    ours = network.forward(images)
    twin.backward(np.ones_like(twin.forward(images, training=True)))
    assert not network.gradients
    assert all(np.array_equal(network.state[name], before[name]) for name in before)
    network.parameters["0.weights"][...] = 0
    assert not np.array_equal(twin.forward(images), ours)
    assert np.array_equal(twin.forward(images)[0], twin.forward(images)[1])


def test_astype_converts_parameters_and_statistics():
    network = make_network()
    images = np.random.default_rng(16).random((8, 9), dtype=np.float32)
    before = network.predict(images)
    assert network.astype(np.float64) is network
    assert {array.dtype for array in network.state.values()} == {np.dtype(np.float64)}
    assert np.allclose(network.predict(images.astype(np.float64)), before, atol=1e-5)
    assert network.n_parameters == 9 * 12 + 2 * 12 + 12 * 3 + 3


def test_the_gradient_with_respect_to_the_input_is_there_if_wanted():
    network = make_convolutional()
    images = np.random.default_rng(17).random((4, 36), dtype=np.float32)
    gradient = np.ones_like(network.forward(images))
    wanted = network.backward(gradient, to_input=True)
    gradients = network.gradients
    assert wanted.shape == images.shape
    network.backward(gradient)
    for name, array in network.gradients.items():
        assert np.allclose(gradients[name], array, rtol=1e-5, atol=1e-6)


def test_measuring_does_not_train(tiny):
    network = make_network(dropout=0.5)
    before = {name: array.copy() for name, array in network.state.items()}
    measure(network, *tiny, batch_size=7)
    assert all(np.array_equal(network.state[name], before[name]) for name in before)
