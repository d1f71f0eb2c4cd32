"""Every way that a source of MNIST can fail, on a real local server, and what follows.

Most tests fetch the test labels: of the four files the smallest.
"""

import gzip
import hashlib
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import faulty_server as answers
import numpy as np
import pytest
from faulty_server import FaultyServer, good, status

import scratchnet
from scratchnet.mnist import (
    FILES,
    MnistUnavailableError,
    download,
    fetch,
    fetch_file,
    keeping,
    load_mnist,
    practice,
)

LABELS = FILES["test_labels"].name
ALL_FAULTS = {
    # What the server does, the reason that the reader is told, how often it is tried.
    "status 403": (status(403), "HTTP status 403", 1),
    "status 404": (status(404), "HTTP status 404", 1),
    "login page": (answers.login_page, "an HTML page where a gzip file was exp", 1),
    "redirect to login page": (answers.redirect_to_login_page, "an HTML page where", 1),
    "redirect to itself": (answers.redirect_to_itself, "Exceeded 30 redirects", 1),
    "plain text": (answers.plain_text, "not a file of MNIST, 5 bytes, SHA-256 2c", 1),
    "empty body": (answers.empty, "not a file of MNIST, 0 bytes", 1),
    "length unclear": (answers.length_given_twice, "invalid literal.*4542, 4542", 1),
    "status 500": (status(500), "HTTP status 500", 3),
    "status 503": (status(503), "HTTP status 503", 3),
    "status 429": (status(429), "HTTP status 429", 3),
    "cut short": (answers.cut_short, "IncompleteRead.*2271 bytes read, 2271 more", 3),
    "cut short, no length": (
        answers.cut_short_without_length,
        "a damaged gzip file, 2,271 bytes",
        3,
    ),
    "byte flipped": (
        answers.byte_flipped,
        "a damaged gzip file, 4,542 bytes, SHA-256 .* where f7ae60f92e00… is published",
        3,
    ),
    "stalled": (answers.stalled, "timed out", 3),
    "silent": (answers.silent, "timed out", 3),
    "hang up": (answers.hang_up, "RemoteDisconnected: Remote end closed", 3),
}
PASSING_FAULTS = {name: fault for name, fault in ALL_FAULTS.items() if fault[2] == 3}
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


def faults(selection, *parts):
    rows = [[fault[part] for part in parts] for fault in selection.values()]
    names = ["answer", "reason", "attempts"]
    return pytest.mark.parametrize(
        [names[part] for part in parts], rows, ids=selection, indirect=["answer"]
    )


@pytest.fixture(scope="session")
def real():
    """Return the content of the four real files, by name."""
    if practice.is_chosen():
        pytest.skip("needs the files of MNIST, not practice digits")
    return {file.name: fetch_file(key)[0].read_bytes() for key, file in FILES.items()}


@pytest.fixture(autouse=True)
def nothing_but_this_machine(real, monkeypatch):
    """Leave no source but those that a test names, and no reason to wait."""
    monkeypatch.setattr(fetch, "MIRRORS", ())
    monkeypatch.delenv("MNIST_SOURCE", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "BACK_OFF", 0)


@pytest.fixture
def serve(real):
    """Return a function that starts a server with the real files and a script."""
    with ExitStack() as stack:
        yield lambda *script: stack.enter_context(FaultyServer(real, script))


@pytest.fixture
def mirrors(serve, monkeypatch):
    """Return a function that starts one server an answer, as the public mirrors."""

    def start(*mirror_answers):
        servers = [serve(answer) for answer in mirror_answers]
        monkeypatch.setattr(fetch, "MIRRORS", tuple(server.url for server in servers))
        return servers

    return start


@pytest.fixture
def answer(request, monkeypatch):
    """Return the fault of `faults`; see to it that its silence is not waited for."""
    if request.param in (answers.stalled, answers.silent):
        monkeypatch.setattr(download, "TIMEOUT", (60, 1))
    return request.param


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path, real):
    """Return a folder, such as a classroom share, that holds the four files."""
    folder = tmp_path / "class room"
    folder.mkdir()
    for name, content in real.items():
        (folder / name).write_bytes(content)
    return folder


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*"))


