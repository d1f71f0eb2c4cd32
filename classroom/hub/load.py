"""Have simulated students use a hub, and measure what each one costs.

    python -m classroom.hub.load --students 30
    python -m classroom.hub.load --students 60 --over 180 --read

In the first, all come at once, run two chapters from top to bottom, and hand them in.
In the second, they come one after another over three minutes, and mostly read: they
run a cell now and then. Without `--trial`, the hub is a trial, made for this; with it,
one that runs already, such as that of `make hub`.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil

from classroom.hand_ins import grade_id
from classroom.hub import use_hub
from classroom.hub.student import Browser, HubError
from classroom.hub.trial import CHAPTERS, read_trial

PAUSE = (10, 30)  # seconds that a reader reads between two cells
EVERY = 4  # seconds between two looks at the memory


# Students ---------------------------------------------------------------------------


def answers_of(course, chapter):
    """Return the book's solutions to a chapter's exercises, by their cells' names."""
    source = nbformat.read(course / "source" / chapter / f"{chapter}.ipynb", 4)
    return {
        grade_id(cell): cell.source
        for cell in source.cells
        if grade_id(cell) and not grade_id(cell).startswith("check-")
    }


def fill_in(notebook, answers):
    """Write answers into a notebook's cells; return its cells of code."""
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(name, cell["source"])
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def work(trial, course, name, note):
    """Log in, run the chapters from top to bottom, and hand them in."""
    browser = arrive(trial, name, note)
    kernels = []
    for chapter in CHAPTERS:
        path = f"{chapter}/{chapter}.ipynb"
        notebook = browser.fetch(chapter)
        cells = fill_in(notebook, answers_of(course, chapter))
        kernels.append(browser.open_kernel(path))
        for cell in cells:
            kernels[-1].run(cell["source"])
            note("first cell")
        browser.save(path, notebook)
    note("ran all")
    for chapter in CHAPTERS:
        browser.hand_in(chapter)
    note("handed in")
    return kernels


def read(trial, course, name, note, until):
    """Log in, and run a cell of the first chapter now and then."""
    pauses = random.Random(name)
    browser = arrive(trial, name, note)
    chapter = CHAPTERS[0]
    path = f"{chapter}/{chapter}.ipynb"
    notebook = browser.fetch(chapter)
    kernel = browser.open_kernel(path)
    for cell in fill_in(notebook, answers_of(course, chapter)):
        kernel.run(cell["source"])
        note("first cell")
        pause = pauses.uniform(*PAUSE)
        if time.monotonic() + pause > until:
            break
        time.sleep(pause)
    browser.save(path, notebook)
    note("saved")
    return [kernel]


def arrive(trial, name, note):
    """Log in and start a server."""
    browser = Browser(trial["address"], name, trial["passwords"][name])
    note("logged in")
    browser.start_server()
    note("server")
    return browser


def visit(do, name, wait):
    """Have a student do something after a wait; return when what was done.

    Returns
    -------
    tuple
        Seconds since the student came, by what was reached first then; what went
        wrong, or nothing; and what has to stay open.
    """
    time.sleep(wait)
    start, reached = time.monotonic(), {}

    def note(what):
        reached.setdefault(what, round(time.monotonic() - start, 2))

    try:
        return reached, "", do(name, note)
    except (HubError, OSError, ValueError, LookupError) as error:
        return reached, f"{type(error).__name__}: {error}", []
    except Exception as error:  # the websocket's have no common base besides it
        return reached, f"{type(error).__name__}: {error}", []


# What they cost ---------------------------------------------------------------------


class Meter(threading.Thread):
    """Watches the processes of a trial: memory now and then, processor time at the end.

    A page of memory that several processes share counts in parts, a part for each.

    Parameters
    ----------
    folder : pathlib.Path
        The trial's.
    """

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.ends = str(folder), threading.Event()
        self.owners, self.peak, self.processor = {}, {}, {}
        self.free = self.least_free = psutil.virtual_memory().available

    def run(self):
        """Look until it's told to stop."""
        while not self.ends.wait(EVERY):
            self.look()

    def owner(self, process):
        """Return whose process it is: a student's name, "hub", or None."""
        key = process.pid, process.create_time()
        if key not in self.owners:
            variables = process.environ()
            is_one = variables.get("TRIAL") == self.folder
            name = variables.get("JUPYTERHUB_USER", "hub") if is_one else None
            self.owners[key] = name
        return self.owners[key]

    def look(self):
        """Note the memory and the processor time of everyone."""
        memory = {}
        for process in psutil.process_iter():
            try:
                name = self.owner(process)
                if name is None:
                    continue
                memory[name] = memory.get(name, 0) + process.memory_full_info().pss
                times = process.cpu_times()
                self.processor[process.pid] = (name, times.user + times.system)
            except psutil.Error:
                continue
        for name, size in memory.items():
            self.peak[name] = max(size, self.peak.get(name, 0))
        free = psutil.virtual_memory().available
        self.least_free = min(self.least_free, free)

    def stop(self):
        """Look for the last time."""
        self.ends.set()
        self.join()
        self.look()

    def processor_time(self):
        """Return the seconds of processor time that each one took."""
        total = {}
        for name, seconds in self.processor.values():
            total[name] = total.get(name, 0) + seconds
        return total


