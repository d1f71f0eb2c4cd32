"""Have several processes train one network, each on its part of every batch.

They are forked, and run the same program, as under MPI. The memory of the parameters
is shared, and so is that of the gradients. Threads would do, if they didn't wait for
each other so often: Python runs one at a time.
"""

import copy
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from mmap import mmap

import numpy as np

from scratchnet.tools.flat import Arrays, flattened, give_memory
from scratchnet.tools.inputs import check_whole
from scratchnet.tools.parts import twin

SPINS = 3_000  # how often a process asks for the others before it sleeps
PATIENCE = 0.2  # seconds after which a sleeper looks whether the others still are there


class Team:
    """The processes of a training, as one of them sees them.

    Attributes
    ----------
    rank, size : int
        Which process this is, from 0, and how many there are.
    network : Sequential
        The one to train. All processes have its parameters; all else is each one's own.
    """

    def __init__(self, network, size):
        fork = multiprocessing.get_context("fork" if size > 1 else None)
        self.rank, self.size, self.network = 0, size, network
        self.twins = [network, *(twin(network) for _ in range(size - 1))]
        parameters, gradients = network.flat
        self.gradients = [gradients]
        for other in self.twins[1:]:
            self.gradients.append(give_memory(other, Arrays(parameters, shared)))
            other.flat = parameters, self.gradients[-1]
        self.numbers = shared(size, np.float64)
        # The first rings the second's bell to say that it may go on. A bell counts.
        self.bells = [[fork.Semaphore(0) for _ in range(size)] for _ in range(size)]
        self.orders = [fork.Pipe(duplex=False) for _ in range(size)]
        self.answers = [fork.Pipe(duplex=False) for _ in range(size)]
        self.parent, self.children = os.getpid(), []

    def start(self, program, rank):
        """Have another process run a program; return the process."""
        fork = multiprocessing.get_context("fork")
        child = fork.Process(target=follow, args=(program, self, rank), daemon=True)
        child.start()
        return child

    def meet(self):
        """Wait for all processes. What they wrote before, others can read after it.

        They come at nearly the same time: so each asks again and again for a moment,
        which is faster than to be woken.
        """
        others = [rank for rank in range(self.size) if rank != self.rank]
        for other in others:
            self.bells[self.rank][other].release()
        for other in others:
            bell = self.bells[other][self.rank]
            if not any(bell.acquire(block=False) for _ in range(SPINS)):
                while not bell.acquire(timeout=PATIENCE):
                    self.look_around()

    def look_around(self):
        """Raise an error if another process is gone: its own, where it left one."""
        for child, (answer, _) in zip(self.children, self.answers[1:], strict=False):
            error = None
            with suppress(EOFError):  # it's closed, and nothing was sent
                error = answer.recv() if answer.poll() else None
            if child.exitcode:
                error = error or ChildProcessError("a process of the training ended")
            if error is not None:
                raise error
        if self.rank and os.getppid() != self.parent:
            raise ChildProcessError("the process that began the training ended")

    def mean(self, number):
        """Return the mean of one number from each process."""
        self.numbers[self.rank] = number
        self.meet()
        mean = float(self.numbers.mean())
        self.meet()  # before anyone writes the next
        return mean

    def part(self, array):
        """Return images, or labels, that give this process its part of each batch."""
        return Part(array, self.rank, self.size)

    def optimizer(self, optimizer):
        """Return an optimizer that takes the mean of all processes' gradients."""
        return Shared(optimizer, self)


class Part:
    """An array that gives a part of the rows that it's asked for.

    Parameters
    ----------
    array : numpy.ndarray
        Images, or labels.
    rank, size : int
        Which part, from 0, and of how many.
    """

    def __init__(self, array, rank, size):
        self.array, self.rank, self.size = array, rank, size

    def __len__(self):
        """Return the number of all rows."""
        return len(self.array)

    def __getitem__(self, chosen):
        """Return a part of the chosen rows, which is as large as the others."""
        n, rest = divmod(len(chosen), self.size)
        if rest:
            raise ValueError(
                f"{self.size} processes can't share a batch of {len(chosen)} evenly"
            )
        own = chosen[self.rank * n : (self.rank + 1) * n]
        return self.array.take(own, axis=0)  # a little faster than array[own]


