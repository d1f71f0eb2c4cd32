"""What nbgrader knows on the hub, for students and teachers alike.

Jupyter finds this file through `JUPYTER_CONFIG_PATH`: `jupyterhub_config.py` sets it.
"""

import os

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "mnist"
c.Exchange.root = os.environ.get("NBGRADER_EXCHANGE", "/srv/nbgrader/exchange")
# The hub has the package: its 3 MB needn't travel with each hand-out and hand-in.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "__pycache__",
    "*.pyc",
    "*.whl",
    "feedback",
]
# Where all students share one account of the computer, the hub tells them apart.
if name := os.environ.get("NBGRADER_STUDENT"):
    c.CourseDirectory.student_id = name
