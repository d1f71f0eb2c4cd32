"""Have workers measure in turn, and sum up what they measured."""

import sys
from statistics import median

from benchmarks.timing.worker import WorkerError, working


def tell(text):
    """Show what is going on, in a line that the next one replaces; where one looks."""
    if sys.stderr.isatty():
        print(f"\r{text[:78]:78}", end="\r", file=sys.stderr, flush=True)


def start(stack, tasks):
    """Start a worker for each task, one after the other.

    Parameters
    ----------
    stack : contextlib.ExitStack
        Ends them.
    tasks : dict of str to dict
        By name, as for `working`.

    Returns
    -------
    workers : dict of str to Worker
        Those that are ready.
    failures : dict of str to str
        Why the others aren't.
    """
    workers, failures = {}, {}
    for name, task in tasks.items():
        tell(f"{name} prepares")
        try:
            workers[name] = stack.enter_context(working(task))
        except WorkerError as error:
            failures[name] = str(error)
    tell("")
    return workers, failures


def take_turns(workers, rounds, quiet):
    """Have all workers measure, one after the other, again and again.

    Parameters
    ----------
    workers : dict of str to Worker
    rounds : int
        How often.
    quiet : Quiet
        Waits for other programs.

    Returns
    -------
    turns : dict of str to list
        What each worker measured in each round.
    failures : dict of str to str
        Why those failed that aren't among them.
    """
    turns, failures = {name: [] for name in workers}, {}
    for number in range(rounds):
        for name in list(turns):
            tell(f"round {number + 1} of {rounds}: {name}")
            try:
                turns[name].append(quiet.measure(workers[name]))
            except WorkerError as error:
                failures[name] = str(error)
                del turns[name]
    tell("")
    return turns, failures


def spread(numbers):
    """Return the median, the least, and the most."""
    return {"median": median(numbers), "least": min(numbers), "most": max(numbers)}
