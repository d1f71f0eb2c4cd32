"""Find out how long each page takes in a browser: `python -m website.live.measure`.

Every cell of a page runs in Chromium, hidden checks and solutions too. What this writes
into `measured.json` decides which pages are live (see `quick_pages`). Name pages to
measure these alone, and keep the others: `python -m website.live.measure load`. Take an
idle machine.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import yaml

from benchmarks.machine import processor
from website.live.assemble import assemble
from website.live.cells import page_cells
from website.live.pyodide_files import ROOT, listed
from website.live.quick_pages import RECORD, recorded
from website.pages import is_notebook

sys.path += [str(ROOT / "tests"), str(ROOT / "website" / "extensions")]
from browser import find_browser, open_browser
from built_site.serve import serve

PATIENCE = 80  # seconds until a page is given up

START = """async () => {
  const start = performance.now();
  window.kernel = await LiveKernel.start({ base: "_live/now/" });
  await kernel.run("1 + 1");
  return { seconds: (performance.now() - start) / 1000, versions: kernel.versions };
}"""
RUN = """async ([cells, patience]) => {
  const end = performance.now() + 1000 * patience;
  const ran = [];
  for (const { id, source, exercise } of cells) {
    const outputs = [];
    const timer = setTimeout(() => kernel.stop(), end - performance.now());
    const result = await kernel.run(source, {
      name: id, exercise, onOutput: (output) => outputs.push(output) });
    clearTimeout(timer);
    const images = outputs.filter((output) => output.type === "image").length;
    ran.push({ id, exercise, ...result, images });
    if (result.status === "stopped") break;
  }
  return ran;
}"""


WAIT_UNTIL_KEPT = """async () => {
  const store = await caches.open((await caches.keys())[0]);
  for (;;) {
    const kept = (await store.keys()).map(({ url }) => url);
    if (kept.filter((url) => url.includes("/compiled-")).length === 2) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}"""


def notebooks():
    """List the book's pages that have cells, in its order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    names = [page["file"] for part in toc["parts"] for page in part["chapters"]]
    return [name for name in names if is_notebook(ROOT / f"{name}.md")]


def read_cells(name):
    """Return the cells of a page, as the site has them."""
    return page_cells(jupytext.read(ROOT / f"{name}.md"), name, "")["cells"]


def measure(tab, address, name):
    """Run all cells of one page in a fresh Python; return what is recorded of it."""
    tab.goto(f"{address}/index.html")
    tab.evaluate(START)
    ran = tab.evaluate(RUN, [read_cells(name), PATIENCE])
    failed = [cell for cell in ran if cell["status"] != "ok"]
    seconds = {True: 0, False: 0}
    for cell in ran:
        seconds[bool(cell["exercise"])] += cell["seconds"]
    return {
        "seconds": round(seconds[False], 1),
        "seconds_of_solutions": round(seconds[True], 1),
        "cells": len(ran),
        "figures": sum(cell["images"] for cell in ran),
        "failed": [f"{cell['id']}: {why(cell)}" for cell in failed],
    }


def why(cell):
    """Say why a cell did not end well."""
    if cell["status"] == "stopped":
        return f"stopped after {PATIENCE} seconds"
    error = cell["error"]
    return f"{error['name']}: {error['message']} (line {error['line']})"


def measure_start(browser, address):
    """Return what a start takes until its first result: first of all, and once more.

    The files come from this computer: add the time that a network takes for them. The
    second start has what the first one has stored and compiled.
    """
    with browser.new_context() as context:
        tab = context.new_page()
        tab.set_default_timeout(0)
        seconds = []
        for _ in range(2):
            tab.goto(f"{address}/index.html")
            started = tab.evaluate(START)
            seconds.append(round(started["seconds"], 1))
            tab.evaluate(WAIT_UNTIL_KEPT)
    first, again = seconds
    return {
        "versions": started["versions"],
        "seconds_to_first_result": first,
        "seconds_to_first_result_once_stored": again,
    }


def main():
    """Measure the pages that are named, or all; write the record."""
    chosen = sys.argv[1:]
    names = [name for name in notebooks() if not chosen or Path(name).name in chosen]
    kept = recorded()
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "pyodide": listed()[0],
    }
    with tempfile.TemporaryDirectory() as folder:
        size = assemble(Path(folder, "_live"), "now")
        record["megabytes"] = round(size / 1e6, 1)
        start = '<script src="_live/now/kernel.js"></script>'
        Path(folder, "index.html").write_text(start)
        with serve(folder) as address, open_browser(find_browser()) as browser:
            record["browser"] = f"{browser.browser_type.name} {browser.version}"
            record |= measure_start(browser, address)
            tab = browser.new_page()
            tab.set_default_timeout(0)
            for name in names:
                kept[name] = measure(tab, address, name)
                print(name, kept[name], flush=True)
                record["pages"] = {key: kept[key] for key in notebooks() if key in kept}
                text = json.dumps(record, indent=1, ensure_ascii=False)
                RECORD.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