def failure(cache, key="test_labels"):
    """Fetch what cannot be had; return the message."""
    with pytest.raises(MnistUnavailableError) as caught:
        fetch_file(key, cache)
    return str(caught.value)


def assert_right(path, name=LABELS):
    (digest,) = [file.sha256 for file in FILES.values() if file.name == name]
    assert path.name == name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


# What a faulty server leads to


@faults(ALL_FAULTS, 0, 1, 2)
def test_a_fault_is_explained_and_leaves_nothing_behind(
    mirrors, cache, answer, reason, attempts
):
    (server,) = mirrors(answer)

    message = failure(cache)

    heading, tried, after, *_ = message.splitlines()
    assert heading == f"{LABELS} could not be had. Tried:"
    assert re.match(f"  - {re.escape(server.url)}: .*{reason}", tried)
    assert tried.endswith(", 3 times") == (attempts == 3)
    assert after == ""
    assert "set the environment\nvariable MNIST_SOURCE" in message
    for file in FILES.values():
        assert f"\n  {file.sha256}  {file.name}" in message
    assert left_in(cache) == []


@pytest.mark.parametrize("times", [1, 2])
@faults(PASSING_FAULTS, 0)
def test_a_fault_that_passes_is_survived(serve, monkeypatch, cache, answer, times):
    server = serve(*[answer] * times, good)
    monkeypatch.setattr(fetch, "MIRRORS", (server.url,))

    path, source = fetch_file("test_labels", cache)

    assert_right(path)
    assert source == server.url
    assert len(server.requests) == times + 1
    assert left_in(cache) == [LABELS]


@faults(ALL_FAULTS, 0, 2)
def test_only_a_fault_that_may_pass_is_tried_again_before_the_next_mirror(
    mirrors, cache, answer, attempts
):
    first, second = mirrors(answer, good)

    path, source = fetch_file("test_labels", cache)

    assert_right(path)
    assert source == second.url
    assert left_in(cache) == [LABELS]
    asked = [r.path for r in first.requests if r.path != "/login"]
    if answer is answers.redirect_to_itself:
        attempts = 31  # one attempt follows 30 redirects: the limit of Requests
    assert asked == [f"/{LABELS}"] * attempts


def test_a_server_that_is_not_there_is_named(cache, monkeypatch):
    with FaultyServer({}, [good]) as server:
        pass
    monkeypatch.setattr(fetch, "MIRRORS", (server.url,))

    assert re.search(
        rf"{server.url}: ConnectionRefusedError: .*, 3 times", failure(cache)
    )


@pytest.mark.parametrize(
    "unusual",
    [
        answers.good_but_slow,
        answers.good_without_length,
        answers.good_but_called_encoded,
    ],
)
def test_an_unusual_but_good_answer_is_accepted(mirrors, monkeypatch, cache, unusual):
    # The slow one takes 6 s: longer than the time-out, which is for each wait alone.
    monkeypatch.setattr(download, "TIMEOUT", (60, 5))
    (server,) = mirrors(unusual)

    assert_right(fetch_file("test_labels", cache)[0])
    assert len(server.requests) == 1


def test_each_wait_between_attempts_is_twice_as_long(mirrors, monkeypatch, cache):
    mirrors(status(500))
    naps = []
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=naps.append))
    monkeypatch.setattr(download, "BACK_OFF", 0.5)

    failure(cache)

    assert naps == [0.5, 1]


def test_the_user_agent_says_what_asks(mirrors, cache):
    (server,) = mirrors(good)

    fetch_file("test_labels", cache)

    (request,) = server.requests
    assert request.user_agent.split()[0] == f"scratchnet/{scratchnet.__version__}"
    assert "Mozilla" not in request.user_agent


