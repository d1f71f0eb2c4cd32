"""Run a program in several ranks: under MPI where it's installed, else without it.

Without it, ranks are threads, to try something in a notebook, or processes. What they
get is as much of mpi4py's communicator as *Train on many processors* uses.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from threading import Barrier, BrokenBarrierError

import numpy as np

from scratchnet.sequential import Sequential
from scratchnet.tools.inputs import check_whole
from scratchnet.tools.parallel import PATIENCE, in_processes, shared

PROGRAM = "scratchnet.distributed.data_parallel"
PIECE = 1 << 20  # bytes that each rank passes on at a time


class Comm:
    """A rank's communicator, for ranks that share memory.

    Parameters
    ----------
    rank, size : int
        Which rank this is, from 0, and of how many.
    memory : numpy.ndarray
        Bytes, shape (size, PIECE), which all ranks see.
    meet : callable
        Returns when all ranks have called it.
    """

    def __init__(self, rank, size, memory, meet):
        self.rank, self.size, self.memory, self.meet = rank, size, memory, meet

    def Barrier(self):
        """Wait for all ranks."""
        self.meet()

    def Allreduce(self, own, total):
        """Write the sum of all ranks' arrays into `total`, on each rank."""
        for piece, rows in self.pieces(own):
            rows[self.rank] = own.ravel()[piece]
            self.meet()  # all have written
            np.sum(rows, axis=0, out=total.reshape(-1)[piece])
            self.meet()  # all have read

    def Bcast(self, array, root=0):
        """Write one rank's array into those of all others."""
        for piece, rows in self.pieces(array):
            if self.rank == root:
                rows[root] = array.ravel()[piece]
            self.meet()
            array.reshape(-1)[piece] = rows[root]
            self.meet()

    def pieces(self, array):
        """Yield parts of an array that fit, and a row of memory for each rank."""
        if not array.flags.c_contiguous:
            raise ValueError("ranks send arrays row by row: np.ascontiguousarray first")
        n = PIECE // array.itemsize
        for start in range(0, array.size, n):
            piece = slice(start, min(start + n, array.size))
            n_bytes = (piece.stop - start) * array.itemsize
            yield piece, self.memory[:, :n_bytes].view(array.dtype)


def in_threads(program, size):
    """Run a program in several ranks, which are threads of this process.

    Parameters
    ----------
    program : callable
        Called with a `Comm`. What it changes should be its own.
    size : int
        How many ranks.

    Returns
    -------
    list
        What it returned, rank by rank.
    """
    check_whole(1, np.inf, size=size)
    barrier, memory = Barrier(size), np.empty((size, PIECE), np.uint8)

    def run(rank):
        try:
            return program(Comm(rank, size, memory, barrier.wait))
        except BaseException:
            barrier.abort()  # or the others wait forever
            raise

    with ThreadPoolExecutor(size) as pool:
        try:
            futures = [pool.submit(run, rank) for rank in range(size)]
            while wait(futures, PATIENCE).not_done:
                pass  # Ctrl+C may come just before a wait: it's heard after it
        except BaseException:  # such as Ctrl+C
            barrier.abort()
            raise
    errors = [future.exception() for future in futures]
    for error in errors:
        if error and not isinstance(error, BrokenBarrierError):
            raise error  # the one for whose sake the others stopped
    return [future.result() for future in futures]


def mpiexec():
    """Return the program that starts ranks under MPI, or None without the extra."""
    beside = which("mpiexec", path=str(Path(sys.executable).parent))
    return (beside or which("mpiexec")) if find_spec("mpi4py") else None


def possible_ranks(*wanted):
    """Return those of the wanted numbers of ranks that `launch` can start here."""
    able = mpiexec() or sys.platform == "linux"
    return [n for n in wanted if n == 1 or able]


def command(n_ranks, *words):
    """Return the command that runs the program `data_parallel` under MPI."""
    # mpi4py ends all ranks where one raises an error; else, they'd wait for it.
    python = [sys.executable, "-m", "mpi4py", "-m", PROGRAM]
    return [mpiexec(), "-n", str(n_ranks), *python, *map(str, words)]


def launch(n_ranks, *words):
    """Run the program `data_parallel` in several ranks; return what it measured.

    Parameters
    ----------
    n_ranks : int
        How many. Without MPI, other systems than Linux can run one.
    *words
        Of its command, such as "--epochs", 3.

    Returns
    -------
    dict of str to numpy.ndarray
        As rank 0 has measured it.

    Raises
    ------
    ChildProcessError
        If a rank died, with what was told of it. Without MPI, rank 0 is this process:
        what it raises is raised as it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.npz"
        words = *words, "--results", results
        if mpiexec():
            run_under_mpi(command(n_ranks, *words))
        else:
            run_in_processes(n_ranks, words)
        with np.load(results) as measured:
            return dict(measured)


def run_under_mpi(words):
    """Run a command of MPI on this computer; raise what it says if it fails."""
    # Ranks of one computer are forked, and need no name of it on a network.
    alone = {"HYDRA_LAUNCHER": "fork", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        words,
        env=alone | os.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        told = (done.stdout + done.stderr).strip() or "(nothing)"
        raise ChildProcessError(
            f"a rank ended, and so MPI ended the job, with {done.returncode}:\n{told}"
        )


def run_in_processes(n_ranks, words):
    """Run the program in processes that are forked from this one."""
    from scratchnet.distributed.data_parallel import main, parse

    options = parse([str(word) for word in words])
    memory = shared(n_ranks * PIECE, np.uint8).reshape(n_ranks, PIECE)

    def program(team):
        main(Comm(team.rank, team.size, memory, team.meet), options)

    in_processes(program, Sequential(), n_ranks)


def how():
    """Say how `launch` starts ranks here, and in a second line what the extra adds."""
    if mpiexec():
        return "Ranks are started by mpiexec, under MPI."
    extra = (
        "With MPI (python -m pip install mpi4py mpich), the same program also runs on"
        " several computers."
    )
    if sys.platform == "linux":
        return f"Ranks are processes of this book, on this computer.\n{extra}"
    return f"There's one rank: more need Linux, or MPI.\n{extra}"
