"""Fetch what lets pages run in the browser: `python -m website.live`.

The book can be built without, so this ends well in any case, and says what follows.
`--needed` makes it fail instead.
"""

import sys

from scratchnet.tools.progress import say
from website.live.pyodide_files import (
    CACHE,
    PyodideUnavailableError,
    fetch_pyodide,
    listed,
)


def main():
    """Fetch the files; return the exit status."""
    needed = "--needed" in sys.argv[1:]
    try:
        fetched = fetch_pyodide()
    except PyodideUnavailableError as error:
        if needed:
            print(error, file=sys.stderr)
            return 1
        reason = " ".join(line.strip() for line in str(error).splitlines()[:3])
        say(f"Without Pyodide, no page runs in the browser: {reason}")
        return 0
    version, _ = listed()
    say(f"Pyodide {version} is {'now ' if fetched else ''}in {CACHE}, SHA-256 right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
