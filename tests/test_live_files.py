"""How Pyodide is fetched, with faults on a real local server; what the site gets."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import faulty_server as answers
import jupytext
import pytest
import yaml
from faulty_server import FaultyServer, good, status
from live_pages import LIVE, lacking, version_of
from small_book import Book, cell, page
from test_pages import NOTEBOOKS, ROOT

from scratchnet.mnist import download, practice
from website.live import pyodide_files
from website.live.assemble import assemble
from website.live.cells import page_cells
from website.live.pyodide_files import (
    CACHE,
    PyodideFile,
    PyodideUnavailableError,
    fetch_pyodide,
    is_right,
    listed,
)
from website.live.quick_pages import is_quick, live_pages, recorded

CONTENT = {"small.mjs": b"export {};", "larger.wasm": bytes(range(256)) * 40}


@pytest.fixture
def release(monkeypatch):
    """Let the release be two small files; return their content by name."""
    files = [
        PyodideFile(name, len(data), hashlib.sha256(data).hexdigest(), "interpreter")
        for name, data in CONTENT.items()
    ]
    monkeypatch.setattr(pyodide_files, "listed", lambda: ("0.0", files))
    monkeypatch.setattr(download, "TIMEOUT", (5, 1))
    return CONTENT


@pytest.fixture
def serve(monkeypatch, release):
    """Return a function that serves the release with faults, as `PYODIDE_SOURCE`."""
    servers = []

    def start(*script, files=release):
        server = FaultyServer(files, script).__enter__()
        servers.append(server)
        monkeypatch.setenv("PYODIDE_SOURCE", server.url)
        return server

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture
def no_release(monkeypatch):
    """Ask only what `PYODIDE_SOURCE` names."""
    ask = pyodide_files.sources
    monkeypatch.setattr(pyodide_files, "sources", lambda version: ask(version)[:1])


def test_files_come_from_a_server_once(serve, tmp_path):
    server = serve(good)
    assert fetch_pyodide(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == CONTENT
    asked = len(server.requests)
    assert asked == len(CONTENT)
    assert not fetch_pyodide(tmp_path)
    assert len(server.requests) == asked


@pytest.mark.usefixtures("release")
def test_files_come_from_a_folder_whatever_its_name(tmp_path, monkeypatch):
    folder = tmp_path / "my stick, $5"
    folder.mkdir()
    for name, data in CONTENT.items():
        (folder / name).write_bytes(data)
    monkeypatch.setenv("PYODIDE_SOURCE", str(folder))
    assert fetch_pyodide(tmp_path / "cache")
    assert not fetch_pyodide(tmp_path / "cache")


@pytest.mark.parametrize("damage", [b"", b"export {}", b"export {!"])
def test_a_damaged_file_in_the_cache_is_fetched_anew(serve, tmp_path, damage):
    serve(good)
    fetch_pyodide(tmp_path)
    (tmp_path / "small.mjs").write_bytes(damage)
    assert fetch_pyodide(tmp_path)
    assert (tmp_path / "small.mjs").read_bytes() == CONTENT["small.mjs"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(404), "HTTP status 404"),
        (status(503), "HTTP status 503"),
        (answers.login_page, "not this file: .* bytes, SHA-256 .* is published"),
        (answers.byte_flipped, "not this file: 10 bytes, SHA-256 .* is published"),
        (answers.cut_short, "IncompleteRead"),
        (answers.empty, "not this file: 0 bytes"),
        (answers.stalled, "timed out"),
        (answers.silent, "timed out"),
        (answers.hang_up, "RemoteDisconnected"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.usefixtures("no_release")
def test_a_fault_is_told_once_and_leaves_nothing(serve, tmp_path, answer, reason):
    server = serve(answer)
    with pytest.raises(PyodideUnavailableError) as raised:
        fetch_pyodide(tmp_path)
    message = str(raised.value)
    assert re.search(re.escape(server.url) + f".*: {reason}", message)
    assert "set PYODIDE_SOURCE to it" in message and "small.mjs" in message
    assert list(tmp_path.iterdir()) == []
    assert len(server.requests) <= 2  # one try (a login page may be a second address)


@pytest.mark.usefixtures("no_release")
def test_no_message_shows_a_password(serve, tmp_path, monkeypatch):
    server = serve(status(404))
    secret = server.url.replace("://", "://reader:secret@")
    monkeypatch.setenv("PYODIDE_SOURCE", secret)
    with pytest.raises(PyodideUnavailableError) as raised:
        fetch_pyodide(tmp_path)
    assert server.url in str(raised.value) and "secret" not in str(raised.value)


def test_the_next_source_is_asked_where_one_fails(serve, tmp_path, monkeypatch):
    broken, whole = serve(status(500)), serve(good)
    places = [broken.url, whole.url]
    monkeypatch.setattr(pyodide_files, "sources", lambda version: places)
    assert fetch_pyodide(tmp_path)
    assert all((tmp_path / name).read_bytes() == CONTENT[name] for name in CONTENT)


@pytest.mark.usefixtures("no_release")
def test_a_download_that_broke_off_goes_on_with_the_files_that_lack(serve, tmp_path):
    server = serve(good, answers.hang_up, good)
    with pytest.raises(PyodideUnavailableError):
        fetch_pyodide(tmp_path)
    server.requests.clear()
    assert fetch_pyodide(tmp_path)
    assert [request.path for request in server.requests] == ["/larger.wasm"]


def test_the_command_ends_well_without_and_says_so_in_a_line(tmp_path):
    shutil.copytree(ROOT / "website", tmp_path / "website")
    command = [sys.executable, "-m", "website.live"]
    for more, code in ([], 0), (["--needed"], 1):
        done = subprocess.run(
            [*command, *more],
            cwd=tmp_path,
            env=os.environ | {"PYODIDE_SOURCE": "none"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code
        said = done.stdout + done.stderr
        assert "pyodide" in said.lower() and "Nobody was asked" in said
        assert "Traceback" not in said
        if not code:
            assert len(done.stdout.splitlines()) == 1


def test_where_pages_are_built_on_github_these_files_must_come():
    built = []
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values():
            steps = [step.get("run", "") for step in job["steps"]]
            for number, step in enumerate(steps):
                if re.search(r"jupyter.book build|make book", step):
                    before = "\n".join(steps[:number])
                    assert "-m website.live --needed" in before, path.name
                    built.append(path.name)
    assert built == ["publish.yml", "test.yml", "weekly.yml"]


# What the site gets


def test_a_book_without_live_pages_gets_nothing(tmp_path):
    book = Book(tmp_path, page=page("A page", cell("1 + 1")))
    code, _ = book.build()
    assert code == 0
    assert not (tmp_path / "_build" / "html" / "_live").exists()
    assert not book.html("page").select("#live-config, .live-page")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write the folder `_live`."""
    if practice.is_chosen():
        pytest.skip("practice digits: no page is live")
    if why := lacking():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    folder = tmp_path_factory.mktemp("site") / "_live"
    size = assemble(folder, "now")
    return folder, size


