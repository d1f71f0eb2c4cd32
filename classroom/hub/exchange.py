"""Hand out, collect, and give back on a hub, through nbgrader's exchange.

    python -m classroom.hub.exchange hand-out --course COURSE --chapter load
    python -m classroom.hub.exchange collect --course COURSE --chapter load
    python -m classroom.hub.exchange feedback --course COURSE --chapter load

nbgrader's own `collect` stops at the first hand-in that it can't copy. Here each is
collected by itself, and whatever is wrong with one is named.
"""

import argparse
import os
import shutil
import stat
import sys
from pathlib import Path

from classroom.course import COURSE, settings, use_nbgrader
from classroom.grading import GRADED, chapter_of, read_outcomes
from classroom.hub import COURSE_ID, EXCHANGE

MAX_SIZE = 100_000_000  # bytes of a hand-in
STAMP = "timestamp.txt"  # when it was handed in, as nbgrader notes it


def api_of(course, exchange):
    """Return nbgrader, set up for a course and an exchange."""
    from nbgrader.apps import NbGraderAPI

    config = settings(course)
    config.CourseDirectory.course_id = COURSE_ID
    config.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.whl"]
    config.Exchange.root = str(exchange)
    return NbGraderAPI(config=config)


def hand_out(course, chapter, exchange):
    """Put a chapter where students fetch it.

    Raises
    ------
    RuntimeError
        If nbgrader can't; the message is nbgrader's.
    """
    use_nbgrader()
    result = api_of(course, exchange).release_assignment(chapter)
    if not result["success"] and "already exists" not in result["log"]:
        raise RuntimeError(f"{chapter}: {result.get('error') or result['log']}")


def give_back(course, chapter, exchange):
    """Put the feedback of `make feedback` where each student can fetch their own.

    Returns
    -------
    dict of str
        What became of it, by the names of the students who are graded.

    Raises
    ------
    LookupError
        If nobody is graded.
    """
    use_nbgrader()
    api, outcomes = api_of(course, exchange), {}
    for name, found in read_outcomes(course).get(chapter, {}).items():
        if found["outcome"] in GRADED:
            outcomes[name] = give_back_one(api, course, chapter, name)
    if not outcomes:
        raise LookupError(f"Nothing is graded yet: make grade CHAPTER={chapter}")
    return outcomes


def give_back_one(api, course, chapter, name):
    """Put a student's page into the exchange; return what became of it.

    nbgrader finds it with what came with the hand-in. Asked for all students at once,
    it would stop at the first whose hand-in didn't come through the exchange.
    """
    folder = course / "feedback" / name / chapter
    needed = (f"{chapter}.html", STAMP, "submission_secret.txt")
    if missing := [file for file in needed if not (folder / file).exists()]:
        return f"not given back: there's no {missing[0]} in {folder}"
    result = api.release_feedback(chapter, name)
    if result["success"]:
        return "given back"
    log = result.get("error") or result["log"]
    return f"not given back: {log.strip().splitlines()[-1]}"


# Collecting -------------------------------------------------------------------------


def handed_in(exchange, chapter):
    """List what was handed in for a chapter, by the students' names, oldest first.

    nbgrader names a hand-in NAME+CHAPTER+TIME+RANDOM. On Kubernetes, each student's
    are in a folder of their own, which has their name.

    Raises
    ------
    LookupError
        If there's no such exchange; the message says what to do.
    """
    inbound = exchange / COURSE_ID / "inbound"
    if not inbound.is_dir():
        raise LookupError(
            f"Nothing was handed out in {exchange}. Hand out a chapter first, or name"
            " another exchange with --exchange."
        )
    found = {}
    for path in inbound.iterdir():
        if f"+{chapter}+" in path.name:
            name = path.name.rsplit("+", 3)[0]
            found.setdefault(name, []).append(path)
        elif path.is_dir() and not path.is_symlink() and "+" not in path.name:
            found.setdefault(path.name, []).extend(path.glob(f"*+{chapter}+*"))
    return {name: sorted(paths, key=when) for name, paths in found.items() if paths}


