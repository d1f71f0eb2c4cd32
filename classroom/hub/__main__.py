"""Try a class on one computer: `python -m classroom.hub`, or `make hub`."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import requests

from classroom.course import ROOT
from classroom.hub import HUB, separate, use_hub
from classroom.hub.trial import prepare, read_trial, user_lines

PROXY = HUB / "proxy" / "node_modules" / ".bin" / "configurable-http-proxy"


def start_proxy(trial, log):
    """Start the program that leads each student to their own server."""
    return subprocess.Popen(
        [
            *(str(PROXY), "--ip", "127.0.0.1"),
            *("--port", trial["address"].rpartition(":")[2]),
            *("--api-ip", "127.0.0.1", "--api-port", str(trial["proxy_port"])),
            *("--default-target", f"http://127.0.0.1:{trial['hub_port']}"),
            *("--log-level", "warn"),
            *("--error-target", f"http://127.0.0.1:{trial['hub_port']}/hub/error"),
        ],
        env=os.environ | {"CONFIGPROXY_AUTH_TOKEN": trial["proxy_token"]},
        stdout=log,
        stderr=log,
    )


def start_hub(folder, log):
    """Start JupyterHub."""
    config = ROOT / "classroom" / "hub" / "trial_config.py"
    path = os.pathsep.join((str(ROOT), os.environ["PYTHONPATH"]))
    return subprocess.Popen(
        [sys.executable, "-m", "jupyterhub", "--config", str(config)],
        cwd=folder / "hub",
        env=os.environ | {"PYTHONPATH": path},
        stdout=log,
        stderr=log,
    )


def run(folder):
    """Keep the proxy and the hub running, as a server's system does; never return."""
    trial = read_trial(folder)
    if trial["separate"]:
        needed = [ROOT, Path(sys.base_prefix), folder]
        separate.set_up(folder, *user_lines(folder, trial["passwords"]), needed)
    with (folder / "hub" / "log.txt").open("ab") as log:
        starts = {
            "proxy": lambda: start_proxy(trial, log),
            "hub": lambda: start_hub(folder, log),
        }
        running = {name: start() for name, start in starts.items()}
        while True:
            ended = wait_for_children()
            for name, process in running.items():
                if process.pid in ended:
                    time.sleep(1)  # rather than in a loop without end, if it can't run
                    running[name] = starts[name]()
                    if name == "proxy":  # a hub that starts tells it the servers
                        running["hub"].kill()
            time.sleep(0.2)


def wait_for_children():
    """Return the processes that ended; a server's parent may be gone before it."""
    ended = set()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.add(pid)


def end_all(folder):
    """End every process of a trial: each knows the trial's folder."""
    while processes := of_trial(folder):
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=5)


def of_trial(folder):
    """List the processes of a trial, but for this one."""
    found = []
    for process in psutil.process_iter():
        try:
            is_one = process.environ().get("TRIAL") == str(folder)
            if is_one and process.pid != os.getpid() and process.is_running():
                found.append(process)
        except psutil.Error:
            continue
    return [p for p in found if p.status() != psutil.STATUS_ZOMBIE]


class Trial:
    """A trial that runs while a `with` block does.

    Parameters
    ----------
    folder : pathlib.Path
        Where it keeps everything.
    **choices
        What `trial.prepare` takes.
    """

    def __init__(self, folder, **choices):
        self.folder = folder.resolve()
        self.why_not = separate.why_not()
        self.choices = choices

    def __enter__(self):
        """Start it; return when it answers."""
        end_all(self.folder)
        is_separate = not self.why_not
        self.trial = prepare(self.folder, separate=is_separate, **self.choices)
        module = ("classroom.hub", "--run", self.folder)
        alone = [sys.executable, "-m", *map(str, module)]
        self.process = subprocess.Popen(
            separate.command(module) if is_separate else alone,
            cwd=ROOT,
            env=os.environ | {"TRIAL": str(self.folder)},
            start_new_session=True,  # Ctrl+C is for this program, which ends it
        )
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self, seconds=90):
        """Wait until the hub answers.

        Raises
        ------
        TimeoutError
            If it doesn't; the message has the end of its log.
        """
        hub = f"http://127.0.0.1:{self.trial['hub_port']}"
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if requests.get(f"{hub}/hub/health", timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.2)
        log = self.folder / "hub" / "log.txt"
        text = log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""
        raise TimeoutError(f"The hub doesn't answer. Its log, {log}, ends:\n{text}")

    def __exit__(self, *_):
        """End it, with all that it has started."""
        self.process.kill()
        self.process.wait()
        end_all(self.folder)


@contextlib.contextmanager
def alone_in(folder):
    """Keep a folder to one trial: a second one would end the first.

    Whatever ends this program frees the folder.

    Raises
    ------
    RuntimeError
        If a trial runs there.
    """
    import fcntl  # not on Windows, where there's no hub

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lock").touch(mode=0o600)  # a student could hold what they can open
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"A hub runs in {folder} already, perhaps from another terminal. It"
                " goes on. To start it anew, first press Ctrl+C there."
            ) from None
        yield


def first_lines(trial):
    """Return what to tell whoever starts a trial."""
    known = trial.trial
    students = [name for name in known["passwords"] if name != known["teacher"]]
    lines = [f"The hub is at {known['address']}", "", "  account     password"]
    for name in [*students[:5], known["teacher"]]:
        lines.append(f"  {name}  {known['passwords'][name]}")
    if len(students) > 5:
        lines.append(f"  … and up to {students[-1]}: {trial.folder}/accounts.json")
    lines += [
        "",
        "Students find the chapters in JupyterLab's menu, Nbgrader, Assignment List.",
        "Collect what they hand in, from another terminal, and grade it:",
        f"  make collect grade COURSE={trial.folder}/course CHAPTER=load",
    ]
    if trial.why_not:
        lines += [
            "",
            f"All students are the same user of this computer ({trial.why_not}):",
            "their code can read each other's files. Let in only whom you trust.",
        ]
    return "\n".join([*lines, "", "Press Ctrl+C to stop. What was saved stays."])


def stop(number, frame):
    """End the trial; a terminal that closes may say so more than once."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments=None):
    """Start a trial, say how to use it, and run it until Ctrl+C.

    Parameters
    ----------
    arguments : list of str, optional
        The command line, by default that of the program.

    Returns
    -------
    int
        Exit status: 1 if it can't be started.
    """
    parser = argparse.ArgumentParser(prog="hub", description=__doc__)
    parser.add_argument("--students", type=int, default=8, help="accounts")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one")
    parser.add_argument("--folder", type=Path, default=ROOT / "_build" / "hub")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.students < 1:
        parser.error(f"a class has at least one student, not {options.students}")
    if sys.platform == "win32":
        print("JupyterHub needs Linux or macOS. On Windows, use WSL.", file=sys.stderr)
        return 1
    try:
        use_hub()
    except ModuleNotFoundError as error:
        print(f"{error.name} isn't installed. Run make hub.", file=sys.stderr)
        return 1
    if options.run:
        run(options.run)
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(end) != signal.SIG_IGN:  # as after nohup
            signal.signal(end, stop)
    choices = {"n_students": options.students, "port": options.port}
    try:
        with alone_in(options.folder), Trial(options.folder, **choices) as trial:
            print(first_lines(trial), flush=True)
            while trial.process.poll() is None:
                time.sleep(0.5)
    except KeyboardInterrupt:
        print("\nThe hub has stopped, with all of its servers.")
        return 0
    except (OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
