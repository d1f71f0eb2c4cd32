"""A class on a JupyterHub: a trial on one computer, settings for servers, a load test.

`jupyterhub_config.py` and `nbgrader_config.py` are what a server needs; the trial uses
the same files. `zero-to-jupyterhub.yaml` says the same to Kubernetes.
"""

import importlib
import os
import sys
from pathlib import Path

from classroom.course import use_nbgrader

COURSE_ID = "mnist"  # the course's name in nbgrader's exchange
FOLDER = Path(__file__).resolve().parent
HUB = FOLDER.parent.parent / ".hub"  # where `make hub` puts JupyterHub
EXCHANGE = Path("/srv/nbgrader/exchange")  # on a server


def use_hub():
    """Let this process, and those that it starts, find JupyterHub and nbgrader.

    Raises
    ------
    ModuleNotFoundError
        If one isn't installed.
    """
    use_nbgrader()
    sys.path.append(str(HUB))
    paths = [os.environ.get("PYTHONPATH"), str(HUB)]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    importlib.import_module("jupyterhub")
