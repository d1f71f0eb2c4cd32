"""What an epoch of a fully connected network costs with scratchnet, along curves.

A curve varies one thing. All else is as in the middle: 784-100-10, batches of 128, all
images, one thread.
"""

import json
import sys
from contextlib import ExitStack

from benchmarks.timing.contenders import CONTENDERS
from benchmarks.timing.turns import spread, start, take_turns

WIDE = 1024  # hidden units of the curves that show what more cores do for more work


def tasks_for(options):
    """Return the tasks of each curve, for `benchmarks.timing.worker.working`."""
    most = 12_800 if options.quick else 60_000
    middle = {
        "kind": "train_perceptron",
        "contender": "numpy",
        "width": 100,
        "batch_size": 128,
        "images": most,
        "threads": 1,
        "blas": 1,
        "seconds": options.seconds / 4,
    }
    curves = {
        "batch_size": [middle | {"batch_size": 2**k} for k in range(4, 11)],
        "width": [middle | {"width": 2**k} for k in range(5, 12)],
        "images": [middle | {"images": most // 2**k} for k in range(5, -1, -1)],
    }
    counts = [n for n in (1, 2, 4) if n <= options.threads]
    for width in (middle["width"], WIDE):
        wide = middle | {"width": width}
        curves[f"threads, width {width}"] = [wide] + [
            wide | {"contender": "numpy-threads", "threads": n, "blas": n}
            for n in counts[1:]
        ]
        if sys.platform == "linux":
            curves[f"processes, width {width}"] = [wide] + [
                wide | {"contender": "numpy-processes", "threads": n}
                for n in counts[1:]
            ]
    return curves


def measure(options, quiet):
    """Measure all points of all curves, a curve at a time, its points in turn.

    Parameters
    ----------
    options : argparse.Namespace
        "threads", "rounds", "seconds", and "quick", as on the command line.
    quiet : benchmarks.timing.worker.Quiet

    Returns
    -------
    dict of str to list of dict
        For each curve its points: the task, and the seconds of an epoch.
    """
    record = {}
    for name, tasks in tasks_for(options).items():
        by_point = {json.dumps(task): task for task in tasks}
        with ExitStack() as stack:
            workers, failures = start(stack, by_point)
            turns, more_failures = take_turns(workers, options.rounds, quiet)
            about = {key: worker.about for key, worker in workers.items()}
        record[name] = []
        for key, some in turns.items():
            epoch = spread([turn["seconds"] / turn["epochs"] for turn in some])
            record[name].append(
                by_point[key] | about[key] | {"epoch": epoch, "turns": some}
            )
        for key, reason in (failures | more_failures).items():
            record[name].append(by_point[key] | {"failure": reason})
    return record


def show(record):
    """Print the seconds of an epoch along each curve."""
    print("\nSeconds of an epoch of 784-width-10 with scratchnet, median of the rounds")
    for name, curve in record.items():
        key = name if name in ("batch_size", "width", "images") else "threads"
        images = "" if key == "images" else f"; {curve[0]['images']:,} images"
        print(f"{name.replace('_', ' ')}{images}")
        measured = [point for point in curve if "epoch" in point]
        print("".join(f"{point[key]:>9,}" for point in measured))
        print("".join(f"{point['epoch']['median']:9.4f}" for point in measured))
        for point in curve:
            if "failure" in point:
                print(f"    {point[key]:,} is left out, since {point['failure']}")
    one = CONTENDERS["numpy"].title
    print(f"All but threads and processes are of {one}.")
