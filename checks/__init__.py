"""What the pages assert: recorded, held softly for readers, tried in other arithmetics.

A page's cells hold its numbers with plain `assert` statements. CONTRIBUTING tells which
kinds there are, and by which tags they are told apart.
"""

import sys


def require_assertions():
    """End the program where Python skips every `assert`: then no check can fail."""
    if sys.flags.optimize:
        sys.exit(
            "Python skips every check, as PYTHONOPTIMIZE or -O tells it to: unset"
            " PYTHONOPTIMIZE, or leave out -O."
        )
