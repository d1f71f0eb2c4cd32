"""What the longer runs in `benchmarks/` measured, for the chapters to show."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from scratchnet.mnist import practice
from scratchnet.tools.files import whole_file

FOLDER = Path(__file__).parent / "recorded"

# Every reading of the test images by a command in `benchmarks/`, a JSON object a line.
# Where "source" is "logged", the command itself has appended the line. What was read
# before is reconstructed: from the commit that holds the result, or ("note") from what
# was written down of results that no commit holds. More may have left no trace.
LOG = FOLDER / "test-readings.jsonl"

# The rungs of the accuracy ladder, from the foot: the names in `ladder.recipes`
RUNGS = (
    "tutorial",
    "mini-batches",
    "softmax",
    "momentum",
    "mlp",
    "mlp-normalized",
    "cnn-plain",
    "mlp-augmented",
    "cnn-tiny",
    "cnn-small",
    "cnn-best",
    "cnn-pooled-once",
    "ensemble",
)


def read_record(name):
    """Return what a run recorded.

    Parameters
    ----------
    name : str
        The benchmark's name, such as "gradient_mistakes".

    Returns
    -------
    dict
        Whatever the benchmark wrote: its command, its seconds, its results.
    """
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def write_record(name, record):
    """Write what a run measured, in place of what was recorded before.

    Raises
    ------
    RuntimeError
        If the run was on practice digits.
    """
    if practice.is_chosen():
        raise RuntimeError(f"{name} is not recorded. {practice.NOTICE}")
    text = json.dumps(record, indent=1) + "\n"
    with whole_file(FOLDER / f"{name}.json") as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def now():
    """Return the time, in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def log_reading(when, command, network, seeds, mean, images=10_000):
    """Append a line to the log of test readings, before anyone sees the accuracy.

    Parameters
    ----------
    when : str
        `now()`, when the command began with this network. Lines that share it are one
        reading, each of other seeds.
    command, network : str
        What was run, and what it measured.
    seeds : list of int
        Of the networks that read the images; empty for an ensemble.
    mean : float
        Their mean accuracy in percent.
    images : int, optional
        How many test images they read.

    Raises
    ------
    RuntimeError
        If the images are practice digits.
    """
    if practice.is_chosen():
        raise RuntimeError(f"{network} is not logged. {practice.NOTICE}")
    line = {
        "when": when,
        "command": command,
        "network": network,
        "seeds": seeds,
        "mean": round(mean, 3),
        "images": images,
        "source": "logged",
    }
    with LOG.open("a", encoding="utf-8", newline="\n") as log:
        log.write(json.dumps(line) + "\n")


def read_log(*networks):
    """Return the readings of the test images, from the first to the last.

    Parameters
    ----------
    *networks : str
        As in the log; all, unless given.

    Returns
    -------
    list of dict
        Lines of the log. Those that are one reading are one, with all its seeds.
    """
    readings = {}
    for text in LOG.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if networks and line["network"] not in networks:
            continue
        key = line["when"], line["network"], line["source"]
        reading = readings.setdefault(key, line)
        if reading is not line:
            seeds = reading["seeds"] + line["seeds"]
            total = sum(some["mean"] * len(some["seeds"]) for some in (reading, line))
            readings[key] = reading | {"seeds": seeds, "mean": total / len(seeds)}
    return list(readings.values())


def print_log(*networks):
    """Print how often the test images were read, and how that is known.

    Parameters
    ----------
    *networks : str
        As for `read_log`.
    """
    readings = read_log(*networks)
    width = max(len(reading["network"]) for reading in readings)
    for reading in readings:
        n, source = len(reading["seeds"]), reading["source"]
        who = "one vote" if not n else "1 network" if n == 1 else f"{n} networks"
        known = source if source in ("logged", "note") else f"commit {source}"
        remark = f" ({reading['remark']})" if "remark" in reading else ""
        print(
            f"{reading['when'][:10]}  {reading['network']:<{width}}  {who:<11}"
            f" {reading['mean']:.2f} %  {known}{remark}"
        )
    n_logged = sum(reading["source"] == "logged" for reading in readings)
    print(f"\n{len(readings)} readings. {n_logged} were logged as they happened.")
    print("The others are reconstructed, from the commit of a result or from a note.")


def ladder(*names):
    """Return what `benchmarks/accuracy.py` recorded, with means.

    Parameters
    ----------
    *names : str
        Of `RUNGS`; all that are recorded, unless given.

    Returns
    -------
    list of dict
        From the foot of the ladder up, or in the order of the names. "accuracies" has
        one number a seed, in percent of the 10,000 test images; "mean" and "sd" are of
        these.
    """
    rungs = []
    for name in names or RUNGS:
        if names or (FOLDER / f"accuracy-{name}.json").exists():
            rung = read_record(f"accuracy-{name}")
            accuracies = np.array(rung["accuracies"])
            rung["mean"] = float(accuracies.mean())
            rung["sd"] = float(accuracies.std(ddof=1)) if len(accuracies) > 1 else 0.0
            rungs.append(rung)
    return rungs


def print_ladder(*names):
    """Print rungs of the ladder, a line each, and the command that measures them.

    Parameters
    ----------
    *names : str
        As for `ladder`.
    """
    rungs = ladder(*names)
    width = max(len(rung["title"]) for rung in rungs)
    for rung in rungs:
        spread = f"± {rung['sd']:.2f}" if len(rung["accuracies"]) > 1 else " " * 6
        print(
            f"{rung['title']:<{width}} {rung['mean']:6.2f} {spread} %"
            f" {rung['seconds']:6,.0f} s {rung['n_parameters']:>9,} weights"
        )
    print("\nTest accuracy (mean ± sd over seeds), seconds of one processor core for")
    five = " (for the ensemble, of its five)" * (rungs[-1]["name"] == "ensemble")
    print(f"the training of one network{five}, and numbers trained.")
    machines = sorted({rung["machine"] for rung in rungs})
    print(f"Measured with {'; with '.join(machines)}.\nTo repeat it:")
    print("python benchmarks/accuracy.py", *(rung["name"] for rung in rungs))
