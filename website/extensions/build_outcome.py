"""How a build ends: with what a reader has to know, in plain words, as its last lines.

A cell that raises an error, or an exact check that fails, stops its page. The others
are built all the same, and then the build fails. A failed check of a measured number
doesn't fail it (measured_checks.py), unless `CI` is set. The last lines name page,
cell, and error or check; the cells of a page are counted from 0.

MyST-NB and Jupyter Book would answer an error with tracebacks of their own, hundreds of
lines that name no cell. So MyST-NB is told not to raise it, and only the exit status
tells Jupyter Book. The last lines wait for the end of the program, after its words.
"""

import ast
import atexit
import os
import re
import sys
import traceback
from functools import wraps
from pathlib import Path

import nbformat
from jupyter_cache.executors.utils import ExecutionResult
from measured_checks import code_cells, failed_checks, place, put_under_title
from myst_nb.core.execute import cache
from myst_nb.sphinx_ import NbMetadataCollector
from nbclient.exceptions import DeadKernelError
from sphinx.application import ENV_PICKLE_FILENAME

from checks.words import shortened

COLORS = re.compile(r"\x1b\[[\d;]*m")
LINE_OF_A_CELL = re.compile(r"^Cell In\[(\d+)\], line (\d+)", re.MULTILINE)
NAMED = 5  # with what stands before and after, and a line of make, that makes ten
ENDED = {
    "CellTimeoutError": "it takes longer than the timeout in _config.yml",
    "DeadKernelError": "its process has ended, as when memory runs out",
}


def is_strict():
    """Tell whether a failed check of a measured number fails the build."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


# Where a page stopped ---------------------------------------------------------------


def prepare(app, config):
    """Have MyST-NB go on after an error, without a warning that names no cell."""
    config.nb_execution_raise_on_error = False
    config.suppress_warnings = [*config.suppress_warnings, "mystnb.exec"]


def survive_dead_kernels(execute):
    """Return a function that executes a notebook, even if its process ends."""

    @wraps(execute)
    def executed(notebook, cwd, **options):
        try:
            return execute(notebook, cwd, on_cell_execute=mark_as_started, **options)
        except DeadKernelError as error:
            return ExecutionResult(notebook, cwd, 0, error, traceback.format_exc())

    return executed


def mark_as_started(cell, cell_index):
    """Give a cell a number before it runs: a process that ends may not tell its own."""
    cell.execution_count = cell_index + 1


def keep_stop(app, doctree):
    """Keep where and why a page stopped that has just run."""
    env, docname = app.env, app.env.docname
    data = NbMetadataCollector.get_doc_data(env)[docname].get("exec_data")
    if data and data["error"]:
        path = Path(env.mystnb_config.output_folder, f"{docname}.ipynb")
        cells = code_cells(nbformat.read(path, nbformat.NO_CONVERT))
        cell, why = where_it_stopped(cells, data["error"])
        env.metadata[docname]["stopped"] = f"{place(env, docname, cell)}: {why}"


def where_it_stopped(cells, error):
    """Return the number of the cell that stopped a page, and why, in words."""
    started = [number for number, cell in enumerate(cells) if cell.execution_count]
    number = started[-1] if started else 0
    outputs = cells[number].outputs
    raised = [output for output in outputs if output.output_type == "error"]
    if error in ENDED or not raised:
        return number, ENDED.get(error, error)
    if raised[-1].ename == "AssertionError":
        return number, f"a check fails: {failed_assertion(cells[number], raised[-1])}"
    error = [raised[-1].ename, first_line(raised[-1].evalue)]
    return number, ": ".join(filter(None, error))


def failed_assertion(cell, error):
    """Write the assertion that failed, and its message."""
    lines = [
        int(line)
        for count, line in LINE_OF_A_CELL.findall(
            COLORS.sub("", "\n".join(error.traceback))
        )
        if int(count) == cell.execution_count
    ]
    tests = [
        shortened(ast.unparse(node.test))
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Assert)
        and any(node.lineno <= line <= node.end_lineno for line in lines)
    ]
    message = first_line(error.evalue)
    return ": ".join(filter(None, [*tests[-1:], message])) or "an assertion"


def first_line(text):
    """Return the first line of an error's text, if it's long a part of it."""
    return shortened(text.strip().partition("\n")[0])


def stopped_pages(env):
    """List the pages that a cell has stopped."""
    return [name for name in sorted(env.found_docs) if "stopped" in env.metadata[name]]


def run_again(app, env, added, changed, removed):
    """Have the pages run again that were stopped."""
    return stopped_pages(env)


def show_stop(app, doctree, docname):
    """Say under the title of a page that it's not whole."""
    if stopped := app.env.metadata[docname].get("stopped"):
        put_under_title(app, doctree, "This page stopped before its end:", stopped)


