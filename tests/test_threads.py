"""In how many threads matrices are multiplied: one, or as many as the reader chose."""

import os
import subprocess
import sys

import pytest

from scratchnet.tools.threads import VARIABLES

ASK = """
import numpy
from threadpoolctl import threadpool_info, threadpool_limits

from scratchnet.tools import threads{then}

print(threads.blas_threads())
"""
OTHER_LIBRARY = """
threads.threadpool_info = lambda: []"""
IN_A_CHILD = """
import multiprocessing

def ask():
    numpy.ones((9, 9)) @ numpy.ones((9, 9))
    print(threads.blas_threads())

child = multiprocessing.get_context("fork").Process(target=ask)
child.start()
child.join()"""


def answers(then="", code=ASK, **chosen):
    """Return what a Python of its own prints, where only `chosen` is set."""
    bare = {name: os.environ[name] for name in os.environ if name not in VARIABLES}
    command = [sys.executable, "-W", "error", "-c", code.format(then=then)]
    return subprocess.check_output(command, env=bare | chosen, text=True).split()


def without_the_book(**chosen):
    """Return what the library does by itself."""
    alone = "import numpy, threadpoolctl as t; print(t.threadpool_info()[0]{then})"
    return answers("['num_threads']", alone, **chosen)


needs_answer = pytest.mark.skipif(
    answers() == ["None"], reason="this BLAS doesn't tell how many threads it takes"
)


@needs_answer
def test_it_is_one_though_numpy_came_first():
    assert answers() == ["1"]


@needs_answer
@pytest.mark.parametrize("name", ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"])
def test_it_is_what_the_reader_sets_before(name):
    chosen = {name: "2"}
    assert answers(**chosen) == without_the_book(**chosen)


@needs_answer
def test_it_is_what_the_reader_sets_after():
    assert answers("\nthreadpool_limits(2)") == ["2"]


@needs_answer
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_it_is_one_in_processes_that_training_starts():
    assert answers(IN_A_CHILD) == ["1", "1"]


def test_a_library_that_cannot_be_asked_stays_as_it_is():
    assert answers(OTHER_LIBRARY) == ["None"]
