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
    curves, record = tasks_for(options), {}
    compared = [name for name in curves if "," in name]  # with each other, so in turn
    apart = [[name] for name in curves if name not in compared]
    for names in [*apart, compared]:
        points = {json.dumps(task): task for name in names for task in curves[name]}
        measured = points_in_turn(points, options.rounds, quiet)
        for name in names:
            record[name] = [measured[json.dumps(task)] for task in curves[name]]
    return record


def points_in_turn(points, rounds, quiet):
    """Measure points in turn; return each with its seconds of an epoch, or a failure.

    Parameters
    ----------
    points : dict of str to dict
        Tasks, by a key of each.
    rounds, quiet
        As for `take_turns`.

    Returns
    -------
    dict of str to dict
        By the same keys.
    """
    with ExitStack() as stack:
        workers, failures = start(stack, points)
        turns, more_failures = take_turns(workers, rounds, quiet)
        about = {key: worker.about for key, worker in workers.items()}
    measured = {}
    for key, some in turns.items():
        epoch = spread([turn["seconds"] / turn["epochs"] for turn in some])
        measured[key] = points[key] | about[key] | {"epoch": epoch, "turns": some}
    for key, reason in (failures | more_failures).items():
        measured[key] = points[key] | {"failure": reason}
    return measured


def show(record):
    """Print the seconds of an epoch along each curve."""
    print("\nSeconds of an epoch of 784-width-10 with scratchnet, the fastest round")
    for name, curve in record.items():
        key = name if name in ("batch_size", "width", "images") else "threads"
        images = "" if key == "images" else f"; {curve[0]['images']:,} images"
        print(f"{name.replace('_', ' ')}{images}")
        measured = [point for point in curve if "epoch" in point]
        print("".join(f"{point[key]:>9,}" for point in measured))
        print("".join(f"{point['epoch']['least']:9.4f}" for point in measured))
        for point in curve:
            if "failure" in point:
                print(f"    {point[key]:,} is left out, since {point['failure']}")
    one = CONTENDERS["numpy"].title
    print(f"All but threads and processes are of {one}.")
