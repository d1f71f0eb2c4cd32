"""A search on a Dask cluster finds what the page's own loop finds.

Dask is in `requirements-cluster.txt`; without it, most of these tests are skipped, and
say so. The search is the page's: its cells run as a program, against a scheduler and
workers that are processes of their own.
"""

import os
import re
import signal
import socket
import time
from contextlib import contextmanager, nullcontext
from functools import cache

import numpy as np
import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from benchmarks.searching.client import PAGE, cells_before
from benchmarks.searching.cluster import (
    Here,
    client,
    cluster,
    may_make_networks,
    networks,
    result_of,
    wait_until,
)
from scratchnet.distributed import search

needs_dask = pytest.mark.skipif(
    search.Client is None, reason="needs what is in requirements-cluster.txt"
)
SOME = "--trials=6"
IMAGES = 20_000 * 785  # bytes that a worker needs: pixels and labels
OTHER_VERSION = """
from distributed import versions


def found(names, here=versions.get_package_info):
    return here(names) | {{"{name}": "1.2.3"}}


versions.get_package_info = found
"""


@cache
def plain():
    """Return the table of the page's own loop."""
    return result_of(client("--plain", SOME))["table"]


def started_children(process):
    """Wait until a search has begun; return the processes that it has started."""
    while process.stdout.readline() != "started\n":
        assert process.poll() is None, process.stderr.read()
    return psutil.Process(process.pid).children(recursive=True)


@contextmanager
def connected(started):
    """Look at a cluster from the tests' own process."""
    with search.Client(started.address, set_as_default=False) as own:
        yield own


def at_work(own):
    """Return the workers that have trials to run."""
    return [worker for worker, trials in own.processing().items() if trials]


def n_tasks(own):
    """Return how many trials a scheduler has to care for."""
    return own.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))


# The same, wherever it runs ---------------------------------------------------------


@needs_dask
@pytest.mark.parametrize("n_workers", [1, 4])
def test_any_number_of_workers_gives_the_same_and_gets_the_images_once(n_workers):
    separate = may_make_networks()
    network = networks(2 + n_workers) if separate else nullcontext(Here())
    with network as hosts, cluster(n_workers, hosts) as started:
        assert result_of(started.client(SOME))["table"] == plain()
        for host in range(2, 2 + n_workers) if separate else ():
            assert IMAGES < hosts.received(host) < 1.1 * IMAGES


@needs_dask
def test_without_an_address_this_computer_has_workers_which_end_with_the_search():
    process = client(SOME)
    processes = started_children(process)
    assert len(processes) >= os.cpu_count()
    assert result_of(process)["table"] == plain()
    wait_until(lambda: not any(map(psutil.Process.is_running, processes)))


@needs_dask
def test_the_same_data_are_sent_once_to_those_who_are_there_and_who_come():
    def kept(dask_worker):
        return {k: id(p) for k, p in dask_worker.plugins.items() if "data-" in k}

    data = np.arange(10)
    with cluster(1, Here()) as started, connected(started) as own:
        name = search.give(own, data)
        before = own.run(kept)
        assert search.give(own, data.copy()) == name
        assert own.run(kept) == before
        assert search.give(own, data + 1) != name
        started.start_worker(3)
        total = own.map(lambda n: search.kept(name).sum() + n, range(4))
        assert own.gather(total) == [45, 46, 47, 48]
        assert [len(names) for names in own.run(kept).values()] == [2, 2]


# Faults -----------------------------------------------------------------------------


@needs_dask
def test_a_worker_that_dies_in_mid_search_loses_no_trial():
    with cluster(2, Here()) as started, connected(started) as own:
        process = started.client(SOME)
        wait_until(lambda: len(at_work(own)) == 2)
        started.workers[0].kill()
        assert process.poll() is None
        assert result_of(process)["table"] == plain()
        assert len(own.scheduler_info()["workers"]) == 1


@needs_dask
def test_the_only_worker_starts_anew_and_gets_the_images_again():
    with cluster(1, Here(), nanny=True) as started, connected(started) as own:
        process = started.client(SOME)
        wait_until(lambda: at_work(own))
        [pid] = own.run(os.getpid).values()
        os.kill(pid, signal.SIGKILL)
        assert process.poll() is None
        assert result_of(process)["table"] == plain()
        assert list(own.run(os.getpid).values()) != [pid]


@needs_dask
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_search_that_is_ended_leaves_no_process_behind(how):
    process = client()
    processes = started_children(process)
    assert len(processes) >= os.cpu_count()
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode
    wait_until(lambda: not any(map(psutil.Process.is_running, processes)))


@needs_dask
def test_a_notebook_that_is_interrupted_searches_again_and_ends_with_its_workers():
    manager, kernel = start_new_kernel(kernel_name="python3")

    def run(source):
        reply = kernel.execute_interactive(
            source, timeout=60, output_hook=lambda _: None, stop_on_error=False
        )
        assert reply["content"]["status"] == "ok", reply["content"]

    try:
        for source in cells_before("## Search"):
            run(source)
        processes = psutil.Process(manager.provisioner.pid).children(recursive=True)
        assert len(processes) >= os.cpu_count()
        kernel.execute("run_all(draw(100, 500))", stop_on_error=False)
        time.sleep(1)
        manager.interrupt_kernel()  # its workers hear of it, too
        reply = kernel.get_shell_msg(timeout=60)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        run("assert len(run_all(random[:2])) == 2")
    finally:
        manager.shutdown_kernel(now=True)
    wait_until(lambda: not any(map(psutil.Process.is_running, processes)))


