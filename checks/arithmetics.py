"""Run the notebooks in several arithmetics: `python -m checks.arithmetics`.

Another processor adds in another order, and training amplifies the difference. So each
notebook runs with several kernels of OpenBLAS, with other loops of NumPy, with other
numbers of threads, and with other seeds. Every assertion is recorded, none stops a run.
The report tells how far each is from failing, in units of the spread that it shows.

    python -m checks.arithmetics                          # all: two hours on two cores
    python -m checks.arithmetics --pages go-deeper        # one page
    python -m checks.arithmetics --only haswell nehalem   # some arithmetics

What ran is kept in `_build/arithmetics`, and runs again when something that it depends
on has changed: see `digest_of`.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbclient
from nbformat.v4 import new_code_cell, new_notebook
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from checks import require_assertions
from checks.margins import report
from scratchnet.mnist import practice
from website.pages import code_cells, is_notebook, missing, tags_of

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "_build" / "arithmetics"
# What a result depends on, beside its page's code
FILES = (
    "scratchnet/**/*.py",
    "scratchnet/ladder/recorded/*",
    "checks/recorder.py",
    "constraints.txt",
)
OTHER_LOOPS = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])

# What each sets in the environment of the kernel. `SEED` is this command's own.
ARITHMETICS = {
    "native": {},
    "haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "skylakex": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "sandybridge": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "nehalem": {"OPENBLAS_CORETYPE": "Nehalem"},
    "prescott": {"OPENBLAS_CORETYPE": "Prescott"},
    "loops": {"NPY_DISABLE_CPU_FEATURES": OTHER_LOOPS},
    "threads-2": {"OPENBLAS_NUM_THREADS": "2"},
    "threads-4": {"OPENBLAS_NUM_THREADS": "4"},
    "seeds-1": {"SEED": "1"},
    "seeds-2": {"SEED": "2"},
}
# What a processor must have for a kernel of OpenBLAS; the native one is among these.
NEEDS = {"haswell": "X86_V3", "skylakex": "X86_V4", "sandybridge": "AVX"}


def notebooks(names):
    """List the pages with code that can run here, or those of these names."""
    pages = sorted((ROOT / "content").rglob("*.md"))
    pages = [page for page in pages if is_notebook(page)]
    if unknown := set(names) - {page.stem for page in pages}:
        raise SystemExit(f"No page with code: {', '.join(sorted(unknown))}")
    pages = [page for page in pages if page.stem in (names or [page.stem])]
    for page in pages:
        if absent := missing(page.read_text("utf-8")):
            print(f"{page.stem} is left out: it needs {', '.join(absent)}")
    return [page for page in pages if not missing(page.read_text("utf-8"))]


def why_not(name):
    """Say why an arithmetic is left out on this processor; nothing, if it isn't."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    if name == "native":
        return "it's one of the others" if x86 else ""
    able = x86 and __cpu_features__.get(NEEDS.get(name), True)
    if "OPENBLAS_CORETYPE" in ARITHMETICS[name] and not able:
        return "this processor can't run it"
    return ""


def run(page, name):
    """Run a page in one arithmetic, unless that's kept; return what it compared.

    Parameters
    ----------
    page : pathlib.Path
    name : str
        Of `ARITHMETICS`.

    Returns
    -------
    dict
        "parts": what `recorder.Part` holds, and the tags of its cell; "errors": the
        cells that raised something else, and what.
    """
    cells = code_cells(jupytext.read(page))
    digest = digest_of(cells)
    result = kept(page, name)
    if not result or result["of"] != digest:
        result = execute(page, cells, name) | {"of": digest}
        file = RESULTS / page.stem / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result, indent=1), "utf-8")
    for part in result["parts"]:
        part["tags"] = tags_of(cells[part["cell"]])
    return result


def kept(page, name):
    """Return what is kept of a page in an arithmetic, or None."""
    file = RESULTS / page.stem / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def digest_of(cells):
    """Return a digest of what a result depends on: a page's code, files, the digits."""
    files = [file for pattern in FILES for file in sorted(ROOT.glob(pattern))]
    contents = [cell.source.encode() for cell in cells]
    contents += [file.read_bytes() for file in files]
    contents.append(b"practice" if practice.is_chosen() else b"MNIST")
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def execute(page, cells, name):
    """Run the cells of a page in a kernel with one arithmetic; stop at nothing."""
    settings = dict(ARITHMETICS[name])
    seed = int(settings.pop("SEED", 0))
    beginning = f"from checks import recorder\n\nrecorder.start({seed})"
    ending = "import json; print(json.dumps(__recorder__.results()))"
    cells = [new_code_cell(beginning), *cells, new_code_cell(ending)]
    client = nbclient.NotebookClient(
        new_notebook(cells=cells),
        timeout=1800,
        allow_errors=True,
        resources={"metadata": {"path": str(page.parent)}},
    )
    variables = {"OPENBLAS_NUM_THREADS": "1", "TQDM_DISABLE": "1"} | settings
    *ran, last = client.execute(env=os.environ | variables).cells
    errors = [
        (number, f"{output.ename}: {output.evalue}")
        for number, cell in enumerate(ran[1:])
        for output in cell.outputs
        if output.output_type == "error"
    ]
    return {"parts": json.loads(last.outputs[0].text), "errors": errors}


def main():
    """Run what the command line asks for, and report.

    Returns
    -------
    int
        Exit status: 1 if anything failed or has too little room.
    """
    require_assertions()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", nargs="+", default=[], metavar="PAGE")
    parser.add_argument("--only", nargs="+", default=list(ARITHMETICS), metavar="NAME")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if unknown := set(options.only) - set(ARITHMETICS):
        known = ", ".join(ARITHMETICS)
        parser.error(f"no arithmetic is named {', '.join(sorted(unknown))}: {known}")
    reasons = {name: why_not(name) for name in options.only}
    names = [name for name in options.only if not reasons[name]]
    for name in set(options.only) - set(names):
        print(f"{name} is left out: {reasons[name]}")
    pages = notebooks(options.pages)
    by_page = {page.stem: {} for page in pages}
    with ThreadPoolExecutor(options.processes) as pool:
        jobs = {
            (page.stem, name): pool.submit(run, page, name)
            for name in names
            for page in pages
        }
        for (page, name), job in jobs.items():
            by_page[page][name] = job.result()
            print(f"{page}: {name}", flush=True)
    return 1 if report(by_page) else 0


if __name__ == "__main__":
    sys.exit(main())
