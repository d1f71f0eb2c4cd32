"""Start JupyterLab in a folder, and do in a browser what a reader does with it."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import psutil
import requests
from playwright.sync_api import TimeoutError

TOKEN = "of-this-test"
OPENED = """() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session
    ?.kernel?.status === 'idle'"""
STATE = """() => {
    const opened = window.jupyterapp?.shell.currentWidget;
    const status = opened?.sessionContext?.session?.kernel?.status;
    const cells = opened?.content?.model?.toJSON().cells ?? [];
    const ran = cells.filter(cell => cell.execution_count).length;
    const dialog = document.querySelector('.jp-Dialog')?.innerText;
    return `kernel ${status}, ${ran} cells ran, dialog ${dialog}`;
}"""
WATCH = """selector => {
    const look = () => { window.wasSeen ||= !!document.querySelector(selector); };
    window.wasSeen = false;
    new MutationObserver(look).observe(document, {childList: true, subtree: true});
}"""
CELLS = """() => jupyterapp.shell.currentWidget.content.model.toJSON().cells
    .filter(cell => cell.cell_type === 'code')"""
FINISHED = """() => {
    const cells = jupyterapp.shell.currentWidget.content.model.toJSON().cells
        .filter(cell => cell.cell_type === 'code');
    const failed = output => output.output_type === 'error';  // the others don't run
    return cells.every(cell => cell.execution_count !== null)
        || cells.some(cell => cell.outputs.some(failed));
}"""
SAVED = "() => !jupyterapp.shell.currentWidget.context.model.dirty"
SCROLL = """text => {
    const notebook = jupyterapp.shell.currentWidget.content;
    const holds = cell => cell.sharedModel.source.includes(text);
    notebook.scrollToItem([...notebook.model.cells].findIndex(holds), 'center');
}"""


@contextmanager
def running_lab(clone, home, python=sys.executable, **environment):
    """Run the JupyterLab of an environment in a clone of the book.

    Parameters
    ----------
    clone, home : pathlib.Path
        Where it starts, and the home folder of its user: one without any settings.
    python : str or pathlib.Path
        The environment's Python.
    **environment : str
        Further variables for the server and its kernels.

    Yields
    ------
    str
        Its address, without a slash at its end.
    """
    runtime = home / "runtime"
    variables = os.environ | environment
    variables |= {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(runtime)}
    variables.pop("TQDM_DISABLE", None)  # set while pages are built and tested
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.port=0",  # any that is free
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",  # so that a test can ask it
    ]
    with (home / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [python, "-m", "jupyter", "lab", *options],
            cwd=clone,
            env=variables,
            stdout=log,
            stderr=log,
        )
    try:
        for _ in range(300):
            texts = [file.read_text() for file in runtime.glob("jpserver-*.json")]
            if any(texts):  # it's empty at first
                yield json.loads(texts[0])["url"].rstrip("/")
                break
            if server.poll() is not None:
                raise RuntimeError((home / "log.txt").read_text())
            time.sleep(0.2)
        else:
            raise RuntimeError(f"no answer: {(home / 'log.txt').read_text()}")
    finally:
        stop(server)


def stop(server):
    """End the server and its kernels, on a busy machine by force."""
    with suppress(psutil.NoSuchProcess):  # it has ended by itself
        server = psutil.Process(server.pid)
        processes = [server, *server.children(recursive=True)]
        server.terminate()
        for process in psutil.wait_procs(processes, timeout=30)[1]:
            process.kill()


def open_path(page, address, path):
    """Open a path such as `lab/tree/content/index.md`; wait for its kernel."""
    page.goto(f"{address}/{path}?token={TOKEN}&reset")
    wait(page, OPENED, seconds=120)


def end_kernels(address):
    """End all kernels of a server: they hold memory, and one may hang."""
    kernels = f"{address}/api/kernels"
    token = {"Authorization": f"token {TOKEN}"}
    answer = requests.get(kernels, headers=token, timeout=60)
    while answer.status_code == 500:  # as long as one of them is being started
        time.sleep(0.5)
        answer = requests.get(kernels, headers=token, timeout=60)
    for kernel in answer.json():
        requests.delete(f"{kernels}/{kernel['id']}", headers=token, timeout=60)


def wait(page, condition, seconds):
    """Wait until a condition holds; an error says what the page shows instead."""
    try:
        page.wait_for_function(condition, timeout=seconds * 1000, polling=500)
    except TimeoutError:
        raise TimeoutError(f"waited {seconds} s: {page.evaluate(STATE)}") from None


def watch_for(page, selector):
    """Note from now on whether something shows, be it for a moment: `was_seen`."""
    page.evaluate(WATCH, selector)


def was_seen(page):
    """Tell whether what `watch_for` names was shown since."""
    return page.evaluate("() => window.wasSeen")


def run_all(page):
    """Start to run all cells of the notebook that is open."""
    page.get_by_role("menubar").get_by_text("Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def outputs_when_finished(page):
    """Wait until every cell has run; return all outputs, as in an `.ipynb`."""
    wait(page, FINISHED, seconds=300)
    return [output for cell in page.evaluate(CELLS) for output in cell["outputs"]]


def save(page):
    """Save the notebook that is open."""
    page.keyboard.press("Control+s")
    wait(page, SAVED, seconds=30)


def show(page, text):
    """Scroll to the first cell whose source has a text."""
    page.evaluate(SCROLL, text)