def test_an_earlier_exception_of_the_caller_is_not_the_reason(mirrors, cache):
    mirrors(answers.hang_up)
    try:
        raise KeyError("of the caller")
    except KeyError:
        message = failure(cache)

    assert "RemoteDisconnected" in message
    assert "of the caller" not in message


def test_a_wrong_certificate_setting_is_not_blamed_on_the_disk(cache, monkeypatch):
    monkeypatch.setattr(fetch, "MIRRORS", ("https://127.0.0.1:1",))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "no-such-certificates.pem")

    message = failure(cache)

    assert "no-such-certificates.pem" in message
    assert "cannot be written" not in message


# The order of the sources


def test_a_good_cached_file_is_used_and_nobody_asked(mirrors, cache, folder, real):
    cache.mkdir()
    (cache / LABELS).write_bytes(real[LABELS])
    (server,) = mirrors(good)

    assert fetch_file("test_labels", cache) == (cache / LABELS, "cache")
    assert server.requests == []


@pytest.mark.parametrize("slash", ["", "/"])
def test_mnist_source_may_be_a_url_and_comes_before_the_mirrors(
    serve, mirrors, cache, monkeypatch, slash
):
    (mirror,) = mirrors(good)
    server = serve(good)
    named = server.url + "lab/mnist" + slash
    monkeypatch.setenv("MNIST_SOURCE", named)

    path, source = fetch_file("test_labels", cache)

    assert_right(path)
    assert source == named
    assert [r.path for r in server.requests] == [f"/lab/mnist/{LABELS}"]
    assert mirror.requests == []


@pytest.mark.parametrize("form", ["{}", "{}/", " {} ", "~/class room", "~/class room/"])
def test_mnist_source_may_be_a_folder_and_comes_before_the_mirrors(
    mirrors, cache, folder, monkeypatch, form
):
    (mirror,) = mirrors(good)
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    monkeypatch.setenv("MNIST_SOURCE", form.format(folder))

    path, source = fetch_file("test_labels", cache)

    assert_right(path)
    assert path.parent == cache
    assert source == str(folder)
    assert left_in(cache) == [LABELS]
    assert mirror.requests == []


@pytest.mark.parametrize("nothing", ["", " "])
def test_an_empty_mnist_source_is_none(mirrors, cache, monkeypatch, nothing):
    (mirror,) = mirrors(good)
    monkeypatch.setenv("MNIST_SOURCE", nothing)

    assert fetch_file("test_labels", cache)[1] == mirror.url


def test_the_mirrors_are_asked_in_turn_until_one_is_good(mirrors, cache):
    servers = mirrors(status(404), answers.login_page, good, good)

    path, source = fetch_file("test_labels", cache)

    assert_right(path)
    assert source == servers[2].url
    assert [len(server.requests) for server in servers] == [1, 1, 1, 0]


def test_the_error_lists_all_sources_in_the_order_of_trying(
    serve, mirrors, cache, monkeypatch
):
    cache.mkdir()
    (cache / LABELS).write_bytes(b"\x1f\x8b rest of a download")
    named = serve(status(403))
    first, second = mirrors(status(404), answers.login_page)
    monkeypatch.setenv("MNIST_SOURCE", named.url)

    with pytest.warns(UserWarning, match="MNIST_SOURCE"):
        message = failure(cache)

    tried = [line.split(": ", 1) for line in message.splitlines()[1:5]]
    assert [source for source, _ in tried] == [
        f"  - {cache / LABELS}",
        f"  - {named.url}",
        f"  - {first.url}",
        f"  - {second.url}",
    ]
    assert tried[0][1].startswith("a damaged gzip file, 21 bytes")
    assert [reason for _, reason in tried[1:3]] == [
        "HTTP status 403",
        "HTTP status 404",
    ]
    assert tried[3][1].startswith("an HTML page")


