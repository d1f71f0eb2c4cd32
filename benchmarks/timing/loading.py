"""How long it takes until MNIST is in arrays."""

from benchmarks.timing.turns import spread, tell
from benchmarks.timing.worker import working

WAYS = {
    "scratchnet": "load_mnist, which checks what it reads; not the first time",
    "gzip": "gzip and NumPy alone",
}


def measure(options, quiet):
    """Load MNIST in new processes, one way after the other, again and again.

    Parameters
    ----------
    options : argparse.Namespace
        "rounds", as on the command line.
    quiet : benchmarks.timing.worker.Quiet

    Returns
    -------
    dict of str to dict
        For each of `WAYS` the seconds, without those that Python and imports take.
    """
    turns = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way, some in turns.items():
            tell(f"round {number + 1} of {options.rounds}: loading with {way}")
            quiet.wait()
            with working({"kind": "load", "way": way, "blas": 1}) as worker:
                some.append(worker.measure())
    tell("")
    return {
        way: spread([turn["seconds"] for turn in some]) | {"turns": some}
        for way, some in turns.items()
    }


def show(record):
    """Print how long MNIST takes to load."""
    print("\nMNIST from files to arrays, in a new process, imports not counted")
    for way, some in record.items():
        print(
            f"{WAYS[way]:60}{some['median']:.3f} s"
            f" ({some['least']:.3f} to {some['most']:.3f})"
        )
