"""Whether networks of two builds vote better than as many of one.

Trains the kept recipes and seeds of `scratchnet.ladder.recipes` on the first half of
the training images, and asks each network about the other half, and about shifted
copies of it. Counts the errors that two networks share, and those of votes, and records
them in `scratchnet/ladder/recorded/`, from where the chapter "Put it together" shows
them. No test image plays a part. Three quarters of an hour on two cores:

    python benchmarks/mixed_builds.py
"""

import os
import time

# One thread for each matrix product, before NumPy starts: each training has a core.
for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations, product

import numpy as np

import scratchnet
from scratchnet.ensemble import SHIFTS, shift_images
from scratchnet.ladder.recipes import KEPT, VOTERS, train_recipe
from scratchnet.ladder.records import write_record
from scratchnet.losses import softmax
from scratchnet.mnist import practice

HALF = 30_000


def ask(name, seed):
    """Train one network; return what it says of the other half, for each shift."""
    images, labels, _, _ = scratchnet.load_mnist()
    images = scratchnet.scale_pixels(images, np.float32)
    network, _ = train_recipe(name, images[:HALF], labels[:HALF], seed)
    answers = [
        softmax(network.predict(shift_images(images[HALF:], *shift)))
        for shift in SHIFTS
    ]
    misread = np.sum(answers[0].argmax(axis=1) != labels[HALF:])
    print(f"{name}, seed {seed}: {misread} errors", flush=True)
    return np.array(answers)


def count_shared(answers, labels):
    """Count the errors that two networks share, of one build and of two.

    Parameters
    ----------
    answers : dict
        For each build a list of arrays, one of each network, shape
        (shifts, images, digits). The first shift is none.
    labels : numpy.ndarray
        Shape (images,).

    Returns
    -------
    dict of list of int
        For "one build" and "two builds": a number for each pair of networks.
    """
    wrong = {
        name: [answer[0].argmax(axis=1) != labels for answer in of_build]
        for name, of_build in answers.items()
    }
    pairs = {
        "one build": [p for some in wrong.values() for p in combinations(some, 2)],
        "two builds": [
            p for two in combinations(wrong.values(), 2) for p in product(*two)
        ],
    }
    return {
        kind: [int(np.sum(first & second)) for first, second in some]
        for kind, some in pairs.items()
    }


def count_votes(answers, labels, sizes):
    """Count the errors of all votes of so many networks of each build, with shifts.

    Parameters
    ----------
    answers, labels
        As for `count_shared`.
    sizes : dict
        How many networks of each build vote.

    Returns
    -------
    list of int
        A number for each choice of networks.
    """
    means = {
        name: [answer.mean(axis=0) for answer in of_build]
        for name, of_build in answers.items()
    }
    choices = product(*(combinations(means[name], n) for name, n in sizes.items()))
    return [
        int(np.sum(np.mean(sum(choice, ()), axis=0).argmax(axis=1) != labels))
        for choice in choices
    ]


def main():
    """Train all networks, compare them, and record what they misread."""
    if practice.is_chosen():
        raise SystemExit(f"nothing is recorded. {practice.NOTICE}")
    start = time.perf_counter()
    jobs = [(name, seed) for name, seeds in KEPT.items() for seed in seeds]
    with ProcessPoolExecutor() as pool:
        answers = dict.fromkeys(KEPT, ())
        asked = pool.map(ask, *zip(*jobs, strict=True))
        for (name, _), answer in zip(jobs, asked, strict=True):
            answers[name] += (answer,)
    labels = scratchnet.load_mnist()[1][HALF:]
    mixed = Counter(name for name, _ in VOTERS)
    first = VOTERS[0][0]
    record = {
        "command": "python benchmarks/mixed_builds.py",
        "seconds": round(time.perf_counter() - start),
        "numpy": np.__version__,
        "images": len(labels),
        "errors": {
            name: [int(np.sum(answer[0].argmax(axis=1) != labels)) for answer in some]
            for name, some in answers.items()
        },
        "shared": count_shared(answers, labels),
        "votes": {
            "one build": count_votes(answers, labels, {first: mixed.total()}),
            "two builds": count_votes(answers, labels, mixed),
        },
    }
    write_record("mixed_builds", record)
    for what in ("errors", "shared", "votes"):
        for kind, counts in record[what].items():
            print(f"{what}, {kind}: {counts}, mean {np.mean(counts):.1f}")


if __name__ == "__main__":
    main()