def test_a_warning_tells_that_mnist_source_failed_though_a_mirror_works(
    serve, mirrors, cache, monkeypatch
):
    named = serve(status(403))
    (mirror,) = mirrors(good)
    monkeypatch.setenv("MNIST_SOURCE", named.url)

    with pytest.warns(UserWarning) as warnings:
        path, source = fetch_file("test_labels", cache)

    assert_right(path)
    assert source == mirror.url
    # Sockets that earlier tests left may be cleared away, with a warning, just now.
    (warning,) = (each for each in warnings if each.category is UserWarning)
    assert str(warning.message) == (
        f"MNIST_SOURCE did not give {LABELS}; trying the public mirrors."
        f" {named.url}: HTTP status 403"
    )


# Folders that are not as they should be


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, f"no {LABELS} in this folder, nor its unpacked form"),
        (b"<html>Sign in", f"{LABELS}: an HTML page where a gzip file was expected"),
        (b"", f"{LABELS}: not a file of MNIST, 0 bytes"),
        (gzip.compress(b"other", mtime=0), f"{LABELS}: a gzip file of something else"),
        (gzip.compress(b"other", mtime=0)[:-9], f"{LABELS}: a damaged gzip file"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            f"{LABELS}: a pointer of Git",
        ),
        (b"PK\x03\x04", f"{LABELS}: a zip archive"),
    ],
)
def test_a_folder_without_the_right_file_is_explained(
    cache, tmp_path, monkeypatch, content, reason
):
    if content is not None:
        (tmp_path / LABELS).write_bytes(content)
    monkeypatch.setenv("MNIST_SOURCE", str(tmp_path))

    with pytest.warns(UserWarning, match=reason):
        message = failure(cache)

    assert f"\n  - {tmp_path}: {reason}" in message
    assert not cache.exists()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("not-here", "no such folder"),
        ("~nobody-of-this-name/mnist", "no such folder"),
        (__file__, "a file; name the folder"),
        ("long" * 100, "cannot be read|no such folder"),
        ("ftp://127.0.0.1/", "No connection adapters"),
        ("http://[::1/", "not an address"),
        ("http:///", "No host supplied"),
    ],
)
def test_a_name_that_cannot_be_a_source_is_explained(
    cache, monkeypatch, source, reason
):
    monkeypatch.setenv("MNIST_SOURCE", source)

    with pytest.warns(UserWarning, match=reason):
        message = failure(cache)

    assert re.search(rf"\n  - .*{re.escape(source)}: .*({reason})", message)
    assert left_in(cache) == []


UNPACKED = LABELS.removesuffix(".gz")


@pytest.mark.parametrize(
    "name",
    [
        UNPACKED,
        "t10k-labels.idx1-ubyte",
        "T10K-LABELS.IDX1-UBYTE",
        "t10k-labels.idx1-ubyte.gz",
        "t10k-labels-idx1-ubyte (1).gz",
        f"{UNPACKED}/{UNPACKED}",
        f"{UNPACKED}/t10k-labels.idx1-ubyte",
    ],
)
def test_a_file_has_any_name_that_people_have_it_under(
    cache, tmp_path, real, monkeypatch, name
):
    path = tmp_path / "stick" / name
    path.parent.mkdir(parents=True)
    packed = name.endswith(".gz")
    path.write_bytes(real[LABELS] if packed else gzip.decompress(real[LABELS]))
    monkeypatch.setenv("MNIST_SOURCE", str(tmp_path / "stick"))

    path, source = fetch_file("test_labels", cache)

    assert (path, source) == (cache / LABELS, str(tmp_path / "stick"))
    assert gzip.decompress(path.read_bytes()) == gzip.decompress(real[LABELS])
    assert fetch_file("test_labels", cache)[1] == "cache"


def compress_anew(real):
    return gzip.compress(gzip.decompress(real[LABELS]), compresslevel=1)


def test_a_file_that_was_compressed_anew_is_right(cache, tmp_path, real, monkeypatch):
    (tmp_path / LABELS).write_bytes(compress_anew(real))
    monkeypatch.setenv("MNIST_SOURCE", str(tmp_path))

    path, _ = fetch_file("test_labels", cache)

    assert path.read_bytes() == compress_anew(real)
    assert fetch_file("test_labels", cache) == (path, "cache")


