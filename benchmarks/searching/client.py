"""Run the random search of *Tune what is left*, on Dask or without.

`python -m benchmarks.searching.client` executes the page's own cells, so that readers
run what is measured and tested. Its last lines are "started", and a JSON object with
the seconds and the table.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import jupytext

from scratchnet.distributed import search
from website.pages import tags_of

PAGE = Path(__file__).parents[2] / "content/going-further/tune-what-is-left.md"


def cells_before(heading):
    """Return the code of the page's cells before a heading, without its checks."""
    sources = []
    for cell in jupytext.read(PAGE).cells:
        if cell.cell_type == "markdown" and heading in cell.source.splitlines():
            return sources
        if cell.cell_type == "code" and "remove-cell" not in tags_of(cell):
            sources.append(cell.source)
    raise ValueError(f"{PAGE.name} has no heading {heading!r}")


def row(page, trial):
    """Return what a trial gave, as far as it must be the same everywhere."""
    return {
        "learning_rate": trial["learning_rate"],
        "width": trial["width"],
        "seed": trial["seed"],
        "error": page["error"](trial, page["validation"]),
        "answers": hashlib.sha256(trial["right"].tobytes()).hexdigest(),
    }


def main(arguments=None):
    """Run the page's random trials, or fewer, or more; print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=15)
    parser.add_argument(
        "--plain", action="store_true", help="as where Dask isn't installed"
    )
    options = parser.parse_args(arguments)
    if options.plain:
        search.Client = None
    page = {"__name__": "__main__"}  # Dask sends the code of what belongs to no file
    for source in cells_before("## Search"):
        exec(source, page)
    settings = (page["random"] + page["draw"](options.trials, 115))[: options.trials]
    print("started", flush=True)
    start = time.perf_counter()
    trials = page["run_all"](settings)
    seconds = time.perf_counter() - start
    table = [row(page, trial) for trial in trials]
    print(json.dumps({"seconds": seconds, "table": table}), flush=True)
    if page["client"]:
        page["client"].close()


if __name__ == "__main__":
    main()
