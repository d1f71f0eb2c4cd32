"""What each network on the accuracy ladder reaches on the 10,000 test images.

Trains a recipe of `scratchnet.ladder.recipes` on all 60,000 training images, once for
each of five seeds, measures it on the test images, once, and records the results in
`scratchnet/ladder/recorded/`, from where the chapters show them. The first training
runs alone, the parts of its batches in parallel, and is timed by the clock; the others
run side by side. Each reading of the test images appends a line to the log
`scratchnet/ladder/recorded/test-readings.jsonl` before its accuracy is printed, and so
also if it's thrown away. Commit the log, whatever it says:

    python benchmarks/accuracy.py softmax cnn-best   # these rungs of the ladder
    python benchmarks/accuracy.py                    # all of them, an hour or two

To choose between recipes, use the last 10,000 training images instead. This trains
on the others, prints, and records nothing:

    python benchmarks/accuracy.py --validate cnn-best
"""

import argparse
import os
import platform
import sys
import time

# One thread for each matrix product, before NumPy starts: the five trainings, and
# the parts of a batch, run side by side instead.
for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from concurrent.futures import ProcessPoolExecutor

import numpy as np

import scratchnet
from benchmarks.machine import processor
from scratchnet.ensemble import average_probabilities
from scratchnet.ladder.recipes import (
    KEPT,
    RECIPES,
    VOTERS,
    train_recipe,
    trained,
    weights_file,
)
from scratchnet.ladder.records import RUNGS, log_reading, now, read_record, write_record
from scratchnet.metrics import accuracy
from scratchnet.mnist import practice

SEEDS = [1, 2, 3, 4, 5]
LINUX = sys.platform == "linux"  # where a network can train in parallel
OTHER_TITLES = {
    "tutorial": "Part I: 1,000 images, one by one",
    "ensemble": "Five of both, and shifts",
}


def data(validate):
    """Return what to train on, and what to measure on."""
    x_train, y_train, x_test, y_test = scratchnet.load_mnist()
    images = scratchnet.scale_pixels(x_train, np.float32)
    if validate:
        return (images[:50000], y_train[:50000]), (images[50000:], y_train[50000:])
    return (images, y_train), (scratchnet.scale_pixels(x_test, np.float32), y_test)


def run(name, seed, validate=False, parallel=False):
    """Train one network; return what it reaches, and what it took.

    Returns
    -------
    dict
        Accuracy in percent; seconds of processor time and of the clock, for the
        training alone; numbers trained.
    """
    if name == "tutorial":
        return run_tutorial(seed, validate)
    training_set, held_out = data(validate)
    start, start_cpu = time.perf_counter(), processor_time()
    network, _ = train_recipe(name, *training_set, seed=seed, in_parallel=parallel)
    seconds, cpu = time.perf_counter() - start, processor_time() - start_cpu
    if name in KEPT:  # what is kept is what is measured
        network.astype(np.float16)
        if seed in KEPT[name] and not validate:
            network.save(weights_file(name, seed))
        network.astype(np.float32)
    return {
        "accuracy": 100 * accuracy(network.predict(held_out[0]), held_out[1]),
        "cpu": cpu,
        "clock": seconds,
        "n_parameters": network.n_parameters,
    }


def processor_time():
    """Return the seconds that this process, and those it has ended, have worked."""
    return sum(os.times()[:4])


def run_tutorial(seed, validate):
    """Do the same with the network of Part I: 1,000 images, one at a time."""
    (images, labels), (test_images, test_labels) = data(validate)
    images, test_images = images.astype(np.float64), test_images.astype(np.float64)
    sets = (
        (images[:1000], scratchnet.one_hot_encoding(labels[:1000])),
        (test_images, scratchnet.one_hot_encoding(test_labels)),
    )
    start, start_cpu = time.perf_counter(), processor_time()
    *weights, _ = scratchnet.train(sets[0], sets[0], seed=seed)
    seconds, cpu = time.perf_counter() - start, processor_time() - start_cpu
    return {
        "accuracy": 100 * scratchnet.evaluate(*sets[1], *weights)[1],
        "cpu": cpu,
        "clock": seconds,
        "n_parameters": sum(array.size for array in weights),
    }


