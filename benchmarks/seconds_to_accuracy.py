"""How many seconds of training the book and the frameworks need for an accuracy.

The same recipes, from the same weights, on the same batches and the same invented
images, by scratchnet, PyTorch, JAX, and Keras, on all 60,000 training images. Each
training has a process of its own, which keeps memory that it has freed. Its clock runs
from the network before training to the network that evaluates, with all that is
compiled meanwhile. What isn't counted is to start a process, to import, and to load
MNIST. Then the trained weights go back to scratchnet, which reads the 10,000 test
images with them, once, and the log says so.

What is recorded isn't measured again, so this can be run in pieces, on an idle machine:

    python -m benchmarks.seconds_to_accuracy                    # what is missing
    python -m benchmarks.seconds_to_accuracy 98 99 --minutes 5  # start none after these
    python -m benchmarks.seconds_to_accuracy 99.7 --frameworks numpy pytorch --seeds 1
    python -m benchmarks.seconds_to_accuracy --show
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from statistics import mean

import numpy as np

from benchmarks.reaching.course import Course
from benchmarks.reaching.targets import FRAMEWORKS, TARGETS
from benchmarks.speed import installed, machine
from benchmarks.timing.tasks import training_images
from benchmarks.timing.worker import ROOT, environment, use_cores, watched
from scratchnet import load_mnist, scale_pixels
from scratchnet.ladder import records
from scratchnet.metrics import accuracy
from scratchnet.mnist import practice

NAME = "seconds_to_accuracy"
THREADS = 2


def one(target, framework, seed):
    """Train once in this process; return what it took, and what it reached."""
    use_cores(THREADS)
    _, recipe, changes = TARGETS[target]
    trainer = importlib.import_module(f"benchmarks.reaching.with_{framework}")
    course = Course(recipe, *training_images(60_000), seed, **changes)

    def train():
        start = time.perf_counter()
        compiling = trainer.train(course, THREADS)
        return {"seconds": time.perf_counter() - start, "compiling": compiling}

    took = watched(train)
    _, _, images, labels = load_mnist()
    logits = course.network.predict(scale_pixels(images, np.float32))
    return {
        "target": target,
        "framework": framework,
        "seed": seed,
        "recipe": recipe,
        "epochs": course.epochs,
        "parameters": course.network.n_parameters,
        **took,
        "accuracy": 100 * accuracy(logits, labels),
    }


def in_a_process(target, framework, seed):
    """Do that in a new process; return the same."""
    # Else a process may fetch the same memory again at each step, by how arrays happen
    # to lie in it: scratchnet fetched 0.3 pages an image, or 12.
    task = {"blas": 1, "keeps_memory": True}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{NAME}", "--one", target, framework, seed],
        stdout=subprocess.PIPE,
        env=os.environ | environment(task) | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=ROOT,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def recorded():
    """Return the trainings that are recorded."""
    file = records.FOLDER / f"{NAME}.json"
    return records.read_record(NAME)["trainings"] if file.exists() else []


def measure(target, framework, seed):
    """Train once; log the reading of the test images, and add to the record."""
    when = records.now()
    result = in_a_process(target, framework, str(seed))
    what = f"{result['recipe']}, {result['epochs']} epochs, {framework}"
    command = f"python -m benchmarks.{NAME} {target}"
    records.log_reading(when, command, what, [seed], result["accuracy"])
    trainings = [*recorded(), {"when": when, **result}]
    order = list(TARGETS), list(FRAMEWORKS)
    trainings.sort(
        key=lambda t: (
            order[0].index(t["target"]),
            order[1].index(t["framework"]),
            t["seed"],
        )
    )
    records.write_record(
        NAME,
        {
            "command": f"python -m benchmarks.{NAME}",
            "threads": THREADS,
            "machine": about(),
            "trainings": trainings,
        },
    )


def about():
    """Return what this is measured on, and with."""
    found = machine()
    for name in ("keras", "tensorflow", "tensorflow-cpu"):
        if installed(name):
            found["versions"][name] = installed(name)
    return found


def summary(trainings):
    """Return, for each target and framework, what its trainings reached and took."""
    groups = {}
    for training in trainings:
        key = training["target"], training["framework"]
        groups.setdefault(key, []).append(training)
    return {
        key: {
            "recipe": some[0]["recipe"],
            "epochs": some[0]["epochs"],
            "seeds": len(some),
            "seconds": mean(t["seconds"] for t in some),
            "least": min(t["seconds"] for t in some),
            "most": max(t["seconds"] for t in some),
            "compiling": mean(t["compiling"] for t in some),
            "others": max(t.get("others", 0.0) for t in some),
            "accuracy": mean(t["accuracy"] for t in some),
            "lowest": min(t["accuracy"] for t in some),
        }
        for key, some in groups.items()
    }


def show(trainings):
    """Print the table."""
    print(f"{'target':8}{'':28}{'seconds':>9}{'from to':>16}{'compiling':>11}", end="")
    print(f"{'accuracy':>10}{'lowest':>8}{'seeds':>7}{'others':>8}")
    for (target, framework), row in summary(trainings).items():
        between = f"{row['least']:.1f} to {row['most']:.1f}"
        print(
            f"{target:8}{FRAMEWORKS[framework]:28}{row['seconds']:9.1f}{between:>16}"
            f"{row['compiling']:11.1f}{row['accuracy']:10.2f}{row['lowest']:8.2f}"
            f"{row['seeds']:7}{row['others']:8.2f}"
        )


def main(arguments=None):
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{NAME}",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--frameworks", nargs="+", choices=FRAMEWORKS)
    parser.add_argument("--seeds", type=int, default=3, help="how many, 3 unless given")
    parser.add_argument("--minutes", type=float, help="start none after so many")
    parser.add_argument("--show", action="store_true", help="print what is recorded")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        target, framework, seed = options.one
        print(json.dumps(one(target, framework, int(seed))))
        return
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target is {', '.join(sorted(unknown))}: {', '.join(TARGETS)}")
    if practice.is_chosen() and not options.show:
        parser.error(f"nothing is recorded. {practice.NOTICE}")
    if not options.show:
        measure_missing(options)
    show(recorded())


def measure_missing(options):
    """Train what isn't recorded, as long as there's time; the frameworks in turn."""
    start = time.perf_counter()
    done = {(t["target"], t["framework"], t["seed"]) for t in recorded()}
    for target in options.targets or TARGETS:
        for seed in range(1, options.seeds + 1):
            for framework in options.frameworks or FRAMEWORKS:
                minutes = (time.perf_counter() - start) / 60
                if options.minutes and minutes > options.minutes:
                    return
                if (target, framework, seed) not in done:
                    measure(target, framework, seed)


if __name__ == "__main__":
    main()