def test_a_server_may_send_what_was_compressed_anew(serve, cache, real, monkeypatch):
    server = serve(good)
    server.files = {LABELS: compress_anew(real)}
    monkeypatch.setenv("MNIST_SOURCE", server.url)

    assert fetch_file("test_labels", cache) == (cache / LABELS, server.url)


def with_zeros_after(content):
    return content + bytes(512)


def in_two_members(content):
    plain = gzip.decompress(content)
    return gzip.compress(plain[:5000]) + gzip.compress(plain[5000:])


@pytest.mark.parametrize("pack", [with_zeros_after, in_two_members])
def test_a_file_that_would_not_be_read_is_not_kept(mirrors, cache, real, pack):
    (server,) = mirrors(good)
    cache.mkdir()
    (cache / LABELS).write_bytes(pack(real[LABELS]))

    path, source = fetch_file("test_labels", cache)

    assert source == server.url
    assert_right(path)


def test_the_published_file_comes_before_a_wrong_copy(cache, folder, monkeypatch):
    (folder / UNPACKED).write_bytes(b"half")
    monkeypatch.setenv("MNIST_SOURCE", str(folder))

    assert_right(fetch_file("test_labels", cache)[0])


# Proxies, and servers that don't answer


@pytest.fixture
def proxy(serve, monkeypatch):
    """Return a function that starts a proxy, and has all programs told of it."""

    def start(answer):
        server = serve(answer)
        address = server.url.replace("//", "//ann:secret@")
        for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", address)
        return server

    return start


def test_a_server_in_the_same_network_is_asked_past_the_proxy(
    serve, proxy, cache, monkeypatch
):
    server, proxy = serve(good), proxy(status(403))
    monkeypatch.setenv("MNIST_SOURCE", server.url)

    assert fetch_file("test_labels", cache)[1] == server.url
    assert proxy.requests == []


def test_a_server_elsewhere_is_asked_through_the_proxy(proxy, cache, monkeypatch):
    proxy = proxy(good)
    monkeypatch.setattr(fetch, "MIRRORS", ("http://mirror.example/mnist/",))

    assert_right(fetch_file("test_labels", cache)[0])
    assert [r.path for r in proxy.requests] == [f"http://mirror.example/mnist/{LABELS}"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(status(403), "HTTP status 403"), (answers.hang_up, ".*Remote.*, 3 times")],
)
def test_a_proxy_that_fails_is_named_without_its_password(
    proxy, cache, monkeypatch, answer, reason
):
    proxy = proxy(answer)
    monkeypatch.setattr(fetch, "MIRRORS", ("http://mirror.example/",))

    message = failure(cache)

    named = rf"\(through the proxy 127.0.0.1:{proxy.server_port}\)"
    assert re.search(rf"- http://mirror.example/: {reason} {named}\n", message)
    assert "secret" not in message


def with_password(url):
    return url.replace("//", "//ann:secret@")


def test_a_password_of_mnist_source_is_sent_and_not_shown(
    serve, cache, monkeypatch, capsys
):
    sent = []

    def locked(request, content):
        sent.append(request.headers["Authorization"])
        good(request, content)

    server = serve(locked)
    monkeypatch.setenv("MNIST_SOURCE", with_password(server.url))

    assert fetch_file("test_labels", cache) == (cache / LABELS, server.url)
    assert sent == ["Basic YW5uOnNlY3JldA=="]
    assert f"asking {server.url} …" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["status", "http://", "http://[::1/", "http://℀/"])
