"""One computer serves MNIST to thirty, as in a room without a network."""

import hashlib
import re
import socket
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import takewhile
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from classroom import serve_data
from scratchnet.mnist import FILES, download, fetch, fetch_file, practice

ROOT = Path(__file__).parent.parent
N_LAPTOPS = 30


@pytest.fixture(scope="module")
def server():
    """Start the server in a process of its own; return its address."""
    if practice.is_chosen():
        pytest.skip("practice digits are not served")
    command = [sys.executable, "-u", "-m", "classroom.serve_data"]
    with subprocess.Popen(
        [*command, "--bind", "127.0.0.1", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        try:
            lines = takewhile(lambda line: not line.startswith("Press"), process.stdout)
            (address,) = re.findall(r"make lab MNIST_SOURCE=(\S+)", "".join(lines))
            yield address
        finally:
            process.terminate()


@pytest.fixture(autouse=True)
def no_other_source(monkeypatch):
    monkeypatch.setattr(fetch, "MIRRORS", ())
    monkeypatch.setattr(download, "BACK_OFF", 0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_thirty_laptops_at_once_get_all_files_right(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", server)
    start = threading.Barrier(N_LAPTOPS, timeout=60)

    def laptop(number):
        start.wait()
        return [fetch_file(key, tmp_path / str(number)) for key in FILES]

    with ThreadPoolExecutor(N_LAPTOPS) as room:
        results = list(room.map(laptop, range(N_LAPTOPS)))

    for number, fetched in enumerate(results):
        for (path, source), file in zip(fetched, FILES.values(), strict=True):
            assert source == server
            assert path == tmp_path / str(number) / file.name
            assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def test_the_server_lets_a_whole_room_wait_in_line(monkeypatch):
    # Nobody serves here: each caller is let in by the system, or turned away.
    with serve_data.RoomServer(("127.0.0.1", 0), None) as server:
        callers = [socket.socket() for _ in range(N_LAPTOPS)]
        try:
            for caller in callers:
                caller.settimeout(0.5)
                caller.connect(server.server_address)
        finally:
            for caller in callers:
                caller.close()


@pytest.mark.parametrize("path", ["", "_toc.yml", "../_toc.yml", ".gitignore"])
def test_nothing_but_the_four_files_is_served(server, path):
    request = requests.Request("GET", server).prepare()
    request.url = f"{server}/{path}"  # as it is: Requests would resolve the dots
    answer = requests.Session().send(request)

    assert answer.status_code == 404
    assert "Only the four files of MNIST are here.<" in answer.text


def test_a_laptop_that_goes_away_leaves_no_traceback(server, capsys):
    paths = {file.name: fetch_file(key)[0] for key, file in FILES.items()}
    handler = partial(serve_data.MnistHandler, paths)
    name = FILES["training_images"].name
    with serve_data.RoomServer(("127.0.0.1", 0), handler) as room:
        room.daemon_threads = False  # so that the end waits for the answer's thread
        with socket.create_connection(room.server_address) as caller:
            caller.sendall(f"GET /{name} HTTP/1.0\r\n\r\n".encode())
            room.handle_request()
            assert caller.recv(9) == b"HTTP/1.0 "
            hard = struct.pack("ii", 1, 0)  # no farewell: as a lid that closes
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)

    assert "Traceback" not in capsys.readouterr().err


def test_a_taken_port_is_explained(server, capsys):
    port = server.rpartition(":")[2]

    assert serve_data.main(["--bind", "127.0.0.1", "--port", port]) == 1
    assert f"Port {port} on 127.0.0.1 can't be opened" in capsys.readouterr().err


def test_without_the_files_nothing_is_served(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fetch, "cache_folder", lambda: tmp_path)
    monkeypatch.delenv("MNIST_SOURCE", raising=False)

    assert serve_data.main(["--bind", "127.0.0.1", "--port", "0"]) == 1
    assert "could not be had" in capsys.readouterr().err


def test_every_address_of_this_computer_is_named(monkeypatch):
    def card(family, address):
        return SimpleNamespace(family=family, address=address)

    cards = {
        "lo": [card(socket.AF_INET, "127.0.0.1")],
        "wifi": [card(socket.AF_INET, "192.168.0.2"), card(socket.AF_INET6, "fe80::1")],
        "cable": [card(socket.AF_INET, "10.0.0.7")],
    }
    monkeypatch.setattr(serve_data.psutil, "net_if_addrs", lambda: cards)

    assert serve_data.addresses() == ["192.168.0.2", "10.0.0.7"]


def test_practice_digits_are_not_served(monkeypatch, capsys):
    monkeypatch.setenv("MNIST_SOURCE", "practice")

    assert serve_data.main(["--bind", "127.0.0.1", "--port", "0"]) == 1
    assert "each laptop draws its own" in capsys.readouterr().err
