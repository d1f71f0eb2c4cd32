"""Take the trials of a search to the workers of a Dask cluster, where there is one.

Dask is an extra: `requirements-cluster.txt`. Without it, a search runs on the cores of
this computer, and finds the same.
"""

import asyncio
import hashlib
import os
import pickle
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor

from scratchnet.tools.inputs import check_range

try:
    import dask
    from distributed import Client, WorkerPlugin, get_worker, rpc
    from distributed.versions import get_versions
except ModuleNotFoundError:
    Client, WorkerPlugin = None, object

ADDRESS = "DASK_SCHEDULER_ADDRESS"  # the name is Dask's own
# What must be the same everywhere. The scheduler only hands trials on; a worker runs
# them, with what it has installed.
PROTOCOL = ("python", "dask", "distributed", "cloudpickle")
OF_TRIALS = ("numpy", "scratchnet")


def connect(timeout=10):
    """Return a client of a Dask cluster, or None where Dask isn't installed; say which.

    Parameters
    ----------
    timeout : float, optional
        Seconds to wait for a scheduler, and then for its first worker.

    Returns
    -------
    distributed.Client or None
        Of the scheduler that `DASK_SCHEDULER_ADDRESS` names. Where that isn't set, of
        workers on this computer, one for each core, which end with the client.

    Raises
    ------
    ModuleNotFoundError
        If there's an address, but Dask isn't installed.
    ConnectionError
        If no scheduler answers there, or it has no workers.
    RuntimeError
        If the scheduler or a worker has other versions than this program.
    """
    check_range(0.1, float("inf"), timeout=timeout)
    if Client is None:
        if address := os.environ.get(ADDRESS):
            raise ModuleNotFoundError(
                f"{ADDRESS} is {address}, but Dask isn't installed here: install"
                f" requirements-cluster.txt, or unset {ADDRESS}"
            )
        print(
            f"Dask isn't installed: trials run on the {os.cpu_count()} cores of this"
            " computer.\nWith it, you could watch them, and take them to several."
        )
        return None
    if address := dask.config.get("scheduler-address", None):
        client = client_of(address, timeout)
    else:  # only this computer can open the dashboard, at a port that is free
        client = Client(
            threads_per_worker=1, dashboard_address="127.0.0.1:0", preload=__name__
        )
    n_workers = len(client.nthreads())
    print(f"Dask has workers: {n_workers}. Watch them at {client.dashboard_link}")
    return client


def dask_setup(worker):
    """Have a worker on this computer go on where a notebook is interrupted.

    The system tells the workers as well, and those that stopped wouldn't come back.
    Dask calls this in each, under this name.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def client_of(address, timeout):
    """Return a client of a running scheduler that has workers, of the same versions."""
    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook's own is in an event loop
            its = thread.submit(asyncio.run, versions_at(address, timeout)).result()
    except (OSError, ValueError):
        raise ConnectionError(
            f"no Dask scheduler answers at {address} ({ADDRESS}): start one there with"
            f" `dask scheduler`, or unset {ADDRESS} to use this computer"
        ) from None
    check_versions(f"the scheduler at {address}", its, PROTOCOL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions, which are compared here
        client = Client(address, timeout=timeout)
    try:
        client.wait_for_workers(1, timeout=timeout)
        found = client.get_versions(packages=list(OF_TRIALS))
        for worker, its in found["workers"].items():
            check_versions(f"the worker {worker}", its, PROTOCOL + OF_TRIALS)
    except TimeoutError:
        client.close()
        raise ConnectionError(
            f"the scheduler at {address} has no workers: start some with"
            f" `dask worker {address}`"
        ) from None
    except RuntimeError:
        client.close()
        raise
    return client


async def versions_at(address, timeout):
    """Return what a scheduler has installed, whatever its version is."""
    scheduler = rpc(address)
    try:
        return await asyncio.wait_for(scheduler.versions(packages=[]), timeout)
    finally:
        await scheduler.close_rpc()


def check_versions(who, its, names):
    """Raise a RuntimeError if packages there are others than in this program."""
    own = get_versions(list(OF_TRIALS))
    for name in names:
        here, there = version(own, name), version(its, name)
        if here != there:
            raise RuntimeError(
                f"{who} has {name} {there or '(none)'}, and this program has {here}:"
                " make the same environment on both"
            )


def version(side, name):
    """Return the version of a package; of Python, what its bytecode depends on."""
    number = side["packages"].get(name)
    return ".".join(number.split(".")[:2]) if name == "python" else number


class Luggage(WorkerPlugin):
    """Data that every worker of a cluster keeps, also one that starts later."""

    idempotent = True  # the scheduler sends the same only once

    def __init__(self, name, data):
        self.name, self.data = name, data


def give(client, data):
    """Send data to every worker, once; return the name under which it's kept.

    A worker that starts later, or anew, gets them before its first trial. (Dask's own
    `scatter` makes copies that its memory manager takes away after seconds, and that
    are lost with the last worker.)

    Parameters
    ----------
    client : distributed.Client
    data : object
        What can be pickled.

    Returns
    -------
    str
        The same for the same data.
    """
    name = "data-" + hashlib.sha256(pickle.dumps(data)).hexdigest()
    client.register_plugin(Luggage(name, data))
    return name


def kept(name):
    """Return, on a worker, the data that were given under a name."""
    return get_worker().plugins[name].data