def test_no_message_has_the_password_of_mnist_source(serve, cache, monkeypatch, fault):
    source = serve(status(403)).url if fault == "status" else fault
    monkeypatch.setenv("MNIST_SOURCE", with_password(source))

    with pytest.warns(UserWarning, match=re.escape(source)) as warnings:
        message = failure(cache)

    assert f"\n  - {source}: " in message
    assert not [each for each in (message, *warnings) if "secret" in str(each)]


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("192.168.0.2", True),
        ("10.1.2.3", True),
        ("169.254.7.7", True),
        ("[fe80::1]", True),
        ("localhost", True),
        ("teacher", True),
        ("teacher.local", True),
        ("93.184.215.14", False),
        ("example.org", False),
    ],
)
def test_which_servers_are_near(proxy, host, near):
    proxy(good)
    url = f"http://{host}:8000/"

    used = download.requests.utils.select_proxy(url, download._proxies(url))

    assert (used is None) == near


@posix_only
def test_all_addresses_of_a_silent_server_share_the_time_to_connect(
    cache, monkeypatch, capsys
):
    waits = []

    def settimeout(self, seconds):
        waits.append(seconds)
        super(socket.socket, self).settimeout(seconds)

    with ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        for _ in range(8):  # nobody takes these calls, and further ones aren't answered
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", port))
            for n in range(1, 9)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        monkeypatch.setattr(socket.socket, "settimeout", settimeout, raising=False)
        monkeypatch.setattr(download, "TIMEOUT", (0.8, 60))
        monkeypatch.setattr(fetch, "MIRRORS", (f"http://mirror.test:{port}/",))

        message = failure(cache)

    assert f"http://mirror.test:{port}/: timed out, 3 times" in message
    assert len(waits) == 3 * 8
    assert sum(waits) == pytest.approx(3 * 0.8)
    assert f"asking http://mirror.test:{port}/ …" in capsys.readouterr().out


# The cache


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize("damage", [flip_a_byte, truncate])
def test_a_cached_file_that_got_damaged_is_replaced(mirrors, cache, damage):
    (server,) = mirrors(good)
    path, _ = fetch_file("test_labels", cache)
    damage(path)

    assert fetch_file("test_labels", cache) == (path, server.url)
    assert_right(path)
    assert fetch_file("test_labels", cache) == (path, "cache")
    assert left_in(cache) == [LABELS]


@pytest.mark.parametrize("damage", [flip_a_byte, truncate])
def test_a_damaged_cached_file_that_cannot_be_replaced_is_named(mirrors, cache, damage):
    mirrors(good)
    path, _ = fetch_file("test_labels", cache)
    damage(path)
    mirrors(status(404))

    assert f"\n  - {path}: a damaged gzip file" in failure(cache)


def test_a_file_where_the_cache_folder_should_be_is_explained(mirrors, cache):
    cache.write_text("not a folder")
    mirrors(good)

    assert f"downloads go to {cache}, which cannot be written (" in failure(cache)
    assert cache.read_text() == "not a folder"


def test_a_file_that_another_process_has_meanwhile_put_there_serves(
    mirrors, cache, real, monkeypatch
):
    """Windows replaces no file that another program has open."""

    def refuse(self, target):
        Path(target).write_bytes(real[LABELS])
        raise PermissionError(13, "Access is denied", str(target))

    mirrors(good)
    monkeypatch.setattr(Path, "replace", refuse)

    assert fetch_file("test_labels", cache) == (cache / LABELS, "cache")
    assert left_in(cache) == [LABELS]


@posix_only
def test_a_workplace_is_a_folder_like_any_other_and_goes(cache):
    with keeping.workplace(cache) as folder:
        (folder / "part").write_bytes(b"half")
        (cache / "other").mkdir()
        assert folder.stat().st_mode == (cache / "other").stat().st_mode

    assert left_in(cache) == ["other"]


# Disks, processes, signals: with a Python of their own

CHILD = """
import os, signal, sys
from pathlib import Path
from scratchnet.mnist import download, fetch, practice
signal.signal(signal.SIGINT, signal.default_int_handler)
fetch.MIRRORS, download.BACK_OFF = (), 0
key, cache, limit = sys.argv[1:]
if limit != "none":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    path, source = fetch.fetch_file(key, cache)
    print(f"{path} from {source}")
except fetch.MnistUnavailableError as error:
    print(error)
print("left:", sorted(path.name for path in Path(cache).rglob("*")))
"""


