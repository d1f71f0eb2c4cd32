"""How fast the book's networks train, beside PyTorch, JAX, and scikit-learn.

Each contender has a process of its own. They take turns, and all but one sleep. After
the table of each network come curves, of what an epoch costs by the size of batch, by
width, images, and threads; and how long MNIST takes to load. It's all measured here
and now. A framework that isn't installed is named, and left out.

    make bench                                             # a quarter of an hour
    python -m benchmarks.speed --quick                     # a first look
    python -m benchmarks.speed mlp cnn-tiny --sections networks --json speed.json
"""

import argparse
import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.machine import processor
from benchmarks.timing import curves, loading, networks
from benchmarks.timing.contenders import cxx_compiler
from benchmarks.timing.networks import NETWORKS
from benchmarks.timing.worker import Quiet, usable_cores, use_cores
from scratchnet.mnist import practice

SECTIONS = ("networks", "curves", "loading")
PACKAGES = ("numpy", "torch", "jax", "jaxlib", "scikit-learn", "threadpoolctl")


def machine():
    """Return what this is measured on."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in PACKAGES},
        "cxx_compiler": Path(cxx_compiler() or "").name,
        "openblas": {k: v for k, v in os.environ.items() if k.startswith("OPENBLAS_")},
    }


def installed(package):
    """Return the version of a package, or None where it isn't installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def parse(arguments=None):
    """Return the options of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    some = ", ".join(NETWORKS)
    parser.add_argument("networks", nargs="*", metavar="network", help=f"of {some}")
    parser.add_argument("--quick", action="store_true", help="two short rounds")
    parser.add_argument("--rounds", type=int, help="5 unless given")
    parser.add_argument("--threads", type=int, help="2 unless given, as the cores used")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it")
    parser.add_argument(
        "--patience",
        type=float,
        default=60,
        help="seconds in all to wait until other programs are idle, 60 unless given",
    )
    options = parser.parse_args(arguments)
    for name in options.networks:
        if name not in NETWORKS:
            parser.error(f"there's no network {name!r}, only {some}")
    options.networks = options.networks or list(NETWORKS)
    n_cores = len(usable_cores())
    options.threads = min(2, n_cores) if options.threads is None else options.threads
    if not 1 <= options.threads <= n_cores:
        parser.error(f"--threads must be from 1 to {n_cores}, the cores that are here")
    options.rounds = (
        (2 if options.quick else 5) if options.rounds is None else options.rounds
    )
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    options.seconds = 0.5 if options.quick else 2.0
    if options.json and not options.json.absolute().parent.is_dir():
        parser.error(f"there's no folder for {options.json}")
    return options


def show_machine(record, options):
    """Print what this is measured on."""
    limited = "" if record["limited"] else ", as those can that let themselves be told"
    print(
        f"{record['processor']}, {record['cores']} cores, {options.threads} of them"
        f" used{limited}"
    )
    print(f"{record['system']}, Python {record['python']}")
    print(", ".join(f"{name} {v}" for name, v in record["versions"].items() if v))
    if record["openblas"]:  # such as kernels for another processor
        print("set for OpenBLAS:", *(f"{k}={v}" for k, v in record["openblas"].items()))
    if practice.is_chosen():
        print(practice.NOTICE)


def main(arguments=None):
    """Measure, print, and write what is asked for."""
    options = parse(arguments)
    quiet = Quiet(options.patience)
    record = {
        "command": " ".join(
            ["python -m benchmarks.speed", *(arguments or sys.argv[1:])]
        ),
        "threads": options.threads,
        "rounds": options.rounds,
        "seconds_of_a_turn": options.seconds,
        "practice_digits": practice.is_chosen(),
        "machine": {"limited": use_cores(options.threads), **machine()},
    }
    show_machine(record["machine"], options)
    if "networks" in options.sections:
        record["networks"] = {}
        for name in options.networks:
            record["networks"][name] = networks.measure(name, options, quiet)
            networks.show(name, record["networks"][name])
        print(networks.LEGEND)
    if "curves" in options.sections:
        record["curves"] = curves.measure(options, quiet)
        curves.show(record["curves"])
    if "loading" in options.sections:
        record["loading"] = loading.measure(options, quiet)
        loading.show(record["loading"])
    if options.json:
        text = json.dumps(record, indent=1) + "\n"
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
