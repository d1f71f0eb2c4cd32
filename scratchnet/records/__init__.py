"""What the longer runs in `benchmarks/` measured, for the chapters to show."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent


def read_record(name):
    """Return what a run recorded.

    Parameters
    ----------
    name : str
        The benchmark's name, such as "gradient_mistakes".

    Returns
    -------
    dict
        Whatever the benchmark wrote: its command, its seconds, its results.
    """
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def write_record(name, record):
    """Write what a run measured, in place of what was recorded before."""
    text = json.dumps(record, indent=1) + "\n"
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
