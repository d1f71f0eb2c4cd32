"""The directive `class-load`: what simulated students cost a hub, and so what to rent.

    ```{class-load}
    ```

It shows the runs of `python -m classroom.hub.load` that are kept in
`classroom/hub/recorded.json`, and works out from them how large a server must be.
"""

import json
from pathlib import Path

from course_timings import make_table
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

RECORDED = Path(__file__).parents[2] / "classroom" / "hub" / "recorded.json"
CLASSES = ((30, False), (200, True))  # how many students, and whether they mostly read
MINUTES = 10  # how long a class may take to run all, or to come in
FULL = 0.7  # how much of a server's cores and memory a class should take at most


def what_they_do(run):
    """Say what the students of a run did."""
    if not run["reads"]:
        return "come at once, run two chapters, hand in"
    return f"come over {run['over'] / 60:.0f} minutes, run single cells"


def pair(values, digits=0):
    """Return a typical and a largest value, for readers."""
    return " / ".join(f"{value:.{digits}f}" for value in values)


def row_of(run):
    """Return the table's row about a run."""
    return [
        f"{run['students']} {what_they_do(run)}",
        pair(run["first_cell"], 1),
        pair(run["done"], 0) if not run["reads"] else "–",
        pair(run["memory"]),
        pair(run["processor"], 1),
        f"{run['n_done']} of {run['students']}",
    ]


def size(run, n_students):
    """Return the memory [GiB] and the cores that so many students need.

    As many times as much as those of the run needed: memory for all at once, the time
    of the processor within ten minutes, and on top what should stay free.
    """
    memory = run["hub_memory"] + n_students * run["memory"][1]
    seconds = n_students * (
        run["processor"][0] + run["hub_processor"] / run["students"]
    )
    return memory / 1024 / FULL, seconds / (60 * MINUTES) / FULL


class ClassLoad(SphinxDirective):
    """Two tables and the line that says on what machine the numbers were measured."""

    def run(self):
        """Read the record, and write the tables."""
        self.env.note_dependency(str(RECORDED))
        runs = json.loads(RECORDED.read_text("utf-8"))
        header = [
            "Students",
            "First cell [s]",
            "All done [s]",
            "Memory a student [MiB]",
            "Processor a student [s]",
            "Finished",
        ]
        machine = nodes.paragraph(
            text=f"Measured on a machine with {runs[0]['cores']} cores and"
            f" {runs[0]['machine']}, which also ran the students' browsers. Of two"
            " numbers, the first is the median student's, the second the slowest or"
            " largest one's."
        )
        sizes = []
        for n_students, reads in CLASSES:
            run = max(
                (run for run in runs if run["reads"] == reads),
                key=lambda run: run["students"],
            )
            memory, cores = size(run, n_students)
            what = what_they_do(run | {"over": 60 * MINUTES})
            if not reads:
                what = f"come at once, and run two chapters within {MINUTES} minutes"
            sizes.append([f"{n_students} {what}", f"{memory:.0f}", f"{cores:.1f}"])
        return [
            make_table(header, [row_of(run) for run in runs]),
            machine,
            make_table(["A class of", "Memory [GiB]", "Cores"], sizes),
        ]


def setup(app):
    """Register the directive."""
    app.add_directive("class-load", ClassLoad)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