def start_child(key, cache, source, prefix=(), limit="none"):
    """Fetch a file from `source` in a process of its own."""
    package = Path(fetch.__file__).parents[2]
    settings = {"MNIST_SOURCE": str(source), "PYTHONPATH": str(package)}
    return subprocess.Popen(
        [*prefix, sys.executable, "-W", "ignore", "-c", CHILD, key, cache, limit],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )


def run_child(*arguments, **options):
    return output_of(start_child(*arguments, **options))


def output_of(child):
    with child:
        try:
            return child.communicate(timeout=120)[0]
        finally:
            child.kill()


def works(command):
    return shutil.which(command[0]) and not subprocess.call(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def full_disk(cache):
    """Return a command before the command: 1 MB of disk, for this process alone."""
    mount = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'
    prefix = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, str(cache)]
    if not works([*prefix, "true"]):
        pytest.skip("this machine lets nobody mount a file system of their own")
    return prefix


@pytest.fixture
def read_only(cache):
    """Make the cache a folder that `prefix`ed commands cannot write."""
    cache.mkdir()
    cache.chmod(0o555)
    prefix = []
    if os.geteuid() == 0:  # root may write anywhere, unless it gives that up
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if not works([*prefix, "true"]):
            pytest.skip("root here cannot give up its right to write anywhere")
    yield prefix
    cache.chmod(0o755)


@posix_only
def test_a_read_only_cache_is_no_obstacle_to_a_folder(cache, folder, read_only):
    output = run_child("test_labels", cache, folder, read_only)

    assert output == f"{folder / LABELS} from {folder}\nleft: []\n"


@posix_only
def test_a_read_only_cache_is_named_where_it_stops_a_download(serve, cache, read_only):
    server = serve(good)

    output = run_child("test_labels", cache, server.url, read_only)

    assert (
        f"  - {server.url}: downloads go to {cache}, which cannot be written"
        " (Permission denied)\n"
    ) in output
    assert output.endswith("left: []\n")


@posix_only
def test_a_folder_that_may_not_be_entered_is_explained(cache, folder, read_only):
    folder.chmod(0o000)
    hidden = run_child("test_labels", cache, folder, read_only)
    folder.chmod(0o755)

    cache.chmod(0o000)
    cache_hidden = run_child("test_labels", cache, folder, read_only)

    assert re.search(rf"  - {folder}: cannot be read .*Permission denied", hidden)
    assert cache_hidden.startswith(f"{folder / LABELS} from {folder}\n")


@posix_only
@pytest.mark.parametrize("limited_by", ["disk", "file size"])
def test_a_full_disk_is_explained_and_leaves_nothing(serve, cache, limited_by):
    server = serve(good)
    cache.mkdir()
    if limited_by == "disk":
        options, reason = {"prefix": full_disk(cache)}, "No space left on device"
    else:
        options, reason = {"limit": "1000000"}, "File too large"

    output = run_child("training_images", cache, server.url, **options)

    assert f"{cache}, which cannot be written ({reason})\n" in output
    assert output.endswith("left: []\n")
    assert len(server.requests) == 1


@posix_only
def test_a_full_disk_is_no_obstacle_to_a_folder(cache, folder):
    output = run_child("training_images", cache, folder, limit="1000000")

    name = FILES["training_images"].name
    assert output == f"{folder / name} from {folder}\nleft: []\n"


def test_two_processes_at_once_both_get_good_files(serve, cache):
    meeting = threading.Barrier(2, timeout=120)  # both are half-way, then go on
    server = serve(answers.good_in_halves(lambda request: meeting.wait()))

    children = [start_child("training_labels", cache, server.url) for _ in range(2)]
    outputs = [child.communicate(timeout=120)[0] for child in children]

    name = FILES["training_labels"].name
    for output in outputs:
        assert f"\n{cache / name} from {server.url}\n" in output
    assert len(server.requests) == 2
    assert_right(cache / name, name)
    assert left_in(cache) == [name]


