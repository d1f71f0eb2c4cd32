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


def pytest_collection_modifyitems(items):
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