def measure(trial, folder, options):
    """Let all students come, and return what was measured, as numbers to keep."""
    students = [n for n in trial["passwords"] if n != trial["teacher"]]
    students = students[: options.students]
    course = folder / "course"
    start = time.monotonic()
    if options.read:
        until = start + options.over + options.stay

        def do(name, note):
            return read(trial, course, name, note, until)
    else:

        def do(name, note):
            return work(trial, course, name, note)

    meter = Meter(folder)
    meter.start()
    step = options.over / len(students)
    with ThreadPoolExecutor(len(students)) as room:
        jobs = {
            name: room.submit(visit, do, name, number * step)
            for number, name in enumerate(students)
        }
        visits = {name: job.result() for name, job in jobs.items()}
    seconds = time.monotonic() - start
    meter.stop()  # while all kernels are still there
    return summary(options, visits, meter, seconds)


def summary(options, visits, meter, seconds):
    """Return the numbers of a run."""
    reached = [times for times, _, _ in visits.values()]
    first = sorted(t["first cell"] for t in reached if "first cell" in t)
    last = "saved" if options.read else "handed in"
    done = sorted(times[last] for times in reached if last in times)
    processor = meter.processor_time()
    memory = [meter.peak.get(name, 0) / 2**20 for name in visits]
    each = [processor.get(name, 0) for name in visits]
    return {
        "students": len(visits),
        "over": options.over,
        "reads": options.read,
        "failures": {name: text for name, (_, text, _) in visits.items() if text},
        "first_cell": [round(statistics.median(first), 1), first[-1]] if first else [],
        "done": [round(statistics.median(done), 1), done[-1]] if done else [],
        "n_done": len(done),
        "seconds": round(seconds),
        "memory": [round(statistics.median(memory)), round(max(memory))],
        "processor": [round(statistics.median(each), 1), round(max(each), 1)],
        "hub_memory": round(meter.peak.get("hub", 0) / 2**20),
        "hub_processor": round(processor.get("hub", 0), 1),
        "machine_memory": round((meter.free - meter.least_free) / 2**20),
        "cores": os.cpu_count(),
        "machine": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
    }


def show(result):
    """Print what was measured."""
    n = result["students"]
    print(f"{n} students, {result['n_done']} done, in {result['seconds']} s")
    for name, values in (
        ("first cell", result["first_cell"]),
        ("done", result["done"]),
    ):
        if values:
            print(f"  {name:12} {values[0]:6.1f} s the median, {values[1]:6.1f} s last")
    memory, processor = result["memory"], result["processor"]
    print(f"  memory       {memory[0]} MiB a student, {memory[1]} at most")
    print(f"  processor    {processor[0]} s a student, {processor[1]} at most")
    print(f"  the hub      {result['hub_memory']} MiB, {result['hub_processor']} s")
    print(f"  the machine  {result['machine_memory']} MiB more in use at the peak")
    for name, text in result["failures"].items():
        print(f"  {name} failed: {text}")


def main(arguments=None):
    """Run a load test.

    Parameters
    ----------
    arguments : list of str, optional
        The command line, by default that of the program.

    Returns
    -------
    int
        Exit status: 1 if any student failed.
    """
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--over", type=float, default=0, help="seconds to come in")
    parser.add_argument("--read", action="store_true", help="run single cells")
    parser.add_argument("--stay", type=float, default=60, help="seconds, at the end")
    parser.add_argument("--trial", type=Path, help="the folder of one that runs")
    parser.add_argument("--json", type=Path, help="add what was measured to this file")
    options = parser.parse_args(arguments)
    use_hub()
    from classroom.hub.__main__ import Trial  # it needs JupyterHub

    if options.trial:
        folder = options.trial.resolve()
        result = measure(read_trial(folder), folder, options)
    else:
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
            Trial(Path(name), n_students=options.students, port=0) as running,
        ):
            result = measure(running.trial, running.folder, options)
    show(result)
    if options.json:
        known = json.loads(options.json.read_text()) if options.json.exists() else []
        options.json.write_text(json.dumps([*known, result], indent=1) + "\n")
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
