"""Have notebooks show their figures, whatever the environment says of Matplotlib."""

import os
import sys

OF_NOTEBOOKS = ("inline", "ipympl", "nbagg", "notebook", "widget")


def show_figures_in_notebooks():
    """Draw into the notebook where `MPLBACKEND` names a backend that can't.

    Clusters set it to "Agg", whose figures nobody sees, and notebooks heed it: they'd
    have no figures, and no word of it. Outside a notebook, this does nothing.
    """
    named = os.environ.get("MPLBACKEND", "").lower()
    if "ipykernel" not in sys.modules or any(name in named for name in OF_NOTEBOOKS):
        return
    from IPython import get_ipython

    if (shell := get_ipython()) is not None:
        shell.run_line_magic("matplotlib", "inline")
