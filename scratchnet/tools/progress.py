"""What a program says while it works: lines, and bars for loops that take a while."""

import os
import sys
from threading import RLock

from tqdm.auto import tqdm


def say(text):
    """Print a line, with an escape for each sign that the console can't show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


class Bar(tqdm):
    """tqdm's bar, gone after an error too: its notebook bar would stay, in red."""

    def close(self):
        """End the bar, and take it away."""
        super().close()
        if getattr(self, "container", None) is not None:
            self.container.close()


def renew_lock():
    """Give bars a lock that no other process has.

    Forked processes share tqdm's own. If one of them is ended while it holds that,
    every later bar of the others waits for ever.
    """
    Bar.set_lock(RLock())


renew_lock()
if hasattr(os, "register_at_fork"):  # at a fork, another thread may hold this one
    os.register_at_fork(after_in_child=renew_lock)


def progress(iterable=None, **options):
    """Show tqdm's bar while a loop runs: a widget in a notebook, text in a terminal.

    The bar goes when the loop ends. Where `TQDM_DISABLE` is set, as it is while the
    website is built, nobody watches, and there is none. (tqdm's notebook bar does not
    look at that variable itself.)

    Parameters
    ----------
    iterable : iterable, optional
        What to loop over.
    **options
        As for `tqdm.tqdm`: `desc`, `total`, `unit`, …

    Returns
    -------
    tqdm.tqdm
        Iterate over it, or call its `update`.
    """
    disable = bool(os.environ.get("TQDM_DISABLE"))
    return Bar(iterable, leave=False, disable=disable, **options)
