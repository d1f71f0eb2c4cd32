"""The log of readings of the test images: what is in it, and who adds to it."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchmarks import accuracy, gradient_mistakes
from benchmarks.reaching.targets import TARGETS
from benchmarks.seconds_to_accuracy import NAME
from scratchnet.ladder import records
from scratchnet.mnist import practice


@pytest.fixture
def empty_log(tmp_path, monkeypatch):
    """Let commands write into an empty folder."""
    log = tmp_path / records.LOG.name
    log.touch()
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    monkeypatch.setattr(records, "LOG", log)
    monkeypatch.setattr(practice, "is_chosen", lambda: False)
    return log


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_log_is_complete_and_in_order():
    readings = lines_of(records.LOG)
    days = [reading["when"][:10] for reading in readings]
    assert days == sorted(days) and days[0] == "2026-11-23"
    for reading in readings:
        network = reading["network"]
        rung, _, how = network.partition(", ")
        assert rung in records.RUNGS
        assert 70 < reading["mean"] < 100 and reading["images"] in (1000, 10_000)
        assert (reading["seeds"] == []) == (network == "ensemble")
        commands = [f"python benchmarks/accuracy.py {network}"]
        if how:
            commands = ["python benchmarks/gradient_mistakes.py"]
            commands += [f"python -m benchmarks.{NAME} {goal}" for goal in TARGETS]
        assert reading["command"] in commands
        reconstructed = reading["source"] == "note" or len(reading["source"]) == 7
        assert (reading["source"] == "logged") != reconstructed


@pytest.mark.parametrize("rung", records.ladder(), ids=lambda rung: rung["name"])
def test_what_is_recorded_was_logged(rung):
    of_these_seeds = [
        reading["mean"]
        for reading in records.read_log(rung["name"])
        if reading["seeds"] == rung["seeds"]
    ]
    assert np.isclose(of_these_seeds[-1], rung["mean"], atol=0.006)


def test_what_gradient_mistakes_recorded_was_logged():
    recorded = records.read_record("gradient_mistakes")["accuracy"]
    for variant in gradient_mistakes.VARIANTS:
        reading = records.read_log(f"tutorial, {variant}")[-1]
        assert np.isclose(reading["mean"], 100 * np.mean(recorded[variant]["test"]))


def test_lines_of_one_run_are_one_reading(empty_log, capsys):
    records.log_reading("2027-01-01T10:00:00Z", "a command", "mlp", [1], 98.0)
    records.log_reading("2027-01-01T10:00:00Z", "a command", "mlp", [2, 3], 98.6)
    records.log_reading("2027-01-01T10:00:00Z", "a command", "softmax", [1], 97.0)
    records.log_reading("2027-01-02T10:00:00Z", "a command", "mlp", [1], 98.0)
    assert len(lines_of(empty_log)) == 4
    first, *others = records.read_log()
    assert first["seeds"] == [1, 2, 3] and np.isclose(first["mean"], 98.4)
    assert [other["network"] for other in others] == ["softmax", "mlp"]
    assert len(records.read_log("mlp")) == 2
    records.print_log("mlp")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "2027-01-01  mlp  3 networks  98.40 %  logged"
    assert printed[1] == "2027-01-02  mlp  1 network   98.00 %  logged"
    assert printed[3].startswith("2 readings. 2 were logged")


def test_past_readings_are_printed_with_how_they_are_known(capsys):
    records.print_log("cnn-best", "ensemble")
    printed = capsys.readouterr().out
    assert "2026-11-24  cnn-best  5 networks  99.64 %  commit 79b1988\n" in printed
    assert "2026-11-26  ensemble  one vote    99.73 %  note (28 epochs" in printed


def test_practice_digits_are_not_logged(empty_log, monkeypatch):
    monkeypatch.setattr(practice, "is_chosen", lambda: True)
    with pytest.raises(RuntimeError, match="mlp is not logged"):
        records.log_reading(records.now(), "a command", "mlp", [1], 98.0)
    assert not lines_of(empty_log)


@pytest.fixture
def fake_runs(monkeypatch):
    """Let `accuracy.measure` run something quick, in threads."""

    def run(name, seed, validate=False, parallel=False):
        if name == "momentum" and seed == 3:
            raise MemoryError("in the third training")
        return {"accuracy": 98.0 + seed, "cpu": 1.0, "clock": 1.0, "n_parameters": 1}

    monkeypatch.setattr(accuracy, "run", run)
    monkeypatch.setattr(accuracy, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(accuracy, "run_ensemble", lambda: run("ensemble", 0))


def test_each_reading_is_logged_before_its_accuracy_is_printed(
    empty_log, fake_runs, monkeypatch
):
    logged = []
    monkeypatch.setattr(
        accuracy, "report", lambda *_: logged.append(len(lines_of(empty_log)))
    )
    accuracy.measure("softmax", [1, 2, 3], validate=False, processes=2)
    assert logged == [1, 2, 3]
    [reading] = records.read_log()
    assert reading["seeds"] == [1, 2, 3] and reading["mean"] == 100
    assert reading["command"] == "python benchmarks/accuracy.py softmax"
    assert reading["source"] == "logged"


def test_a_repeated_measurement_is_another_reading(empty_log, fake_runs, monkeypatch):
    times = iter(["2027-01-01T10:00:00Z", "2027-01-01T11:00:00Z"])
    monkeypatch.setattr(accuracy, "now", lambda: next(times))
    for _ in "ab":
        accuracy.measure("softmax", [1, 2], validate=False, processes=2)
    assert len(records.read_log()) == 2


def test_readings_are_logged_even_if_nothing_is_recorded(empty_log, fake_runs):
    with pytest.raises(MemoryError):
        accuracy.measure("momentum", [1, 2, 3], validate=False, processes=2)
    assert [line["seeds"] for line in lines_of(empty_log)] == [[1], [2]]
    assert not list(empty_log.parent.glob("*.json"))


def test_the_ensemble_is_one_vote(empty_log, fake_runs):
    accuracy.measure("ensemble", [1, 2, 3], validate=False, processes=2)
    assert [line["seeds"] for line in lines_of(empty_log)] == [[]]
    assert records.read_record("accuracy-ensemble")["seeds"] == []


def test_validation_reads_no_test_image(empty_log, fake_runs):
    accuracy.measure("softmax", [1, 2], validate=True, processes=2)
    assert not lines_of(empty_log)


def test_gradient_mistakes_logs_what_it_reads(empty_log, monkeypatch):
    monkeypatch.setattr(gradient_mistakes, "run", lambda variant, seed: (1.0, 0.8))
    monkeypatch.setattr(gradient_mistakes, "ProcessPoolExecutor", ThreadPoolExecutor)
    gradient_mistakes.main()
    readings = records.read_log()
    assert len(readings) == 3 and len(lines_of(empty_log)) == 30
    assert all(reading["seeds"] == gradient_mistakes.SEEDS for reading in readings)
    assert all(reading["images"] == 1000 for reading in readings)
