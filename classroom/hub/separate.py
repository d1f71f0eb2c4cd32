"""Run the trial where each student is a Linux user, whom the computer doesn't know.

A mount namespace shows the trial its own list of users, and hides what is in folders
that only this user may enter, but for what the trial needs. A process namespace ends
all of the trial's processes with its first one. Both need the rights of root.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def why_not():
    """Tell why students can't be separate users here; empty if they can."""
    if not sys.platform.startswith("linux"):
        return "that takes Linux"
    if os.geteuid() != 0:
        return "that takes the rights of root"
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        return "that takes the programs unshare and setpriv, of util-linux"
    tried = subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True)
    return "this computer allows no namespaces" if tried.returncode else ""


def command(arguments):
    """Return the command that runs a Python module in namespaces of its own.

    If its parent dies, however suddenly, so does all that it has started.
    """
    program = (sys.executable, "-m", *map(str, arguments))
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, *program]


def set_up(folder, users, groups, needed):
    """From inside the namespaces: make the users known, open what they need.

    Parameters
    ----------
    folder : pathlib.Path
        Where the lists are written.
    users, groups : str
        Lines to add to /etc/passwd and /etc/group.
    needed : list of pathlib.Path
        Folders that the students' programs read.
    """
    for name, lines in (("passwd", users), ("group", groups)):
        extended = folder / name
        extended.write_text(Path("/etc", name).read_text("utf-8") + lines, "utf-8")
        extended.chmod(0o644)
        mount("--bind", extended, f"/etc/{name}")
    for closed in sorted({door for path in needed if (door := closed_door(path))}):
        open_door(closed, [path for path in needed if path.is_relative_to(closed)])


def closed_door(path):
    """Return the outermost folder on the way to a path that others can't pass."""
    way = [*reversed(path.parents), path]
    return next((door for door in way if not door.stat().st_mode & 0o001), None)


def open_door(closed, needed):
    """Show an empty folder in place of a closed one, with what is needed alone."""
    aside = Path("/run/aside-for-the-trial")
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    kept = {}
    for number, path in enumerate(needed):
        kept[path] = aside / str(number)
        kept[path].mkdir(parents=True)
        mount("--bind", path, kept[path])
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", closed)
    for path, copy in kept.items():
        path.mkdir(parents=True, exist_ok=True)
        mount("--bind", copy, path)
        if path.stat().st_mode & 0o001 == 0:
            raise PermissionError(f"{path} may be entered by its owner alone")


def mount(*arguments):
    """Mount something, in this namespace alone."""
    subprocess.run(["mount", *map(str, arguments)], check=True)
