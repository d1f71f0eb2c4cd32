"""Processes that measure when they're told to, and sleep meanwhile.

Each has one task: it prepares, warms up, and says so; then it measures once for each
line that it's sent. So several can take turns, with none of them running while another
measures, and each with as many threads as it needs.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent
DISTURBED = 0.05  # from so many cores' work of other programs on, a turn is tried again
LOOK = 0.25  # seconds
PAUSE = 0.2  # seconds, in which the threads of the last one stop to look for work


class WorkerError(Exception):
    """What went wrong in a worker, in a line."""


class Worker:
    """A process with a task, seen from outside; `working` makes one.

    Attributes
    ----------
    about : dict
        What its task says before it's measured.
    """

    def __init__(self, process, errors):
        self.process, self.errors = process, errors
        self.about = self.answer()

    def answer(self):
        """Wait for a line of JSON; return what it holds."""
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        status = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines() or ["it gave no reason"]
        raise WorkerError(f"its process ended with {status}: {lines[-1]}")

    def measure(self):
        """Have it measure once; return what it measured."""
        with suppress(BrokenPipeError):  # the answer says why
            print("go", file=self.process.stdin, flush=True)
        return self.answer()


@contextmanager
def working(task):
    """Start a process that is ready for its task; end it when the block ends.

    Parameters
    ----------
    task : dict
        "kind", of `KINDS` in `benchmarks/timing/tasks.py`, what its kind wants, and
        what `environment` does.

    Yields
    ------
    Worker

    Raises
    ------
    WorkerError
        If it ends before it's ready.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.timing.worker", json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | environment(task),
            cwd=ROOT,
            text=True,
        ) as process,
    ):
        try:
            yield Worker(process, errors)
        finally:
            process.kill()
            with suppress(BrokenPipeError):
                process.stdin.close()


def environment(task):
    """Return what a process is told by its environment.

    Parameters
    ----------
    task : dict
        "blas", how many threads a product of matrices takes; "keeps_memory", whether
        the process keeps memory that it has freed. Else glibc may give large arrays
        back to the system at every step, and get them again, page by page: the
        convolutions of some frameworks spend a third of their time so. It's the same
        with other allocators, which PyTorch's documentation advises to take.
    """
    n, names = str(task["blas"]), ("OPENBLAS", "MKL", "BLIS", "OMP")
    told = {f"{name}_NUM_THREADS": n for name in names}
    told |= {"VECLIB_MAXIMUM_THREADS": n, "JAX_PLATFORMS": "cpu", "TQDM_DISABLE": "1"}
    if task.get("keeps_memory"):
        kept = {"top_pad": 2**28, "trim_threshold": 2**32, "mmap_max": 0}
        tunables = (f"glibc.malloc.{name}={size}" for name, size in kept.items())
        told["GLIBC_TUNABLES"] = ":".join(tunables)
    return told


class Quiet:
    """Waits, up to so many seconds in a whole run, for other programs to be idle."""

    def __init__(self, patience):
        self.left = patience

    def wait(self):
        """Return when the cores are idle, or patience is at its end."""
        while self.left > 0:
            before = busy()
            if before is None:
                return
            time.sleep(LOOK)
            if busy() - before <= DISTURBED * LOOK:
                return
            self.left -= LOOK

    def measure(self, worker):
        """Have a worker measure, again if others disturbed it; return the best try."""
        tries = []
        while True:
            time.sleep(PAUSE)
            self.wait()
            start = time.perf_counter()
            tries.append(worker.measure())
            if tries[-1].get("others", 0) > DISTURBED:
                self.left -= time.perf_counter() - start
                if self.left > 0:
                    continue
            return min(tries, key=lambda turn: turn.get("others", 0))


# Cores ------------------------------------------------------------------------------


def usable_cores():
    """Return the numbers of the cores for this process, those on one chip's core last.

    Elsewhere than on Linux, just as many numbers as there are cores.
    """
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))
    return sorted(sorted(os.sched_getaffinity(0)), key=is_second)


def is_second(cpu):
    """Tell whether a processor shares its core with one of a lower number."""
    file = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return int(re.match(r"\d+", file.read_text("ascii"))[0]) < cpu
    except (OSError, TypeError):
        return False


def use_cores(n):
    """Keep this process, and those it starts, to so many cores; tell whether it can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, usable_cores()[:n])
        return True
    return False


def busy():
    """Return the seconds that the cores of this process have worked, for anyone.

    Only Linux tells; elsewhere None.
    """
    try:
        lines = Path("/proc/stat").read_text("ascii").splitlines()
    except OSError:
        return None
    mine = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    for name, *counts in (line.split() for line in lines):
        if name in mine:
            user, nice, system, _idle, _disk, irq, soft_irq, stolen = counts[:8]
            worked = user, nice, system, irq, soft_irq, stolen
            ticks += sum(map(int, worked))
    return ticks / os.sysconf("SC_CLK_TCK")


def own():
    """Return the seconds that this process, and those it has started, have worked."""
    seconds = sum(os.times()[:4])  # with those that have ended
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            seconds += sum(child.cpu_times()[:4])
    return seconds


def page_faults():
    """Return how many pages this process, and those it waited for, got; or None."""
    try:
        import resource
    except ImportError:  # on Windows
        return None
    whose = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return sum(resource.getrusage(who).ru_minflt for who in whose)


def watched(measure):
    """Measure, and add how many pages were got, and what others did on our cores.

    "others" is how many cores they kept busy meanwhile.
    """
    start, busy_before, own_before = time.perf_counter(), busy(), own()
    faults_before = page_faults()
    result = measure()
    if faults_before is not None:
        result["page_faults"] = page_faults() - faults_before
    seconds, worked = time.perf_counter() - start, own() - own_before
    if busy_before is not None:
        result["others"] = max(0.0, busy() - busy_before - worked) / seconds
    return result


def main():
    """Do the task that the command names: measure for each line, and answer in one."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print isn't an answer
    from benchmarks.timing.tasks import KINDS, libraries

    task = json.loads(sys.argv[1])
    measure, about = KINDS[task["kind"]](task)
    about["libraries"] = libraries()
    print(json.dumps(about), file=answers, flush=True)
    since, used = time.perf_counter(), own()
    for _ in sys.stdin:
        waited = {"waited": time.perf_counter() - since, "worked": own() - used}
        print(json.dumps(watched(measure) | waited), file=answers, flush=True)
        since, used = time.perf_counter(), own()


if __name__ == "__main__":
    main()
