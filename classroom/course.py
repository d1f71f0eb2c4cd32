"""A course: the folder in which nbgrader works, and what a teacher wrote there."""

import difflib
import hashlib
import importlib
import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

from classroom.hand_ins import NOT_HANDED_IN, PATTERN

ROOT = Path(__file__).resolve().parent.parent
COURSE = ROOT / "_build" / "classroom"
TEACHING = ROOT / ".teaching"  # where `make student` puts nbgrader
WRITTEN = ".written.json"  # what each file was when `make student` wrote it
CONFIG_FILE = "nbgrader_config.py"
CONFIG = """\
from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.converters import GenerateAssignment

c = get_config()
c.ClearSolutions.code_stub = {"python": "# your code here"}
c.ClearSolutions.text_stub = "*Your answer here.*"
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {"instructor"}
c.GenerateAssignment.preprocessors = [
    TagRemovePreprocessor,
    *GenerateAssignment.class_traits()["preprocessors"].default(),
]
c.ExecutePreprocessor.timeout = 180  # seconds a cell
c.ClearHiddenTests.begin_test_delimeter = "BEGIN CHECK"
c.ClearHiddenTests.end_test_delimeter = "END CHECK"
"""


def use_nbgrader():
    """Let this process, its kernels, and its commands find nbgrader.

    Raises
    ------
    ModuleNotFoundError
        If it isn't installed.
    """
    sys.path.append(str(TEACHING))
    for name, folder in (("PYTHONPATH", TEACHING), ("PATH", TEACHING / "bin")):
        earlier = os.environ.get(name)
        os.environ[name] = os.pathsep.join(filter(None, [earlier, str(folder)]))
    importlib.import_module("nbgrader")


def settings(course):
    """Return nbgrader's settings for a course that `make student` has made."""
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader(CONFIG_FILE, path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    if "db_url" not in config.CourseDirectory:  # several processes write into it
        database = quote(str(course / "gradebook.db"), safe="/ ")
        config.CourseDirectory.db_url = f"sqlite:///{database}?timeout=60"
    return config


# What a teacher wrote ---------------------------------------------------------------


def digest(path):
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_of(course, name):
    """Return the digests of a chapter's files in both editions, by their paths."""
    return {
        path.relative_to(course).as_posix(): digest(path)
        for edition in ("source", "release")
        for path in sorted((course / edition / name).glob("**/*"))
        if path.is_file() and not set(path.parts) & set(NOT_HANDED_IN)
    }


def as_written(course):
    """Return the digests of all files as `make student` wrote them, by their paths."""
    record = course / WRITTEN
    return json.loads(record.read_text("utf-8")) if record.exists() else {}


def changed_by_hand(course, names):
    """List the files of these chapters that aren't as `make student` wrote them."""
    written = as_written(course)
    return [
        path
        for name in names
        for path, content in files_of(course, name).items()
        if written.get(path) != content
    ]


def note_what_is_written(course, name):
    """Note how this program leaves the files of a chapter."""
    written = as_written(course) | files_of(course, name)
    write_text(course / WRITTEN, json.dumps(written, indent=1))


def write_text(path, text):
    """Replace a file at once, so that it's never half-written."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, "utf-8")
    part.replace(path)


def write_config(course):
    """Write nbgrader's settings; if they were edited, leave them and say so."""
    path = course / CONFIG_FILE
    if not path.exists():
        write_text(path, CONFIG)
    elif path.read_text("utf-8") != CONFIG:
        print(f"{path} was edited, or is an older one: it stays as it is.")


def did_you_mean(name, known):
    """Return a hint at the names that there are, for one that isn't among them."""
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."


def check_course(course):
    """Refuse a folder with a name that nbgrader takes for a pattern.

    Raises
    ------
    LookupError
        If it has one.
    """
    if odd := PATTERN & set(str(course)):
        raise LookupError(
            f"nbgrader can't use the folder {course}: name one without"
            f" {' '.join(sorted(odd))}"
        )