def run_ensemble():
    """Measure the five networks that vote, with shifts."""
    networks = [trained(name, seed) for name, seed in VOTERS]
    records = [read_record(f"accuracy-{name}") for name, _ in VOTERS]
    _, (images, labels) = data(validate=False)
    answers = average_probabilities(networks, images)
    return {
        "accuracy": 100 * accuracy(answers, labels),
        "cpu": sum(record["seconds"] for record in records),
        "clock": sum(record["clock_seconds"] for record in records),
        "n_parameters": sum(network.n_parameters for network in networks),
    }


def command(name):
    """Return the command that measures one rung."""
    return f"python benchmarks/accuracy.py {name}"


def record(name, results, seeds):
    """Write what the runs of one rung have reached."""
    title = RECIPES[name].title if name in RECIPES else OTHER_TITLES[name]
    write_record(
        f"accuracy-{name}",
        {
            "name": name,
            "title": title,
            "command": command(name),
            "seeds": seeds,
            "accuracies": [round(result["accuracy"], 2) for result in results],
            "seconds": round(float(np.mean([result["cpu"] for result in results])), 1),
            "clock_seconds": round(results[0]["clock"], 1),
            "n_parameters": results[0]["n_parameters"],
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": f"{os.cpu_count()} cores, {processor()}",
        },
    )


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNGS))
    parser.add_argument("--validate", action="store_true", help="record nothing")
    parser.add_argument("--seeds", type=int, choices=range(1, 6), default=5)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(RUNGS)
    if unknown:
        parser.error(f"no rung is named {', '.join(sorted(unknown))}: {RUNGS}")
    if practice.is_chosen() and not arguments.validate:
        parser.error(f"nothing is recorded. {practice.NOTICE}")
    if "ensemble" in arguments.names and arguments.validate:
        parser.error(
            "the ensemble is made of networks that were trained on all images: it can't"
            " be validated"
        )
    if arguments.seeds < 5 and not arguments.validate:
        parser.error("a record has five seeds; --seeds is for --validate")
    seeds = SEEDS[: arguments.seeds]
    names = arguments.names or list(RUNGS)
    if arguments.validate:
        names = [name for name in names if name != "ensemble"]
    for name in names:
        measure(name, seeds, arguments.validate, arguments.processes)


def measure(name, seeds, validate, processes):
    """Run one rung; log each reading of the test images, and record the results."""
    when, results = now(), []

    def keep(result, seeds):
        if not validate:
            log_reading(when, command(name), name, seeds, result["accuracy"])
        results.append(result)
        report(name, results)

    if name == "ensemble":
        seeds = []
        keep(run_ensemble(), seeds)
    else:
        with ProcessPoolExecutor(processes) as pool:
            if not validate:  # the first has the machine for itself
                first = pool.submit(run, name, seeds[0], parallel=LINUX)
                keep(first.result(), seeds[:1])
            others = seeds[len(results) :]
            jobs = [pool.submit(run, name, seed, validate) for seed in others]
            for seed, job in zip(others, jobs, strict=True):
                keep(job.result(), [seed])
    if not validate:
        record(name, results, seeds)


def report(name, results):
    """Print what the runs of one rung have reached so far."""
    reached = np.array([result["accuracy"] for result in results])
    print(
        f"{name}: {reached.mean():.3f} ± {reached.std(ddof=len(reached) > 1):.3f} %"
        f" {np.round(reached, 2)}, {np.mean([r['cpu'] for r in results]):.0f} s"
        f" of one core, {results[0]['clock']:.0f} s of the clock,"
        f" {results[0]['n_parameters']:,} weights",
        flush=True,
    )


if __name__ == "__main__":
    main()
