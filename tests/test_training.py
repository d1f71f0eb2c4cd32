"""The training loop, and the file that a network is kept in."""

import copy
import multiprocessing
import os
import signal
import subprocess
import sys
from functools import partial
from threading import Event, Thread
from zipfile import ZipFile

import numpy as np
import pytest

from scratchnet.augmentation import Augmented
from scratchnet.ladder.recipes import train_recipe
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
from scratchnet.optimizers import SGD, Adam, Averaging, cosine, triangular
from scratchnet.sequential import Sequential
from scratchnet.tools.flat import flattened
from scratchnet.tools.parallel import Team, in_processes, ready_in_processes
from scratchnet.tools.parts import InParts, twin
from scratchnet.tools.progress import Bar
from scratchnet.training import each_epoch, fit, measure_statistics, validated

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


HOW = {"epochs": 4, "learning_rate": 0.1, "batch_size": 16}


def train(data, network=None, seed=3, **how):
    """Train a new network, unless one is given; return it and its history."""
    network = network or make_network()
    rng = np.random.default_rng(seed)
    return network, fit(network, *data, rng=rng, **(HOW | how))


def train_and_measure(data, held_out, network=None, patience=None, **how):
    """Do the same, and measure it after each epoch."""
    network = network or make_network()
    training = each_epoch(network, *data, rng=np.random.default_rng(3), **(HOW | how))
    return network, validated(training, network, held_out, patience)


def train_together(data, network, size, **how):
    """Do the same in several processes."""

    def program(team):
        optimizer = team.optimizer(how.get("optimizer", SGD)())
        images, labels = map(team.part, data)
        training = each_epoch(
            team.network,
            how.get("images", lambda images: images)(images),
            labels,
            rng=np.random.default_rng(3),
            **(HOW | how.get("options", {}) | {"optimizer": optimizer}),
        )
        return {"training_loss": [team.mean(loss) for loss in training]}

    return network, in_processes(program, network, size)


def assert_same(network, other_network):
    for name, array in network.state.items():
        assert np.array_equal(array, other_network.state[name]), name


# What fit does ---------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [partial(SGD, 0.9, nesterov=True), Adam])
def test_training_learns(tiny, other, optimizer):
    how = {"epochs": 60, "learning_rate": 0.02, "schedule": triangular}
    network, history = train_and_measure(tiny, other, **how, optimizer=optimizer())
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


def test_the_same_seed_gives_the_same_network(tiny):
    def train_noisy(seed):
        rng = np.random.default_rng(seed)
        data = Augmented(tiny[0], rng, noisy), tiny[1]
        network, optimizer = make_network(dropout=0.3), Averaging(SGD(), 0.9)
        history = fit(network, *data, rng=rng, optimizer=optimizer, **HOW)
        optimizer.finish(network)
        return network, history

    (first, history), (again, same) = train_noisy(3), train_noisy(3)
    assert history == same
    assert_same(first, again)
    different, _ = train_noisy(4)
    assert not np.array_equal(different.predict(tiny[0]), first.predict(tiny[0]))


def test_training_keeps_the_precision_of_the_parameters(tiny):
    same, _ = train(tiny)
    network, _ = train((tiny[0].astype(np.float64), tiny[1]))
    assert_same(network, same)


@needs_fork
@pytest.mark.parametrize("optimizer", [partial(SGD, 0.9, True, 0.01), Adam])
def test_processes_do_not_change_a_bit(tiny, optimizer):
    how = {"options": {"epochs": 2}, "optimizer": optimizer}
    network = make_network(dropout=0.3)
    one, history = train(tiny, InParts(network, 2), epochs=2, optimizer=optimizer())
    two, same = train_together(tiny, make_network(dropout=0.3), 2, **how)
    assert np.allclose(history["training_loss"], same["training_loss"], rtol=1e-6)
    assert_same(one, two)
    assert not multiprocessing.active_children()


