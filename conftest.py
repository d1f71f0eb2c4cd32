"""Run every notebook under `content/` with nbval, straight from its Markdown."""

import os
import signal
from unittest import mock

import jupytext
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from checks import require_assertions
from classroom.exercises import try_wrong_answers
from scratchnet.mnist import practice
from website.pages import is_notebook, missing, tags_of

# What takes longest comes first where files are shared out among workers: then none of
# them is left with a long one at the end, while the others have nothing to do. Before
# all come those that fork: frameworks start threads, beside which a fork may hang.
LONGEST_FIRST = (
    "tests/test_training.py",
    "tests/test_mpi.py",
    "tests/built_site/",
    "tests/test_bench.py",
    "tests/test_hub.py",
    "tests/in_jupyterlab/",
    "tests/test_search.py",
    "tests/test_mnist_sources.py",
    "tests/test_build_outcome.py",
    "tests/test_side_by_side.py",
    "tests/test_grading.py",
    "tests/test_commands.py",
    "content/",
)

# These take longest. Where `make book` has just run them, with checks that count, CI
# says so (BUILT_JUST_NOW), and they don't run a second time.
LONGEST_PAGES = {
    "choose-the-step",
    "draw-a-digit",
    "hold-out-and-stop-early",
    "invent-more-data",
    "put-it-together",
    "softmax-and-cross-entropy",
    "use-all-the-data",
}

require_assertions()

os.environ["TQDM_DISABLE"] = "1"  # the notebooks' kernels inherit it
# A shell has its jobs in the background ignore Ctrl+C, and so would what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


class MystNotebook(IPyNbFile):
    """A page that is a notebook: nbval reads `.ipynb` alone, Jupytext this."""

    def collect(self):
        if absent := missing(self.path.read_text("utf-8")):
            page = self.path.relative_to(self.config.rootpath).as_posix()
            pytest.skip(f"{page} needs {', '.join(absent)}: make frameworks")
        if os.environ.get("BUILT_JUST_NOW") and self.path.stem in LONGEST_PAGES:
            pytest.skip(f"{self.path.stem}: make book has just run it")

        def read(path, as_version):
            return try_wrong_answers(jupytext.read(path))

        with mock.patch("nbval.plugin.nbformat.read", read):
            yield from super().collect()


def pytest_collect_file(file_path, parent):
    """Collect the notebooks among the pages."""
    content = parent.config.rootpath / "content"
    if file_path.is_relative_to(content) and is_notebook(file_path):
        return MystNotebook.from_parent(parent, path=file_path)
    return None


def pytest_report_header():
    """Say at the top when the digits are not MNIST."""
    return f"⚠ {practice.NOTICE}" if practice.is_chosen() else None


def pytest_collection_modifyitems(config, items):
    """Put what takes long first; skip what holds no longer on practice digits."""
    if hasattr(config, "workerinput"):
        items.sort(key=place)
    skip_numbers_of_mnist(items)


def place(item):
    """Return when the file of a test is to be run, as a number to sort by."""
    path = item.path.relative_to(item.config.rootpath).as_posix()
    found = [at for at, start in enumerate(LONGEST_FIRST) if path.startswith(start)]
    return found[0] if found else len(LONGEST_FIRST)


def skip_numbers_of_mnist(items):
    """On practice digits, skip the cells that hold numbers of MNIST, and say which."""
    cells = [item for item in items if isinstance(item, IPyNbCell)]
    for cell in cells if practice.is_chosen() else ():
        if "mnist-numbers" in tags_of(cell.cell):
            page = cell.path.relative_to(cell.config.rootpath).as_posix()
            reason = f"numbers of MNIST: {page}, cell {cell.cell_num}"
            cell.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a cell that draws a figure without alternative text, or none with one."""
    result = yield
    if isinstance(item, IPyNbCell):
        draws = any("image/png" in out.get("data", {}) for out in item.test_outputs)
        alt = item.cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if draws and len(alt.split()) < 5:
            pytest.fail("the figure has no alternative text (mystnb: image: alt:)")
        if alt and not draws:
            pytest.fail("there's no figure, though an alternative text describes one")
    return result
