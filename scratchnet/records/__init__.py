"""What the longer runs in `benchmarks/` measured, for the chapters to show."""

import json
from pathlib import Path

import numpy as np

from scratchnet import practice

FOLDER = Path(__file__).parent

# The rungs of the accuracy ladder, from the foot: the names in `scratchnet.recipes`
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
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def ladder(*names):
    """Return what `benchmarks/accuracy.py` recorded, with means.

    Parameters
    ----------
    *names : str
        Of `RUNGS`; all that are recorded, unless given.

    Returns
    -------
    list of dict
        From the foot of the ladder up. "accuracies" has one number a seed, in percent
        of the 10,000 test images; "mean" and "sd" are of these.
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
    print(f"Measured with {'; with '.join(machines)}. To repeat it:")
    print("python benchmarks/accuracy.py", *(rung["name"] for rung in rungs))
