"""A Dask scheduler and its workers as processes of their own.

On Linux, root can give each a network of its own, as if it were another computer: the
only way between them is a bridge, and the system counts the bytes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

PATIENCE = 60  # seconds until a process must be ready


class Network:
    """Network namespaces on one bridge: computers for programs to run on.

    Parameters
    ----------
    n_hosts : int
        How many.
    """

    def __init__(self, n_hosts):
        prefix = f"search-{os.getpid()}"
        self.bridge = f"{prefix}-bridge"
        self.names = [f"{prefix}-{host}" for host in range(n_hosts)]

    def make(self):
        """Have the system make them."""
        run(f"ip netns add {self.bridge}")
        run(f"ip -n {self.bridge} link add bridge type bridge")
        run(f"ip -n {self.bridge} link set bridge up")
        for host, name in enumerate(self.names):
            there = f"name to{host} netns {self.bridge}"
            run(f"ip netns add {name}")
            run(f"ip -n {name} link add net type veth peer {there}")
            run(f"ip -n {self.bridge} link set to{host} master bridge up")
            run(f"ip -n {name} address add {self.address(host)}/24 dev net")
            run(f"ip -n {name} link set lo up")
            run(f"ip -n {name} link set net up")

    def remove(self):
        """Remove those that were made."""
        for name in (self.bridge, *self.names):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    def address(self, host):
        """Return the address of a host."""
        return f"10.99.0.{host + 1}"

    def on(self, host):
        """Return what has a command run on a host."""
        return ["ip", "netns", "exec", self.names[host]]

    def received(self, host):
        """Return how many bytes have reached a host."""
        counter = "/sys/class/net/net/statistics/rx_bytes"
        return int(run("cat", counter, on=self.on(host)))


class Here:
    """The network that this computer has, which anyone may use."""

    def address(self, host):
        """Return the address of this computer, whichever host it stands for."""
        return "127.0.0.1"

    def on(self, host):
        """Return what has a command run here: nothing."""
        return []


@contextmanager
def networks(n_hosts):
    """Make networks, and remove them in the end."""
    network = Network(n_hosts)
    try:
        network.make()
        yield network
    finally:
        network.remove()


class Cluster:
    """A scheduler, which is host 0, the client's host 1, and workers on further hosts.

    Parameters
    ----------
    stack : contextlib.ExitStack
        Ends its processes.
    network : Network or Here
    nanny : bool, optional
        Whether each worker has a process beside it that starts it anew if it dies.
    options : tuple of str, optional
        More options for the scheduler.
    """

    def __init__(self, stack, network, nanny=False, options=()):
        self.stack, self.network = stack, network
        self.nanny = "--nanny" if nanny else "--no-nanny"
        self.folder = stack.enter_context(tempfile.TemporaryDirectory())
        file = Path(self.folder, "scheduler.json")
        self.start(0, "scheduler", "--port=0", f"--scheduler-file={file}", *options)
        wait_until(lambda: file.exists() and file.read_text())
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self, host, *options):
        """Start a worker on a host; return its process once the scheduler has it."""
        options = "--nthreads=1", f"--local-directory={self.folder}", *options
        worker = self.start(host, "worker", self.address, self.nanny, *options)
        log = Path(self.folder, f"worker-{host}.log")
        wait_until(lambda: "Registered to" in log.read_text())
        return worker

    def start(self, host, program, *options):
        """Start a program of Dask on a host; return its process."""
        command = [
            *(*self.network.on(host), sys.executable, "-m"),
            *(f"distributed.cli.dask_{program}", "--no-dashboard"),
            *(f"--host={self.network.address(host)}", *options),
        ]
        with Path(self.folder, f"{program}-{host}.log").open("a") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self.stack.callback(end, process)
        return process

    def client(self, *options):
        """Start the page's search on the client's host; return its process."""
        on = self.network.on(1)
        return client(*options, on=on, DASK_SCHEDULER_ADDRESS=self.address)


@contextmanager
def cluster(n_workers, network, **options):
    """Start a scheduler and workers, and end them in the end."""
    with ExitStack() as stack:
        started = Cluster(stack, network, **options)
        started.workers = [started.start_worker(2 + i) for i in range(n_workers)]
        yield started


def client(*options, on=(), **variables):
    """Start the page's search as a program; return its process."""
    return subprocess.Popen(
        [*on, sys.executable, "-m", "benchmarks.searching.client", *options],
        cwd=Path(__file__).parents[2],
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(process):
    """Return what a search found, once it has ended well."""
    out, errors = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError(f"the search ended with {process.returncode}:\n{errors}")
    return json.loads(out.splitlines()[-1])


def may_make_networks():
    """Tell whether this system lets this user make network namespaces."""
    try:
        with networks(1):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def run(*words, on=()):
    """Run a command, given as a line or as words; return what it prints."""
    words = words[0].split() if len(words) == 1 else words
    return subprocess.run(
        [*on, *words], check=True, capture_output=True, text=True
    ).stdout


def end(process):
    """Have a process end, and wait until it has."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(ready):
    """Wait until a function returns something true."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE} s")
        time.sleep(0.05)