class Shared:
    """An optimizer of which each process works on a part of the parameters.

    Parameters
    ----------
    optimizer : SGD or Adam
        What it keeps is of this process's part.
    team : Team
    """

    def __init__(self, optimizer, team):
        self.optimizer, self.team, self.own = optimizer, team, None

    def step(self, parameters, gradients, learning_rate):
        """Add up the gradients, take the step, and wait for the others, as they do."""
        if self.own is None:
            self.own = [self.own_part(a) for a in (parameters, *self.team.gradients)]
        own, first, *others = self.own
        self.team.meet()
        for name, gradient in first.items():
            for other in others:
                gradient += other[name]
            gradient *= 1 / self.team.size
        self.optimizer.step(own, first, learning_rate)
        self.team.meet()

    def own_part(self, arrays):
        """Return the elements of this process, of weights and of others."""
        part = {}
        for name, array in arrays.joined.items():
            ends = np.arange(self.team.size + 1) * array.shape[-1] // self.team.size
            part[name] = array[..., ends[self.team.rank] : ends[self.team.rank + 1]]
        return part


def in_processes(program, network, size=2):
    """Run a program in several processes, this one among them.

    Parameters
    ----------
    program, network, size
        As for `ready_in_processes`.

    Returns
    -------
    object
        What the program returns in this process.

    Raises
    ------
    ValueError, ChildProcessError
        As there. What the program raises in any process is raised here.
    """
    with ready_in_processes(program, network, size) as run:
        return run()


@contextmanager
def ready_in_processes(program, network, size=2):
    """Have several processes ready to run a program, as often as it's called.

    Parameters
    ----------
    program : callable
        Called with a `Team`, and what it's called with here. All have to call the
        team's `meet` equally often, and so to take the same steps.
    network : Sequential
        What it trains, as `team.network`.
    size : int, optional
        How many processes. NumPy should take one thread for a matrix product then.

    Yields
    ------
    callable
        Runs the program, this process among the others, and returns what it returns
        here.

    Raises
    ------
    ValueError
        On another system than Linux: there, processes can't fork, or not safely.
    ChildProcessError
        If one of them ended, or an earlier run failed.
    """
    check_whole(1, np.inf, size=size)
    if size > 1 and sys.platform != "linux":
        raise ValueError(
            f"processes that share a training need Linux, and this is {sys.platform}:"
            " train without them, which takes longer"
        )
    with flattened(network, shared):
        team = Team(network, size)

        begun = []  # what hasn't ended well: the others may still be at work on it

        def run(*arguments):
            if begun:
                raise ChildProcessError("an earlier run failed: begin anew")
            begun.append(arguments)
            for _, order in team.orders[1:]:
                order.send(arguments)
            result = program(team, *arguments)
            team.meet()  # so that none still works when this returns
            begun.clear()
            return result

        try:
            with undisturbed():
                for rank in range(1, size):
                    team.children.append(team.start(program, rank))
            for _, answer in team.answers:
                answer.close()  # here; then it ends where a process ends
            yield run
        finally:
            try:
                end(team.children)
            finally:  # Ctrl+C may have come just then
                end(team.children)


def end(children):
    """End processes, all of them; that some have ended doesn't matter."""
    for child in children:
        child.terminate()
    for child in children:
        child.join()


@contextmanager
def undisturbed():
    """Hold Ctrl+C back while processes begin: none may be left over, or half begun."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is None:
        yield  # this thread doesn't hear of it, or it isn't Python that does
        return
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            signal.raise_signal(signal.SIGINT)


def follow(program, team, rank):
    """Run the program in a process that was forked for it, and send what it raised."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it hears it, too
    os.environ["TQDM_DISABLE"] = "1"  # one bar is enough
    team = copy.copy(team)
    team.rank, team.network, team.children = rank, team.twins[rank], []
    order, _ = team.orders[rank]
    _, answer = team.answers[rank]
    try:
        while True:
            while not order.poll(PATIENCE):
                team.look_around()
            program(team, *order.recv())
            team.meet()
    except BaseException as error:  # also SystemExit: the others wait for a word
        answer.send(sendable(error))


def shared(size, dtype):
    """Return an array of one axis that processes share, if they are forked later."""
    memory = mmap(-1, max(1, size * np.dtype(dtype).itemsize))
    return np.frombuffer(memory, dtype, size)


def sendable(error):
    """Return the error, or another that tells of it, where it can't be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(repr(error))
    return error