# The last lines ---------------------------------------------------------------------


def conclude(app, exception):
    """Leave the last lines for the end of the program, and set the exit status."""
    env = app.env
    if env is None:
        return
    stops = [
        f"  {page_of(env, name)}, {env.metadata[name]['stopped']}"
        for name in stopped_pages(env)
    ]
    failed = [
        f"  {page_of(env, name)}, {place(env, name, check['cell'])}: {check['words']}"
        for name in sorted(env.found_docs)
        for check in failed_checks(env, name)
    ]
    fails = bool(stops or (failed and is_strict()))
    lines = list_of_failed(failed) if failed and not (is_strict() or exception) else []
    if fails:
        app.statuscode = 1
        lines += failure(stops, failed if is_strict() else [])
    if stops:
        lines.append(f"The tracebacks are in {Path(app.outdir, 'reports')}")
    atexit.unregister(print_lines)
    atexit.register(print_lines, lines, sys.stderr if fails else sys.stdout)


def warn_again(app, exception):
    """Have the next build read all pages, if this one fails for a warning.

    Sphinx tells of a page when it reads or writes it: without a change, it would tell
    of nothing, and the build would pass. No page runs again for it.
    """
    if app.keep_going and app._warncount:  # -W --keep-going
        Path(app.doctreedir, ENV_PICKLE_FILENAME).unlink(missing_ok=True)


def page_of(env, docname):
    """Return the file of a page."""
    return env.doc2path(docname, base=False)


def list_of_failed(failed):
    """Tell a reader of all checks that came out otherwise."""
    one = len(failed) == 1
    checks = "1 check of a measured number" if one else f"{len(failed)} checks"
    said = "its page says" if one else "their pages say"
    return [f"On your processor, {checks} came out otherwise, as {said}:", *failed]


def failure(stops, failed):
    """Tell why the build failed, in few lines."""
    reasons = []
    if stops:
        reasons.append(f"{len(stops)} page{'s' * (len(stops) > 1)} stopped")
    if failed:
        checks = f"check{'s' * (len(failed) > 1)} of measured numbers"
        reasons.append(f"{len(failed)} {checks} failed, and CI is set")
    lines = [*stops, *failed]
    if len(lines) > NAMED:
        lines[NAMED:] = [f"  and {len(lines) - NAMED} more"]
    return [f"The book isn't as it should be: {'; '.join(reasons)}.", *lines]


def print_lines(lines, stream):
    """Print lines after all that the program has printed, in any encoding."""
    sys.stdout.flush()
    for line in lines:
        encoding = stream.encoding or "utf-8"
        print(line.encode(encoding, "replace").decode(encoding), file=stream)
    stream.flush()


def setup(app):
    """Connect to Sphinx."""
    cache.single_nb_execution = survive_dead_kernels(cache.single_nb_execution)
    app.connect("config-inited", prepare)
    app.connect("env-get-outdated", run_again)
    app.connect("doctree-read", keep_stop)
    app.connect("doctree-resolved", show_stop)
    app.connect("build-finished", conclude, priority=100)  # whatever else may fail then
    app.connect("build-finished", warn_again, priority=900)  # others may warn then
    return {"parallel_read_safe": True, "parallel_write_safe": True}
