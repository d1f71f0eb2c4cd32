"""What a trial consists of: its accounts, its course, and its folders."""

import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from classroom.course import ROOT
from classroom.hub.exchange import hand_out

FIRST_USER = 20000  # numbers that a computer's own users seldom have
CHAPTERS = ("load", "build-and-train")
TEACHER = "teacher"


def read_trial(folder):
    """Return what was written about a trial."""
    return json.loads((Path(folder) / "accounts.json").read_text("utf-8"))


def names(n_students):
    """Return the students' names."""
    return [f"student{number:03d}" for number in range(1, n_students + 1)]


def prepare(folder, n_students, port, separate, idle_minutes=30):
    """Make a trial's folders, accounts, and course, or take up those that are there.

    Parameters
    ----------
    folder : pathlib.Path
        Where the trial keeps everything.
    n_students : int
        How many students have an account.
    port : int
        Where the hub listens, on this computer alone. 0 takes a free one.
    separate : bool
        Whether each student is a user of their own.
    idle_minutes : float
        After how many minutes without a sign of life a server is stopped.

    Returns
    -------
    dict
        `address`, `teacher`, `passwords` by name, and what the hub needs besides.

    Raises
    ------
    OSError
        If the port can't be had.
    RuntimeError
        If the course can't be made.
    """
    check_port(port)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # the students' programs pass, and don't see what is there
    modes = {"hub": 0o700, "course": 0o700, "homes": 0o711, "exchange": 0o1777}
    for name, mode in modes.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(mode)
    known = folder / "accounts.json"
    earlier = {}
    if known.exists():
        before = read_trial(folder)
        earlier = before.get("away", {}) | before["passwords"]
    # The teacher is first, so that the numbers of users don't depend on the class.
    people = [TEACHER, *names(n_students)]
    trial = {
        "address": f"http://127.0.0.1:{port or free_port()}",
        "hub_port": free_port(),
        "proxy_port": free_port(),
        "proxy_token": secrets.token_hex(32),
        "separate": separate,
        "idle_seconds": round(60 * idle_minutes),
        "teacher": TEACHER,
        "passwords": {
            name: earlier.get(name) or secrets.token_urlsafe(9) for name in people
        },
        # of those who may come back in a larger class
        "away": {name: word for name, word in earlier.items() if name not in people},
    }
    known.touch(mode=0o600)
    known.write_text(json.dumps(trial, indent=1), "utf-8")
    for number, name in enumerate(people, FIRST_USER):
        home = folder / "homes" / name
        home.mkdir(mode=0o700, exist_ok=True)
        if separate:
            os.chown(home, number, number)
    make_course(folder)
    return trial


def make_course(folder):
    """Make the editions of the trial's chapters, and hand them out, once.

    Raises
    ------
    RuntimeError
        If they can't be made; the message is that of `make student`.
    """
    course = folder / "course"
    if not (course / "gradebook.db").exists():
        command = [sys.executable, "-m", "classroom.editions", "--course", str(course)]
        made = subprocess.run(
            [*command, *CHAPTERS], cwd=ROOT, capture_output=True, text=True
        )
        if made.returncode:
            raise RuntimeError(made.stderr.strip())
    for chapter in CHAPTERS:
        hand_out(course, chapter, folder / "exchange")


def check_port(port):
    """Refuse a port that another program listens on.

    Raises
    ------
    OSError
        If it can't be had; the message says what to do.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:  # the second: no such number
            reason = getattr(error, "strerror", error)
            raise OSError(
                f"Port {port} can't be opened ({reason}). Choose another, as in:"
                " make hub PORT=8001"
            ) from None


def free_port():
    """Return the number of a port of this computer that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def user_lines(folder, people):
    """Return the lines that tell Linux about the users: of passwd, and of group."""
    numbered = list(enumerate(people, FIRST_USER))
    users = [
        f"{name}:x:{number}:{number}::{folder / 'homes' / name}:/bin/sh\n"
        for number, name in numbered
    ]
    return "".join(users), "".join(f"{name}:x:{number}:\n" for number, name in numbered)