@posix_only
@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGINT"])
def test_a_process_ended_in_mid_download_does_no_harm(
    serve, mirrors, cache, signal_name
):
    half_way = threading.Event()

    def pause(request):
        half_way.set()
        request.server.closing.wait(60)

    name = FILES["training_images"].name
    server = serve(answers.good_in_halves(pause))
    with start_child("training_images", cache, server.url) as child:
        assert half_way.wait(timeout=120)
        child.send_signal(signal.Signals[signal_name])

    assert child.returncode
    assert not (cache / name).exists()
    if signal_name == "SIGINT":
        assert left_in(cache) == []
    (mirror,) = mirrors(good)
    path, source = fetch_file("training_images", cache)
    assert_right(path, name)
    assert source == mirror.url


# All together


def test_load_mnist_gives_the_four_arrays_and_asks_only_once(mirrors, cache, real):
    (server,) = mirrors(good)

    arrays = load_mnist(cache)

    assert [array.shape for array in arrays] == [
        (60000, 784),
        (60000,),
        (10000, 784),
        (10000,),
    ]
    order = ["training_images", "training_labels", "test_images", "test_labels"]
    for key, array in zip(order, arrays, strict=True):
        assert array.dtype == np.uint8
        assert array.flags.writeable
        start = 16 if "images" in key else 8
        assert array.tobytes() == gzip.decompress(real[FILES[key].name])[start:]
    unpacked = [name.removesuffix(".gz") for name in real]
    assert left_in(cache) == sorted([*real, "unpacked", *unpacked])

    load_mnist(cache)
    assert len(server.requests) == 4


def test_load_mnist_names_the_one_file_that_is_missing(mirrors, cache, real):
    (server,) = mirrors(good)
    missing = FILES["test_images"].name
    server.files = {name: real[name] for name in real if name != missing}

    with pytest.raises(MnistUnavailableError, match=f"^{missing} could not be had"):
        load_mnist(cache)


def test_load_mnist_checks_that_the_array_is_as_published(mirrors, cache, monkeypatch):
    mirrors(good)
    wrong = FILES["training_images"]._replace(shape=(60000, 28, 27))
    monkeypatch.setitem(FILES, "training_images", wrong)

    with pytest.raises(ValueError, match=r"holds uint8 \(60000, 28, 28\), not uint8"):
        load_mnist(cache)


def test_the_published_sizes_are_right(real):
    for file in FILES.values():
        assert file.size == len(real[file.name])


def run_fetch_command(monkeypatch, cache):
    """Do as `python -m scratchnet.mnist`; return the exit status."""
    monkeypatch.setattr(fetch, "cache_folder", lambda: cache)
    monkeypatch.delitem(sys.modules, "scratchnet.mnist.__main__", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("scratchnet.mnist", run_name="__main__")
    return ended.value.code


def test_the_fetch_command_says_what_it_got(mirrors, cache, monkeypatch, capsys):
    (server,) = mirrors(good)

    assert run_fetch_command(monkeypatch, cache) == 0
    assert capsys.readouterr().out.splitlines() == [
        line
        for file in FILES.values()
        for line in (
            f"{file.name}: asking {server.url} …",
            f"{file.name}: {file.size:,} bytes, SHA-256 right, from {server.url}",
        )
    ] + [f"MNIST is ready in {cache}"]

    assert run_fetch_command(monkeypatch, cache) == 0
    assert capsys.readouterr().out.count("SHA-256 right, in the cache\n") == 4


def test_the_fetch_command_fails_with_the_reason(mirrors, cache, monkeypatch, capsys):
    (server,) = mirrors(status(403))

    assert run_fetch_command(monkeypatch, cache) == 1
    output = capsys.readouterr()
    assert output.out == f"{FILES['training_images'].name}: asking {server.url} …\n"
    assert f"  - {server.url}: HTTP status 403\n" in output.err
    assert "MNIST_SOURCE" in output.err
