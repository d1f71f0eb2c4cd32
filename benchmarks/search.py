"""How long a search as in *Tune what is left* takes on 1, 2, and 4 Dask workers.

Scheduler, client, and workers are processes that each have a network of their own,
whose bytes the system counts. They share this computer's cores. That needs Linux, root,
and what is in `requirements-cluster.txt`. What comes out is recorded for the page:

    python -m benchmarks.search
"""

import os
import platform
from importlib.metadata import version
from statistics import median

from benchmarks.machine import processor
from benchmarks.searching.cluster import client, cluster, networks, result_of
from benchmarks.timing.worker import Quiet, usable_cores
from scratchnet.ladder.records import write_record

WORKERS = (1, 2, 4)
TRIALS = "--trials=60"
PATIENCE = 60  # seconds in all to wait until other programs are idle
ROUNDS = 7


def on_workers(n_workers):
    """Search on a cluster; return what came out, and what each worker received."""
    with networks(2 + n_workers) as network, cluster(n_workers, network) as started:
        result = result_of(started.client(TRIALS))
        hosts = range(2, 2 + n_workers)
        return result | {"received": [network.received(host) for host in hosts]}


def in_threads():
    """Search as where Dask isn't installed."""
    return result_of(client("--plain", TRIALS))


def summary(results):
    """Return what to record: the median round, and each."""
    seconds = [result["seconds"] for result in results]
    received = results[0].get("received")
    return {"seconds": median(seconds), "each": seconds, "received": received}


def main():
    """Measure in turn, compare the tables, and record."""
    ways = {"threads": []} | {str(n): [] for n in WORKERS}
    quiet = Quiet(PATIENCE)
    for _ in range(ROUNDS):
        quiet.wait()
        ways["threads"].append(in_threads())
        for n_workers in WORKERS:
            quiet.wait()
            ways[str(n_workers)].append(on_workers(n_workers))
            print(n_workers, f"{ways[str(n_workers)][-1]['seconds']:.1f} s", flush=True)
    tables = [result["table"] for results in ways.values() for result in results]
    record = {
        "command": "python -m benchmarks.search",
        "machine": {
            "processor": processor(),
            "cores": usable_cores(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "distributed": version("distributed"),
            "numpy": version("numpy"),
            "openblas": {k: v for k, v in os.environ.items() if "OPENBLAS" in k},
        },
        "trials": len(tables[0]),
        "identical": all(table == tables[0] for table in tables),
        "ways": {name: summary(results) for name, results in ways.items()},
    }
    write_record("search", record)


if __name__ == "__main__":
    main()
