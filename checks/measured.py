"""Hold measured numbers softly: what fails is kept with the page, and stops nothing.

The build (measured_checks.py) has the cells tagged `measured` call `hold`, in the
kernel of their notebook. Wherever else a page runs, they are plain assertions.
"""

import ast
import json

from IPython.display import display
from myst_nb.ext.glue import GLUE_PREFIX

from checks.recorder import RECORDER, Recorder
from checks.words import in_words

NAME = "measured-checks-"  # of what a cell keeps, before its number


class SoftRecorder(Recorder):
    """Records assertions; what can't be evaluated is an error of the page."""

    def failed_to_run(self, number, error):
        """Raise an error, unless an earlier part of the assertion guards this one."""
        if isinstance(error, AssertionError):
            return False
        line = self.parts[number].line
        guards = [part for part in self.parts[:number] if part.line == line]
        if all(part.held for part in guards):
            raise error
        return True  # Python wouldn't have come to it


def hold(cell, source):
    """Run the code of a cell; keep its failed assertions among its outputs.

    Parameters
    ----------
    cell : int
        Its number among the code cells of the page, from 0.
    source : str
        Its code.

    Raises
    ------
    Exception
        Whatever the code raises, other than a failed assertion.
    """
    shell = get_ipython()  # noqa: F821, a kernel has it
    recorder = SoftRecorder(lambda: cell)
    tree = ast.fix_missing_locations(recorder.visit(ast.parse(source)))
    shell.user_ns[RECORDER] = recorder
    file = shell.compile.cache(source, shell.execution_count)  # a traceback shows it
    exec(compile(tree, file, "exec"), shell.user_ns)
    failed = [
        {"cell": cell, "line": part.line, "words": in_words(part)}
        for part in recorder.parts
        if not part.held
    ]
    if failed:
        keep(f"{NAME}{cell}", json.dumps(failed))


def keep(name, text):
    """Keep a text with the page as `glue` does, also in the cache of executed pages."""
    record = {"name": name, "mime_prefix": GLUE_PREFIX}
    data = {f"{GLUE_PREFIX}text/plain": text}
    display(data, raw=True, metadata={"scrapbook": record})