@needs_fork
@pytest.mark.parametrize("size", [1, 3, 4])
def test_any_number_of_processes_learns_the_same(tiny, size):
    def plain():
        rng = np.random.default_rng(6)
        return Sequential(Linear(9, 5, rng), ReLU(), Linear(5, 3, rng)).astype(float)

    data, how = (tiny[0].astype(float), tiny[1]), {"batch_size": 12}
    whole, history = train(data, plain(), **how)
    shared, same = train_together(data, plain(), size, options=how)
    assert np.allclose(history["training_loss"], same["training_loss"], rtol=1e-12)
    for name, array in whole.parameters.items():
        assert np.allclose(shared.parameters[name], array, rtol=1e-9, atol=1e-12)


@needs_fork
def test_processes_do_not_change_a_bit_of_a_convolutional_network():
    rng = np.random.default_rng(5)
    data = rng.random((40, 36), dtype=np.float32), rng.integers(3, size=40)
    one, _ = train(data, InParts(make_convolutional(), 2))
    two, _ = train_together(data, make_convolutional(), 2)
    assert_same(one, two)


@needs_fork
def test_processes_with_dropout_take_the_images_in_one_order():
    rng = np.random.default_rng(0)
    images, labels = rng.random((64, 784), dtype=np.float32), rng.integers(0, 10, 64)
    few = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01, "parts": 2}
    (together, _), (in_turn, _) = (
        train_recipe("mlp", images, labels, in_parallel=way, **few) for way in (1, 0)
    )
    for name, array in together.state.items():
        assert np.allclose(array, in_turn.state[name], atol=1e-5)


@needs_fork
def test_processes_need_batches_that_they_can_share(tiny):
    with pytest.raises(ValueError, match="3 processes can't share a batch of 16"):
        train_together(tiny, make_network(), 3)
    assert not multiprocessing.active_children()


def augmented(images, change):
    return Augmented(images, np.random.default_rng(0), change)


def augmenting(change):
    return {"images": partial(augmented, change=change)}


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
        train_together(tiny, make_network(), 2, **augmenting(fail))
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
        train_together(tiny, make_network(), 2, **augmenting(fail))


@needs_fork
def test_a_process_that_is_killed_ends_the_training(tiny):
    parent = os.getpid()

    def vanish(images, rng):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return images

    with pytest.raises(ChildProcessError, match="a process of the training ended"):
        train_together(tiny, make_network(), 2, **augmenting(vanish))
    assert not multiprocessing.active_children()