@needs_dask
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_search_that_is_ended_leaves_nothing_to_do_to_a_cluster(how):
    with cluster(1, Here()) as started, connected(started) as own:
        process = started.client()
        wait_until(lambda: at_work(own))
        process.send_signal(how)
        process.communicate(timeout=60)
        wait_until(lambda: not n_tasks(own))
        assert own.submit(len, "abc").result(timeout=60) == 3


# Clear words ------------------------------------------------------------------------


@pytest.fixture
def address(monkeypatch):
    """Return a function that has a search look for a scheduler at an address."""

    def look_at(address):
        monkeypatch.setenv(search.ADDRESS, address)
        if search.Client is not None:
            import dask

            monkeypatch.setitem(dask.config.config, "scheduler-address", address)

    return look_at


@needs_dask
@pytest.mark.parametrize("says", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_scheduler_is_said_in_a_sentence(address, says):
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        address(where)
        if says is None:
            server.close()  # nobody is there
        with pytest.raises(ConnectionError, match=f"no Dask scheduler .* {where}"):
            search.connect(timeout=2)


@needs_dask
@pytest.mark.parametrize("where", ["nonsense://x", "no-such-host.invalid:8786", ":::"])
def test_what_is_no_address_is_said_in_a_sentence(address, where):
    address(where)
    with pytest.raises(ConnectionError, match="no Dask scheduler answers at"):
        search.connect(timeout=2)


@needs_dask
def test_a_scheduler_without_workers_is_said_in_a_sentence(address):
    with cluster(0, Here()) as started:
        address(started.address)
        with pytest.raises(ConnectionError, match=f"`dask worker {started.address}`"):
            search.connect(timeout=1)


@needs_dask
def test_another_version_of_the_scheduler_is_said_in_a_sentence(address, tmp_path):
    preload = tmp_path / "other.py"
    preload.write_text(OTHER_VERSION.format(name="distributed"))
    with cluster(0, Here(), options=(f"--preload={preload}",)) as started:
        address(started.address)
        with pytest.raises(RuntimeError, match=r"scheduler at .* distributed 1\.2\.3"):
            search.connect()


@needs_dask
def test_another_version_of_a_worker_is_said_in_a_sentence(address, tmp_path):
    preload = tmp_path / "other.py"
    preload.write_text(OTHER_VERSION.format(name="numpy"))
    with cluster(1, Here()) as started:
        started.start_worker(3, f"--preload={preload}")
        address(started.address)
        with pytest.raises(RuntimeError, match=r"the worker .* has numpy 1\.2\.3, and"):
            search.connect()


def test_without_dask_the_search_stays_here_and_says_so(monkeypatch, capsys):
    monkeypatch.setattr(search, "Client", None)
    monkeypatch.delenv(search.ADDRESS, raising=False)
    assert search.connect() is None
    assert f"{os.cpu_count()} cores of this computer" in capsys.readouterr().out


def test_an_address_without_dask_is_refused(address, monkeypatch):
    address("tcp://192.168.0.2:8786")
    monkeypatch.setattr(search, "Client", None)
    with pytest.raises(ModuleNotFoundError, match="Dask isn't installed here: install"):
        search.connect()


# Optuna, as the page shows it -------------------------------------------------------


def example(page):
    """Run the page's example of Optuna; return the namespace."""
    pytest.importorskip("optuna").logging.set_verbosity(30)  # warnings
    [code] = re.findall(r"^```python\n(.+?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    exec(code, page)
    return page


def formula():
    """Return a namespace in which a trial is a formula, which takes no time."""
    return {
        "RATES": (0.001, 3),
        "WIDTHS": (16, 256),
        "data": None,
        "validation": None,
        "run": lambda setting, data: setting,
        "error": lambda s, part: np.log(s["learning_rate"] / 0.3) ** 2 + 9 / s["width"],
    }


def tried(study):
    return [trial.params for trial in study.trials]


def test_one_after_the_other_optuna_tries_the_same_settings():
    first, second = (tried(example(formula())["study"]) for _ in range(2))
    assert first == second
    assert len(first) == 15


def test_two_at_once_optuna_tries_others():
    alone = example(formula())
    study = alone["optuna"].create_study(sampler=type(alone["study"].sampler)(seed=1))
    while len(study.trials) < 15:
        pair = [study.ask(), study.ask()]  # both are chosen before either has ended
        results = [alone["objective"](trial) for trial in pair]
        for trial, result in zip(pair, results, strict=True):
            study.tell(trial, result)
    assert tried(study)[:10] == tried(alone["study"])[:10]  # it begins at random
    assert tried(study)[10:15] != tried(alone["study"])[10:]


def test_optuna_trains_the_networks_of_the_page(monkeypatch):
    monkeypatch.setattr(search, "Client", None)
    monkeypatch.delenv(search.ADDRESS, raising=False)
    page = {"__name__": "__main__"}
    for source in cells_before("## Search"):
        exec(source, page)
    optuna = pytest.importorskip("optuna")
    optimize = optuna.Study.optimize

    def few(study, objective, n_trials):
        optimize(study, objective, n_trials=2)

    monkeypatch.setattr(optuna.Study, "optimize", few)
    study = example(page)["study"]
    assert 0 < study.best_value < 100
    assert len(study.trials) == 2