def when(path):
    """Return the part of a hand-in's name that tells when it was made."""
    return path.name.rsplit("+", 2)[-2]


def owner_of(path):
    """Return the name of a path's owner; its number where it has no name here."""
    import pwd  # not on Windows, where there's no hub

    number = path.lstat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def is_own(path, name):
    """Tell whether a hand-in may be the student's: nobody else's name is on it."""
    owner = owner_of(path)
    return owner == name or owner.isdigit() or path.lstat().st_uid == os.geteuid()


def what_is_odd(folder):
    """Tell why a hand-in can't be copied; nothing if it can.

    A link could have the teacher copy a file that the student may not read.
    """
    if folder.is_symlink() or not folder.is_dir():
        return "it's no folder"
    size = 0
    for path in folder.rglob("*"):
        status = path.lstat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            return f"{path.relative_to(folder)} is a link, or no file"
        size += status.st_size
    return f"it has {size:,} bytes" if size > MAX_SIZE else ""


def collect_one(course, chapter, name, paths):
    """Copy a student's last hand-in into the course.

    Parameters
    ----------
    course : pathlib.Path
        The folder of the course.
    chapter, name : str
        Such as "load" and "ann".
    paths : list of pathlib.Path
        What is there under this name, oldest first.

    Returns
    -------
    str
        What became of it.
    """
    own = [path for path in paths if is_own(path, name)]
    notes = [
        f"{path.name} is from {owner_of(path)}" for path in paths if path not in own
    ]
    if len({path.lstat().st_uid for path in own}) > 1:
        return f"not collected: several accounts handed in as {name}"
    if not own:
        return "; ".join(["not collected", *notes])
    last = own[-1]
    if odd := what_is_odd(last):
        return f"not collected: {odd}"
    target = course / "submitted" / name / chapter
    part = target.with_name(f".{chapter}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(last, part, symlinks=True)
    # In the exchange, it's open to all; the copy is for whoever has the course, who
    # isn't root, since grading runs what students wrote.
    part.chmod(0o700)
    if os.geteuid() == 0:
        shutil.chown(part, course.stat().st_uid, course.stat().st_gid)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    if len(own) > 1:
        notes.append(f"the last of {len(own)}")
    return "; ".join(["collected", *notes])


def collect(course, chapter, exchange):
    """Collect each student's last hand-in, once.

    Returns
    -------
    dict of str
        What became of it, by the students' names.
    """
    outcomes = {}
    for name, paths in sorted(handed_in(exchange, chapter).items()):
        try:
            outcomes[name] = collect_one(course, chapter, name, paths)
        except OSError as error:
            outcomes[name] = f"not collected: {error.strerror or error}"
    return outcomes


def main(arguments=None):
    """Hand out, collect, or give back a chapter.

    Parameters
    ----------
    arguments : list of str, optional
        The command line, by default that of the program.

    Returns
    -------
    int
        Exit status: 1 if the course, the chapter, or the exchange isn't there,
        nbgrader can't, or a page isn't given back.
    """
    parser = argparse.ArgumentParser(prog="exchange", description=__doc__)
    parser.add_argument("command", choices=["hand-out", "collect", "feedback"])
    parser.add_argument("--course", type=Path, default=COURSE, help="a folder")
    parser.add_argument("--chapter", default="", help="such as load")
    parser.add_argument("--exchange", type=Path, help="a folder")
    options = parser.parse_args(arguments)
    course = options.course.expanduser().resolve()
    beside = course.parent / "exchange"  # as in a trial
    exchange = options.exchange or (beside if beside.is_dir() else EXCHANGE)
    try:
        chapter_of(course, options.chapter)
        if options.command == "hand-out":
            hand_out(course, options.chapter, exchange)
            return 0
        does_collect = options.command == "collect"
        action = collect if does_collect else give_back
        outcomes = action(course, options.chapter, exchange)
    except (LookupError, OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    for name, outcome in outcomes.items():
        print(f"{name}  {outcome}")
    done = "collected" if does_collect else "given back"
    n = sum(outcome.startswith(done) for outcome in outcomes.values())
    print(f"{n} of {len(outcomes)} are {done}.")
    return 0 if does_collect or n == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
