"""Have nbgrader grade one student's answers, in a process of their own.

`python -m classroom.autograde COURSE CHAPTER STUDENT` prints, as JSON, what went wrong;
an empty text if it's graded. Whatever the student's code does, it ends this process.
"""

import json
import re
import sys
from pathlib import Path

from nbconvert.preprocessors import Preprocessor
from traitlets import Bool

from classroom.course import settings, use_nbgrader
from classroom.hand_ins import COLLECTED

DIED = "its kernel died: its code ends Python, or needs more memory than there is"


class ErrorsAlone(Preprocessor):
    """Takes everything but errors out of what the checks have put out.

    nbgrader would take a value that a check shows for its points, and a warning for a
    failure. An answer can bring about both.
    """

    enabled = Bool(True).tag(config=True)

    def preprocess_cell(self, cell, resources, index):
        """Leave a check its errors."""
        mark = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and mark.get("grade") and mark.get("locked"):
            cell.outputs = [o for o in cell.outputs if o.output_type == "error"]
        return cell, resources


def autograde(course, chapter, student):
    """Run a hand-in and its checks, and enter the points into the gradebook.

    Returns
    -------
    str
        What went wrong, or nothing.
    """
    from nbgrader.apps import NbGraderAPI
    from nbgrader.converters import Autograde
    from nbgrader.preprocessors import Execute

    config = settings(course)
    config.CourseDirectory.submitted_directory = COLLECTED
    steps = list(Autograde(config=config).autograde_preprocessors)
    steps.insert(steps.index(Execute) + 1, ErrorsAlone)
    config.Autograde.autograde_preprocessors = steps
    api = NbGraderAPI(config=config)
    result = api.autograde(chapter, student)
    if result["success"]:
        return ""
    log = result.get("log", "") + result.get("error", "")
    if "DeadKernelError" in log:
        return DIED
    errors = re.findall(r"^[\w.]*(?:Error|Exception|Interrupt)\b.*", log, re.MULTILINE)
    return f"nbgrader: {errors[0] if errors else log.strip()[-200:]}"


if __name__ == "__main__":
    use_nbgrader()
    course, chapter, student = sys.argv[1:]
    print("\n" + json.dumps(autograde(Path(course), chapter, student)))