def test_every_file_is_as_the_list_says_and_the_list_is_complete(folder):
    folder, size = folder
    manifest = json.loads((folder / "now" / "manifest.json").read_text("utf-8"))
    for file in manifest["files"]:
        data = (folder / "files" / file["file"]).read_bytes()
        assert len(data) == file["size"]
        content = gzip.decompress(data) if file["packed"] else data
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
    there = {path.name for path in (folder / "files").iterdir()}
    assert there == {file["file"] for file in manifest["files"]}
    assert size == sum(file["size"] for file in manifest["files"]) < 40e6
    digests = {file["name"]: file["sha256"] for file in manifest["files"]}
    for file in listed()[1]:
        assert digests.get(file.name, file.sha256) == file.sha256
    packages = manifest["lock"]["packages"].values()
    assert {package["file_name"] for package in packages} <= digests.keys()
    assert {"numpy", "matplotlib"} <= manifest["lock"]["packages"].keys()


def test_the_packages_are_python_alone_and_those_of_this_environment(folder):
    (path,) = (folder[0] / "files").glob("packages.zip.*")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    assert not [name for name in names if name.endswith((".so", ".pyd", ".npz"))]
    for module in ("scratchnet/__init__.py", "requests/__init__.py", "tqdm/auto.py"):
        assert module in names


