"""Training on many ranks: in threads, in processes, and under MPI where it's installed.

The extra, for the tests that need it: python -m pip install -r requirements-cluster.txt
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Event

import numpy as np
import psutil
import pytest

from scratchnet.distributed import ranks
from scratchnet.distributed.data_parallel import (
    apart,
    average,
    parse,
    train,
)
from scratchnet.distributed.ranks import PIECE, command, how, in_threads, launch

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "content/beyond-one-computer/train-on-many-processors.md"
WORDS = "--images", 1024, "--epochs", 3, "--float64"

needs_mpi = pytest.mark.skipif(
    not ranks.mpiexec(), reason="MPI is in requirements-cluster.txt"
)
needs_fork = pytest.mark.skipif(
    sys.platform != "linux", reason="training in parallel needs Linux"
)
every_way = pytest.mark.parametrize(
    "way",
    [
        pytest.param("processes", marks=needs_fork),
        pytest.param("mpi", marks=needs_mpi),
    ],
)


@pytest.fixture
def started(request, monkeypatch):
    """Return `launch`, which starts ranks in the way that the test asks for."""
    if request.getfixturevalue("way") == "processes":
        monkeypatch.setattr(ranks, "mpiexec", lambda: None)
    return launch


@pytest.fixture(scope="module")
def digits():
    rng = np.random.default_rng(0)
    return rng.random((256, 784)), rng.integers(10, size=256)


def trained(data, size, *words):
    """Train in threads; return what each rank measured."""
    options = parse([*words, "--batch-size", "32", "--epochs", "2"])
    return in_threads(lambda comm: train(comm, data, options), size)


# Ranks -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 7, PIECE // 4 + 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_allreduce_adds_up_and_bcast_hands_out_arrays_of_any_size(size, n, dtype):
    def program(comm):
        own = np.full(n, comm.rank + 1, dtype)
        total, handed = np.zeros(n, dtype), own.copy()
        comm.Allreduce(own, total)
        comm.Bcast(handed, root=size - 1)
        return total, handed

    for total, handed in in_threads(program, size):
        assert (total == size * (size + 1) // 2).all() and total.dtype == dtype
        assert (handed == size).all()


def test_what_a_thread_raises_is_raised_and_ends_the_others():
    def program(comm):
        if comm.rank == 2:
            raise KeyError("no such image")
        comm.Barrier()

    with pytest.raises(KeyError, match="no such image"):
        in_threads(program, 4)


@pytest.mark.timeout(60)
def test_threads_end_where_whoever_waits_for_them_is_interrupted():
    begun, ended = Barrier(2), Event()

    def program(comm):
        begun.wait(10)
        try:
            if comm.rank == 0:
                # The main thread is told, but its wait isn't disturbed: as where the
                # signal comes a moment before that.
                signal.raise_signal(signal.SIGINT)
                comm.Barrier()
        except BrokenBarrierError:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        in_threads(program, 2)
    assert ended.wait(10)


def test_columns_are_no_message():
    with pytest.raises(ValueError, match="ranks send arrays row by row"):
        in_threads(lambda comm: average(comm, np.ones((3, 2)).T), 2)


def test_ranks_that_are_apart_are_found():
    def program(comm):
        same, other = np.ones(4), np.full(4, 1.0 + comm.rank)
        return apart(comm, same), apart(comm, other), average(comm, other)[0]

    for same, other, mean in in_threads(program, 2):
        assert same == 0
        assert np.isclose(other, np.sqrt(1 / 2))
        assert mean == 1.5


def test_it_is_said_how_ranks_are_started(monkeypatch):
    monkeypatch.setattr(ranks, "mpiexec", lambda: "/bin/mpiexec")
    assert "under MPI" in how() and "pip install" not in how()
    monkeypatch.setattr(ranks, "mpiexec", lambda: None)
    assert "pip install mpi4py mpich" in how()
    monkeypatch.setattr("sys.platform", "win32")
    assert "one rank" in how() and ranks.possible_ranks(1, 2, 4) == [1]


# The same training -----------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("--normalized",)])
@pytest.mark.parametrize("size", [2, 4])
def test_ranks_do_not_change_what_is_learned(digits, size, words):
    [one] = trained(digits, 1, *words)
    for many in trained(digits, size, *words):
        assert np.allclose(many["curve"], one["curve"], rtol=1e-9)
        assert np.allclose(many["parameters"], one["parameters"], rtol=1e-6, atol=1e-9)
        assert many["apart"] == 0
    assert one["curve"].shape == (2, 8)


@every_way
def test_processes_learn_the_same(started, way):
    curves = {size: started(size, *WORDS) for size in (1, 2, 4)}
    for run in curves.values():
        assert np.allclose(run["curve"], curves[1]["curve"], rtol=1e-9)
        assert run["apart"] == 0
        assert run["seconds"].shape == run["waited"].shape == (3, 8)
        assert (run["waited"] < run["seconds"]).all()
    assert curves[1]["curve"][-1].mean() < curves[1]["curve"][0].mean()


@needs_fork
@needs_mpi
def test_both_ways_learn_the_same(monkeypatch):
    under_mpi = launch(2, *WORDS, "--normalized")
    monkeypatch.setattr(ranks, "mpiexec", lambda: None)
    in_processes = launch(2, *WORDS, "--normalized")
    assert np.allclose(under_mpi["curve"], in_processes["curve"], rtol=1e-9)


@every_way
def test_messages_are_timed(started, way):
    timed = started(2, "--messages", 1, 100_000)
    assert timed["sizes"].tolist() == [1, 100_000]
    assert (timed["seconds"] > 0).all()


# Faults ----------------------------------------------------------------------------


@every_way
def test_a_rank_that_dies_ends_the_job_and_a_checkpoint_takes_it_up(
    started, tmp_path, way
):
    kept = "--checkpoint", tmp_path / "checkpoint.npz"
    with pytest.raises(ChildProcessError, match="ended"):
        started(2, *WORDS, *kept, "--die", "1:2")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]
    for size in (2, 4):
        shutil.copy(tmp_path / "checkpoint.npz", tmp_path / "again.npz")
        again = started(size, *WORDS, "--checkpoint", tmp_path / "again.npz")
        assert len(again["seconds"]) == 1  # of three epochs
        undisturbed = started(size, *WORDS)
        assert np.allclose(again["curve"], undisturbed["curve"], rtol=1e-9)
        for name in ("parameters", "apart"):
            assert np.allclose(again[name], undisturbed[name], rtol=1e-6, atol=1e-9)


@needs_mpi
@pytest.mark.parametrize("which", [0, 3])
def test_a_rank_that_is_killed_from_outside_takes_all_along(tmp_path, which):
    kept = tmp_path / "checkpoint.npz"
    words = "--images", 1024, "--epochs", 100_000, "--checkpoint", kept
    job = subprocess.Popen(
        command(4, *words),
        env=os.environ | {"HYDRA_LAUNCHER": "fork"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        end = time.monotonic() + 60
        while not kept.exists() and job.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert kept.exists(), job.communicate()[0] if job.poll() else "no checkpoint"
        family = psutil.Process(job.pid).children(recursive=True)
        of_ranks = sorted(
            process.pid for process in family if "mpi4py" in process.cmdline()
        )
        assert len(of_ranks) == 4
        os.kill(of_ranks[which], signal.SIGKILL)
        told, _ = job.communicate(timeout=60)
    finally:
        job.kill()
    assert job.returncode
    # Whoever notices first tells: mpiexec, or a rank that waits for the dead one.
    assert re.search("BAD TERMINATION|Fatal error", told)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    with np.load(kept) as saved:
        assert len(saved["curve"]) and np.isfinite(saved["curve"]).all()


@needs_mpi
@pytest.mark.parametrize("error", ["KeyError('no such image')", "SystemExit(3)"])
def test_a_rank_that_raises_an_error_does_not_leave_the_others_waiting(tmp_path, error):
    program = tmp_path / "program.py"
    program.write_text(
        "from mpi4py import MPI\n"
        f"if MPI.COMM_WORLD.rank == 1: raise {error}\n"
        "MPI.COMM_WORLD.Barrier()\n"
    )
    words = command(2)
    words[words.index(ranks.PROGRAM) - 1 :] = [str(program)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode
    assert "no such image" in done.stderr or "SystemExit" in error


@every_way
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--batch-size", 129), "2 ranks can't share a batch of 129 evenly"),
        (("--batch-size", 2048), "a batch of 2048 takes more than 1024 images"),
        (
            ("--rate", 1e9),
            "training diverged in epoch 1: try a lower rate",
        ),
    ],
)
def test_what_cannot_be_trained_is_told_in_a_sentence(started, way, words, message):
    with pytest.raises(Exception, match=message) as raised:
        started(2, *WORDS[:2], *words)
    assert "Traceback" not in str(raised.value)


def checkpoint(path, data, *words):
    """Train one epoch, and keep a checkpoint."""
    options = parse([*words, "--batch-size", "32", "--checkpoint", str(path)])
    return in_threads(lambda comm: train(comm, data, options), 1)


def test_a_file_that_is_no_checkpoint_of_the_network_is_named(digits, tmp_path):
    path = tmp_path / "checkpoint.npz"
    checkpoint(path, digits)
    whole = path.read_bytes()
    half = whole[: len(whole) // 2]
    for content, words in ((half, ()), (b"", ()), (whole, ("--normalized",))):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"checkpoint.npz isn't a whole check"):
            checkpoint(path, digits, *words, "--epochs", "2")


@pytest.mark.parametrize("batch_size", [16, 64])
def test_a_checkpoint_is_gone_on_with_in_batches_of_its_size(
    digits, tmp_path, batch_size
):
    path = tmp_path / "checkpoint.npz"
    checkpoint(path, digits)
    options = parse(
        ["--batch-size", str(batch_size), "--checkpoint", str(path), "--epochs", "2"]
    )
    with pytest.raises(ValueError, match="take the same images and batch size"):
        in_threads(lambda comm: train(comm, digits, options), 1)


def test_ranks_that_see_other_checkpoints_are_told(digits, tmp_path):
    checkpoint(tmp_path / "0.npz", digits)

    def program(comm):  # rank 1 sees none
        path = str(tmp_path / f"{comm.rank}.npz")
        options = parse(["--batch-size", "32", "--checkpoint", path, "--epochs", "2"])
        train(comm, digits, options)

    with pytest.raises(ValueError, match="not every rank sees the same"):
        in_threads(program, 2)


def test_a_checkpoint_is_whole_or_not_there(digits, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    checkpoint(path, digits)
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"PK")
        raise OSError("no space left")

    monkeypatch.setattr("numpy.savez", fail)
    with pytest.raises(OSError, match="no space left"):
        checkpoint(path, digits, "--epochs", "2")
    assert path.read_bytes() == before


@needs_mpi
def test_ranks_need_no_network():
    alone = ["unshare", "--net", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"]).returncode:
        pytest.skip("no network can be taken away here")
    done = subprocess.run(
        [*alone, *command(2, *WORDS)],
        env=os.environ | {"HYDRA_LAUNCHER": "fork"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch") == 3


# What a framework does -------------------------------------------------------------


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch isn't installed")
def test_the_lines_for_pytorch_give_the_same_losses_on_any_number_of_ranks(tmp_path):
    [code] = re.findall(
        r"```python\n(import numpy.*?)```", PAGE.read_text("utf-8"), re.S
    )
    seeded = "distributed.init_process_group"
    program = tmp_path / "together.py"
    program.write_text(code.replace(seeded, f"torch.manual_seed(1)\n{seeded}"))
    losses = {}
    for n_ranks in (1, 4):
        run = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        done = subprocess.run(
            [*run, "--nproc-per-node", str(n_ranks), program],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        losses[n_ranks] = [float(loss) for loss in re.findall(r": (.*)", done.stdout)]
    assert len(losses[1]) == 2 and losses[1][1] < losses[1][0]
    assert np.allclose(losses[4], losses[1], rtol=1e-3)
