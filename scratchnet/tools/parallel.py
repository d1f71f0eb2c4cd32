"""Work on all parts of a batch at once, each but the first in a process of its own.

Threads would do, if they didn't wait for each other so often: Python runs one at a
time, and the steps of a convolution are short.
"""

import mmap
import multiprocessing
import pickle
import signal
import sys
from contextlib import contextmanager

import numpy as np


@contextmanager
def one_process_for_each(twins, learn_from):
    """Start the processes; end them when the `with` block ends.

    They are forked: each has all that this one had until then. The memory of the
    parameters is shared, so that a change of them reaches all. So is that of the
    gradients.

    Parameters
    ----------
    twins : list of Sequential
        The first is a network, the others come from its `twin`. Their parameters move
        to other memory.
    learn_from : callable
        Called with the place of a twin, and what belongs to its part of a batch. It
        leaves gradients in that twin.

    Yields
    ------
    callable
        Called with one iterable for each argument of `learn_from`, as `map` is;
        returns a list. Meanwhile, nothing may change the parameters.

    Raises
    ------
    ValueError
        On another system than Linux: there, processes can't fork, or not safely.
    ChildProcessError
        If one of them ended. What `learn_from` raises there is raised here.
    """
    if sys.platform != "linux":
        raise ValueError(
            f"parallel=True needs Linux, and this is {sys.platform}: without it, the"
            " training takes longer, and gives the same network"
        )
    for layer in twins[0].layers:  # a twin has the same dictionary
        for name, array in layer.parameters.items():
            layer.parameters[name] = shared(array)
    for twin in twins[1:]:
        for layer in twin.layers:
            layer.gradients = {
                name: shared(array) for name, array in layer.parameters.items()
            }
    fork = multiprocessing.get_context("fork")
    processes, connections = [], []
    try:
        for twin in twins[1:]:
            here, there = fork.Pipe()
            task = (here, there, twin, learn_from)
            process = fork.Process(target=serve, args=task, daemon=True)
            process.start()
            there.close()
            processes.append(process)
            connections.append(here)

        def run(*arguments):
            first, *others = zip(*arguments, strict=True)
            ended = ChildProcessError("a process of the training ended")
            try:
                for connection, other in zip(connections, others, strict=True):
                    connection.send(other)
            except ConnectionError:
                raise ended from None
            answers = [learn_from(*first)]
            try:
                answers += [connection.recv() for connection in connections]
            except (EOFError, ConnectionError):
                raise ended from None
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
            return answers

        yield run
    finally:
        for process, connection in zip(processes, connections, strict=True):
            connection.close()
            process.terminate()
            process.join()


def shared(array):
    """Return a copy of an array that processes share, if they are forked later."""
    memory = mmap.mmap(-1, array.nbytes)
    copy = np.frombuffer(memory, array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def serve(other_end, connection, twin, learn_from):
    """Learn from one part of each batch, until the process is ended."""
    other_end.close()  # so that it's closed when whoever started this is gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it hears it, too
    gradients = twin.gradients  # the shared ones, before `backward` makes others
    while True:
        try:
            arguments = connection.recv()
        except EOFError:  # nobody is left to learn for
            return
        try:
            answer = learn_from(*arguments)
            for name, array in twin.gradients.items():
                gradients[name][...] = array
        except Exception as error:
            answer = sendable(error)
        connection.send(answer)


def sendable(error):
    """Return the error, or another that tells of it, where it can't be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(repr(error))
    return error