def test_two_builds_write_the_same_bytes(folder, tmp_path):
    assemble(tmp_path / "_live", "now")
    again = {path.name for path in (tmp_path / "_live" / "files").iterdir()}
    assert again == {path.name for path in (folder[0] / "files").iterdir()}


def test_a_change_to_any_program_changes_the_address_of_all(tmp_path):
    shutil.copytree(LIVE, tmp_path / "live")
    versions = {version_of(tmp_path / "live")}
    programs = [*(tmp_path / "live").glob("*.[jp][sy]"), *tmp_path.glob("live/page/*")]
    changed = [path for path in programs if path.is_file()]
    for path in changed:
        path.write_bytes(path.read_bytes() + b"\n")
        versions.add(version_of(tmp_path / "live"))
    assert len(versions) == 1 + len(changed) > 12


def test_the_lock_file_of_the_release_has_the_digests_of_the_list():
    _, files = listed()
    lock = CACHE / "pyodide-lock.json"
    if not is_right(lock, next(f for f in files if f.name == lock.name)):
        pytest.skip("Pyodide's files aren't here")
    packages = json.loads(lock.read_text("utf-8"))["packages"].values()
    published = {package["file_name"]: package["sha256"] for package in packages}
    wheels = [file for file in files if file.name.endswith(".whl")]
    assert wheels and all(published[file.name] == file.sha256 for file in wheels)


# Which pages, and their cells


def test_live_pages_are_pages_of_the_book_and_their_cells_can_be_told():
    assert len(live_pages()) >= 4
    for name in live_pages():
        assert ROOT / f"{name}.md" in NOTEBOOKS
        notebook = jupytext.read(ROOT / f"{name}.md")
        described = page_cells(notebook, name, "")
        assert described["cells"] and recorded()[name]["figures"]
        solved = {cell["exercise"] for cell in described["cells"]}
        assert {exercise["label"] for exercise in described["exercises"]} <= solved


def test_a_page_that_fails_or_is_slow_is_not_live():
    assert is_quick({"failed": [], "seconds": 5})
    assert not is_quick({"failed": [], "seconds": 500})
    assert not is_quick({"failed": ["live-cell-3: AssertionError"], "seconds": 5})


EXERCISE = """\
```{exercise-start} Count
:label: count
```

Call it `n`.

```{exercise-end}
```

```{solution-start} count
:class: dropdown
```

"""


def test_cells_say_what_they_are():
    text = page(
        "A page",
        cell("x = 1", "[remove-input]"),
        cell("assert x == 1", "[remove-cell, measured]"),
        EXERCISE,
        cell("n = 3"),
        cell(
            'assert n == 3\n\nwrong_answers = ["n = 1", "n = 2", "n = 4"]',
            "[remove-cell, autograder]",
        ),
        "```{solution-end}\n```\n",
        cell("x"),
    )
    described = page_cells(jupytext.reads(text, "md:myst"), "page", "A page")
    cells = described["cells"]
    assert [c["id"] for c in cells] == [f"live-cell-{n}" for n in range(5)]
    shown = ["output", "nothing", "code", "nothing", "code"]
    assert [c["shows"] for c in cells] == shown
    assert [c["check"] for c in cells] == ["", "measured", "", "autograder", ""]
    assert [c["exercise"] for c in cells] == [None, None, "count", "count", None]
    assert described["exercises"] == [
        {"label": "count", "title": "Count", "names": ["n"], "check": "assert n == 3"}
    ]
    assert "wrong_answers" not in json.dumps(described)
