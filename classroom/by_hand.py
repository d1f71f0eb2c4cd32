"""Grade written answers by hand, in nbgrader's form: `python -m classroom.by_hand`.

The form is a page of a Jupyter server on this computer, in the folder of the course. It
shows each answer with a field for the points and one for a comment, and writes what is
typed there into the gradebook. Ctrl+C ends it.
"""

import argparse
import os
import sys
from pathlib import Path

from classroom.course import COURSE, use_nbgrader
from classroom.grading import GRADED, chapter_of, read_outcomes

FORM = "nbgrader.server_extensions.formgrader"


def open_form(course, chapter, port):
    """Serve the form, and open it in a browser, until Ctrl+C."""
    from jupyter_server.serverapp import ServerApp

    options = {
        "ServerApp.root_dir": course,
        "ServerApp.port": port,
        "ServerApp.jpserver_extensions": f"{FORM}=True",
        "ServerApp.default_url": f"/formgrader/gradebook/{chapter}/{chapter}",
        "ServerApp.allow_root": True,  # in a container, for example
        "ServerApp.answer_yes": True,  # to whether Ctrl+C is meant
        "ServerApp.log_level": "WARN",
        # A login on a page of the form would hold for the folder of that page alone.
        "IdentityProvider.cookie_options": "path=/",
    }
    os.chdir(course)  # where nbgrader looks for its settings
    server = ServerApp.instance()
    server.initialize([f"--{name}={value}" for name, value in options.items()])
    server.log.addFilter(lambda record: "Unwritable" not in record.getMessage())
    server.start()


def main(arguments=None):
    """Open the form for a chapter.

    Parameters
    ----------
    arguments : list of str, optional
        The command line, by default that of the program.

    Returns
    -------
    int
        Exit status: 1 if there's no such course or chapter, or nothing is graded yet.
    """
    parser = argparse.ArgumentParser(prog="by_hand")
    parser.add_argument("--course", type=Path, default=COURSE, help="a folder")
    parser.add_argument("--chapter", default="", help="such as load")
    parser.add_argument("--port", type=int, default=8888)
    options = parser.parse_args(arguments)
    course = options.course.expanduser().resolve()
    chapter = options.chapter.strip()
    try:
        chapter_of(course, chapter)
        outcomes = read_outcomes(course).get(chapter, {}).values()
        if not any(found["outcome"] in GRADED for found in outcomes):
            raise LookupError(f"Nothing is graded yet: make grade CHAPTER={chapter}")
        use_nbgrader()
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError:
        print("nbgrader isn't installed. Run make student.", file=sys.stderr)
        return 1
    print(f"Grade by hand in the browser. Then: make grade feedback CHAPTER={chapter}")
    open_form(course, chapter, options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