@needs_fork
def test_an_interrupt_while_processes_begin_leaves_none(monkeypatch):
    start = Team.start

    def interrupted(team, program, rank):
        child = start(team, program, rank)
        signal.raise_signal(signal.SIGINT)
        return child

    monkeypatch.setattr(Team, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        in_processes(lambda team: team.meet(), make_network(), 3)
    assert not multiprocessing.active_children()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@needs_fork
def test_no_bar_waits_for_a_process_that_has_ended():
    def program(team):
        if team.rank:
            Bar.get_lock().acquire()
            os._exit(1)
        team.meet()

    with pytest.raises(ChildProcessError, match="a process of the training ended"):
        in_processes(program, make_network(), 2)
    assert Bar.get_lock().acquire(timeout=5)
    Bar.get_lock().release()


@needs_fork
def test_no_bar_waits_for_a_thread_that_was_not_forked():
    held, done = Event(), Event()

    def hold():
        with Bar.get_lock():
            held.set()
            done.wait()

    def program(team):
        assert not team.rank or Bar.get_lock().acquire(timeout=5)
        team.meet()

    thread = Thread(target=hold)
    thread.start()
    held.wait()
    try:
        in_processes(program, make_network(), 2)
    finally:
        done.set()
        thread.join()


@needs_fork
def test_processes_stay_ready_for_another_run(tiny):
    def program(team, learning_rate):
        rng = np.random.default_rng(3)
        data = map(team.part, tiny)
        how = HOW | {"learning_rate": learning_rate, "optimizer": team.optimizer(SGD())}
        return fit(team.network, *data, rng=rng, **how), os.getpid()

    together, one = make_network(), InParts(make_network(), 2)
    with ready_in_processes(program, together) as run:
        ready = multiprocessing.active_children()
        for learning_rate in (0.05, 0.01):
            run(learning_rate)
            fit(
                one,
                *tiny,
                rng=np.random.default_rng(3),
                **HOW | {"learning_rate": learning_rate},
            )
        assert multiprocessing.active_children() == ready
    assert_same(together, one)
    assert not multiprocessing.active_children()


@needs_fork
def test_a_process_that_is_killed_between_two_runs_ends_the_next():
    network = make_network()
    with (
        pytest.raises(ChildProcessError, match="a process of the training ended"),
        ready_in_processes(lambda team: team.meet(), network) as run,
    ):
        run()
        [child] = multiprocessing.active_children()
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        run()


@needs_fork
def test_after_an_error_here_no_run_takes_up_the_one_before(tiny):
    def program(team, fails):
        if fails and team.rank == 0:
            raise KeyError("here")
        team.meet()

    with ready_in_processes(program, make_network()) as run:
        run(False)
        with pytest.raises(KeyError, match="here"):
            run(True)
        with pytest.raises(ChildProcessError, match="an earlier run failed"):
            run(False)


@needs_fork
def test_a_process_that_exits_ends_the_training():
    def program(team):
        if team.rank:
            raise SystemExit
        team.meet()

    with pytest.raises(SystemExit):
        in_processes(program, make_network(), 2)


@needs_fork
def test_where_not_all_processes_begin_none_is_left(monkeypatch):
    start = Team.start

    def start_one(team, program, rank):
        if rank > 1:
            raise OSError("no memory")
        return start(team, program, rank)

    monkeypatch.setattr(Team, "start", start_one)
    with pytest.raises(OSError, match="no memory"):
        in_processes(lambda team: team.meet(), make_network(), 3)
    assert not multiprocessing.active_children()


@needs_fork
def test_a_network_in_training_is_not_shared_with_processes(tiny):
    network = make_network()
    training = each_epoch(network, *tiny, rng=np.random.default_rng(3), **HOW)
    next(training)
    with pytest.raises(ValueError, match="this network is in a training: end that"):
        in_processes(lambda team: team.meet(), network, 2)
    training.close()
    in_processes(lambda team: team.meet(), network, 2)


@needs_fork
def test_no_process_outlives_the_training():
    killed_in_training = """
import os, signal
import numpy as np
from scratchnet.augmentation import Augmented
from scratchnet.layers import Linear
from scratchnet.sequential import Sequential
from scratchnet.tools.parallel import in_processes
from scratchnet.training import fit

rng, parent = np.random.default_rng(0), os.getpid()
images, labels = rng.random((40, 9), np.float32), np.arange(40) % 3

def kill(images, rng):
    if os.getpid() == parent:
        os.kill(parent, signal.SIGKILL)
    return images

def program(team):
    fit(
        team.network,
        Augmented(team.part(images), rng, kill),
        team.part(labels),
        rng=rng,
        optimizer=team.optimizer(SGD()),
        epochs=1,
        learning_rate=0.1,
        batch_size=21,
    )

in_processes(program, Sequential(Linear(9, 3, rng)), 3)
"""
    # The output ends when the last process that could write to it has ended.
    killed_in_training = "from scratchnet.optimizers import SGD\n" + killed_in_training
    done = subprocess.run(
        [sys.executable, "-c", killed_in_training], stdout=subprocess.PIPE, timeout=60
    )
    assert done.returncode == -signal.SIGKILL


def test_other_systems_than_linux_cannot_train_in_parallel(tiny, monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(ValueError, match="need Linux, and this is win32"):
        train_together(tiny, make_network(), 2)
    train_together(tiny, make_network(), 1)


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_parts_do_not_change_what_is_learned_without_batch_statistics(tiny, parts):
    def plain():
        rng = np.random.default_rng(6)
        return Sequential(Linear(9, 5, rng), ReLU(), Linear(5, 3, rng)).astype(float)

    data = tiny[0].astype(float), tiny[1]
    whole, history = train(data, plain())
    split, same = train(data, InParts(plain(), parts))
    assert np.allclose(history["training_loss"], same["training_loss"], rtol=1e-12)
    for name, array in whole.parameters.items():
        assert np.allclose(split.parameters[name], array, rtol=1e-9, atol=1e-12)


def test_a_batch_has_an_image_for_each_part(tiny):
    with pytest.raises(ValueError, match="4 images make no 8 parts: take larger"):
        train(tiny, InParts(make_network(), 8), batch_size=4)


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

    train((augmented(tiny[0], watch), tiny[1]), batch_size=20, epochs=2)
    epochs = np.concatenate(seen).reshape(2, 60, 9)
    for images in epochs:
        assert np.array_equal(np.sort(images, axis=0), np.sort(tiny[0], axis=0))
    assert not np.array_equal(*epochs)


def test_patience_stops_and_goes_back_to_the_best_parameters(tiny, other):
    states = []

    def remember(images, rng):
        states.append({name: a.copy() for name, a in network.state.items()})
        return images

    network = make_network()
    how = {"learning_rate": 2.0, "epochs": 200, "batch_size": 60}
    data = augmented(tiny[0], remember), tiny[1]
    _, history = train_and_measure(data, other, network, patience=3, **how)
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
    optimizer = Averaging(SGD(), 0.8)
    network, _ = train(tiny, optimizer=optimizer)
    optimizer.finish(network)
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


@pytest.mark.parametrize("n", [60, 59, 41, 21])  # 21: one left over
@pytest.mark.parametrize("whole", [lambda network: network, lambda n: InParts(n, 2)])
def test_measured_statistics_are_means_over_all_images(tiny, n, whole):
    network, images = make_network(), tiny[0][:n]
    before = {name: array.copy() for name, array in network.parameters.items()}
    hidden = images @ network.parameters["0.weights"]
    measure_statistics(whole(network), images, batch_size=20)
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


# One array for all parameters ------------------------------------------------------


class Residual:
    """A layer that keeps others, as a reader may write one."""

    def __init__(self, *layers):
        self.branches = {"inner": Sequential(*layers)}

    @property
    def inner(self):
        """The layers."""
        return self.branches["inner"]

    @property
    def statistics(self):
        """Those of the layers."""
        return self.inner.statistics

    @property
    def parameters(self):
        """Those of the layers."""
        return self.inner.parameters

    @property
    def gradients(self):
        """Those of the layers."""
        return self.inner.gradients

    def forward(self, x, training=False):
        """Return the sum of the input and of what the layers make of it."""
        return x + self.inner.forward(x, training)

    def backward(self, gradient, to_input=True):
        """Return the gradient with respect to the input."""
        return gradient + self.inner.backward(gradient, to_input=True)


class OwnScale:
    """A layer that makes a new array for its gradient, as a reader may write one."""

    def __init__(self, n):
        self.scale = np.ones(n)
        self.parameters, self.gradients, self.statistics = {"scale": self.scale}, {}, {}

    def forward(self, x, training=False):
        """Return the input, scaled."""
        self.x = x
        return x * self.scale

    def backward(self, gradient, to_input=True):
        """Return the gradient with respect to the input."""
        self.gradients = {"scale": np.sum(gradient * self.x, axis=0)}
        return gradient * self.parameters["scale"]


def make_of_own_layers():
    rng = np.random.default_rng(6)
    inner, block = Residual(Linear(9, 9, rng)), [Linear(9, 9, rng), ReLU()]
    network = Sequential(Residual(*block, inner), OwnScale(9), Linear(9, 3, rng))
    return network.astype(np.float64)


def step_by_step(network, images, labels, optimizer):
    """Train as `fit` does, by names, one after the other, each array on its own."""
    rng = np.random.default_rng(3)
    for _ in range(4):
        order = rng.permutation(60)
        for start in range(0, 45, 16):
            batch = order[start : start + 16]
            logits = network.forward(images[batch], training=True)
            network.backward(softmax_cross_entropy(logits, labels[batch])[1])
            optimizer.step(network.parameters, network.gradients, 0.1)


@pytest.mark.parametrize("optimizer", [partial(SGD, 0.9, True, 0.01), SGD, Adam])
def test_one_array_takes_the_steps_of_many(tiny, optimizer):
    one, _ = train(tiny, optimizer=optimizer())
    step_by_step(many := make_network(), *tiny, optimizer())
    assert_same(one, many)


@pytest.mark.parametrize("n_parts", [1, 2])
def test_layers_of_a_readers_own_train_as_well(tiny, n_parts):
    data = tiny[0].astype(float), tiny[1]
    one, many = make_of_own_layers(), make_of_own_layers()
    train(data, InParts(one, n_parts), optimizer=SGD(0.9))
    step_by_step(many, *data, SGD(0.9))
    for name, array in many.parameters.items():
        assert np.allclose(one.parameters[name], array, rtol=1e-9, atol=1e-12), name
    assert not np.array_equal(array, make_of_own_layers().parameters[name])


def test_the_networks_own_arrays_come_back(tiny):
    network = make_network()
    before = network.parameters
    training = each_epoch(network, *tiny, rng=np.random.default_rng(3), **HOW)
    next(training)
    assert network.parameters["0.weights"] is not before["0.weights"]
    training.close()  # as a loop that breaks does
    for name, array in network.parameters.items():
        assert array is before[name]
    first, _ = train(tiny, epochs=1, schedule=lambda progress: 1)
    assert_same(network, first)
    network.backward(np.ones_like(network.forward(tiny[0], training=True)))
    kept = network.gradients["0.weights"]
    network.backward(np.zeros_like(network.forward(tiny[0], training=True)))
    assert kept.any() and not network.gradients["0.weights"].any()


def test_arrays_lie_side_by_side_for_a_while():
    network = make_network()
    with flattened(network) as (parameters, gradients):
        assert parameters.flat.shape == gradients.flat.shape == (network.n_parameters,)
        parameters.flat[...] = np.arange(network.n_parameters)
        with flattened(network) as again:
            assert again[0] is parameters
        assert np.array_equal(network.parameters["4.weights"][0], [108, 109, 110])
        assert parameters.joined["weights"].shape == (1, 9 * 12 + 12 * 3)
    assert np.array_equal(network.parameters["4.weights"][0], [108, 109, 110])


def test_a_copy_that_was_made_in_mid_training_learns(tiny):
    network, copies = make_network(), []
    for _ in each_epoch(network, *tiny, rng=np.random.default_rng(3), **HOW):
        copies.append(copy.deepcopy(network))
    assert_same(copies[-1], network)
    trained, history = train(tiny, copies[0])
    assert history["training_loss"][-1] < history["training_loss"][0]
    assert not np.array_equal(
        trained.parameters["0.weights"], network.parameters["0.weights"]
    )


def residual():
    rng = np.random.default_rng(2)
    block = Residual(Linear(9, 9, rng), BatchNorm(9), ReLU(), Linear(9, 9, rng))
    return Sequential(block, Linear(9, 3, rng))


def test_layers_within_layers_are_kept_and_measured(tiny, tmp_path):
    network, _ = train(tiny, residual())
    network.save(tmp_path / "network.npz")
    loaded = residual().load(tmp_path / "network.npz")
    assert np.array_equal(loaded.predict(tiny[0]), network.predict(tiny[0]))
    measure_statistics(loaded, tiny[0])
    hidden = loaded.layers[0].inner.layers[0].forward(tiny[0])
    assert np.allclose(loaded.state["0.1.mean"], hidden.mean(axis=0), atol=1e-5)
    loaded.astype(np.float64)
    assert {array.dtype for array in loaded.state.values()} == {np.dtype(np.float64)}
    assert loaded.predict(tiny[0].astype(np.float64)).dtype == np.float64


def test_a_layer_that_hides_what_it_keeps_is_refused():
    class Hiding(Residual):
        statistics = property(lambda self: {})

    Sequential(Hiding(Linear(9, 9, np.random.default_rng(2))))
    with pytest.raises(ValueError, match="Hiding keeps a BatchNorm, so its statistics"):
        Sequential(Hiding(BatchNorm(9)))


def test_parameters_are_not_replaced_in_mid_training(tiny):
    network = make_network()
    training = each_epoch(network, *tiny, rng=np.random.default_rng(3), **HOW)
    next(training)
    own = network.layers[0].parameters
    own["weights"] = np.where(abs(own["weights"]) < 0.01, 0, own["weights"])
    with pytest.raises(ValueError, match=r"0\.weights was replaced in the middle"):
        next(training)


def test_a_layer_that_leaves_no_gradient_is_named(tiny):
    class Forgetful(Linear):
        def backward(self, gradient, to_input=True):
            self.gradients["weights"] = self.x.T @ gradient

    network = Sequential(Forgetful(9, 3, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"left no gradient of 0\.bias"):
        train(tiny, network)


def test_whole_numbers_are_not_trained(tiny):
    with pytest.raises(ValueError, match=r"0.weights must be floating-point numbers"):
        train(tiny, make_network().astype(int))


def test_a_gradient_of_another_shape_is_named(tiny):
    class Summing(Linear):
        def backward(self, gradient, to_input=True):
            self.gradients["weights"] = self.x.T @ gradient
            self.gradients["bias"] = gradient.sum()  # without axis=0

    network = Sequential(Summing(9, 3, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"of 0\.bias must have the shape \(3,\)"):
        train(tiny, network)


def test_an_optimizer_belongs_to_one_network(tiny):
    optimizer = SGD(0.9)
    train(tiny, optimizer=optimizer)
    for other in (make_network(), Sequential(Linear(9, 3, np.random.default_rng(0)))):
        with pytest.raises(ValueError, match="steps with another network: make a new"):
            train(tiny, other, optimizer=optimizer)
        with pytest.raises(ValueError, match="steps with another network: make a new"):
            train(tiny, other, optimizer=Averaging(optimizer))
    by_hand, three, four = SGD(0.9), {"bias": np.ones(3)}, {"bias": np.ones(4)}
    by_hand.step(three, three, 0.1)
    with pytest.raises(ValueError, match="velocity of another network: make a new one"):
        by_hand.step(four, four, 0.1)
    network = make_network()
    train(tiny, network, optimizer=(optimizer := SGD(0.9)))
    network, optimizer = copy.deepcopy((network, optimizer))
    train(tiny, network, optimizer=optimizer)
    with pytest.raises(TypeError, match=r"such as SGD\(0.9\), not <class"):
        train(tiny, optimizer=SGD)


# What it refuses -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((60, 8))}, r"Linear needs an input of shape \(n, 9\)"),
        ({"epochs": -1}, "epochs must be a whole number from 0 to inf, not -1"),
        ({"batch_size": 61}, "batch_size must be a whole number from 1 to 60, not 61"),
    ],
)
def test_training_refuses_what_does_not_fit(tiny, change, message):
    data = change.pop("images", tiny[0]), change.pop("labels", tiny[1])
    network = make_network()
    with pytest.raises(ValueError, match=message):
        train(data, network, **change)
    assert_same(network, make_network())


@pytest.mark.parametrize(
    ("held_out", "message"),
    [
        (
            (np.full((4, 9), np.nan), np.zeros(4, int)),
            "images must be finite numbers",
        ),
        (
            (np.zeros((4, 9)), np.zeros(3, int)),
            "4 images but 3 labels",
        ),
        (
            (np.zeros((4, 9)), np.full(4, 3)),
            "label 3 is not in 0 to 2",
        ),
        (
            (np.zeros((4, 8)), np.zeros(4, int)),
            r"Linear needs an input of shape \(n, 9\)",
        ),
        (
            (np.zeros((0, 9)), np.zeros(0, int)),
            "there are no images",
        ),
    ],
)
def test_validation_refuses_what_does_not_fit(tiny, held_out, message):
    network = make_network()
    with pytest.raises(ValueError, match=message):
        train_and_measure(tiny, held_out, network)
    assert_same(network, make_network())


def test_a_training_that_has_ended_is_not_validated(tiny, other):
    network = make_network()
    training = each_epoch(network, *tiny, rng=np.random.default_rng(3), **HOW)
    assert len(validated(training, network, other)["validation_loss"]) == HOW["epochs"]
    with pytest.raises(ValueError, match="this training has ended: each_epoch begins"):
        validated(training, network, other)


def test_patience_and_shares_have_bounds(tiny, other):
    with pytest.raises(ValueError, match="patience must be a whole number from 1"):
        train_and_measure(tiny, other, patience=0)
    for share in (1.0, float("nan")):
        with pytest.raises(ValueError, match="share must be from 0 to below 1, not"):
            Averaging(SGD(), share)
    with pytest.raises(ValueError, match="n_parts must be a whole number from 1"):
        InParts(make_network(), 0)


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
        train_and_measure(tiny, other, network, **how)


def test_a_gradient_of_nan_stops_training(tiny):
    def broken(logits, labels):
        return 1.0, np.full_like(logits, np.nan)

    with pytest.raises(FloatingPointError, match="diverged in epoch 1"):
        train(tiny, loss=broken)


# The network and its file ----------------------------------------------------------


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
    assert train(tiny, nested)[1] == train(tiny, whole)[1]
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
    assert [file.name for file in tmp_path.iterdir()] == existing * [path.name]
    if existing:
        assert_same(make_network(seed=14).load(path), network)


def test_a_twin_shares_parameters_but_not_memory():
    network = make_network(dropout=0.5)
    other = twin(network)
    images = np.random.default_rng(15).random((8, 9), dtype=np.float32)
    for name, array in network.parameters.items():
        assert other.parameters[name] is array
    before = {name: array.copy() for name, array in network.state.items()}
    ours = network.forward(images)
    other.backward(np.ones_like(other.forward(images, training=True)))
    assert not network.gradients
    assert all(np.array_equal(network.state[name], before[name]) for name in before)
    network.parameters["0.weights"][...] = 0
    assert not np.array_equal(other.forward(images), ours)
    assert np.array_equal(other.forward(images)[0], other.forward(images)[1])


def test_astype_converts_parameters_and_statistics():
    network = make_network()
    images = np.random.default_rng(16).random((8, 9), dtype=np.float32)
    before = network.predict(images)
    assert network.astype(np.float64) is network
    assert {array.dtype for array in network.state.values()} == {np.dtype(np.float64)}
    assert np.allclose(network.predict(images.astype(np.float64)), before, atol=1e-5)
    assert network.n_parameters == 9 * 12 + 2 * 12 + 12 * 3 + 3
    own = Sequential(OwnScale(9)).astype(np.float32)  # what it keeps twice, too
    assert own.layers[0].scale is own.parameters["0.scale"]
    assert own.layers[0].scale.dtype == np.float32


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
