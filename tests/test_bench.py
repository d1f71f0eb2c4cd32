"""`benchmarks/speed.py`: all contenders do the same work, and take turns as told.

The frameworks are in `requirements-bench.txt`. Where one isn't installed, its tests are
skipped, and say so.
"""

import json
import os
import sys
import time
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import speed
from benchmarks.timing import contenders, curves, networks
from benchmarks.timing.contenders import BATCH_SIZE, CONTENDERS, why_not
from benchmarks.timing.flops import flops_per_image
from benchmarks.timing.turns import start, take_turns
from benchmarks.timing.worker import (
    DISTURBED,
    PAUSE,
    Quiet,
    busy,
    usable_cores,
    use_cores,
    working,
)
from scratchnet.ladder.recipes import fresh_network, perceptron
from scratchnet.layers import Convolution, Dropout, Flatten, Images, Linear, MaxPool
from scratchnet.sequential import Sequential

# In float32, frameworks round otherwise: so far may losses of six steps be apart.
TOLERANCE = 1e-4
NORMALIZED = {name for name in networks.NETWORKS if name not in ("momentum", "mlp")}
# The other networks have the same kinds of layers.
OF_EACH_KIND = ("momentum", "mlp-normalized", "cnn-small")
MULTIPLY = {"kind": "multiply", "size": 200, "seconds": 0.01, "blas": 2}


# The same work ----------------------------------------------------------------------


def without_dropout(name):
    """Return a network of the ladder that drops nothing: what is drawn differs."""
    network, _ = fresh_network(name)
    for layer in network.layers:
        if isinstance(layer, Dropout):
            layer.rate = 0.0
    return network


def losses(key, name, n_epochs=3):
    """Train a network on two batches made up; return the mean loss of each epoch."""
    rng, n = np.random.default_rng(0), 2 * BATCH_SIZE
    images = rng.random((n, 784), np.float32) * (rng.random((n, 784)) < 0.2)
    labels = rng.integers(10, size=n)
    orders = [rng.permutation(n) for _ in range(n_epochs)]
    images = images.astype(np.float32)
    train = contenders.prepare(key, without_dropout(name), images, labels, 2)
    return train(orders)


# Of the scope of this file: so that all tests of one contender follow each other, and
# scratchnet's processes are forked before other frameworks start threads.
@pytest.fixture(scope="module", params=CONTENDERS)
def key(request):
    return request.param


@pytest.fixture(autouse=True)
def no_process_is_left(monkeypatch):
    """End with each test the processes that else wait for more until Python ends."""
    with ExitStack() as ends:
        later = SimpleNamespace(register=ends.callback)
        monkeypatch.setattr("benchmarks.timing.with_numpy.atexit", later)
        yield


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_the_losses_of_the_first_steps_agree(key, name, monkeypatch):
    reason = why_not(key, networks.NETWORKS[name][0], 2)
    if key == "torch-compiled" and name != OF_EACH_KIND[-1]:
        reason = "it compiles for long: the network with all kinds of layers will do"
    if reason:
        pytest.skip(reason)
    for module in ("with_numpy", CONTENDERS[key].module):  # so much that it shows
        monkeypatch.setattr(f"benchmarks.timing.{module}.WEIGHT_DECAY", 0.3)
    expected = losses("numpy", name)  # "numpy" does the same again
    assert min(-np.diff(expected)) > 50 * TOLERANCE  # the steps make a difference
    in_parts = CONTENDERS[key].options.get("processes") and name in NORMALIZED
    tolerance = 0.1 if in_parts else TOLERANCE
    found = losses(key, name)
    np.testing.assert_allclose(found, expected, rtol=tolerance)
    if in_parts:  # each part has statistics of its own, as the legend says
        assert not np.allclose(found, expected, rtol=TOLERANCE)


def test_dropout_is_drawn_anew_in_each_step(key, monkeypatch):
    reason = why_not(key, "dropout", 2)
    if reason:
        pytest.skip(reason)
    module = f"benchmarks.timing.{CONTENDERS[key].module}"
    monkeypatch.setattr(f"{module}.LEARNING_RATE", 0.0)  # nothing else changes the loss
    rng = np.random.default_rng(0)
    images = rng.random((BATCH_SIZE, 784), np.float32)
    labels, orders = np.arange(BATCH_SIZE) % 10, [np.arange(BATCH_SIZE)] * 3
    found = {}
    for rate in (0.0, 0.5):
        network = perceptron(784, 40, 10, dropout=rate)(rng)
        found[rate] = contenders.prepare(key, network, images, labels, 2)(orders)
    assert np.ptp(found[0.0]) < TOLERANCE < 10 * TOLERANCE < np.ptp(found[0.5])


def test_operations_are_counted_by_hand():
    rng = np.random.default_rng(0)
    assert flops_per_image(perceptron(784, 100, 10)(rng)) == 319_600
    network = Sequential(
        Images(),
        Convolution(1, 4, 5, rng),  # 100 weights at 24 × 24 places, twice
        MaxPool(),
        Convolution(4, 6, 3, rng, padding=1),  # 216 at 12 × 12, three times
        Flatten(),
        Linear(6 * 12 * 12, 10, rng),  # 8,640 once, three times
    )
    by_hand = 2 * (2 * 100 * 576 + 3 * 216 * 144 + 3 * 8640)
    assert flops_per_image(network) == by_hand


# Turns ------------------------------------------------------------------------------


def test_a_worker_sleeps_until_it_is_told_to_measure():
    with working(MULTIPLY) as worker:
        worker.measure()
        time.sleep(2)  # in the first moment, threads look for more work
        turn = worker.measure()
    assert turn["waited"] > 1.5  # its clock begins a moment after ours
    assert turn["worked"] < PAUSE
    assert sum(turn["seconds"]) >= MULTIPLY["seconds"]
    libraries = worker.about["libraries"]
    assert [library["num_threads"] for library in libraries] == [2] * len(libraries)


