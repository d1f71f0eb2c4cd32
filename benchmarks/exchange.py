"""How long two processes take to average a gradient, in three ways.

    python -m benchmarks.exchange

*Train on many processors* shows what this records. It needs the extra:

    python -m pip install -r requirements-cluster.txt
"""

import json
import sys
from importlib.metadata import version
from time import perf_counter

import numpy as np

from benchmarks.machine import processor
from scratchnet.distributed.data_parallel import new_network
from scratchnet.distributed.ranks import launch, mpiexec
from scratchnet.ladder.records import now, write_record

ROUNDS = 50


def gradient(size, k):
    """Return a gradient of the k-th round, as a worker would compute it."""
    return np.full(size, k, np.float32)


def mean(first, second):
    """Return the mean of two gradients."""
    return (first + second) / 2


def step(gradient):
    """Take the mean, as a worker would for its step."""
    return float(gradient[0])


def with_dask(size):
    """Return the seconds of each round between two workers of Dask.

    Each worker has a gradient, one of them gets both and takes the mean, and both get
    that. Nothing passes through the client but the tasks.
    """
    from distributed import Client, LocalCluster, wait

    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        workers = list(client.scheduler_info(n_workers=-1)["workers"])
        seconds = []
        for k in range(ROUNDS):
            own = [
                client.submit(gradient, size, k + place, workers=[worker], pure=False)
                for place, worker in enumerate(workers)
            ]
            wait(own)
            began = perf_counter()
            both = client.submit(mean, *own, workers=workers[:1], pure=False)
            steps = [
                client.submit(step, both, workers=[worker], pure=False)
                for worker in workers
            ]
            assert client.gather(steps) == 2 * [k + 0.5]
            seconds.append(perf_counter() - began)
    return seconds


def main():
    """Measure, and record."""
    if not mpiexec():
        sys.exit("MPI is missing: python -m pip install -r requirements-cluster.txt")
    size = new_network(None).n_parameters
    # The first of two rounds warms up; each is a median already.
    mpi = [launch(2, "--messages", size, size)["seconds"][-1] for _ in range(5)]
    dask = with_dask(size)
    record = {
        "command": "python -m benchmarks.exchange",
        "when": now(),
        "machine": processor(),
        "bytes": 4 * size,
        "mpi": {"version": version("mpich"), "seconds": float(np.median(mpi))},
        "dask": {
            "version": version("distributed"),
            "seconds": float(np.median(dask[1:])),
        },
    }
    write_record("exchange", record)
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