def test_nobody_works_while_waiting(key):
    options = SimpleNamespace(seconds=0.1, threads=2, quick=False)
    tasks, left_out = networks.tasks_for("momentum", options)
    if key in left_out:
        pytest.skip(left_out[key])
    with working(tasks[key] | {"images": 10 * BATCH_SIZE}) as worker:
        worker.measure()
        time.sleep(2)
        turn = worker.measure()
    assert turn["worked"] < PAUSE
    assert turn["loss"] < worker.about["first_loss"]


def test_a_worker_that_fails_is_left_out_with_its_reason():
    with ExitStack() as stack:
        tasks = {"good": MULTIPLY, "bad": MULTIPLY | {"size": -1}}
        workers, failures = start(stack, tasks)
        assert list(workers) == ["good"]
        assert "ValueError" in failures["bad"]
        workers["killed"] = stack.enter_context(working(MULTIPLY))
        workers["killed"].process.kill()
        turns, failures = take_turns(workers, 2, Quiet(0))
    assert list(turns) == ["good"]
    assert len(turns["good"]) == 2
    assert list(failures) == ["killed"]


class Disturbed:
    """A worker that others disturb, less each time, and the clock that it goes by."""

    def __init__(self, *others):
        self.turns, self.now = [{"others": share} for share in others], 0

    def measure(self):
        """Return the next turn, a second later."""
        self.now += 1
        return self.turns.pop(0)

    def perf_counter(self):
        """Return the seconds that have passed."""
        return self.now

    def sleep(self, seconds):
        """Go on at once."""


def test_a_disturbed_turn_is_measured_again_while_there_is_patience(monkeypatch):
    def best(patience, *others):
        worker = Disturbed(*others)
        monkeypatch.setattr("benchmarks.timing.worker.time", worker)
        return Quiet(patience).measure(worker)["others"], len(worker.turns)

    monkeypatch.setattr(Quiet, "wait", lambda self: None)
    assert best(10, 1.0, 2 * DISTURBED, 0.0, 0.0) == (0.0, 1)
    assert best(1.5, 1.0, 2 * DISTURBED, 0.0) == (2 * DISTURBED, 1)
    assert best(0, 1.0, 0.0) == (1.0, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_others_do_on_these_cores_is_seen():
    with working(MULTIPLY | {"seconds": 0.5, "blas": 1}) as worker:
        before = busy()
        worker.measure()
        assert busy() - before > 0.3


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="only Linux keeps to some cores"
)
def test_a_process_keeps_to_the_first_cores(monkeypatch):
    kept = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: kept.append(cores))
    monkeypatch.setattr("benchmarks.timing.worker.is_second", {1, 3}.__contains__)
    assert usable_cores() == [0, 2, 1, 3]  # no two on a core, as long as there are more
    assert use_cores(2)
    assert kept == [[0, 2]]


# The command ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["mpl"], "no network 'mpl'"),
        (["--threads", "1000"], "--threads must be from 1 to"),
        (["--rounds", "0"], "--rounds must be 1 or more"),
        (["--json", "no/such/folder/speed.json"], "no folder for"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(arguments, error, capsys):
    with pytest.raises(SystemExit):
        speed.parse(arguments)
    assert error in capsys.readouterr().err


def test_what_cannot_run_is_named(monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    assert why_not("torch", "plain", 2).startswith("torch isn't installed")
    monkeypatch.setattr(contenders, "find_spec", lambda name: name)
    assert why_not("sklearn", "convolution", 2)
    assert why_not("numpy-threads", "plain", 1)
    assert why_not("numpy-processes", "plain", 3)
    monkeypatch.setattr(contenders.shutil, "which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    assert "C++ compiler" in why_not("torch-compiled", "plain", 2)
    assert why_not("torch", "plain", 2) is None


def test_a_curve_varies_what_it_is_called():
    for name, tasks in curves.tasks_for(speed.parse([])).items():
        varied = {key for key in tasks[0] if len({task[key] for task in tasks}) > 1}
        assert varied - {"contender", "blas"} <= {name, "threads"}, name


def test_the_command_measures_prints_and_writes(tmp_path, capsys, monkeypatch):
    only = {key: CONTENDERS[key] for key in ("numpy", "numpy-threads")}
    absent = {"torch": CONTENDERS["torch"]._replace(package="no_such_framework")}
    monkeypatch.setattr(contenders, "CONTENDERS", only | absent)
    monkeypatch.setattr(networks, "CONTENDERS", only | absent)
    file = tmp_path / "speed.json"
    command = ["momentum", "--quick", "--patience", "0", "--json", str(file)]
    monkeypatch.setattr(speed, "use_cores", lambda n: True)  # not this process
    speed.main([*command, "--sections", "networks", "loading"])
    out = capsys.readouterr().out
    assert (
        "PyTorch, as it comes: left out, since no_such_framework isn't installed" in out
    )
    record = json.loads(file.read_text("utf-8"))
    measured = record["networks"]["momentum"]
    row = measured["contenders"]["numpy"]
    assert f"{row['images_per_second']['median']:,.0f}" in out
    assert row["to_fastest_peer"] is None
    assert len(row["turns"]) == record["rounds"] == 2
    rates = [t["epochs"] * measured["images"] / t["seconds"] for t in row["turns"]]
    assert row["images_per_second"]["least"] == min(rates)
    peaks = [peak["median"] for peak in measured["peaks"] if peak["threads"] == 1]
    share = np.median(rates) * 319_600 / max(peaks)
    assert np.isclose(row["share_of_peak"], share)
    assert record["loading"]["gzip"]["least"] > 0
