"""A small class on a real hub: three students log in, run cells, hand in; then faults.

The students' browsers are simulated, see `classroom/hub/student.py`; JupyterHub, its
proxy, the servers, the kernels, and nbgrader are real. Where this runs as root on
Linux, each student is a user of their own.
"""

import asyncio
import csv
import getpass
import json
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from types import SimpleNamespace

import nbformat
import psutil
import pytest
import requests
import yaml

from classroom import course as teaching
from classroom import hub

if not (hub.HUB / "jupyterhub").exists():
    pytest.skip(
        "JupyterHub isn't installed: run make hub-environment first",
        allow_module_level=True,
    )
hub.use_hub()

from classroom.hub import exchange, load, separate, trial  # noqa: E402
from classroom.hub.__main__ import PROXY, Trial, of_trial  # noqa: E402
from classroom.hub.student import Browser, HubError  # noqa: E402

STUDENTS = trial.names(3)
QUICK = ("load", "preprocess")
ANN, BEN, EVE = STUDENTS
NEED_USERS = pytest.mark.skipif(
    bool(separate.why_not()),
    reason=f"students are no users of their own: {separate.why_not()}",
)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Make a course once; return a function that puts it where a trial finds it."""
    made = tmp_path_factory.mktemp("made") / "course"
    chapters = dict.fromkeys([*trial.CHAPTERS, *QUICK])
    run(sys.executable, "-m", "classroom.editions", "--course", made, *chapters)
    return lambda folder: shutil.copytree(made, folder / "course")


@pytest.fixture(scope="module")
def running(course, tmp_path_factory):
    """Start a hub with three accounts, and chapters that take seconds."""
    folder = tmp_path_factory.mktemp("class") / "hub"
    course(folder)
    with pytest.MonkeyPatch.context() as patch:
        for module in (trial, load):
            patch.setattr(module, "CHAPTERS", QUICK)
        with Trial(folder, n_students=len(STUDENTS), port=0) as started:
            yield started
    assert of_trial(started.folder) == []


@pytest.fixture(scope="module")
def result(running):
    """Have all students come at once, run all, and hand in; return what it cost."""
    options = SimpleNamespace(students=3, over=0, read=False)
    return load.measure(running.trial, running.folder, options)


def browser(running, name):
    """Log a student in, with a server that runs."""
    passwords = running.trial["passwords"]
    opened = Browser(running.trial["address"], name, passwords[name])
    opened.start_server()
    return opened


def test_each_student_runs_all_cells_and_hands_in(result):
    assert result["failures"] == {}
    assert result["n_done"] == len(STUDENTS)


def test_what_a_student_costs_is_measured(result):
    for low, high in (result["first_cell"], result["memory"], result["processor"]):
        assert 0 < low <= high
    assert 0 < result["memory"][1] < 1536
    assert result["hub_memory"] > 0 and result["hub_processor"] > 0


# Who may read what


def test_a_wrong_password_lets_nobody_in(running):
    with pytest.raises(HubError, match=f"{ANN} isn't let in: 403"):
        Browser(running.trial["address"], ANN, running.trial["passwords"][BEN])


def test_no_browser_reaches_anothers_server(running, result):
    ann = browser(running, ANN)
    address = f"{running.trial['address']}/user/{BEN}/api/contents/load/load.ipynb"
    answer = ann.session.get(address)
    assert answer.status_code in (403, 404)
    assert "nbformat" not in answer.text


READ = """
from pathlib import Path
def attempt(path):
    try:
        return [*path.iterdir()] if path.is_dir() else path.read_bytes()
    except OSError as error:
        return type(error).__name__
"""


@NEED_USERS
@pytest.mark.parametrize(
    "place",
    [
        f"homes/{BEN}",
        f"homes/{BEN}/load/load.ipynb",
        "homes",
        "accounts.json",
        "hub/jupyterhub.sqlite",
        "hub/cookie_secret",
        "course/gradebook.db",
        "course/source/load/load.ipynb",
        "exchange/mnist/inbound",
    ],
)
def test_no_kernel_reads_anothers_files(running, result, place):
    path = running.folder / place
    assert path.exists()
    kernel = browser(running, ANN).open_kernel("own.ipynb")
    kernel.run(READ)
    assert kernel.run(f"attempt(Path({str(path)!r}))") == ["'PermissionError'"]


@NEED_USERS
def test_mnist_is_there_once_and_nobody_can_change_it(running, result):
    kernel = browser(running, ANN).open_kernel("own.ipynb")
    kernel.run("from scratchnet.mnist import fetch_file")
    (shown,) = kernel.run("str(fetch_file('training_images')[0])")
    assert shown.strip("'").startswith(str(teaching.ROOT / "_data"))
    (written,) = kernel.run(
        "import os; [os.access(p, os.W_OK) for p in"
        " (fetch_file('training_images')[0], fetch_file('training_images')[0].parent)]"
    )
    assert written == "[False, False]"
    copies = list(running.folder.glob("homes/*/**/*-ubyte*"))
    assert copies == []


def test_a_kernel_that_takes_all_memory_hurts_only_its_student(running, result):
    ann, ben = browser(running, ANN), browser(running, BEN)
    bens = ben.open_kernel("load/load.ipynb")
    bens.run("kept = 1")
    anns = ann.open_kernel("own.ipynb")
    with pytest.raises(HubError, match="MemoryError"):
        anns.run("hoard = []\nwhile True: hoard.append(bytearray(100_000_000))")
    assert bens.run("kept") == ["1"]
    assert anns.run("del hoard; 'still here'") == ["'still here'"]


# A lesson goes on


def program_of(running, name):
    """Return the process of the trial that runs a program."""
    (found,) = [p for p in of_trial(running.folder) if name in p.cmdline()[1:3]]
    return found


def test_a_hub_that_dies_in_mid_lesson_costs_no_work(running, result):
    ann = browser(running, ANN)
    kernel = ann.open_kernel("load/load.ipynb")
    kernel.run("before = 6 * 7")
    notebook = ann.read("load/load.ipynb")
    notebook["cells"][0]["source"] += "\nSaved while the hub was away."

    died = program_of(running, "jupyterhub")
    died.kill()
    ann.save("load/load.ipynb", notebook)
    assert kernel.run("before") == ["42"]
    died.wait(10)
    running.wait()

    again = browser(running, ANN)
    assert again.read("load/load.ipynb")["cells"] == notebook["cells"]
    assert again.open_kernel("load/load.ipynb").run("before") == ["42"]


def test_a_proxy_that_dies_in_mid_lesson_costs_no_work(running, result):
    ann = browser(running, ANN)
    ann.open_kernel("load/load.ipynb").run("before = 'the proxy'")
    program_of(running, str(PROXY)).kill()
    end = time.monotonic() + 60
    while True:
        try:
            again = browser(running, ANN)
            break
        except (HubError, requests.RequestException):
            assert time.monotonic() < end
            time.sleep(1)
    assert again.open_kernel("load/load.ipynb").run("before") == ["'the proxy'"]


def test_a_lid_that_closes_leaves_the_kernel_as_it_was(running, result):
    kernel = browser(running, ANN).open_kernel("load/load.ipynb")
    kernel.run("before = 'the lid'")
    kernel.close()
    assert browser(running, ANN).open_kernel("load/load.ipynb").run("before") == [
        "'the lid'"
    ]


# From the hand-ins to the feedback


@pytest.fixture(scope="module")
def graded(running, result):
    """Hand in again, well and badly; collect and grade; return both tables."""
    course, box = running.folder / "course", running.folder / "exchange"
    inbound = box / hub.COURSE_ID / "inbound"
    ann = browser(running, ANN)  # hands in twice: the better one counts
    ann.hand_in("load")
    eve = browser(running, EVE)
    home = running.folder / "homes" / EVE
    (home / "load" / "load.ipynb").write_bytes(b"no notebook")
    eve.hand_in("load")
    # Eve hands in as Ben, and a link; both with her own rights
    now = "2099-01-01 00:00:00 UTC"
    kernel = eve.open_kernel("own.ipynb")
    kernel.run(
        "from pathlib import Path\n"
        f"inbound = Path({str(inbound)!r})\n"
        f"forged = inbound / '{BEN}+load+{now}+eve'\n"
        "forged.mkdir()\n"
        "(forged / 'load.ipynb').write_text('{}')\n"
        f"link = inbound / '{ANN}s-friend+load+{now}+eve'\n"
        "link.mkdir()\n"
        f"(link / 'load.ipynb').symlink_to({str(running.folder / 'accounts.json')!r})\n"
    )
    command = (sys.executable, "-m", "classroom.hub.exchange", "collect")
    collected = run(*command, "--course", course, "--chapter", "load")
    command = (sys.executable, "-m", "classroom.grading", "grade")
    run(*command, "--course", course, "--chapter", "load")
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    return collected, rows


def run(*command):
    done = subprocess.run(
        list(map(str, command)), cwd=teaching.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_hand_in_is_collected_once_and_the_others_are_named(graded):
    collected, _ = graded
    assert f"{ANN}  collected; the last of 2" in collected
    assert f"{ANN}s-friend  not collected: load.ipynb is a link" in collected
    if not separate.why_not():
        assert f"{BEN}  not collected: several accounts handed in as {BEN}" in collected
    assert re.search(rf"^{EVE}  collected", collected, re.MULTILINE)
    assert len(collected.splitlines()) == len(STUDENTS) + 2


def test_the_grader_names_what_it_cannot_read(graded):
    _, rows = graded
    assert rows[EVE]["outcome"] == "not graded"
    assert "load.ipynb isn't a notebook" in rows[EVE]["notes"]
    assert rows[ANN]["outcome"] == "graded"
    assert rows[ANN]["score"] == rows[ANN]["max_score"]  # with the book's solutions


def test_feedback_reaches_its_student(running, graded):
    course = running.folder / "course"
    command = (sys.executable, "-m", "classroom.grading", "feedback")
    run(*command, "--course", course, "--chapter", "load")
    command = (sys.executable, "-m", "classroom.hub.exchange", "feedback")
    run(*command, "--course", course, "--chapter", "load")
    browser(running, ANN).assignment("fetch_feedback", "load")
    home = running.folder / "homes" / ANN
    (page,) = home.glob("load/feedback/*/load.html")
    assert "exercise" in page.read_text("utf-8").lower()
    browser(running, BEN).assignment("fetch_feedback", "load")
    assert not list((running.folder / "homes" / BEN).glob("load/feedback/*/*"))


def test_a_page_that_cannot_be_given_back_keeps_back_no_other(course, tmp_path, capsys):
    folder, box = course(tmp_path), tmp_path / "exchange"
    box.mkdir(mode=0o777)
    outcomes = {name: {"outcome": "graded"} for name in ("ann", "ben", "zoe")}
    outcomes["eve"] = {"outcome": "not graded"}
    (folder / "outcomes.json").write_text(json.dumps({"load": outcomes}))
    for name in outcomes:
        pages = folder / "feedback" / name / "load"
        pages.mkdir(parents=True)
        (pages / "load.html").write_text(f"a page for {name}")
        if name != "ann":  # Ann's came by mail
            (pages / exchange.STAMP).write_text("2026-01-01 00:00:00 UTC")
            (pages / "submission_secret.txt").write_text(name)
    command = ["feedback", "--course", f"{folder}", "--chapter", "load"]
    assert exchange.main([*command, "--exchange", f"{box}"]) == 1
    output = capsys.readouterr().out
    assert "ann  not given back: there's no timestamp.txt in" in output
    assert "2 of 3 are given back." in output
    given = {path.read_text() for path in box.glob("*/feedback/*.html")}
    assert given == {"a page for ben", "a page for zoe"}


def test_a_collected_hand_in_is_no_longer_open_to_all(tmp_path):
    place = tmp_path / hub.COURSE_ID / "inbound" / "ann+load+2026-01-01+x"
    place.mkdir(parents=True)
    place.chmod(0o777)  # as nbgrader leaves it
    exchange.collect(tmp_path / "course", "load", tmp_path)
    copy = tmp_path / "course" / "submitted" / "ann" / "load"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700


# The command


def hear_hang_up():
    """Hear that a terminal closes, also where the tests run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def command(course, tmp_path):
    """Start `make hub`'s command; return its process and its first lines."""
    course(tmp_path / "hub")
    arguments = ("--students", "1", "--port", "0", "--folder", str(tmp_path / "hub"))
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "classroom.hub", *arguments],
        cwd=teaching.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=hear_hang_up,
    ) as process:
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Press"):
                    break
            yield process, "".join(lines)
        finally:
            process.kill()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_says_how_to_log_in_and_leaves_no_process(command, tmp_path, end):
    process, lines = command
    known = json.loads((tmp_path / "hub" / "accounts.json").read_text())
    name = STUDENTS[0]
    password = known["passwords"][name]
    assert known["address"] in lines and password in lines and "Ctrl+C" in lines
    assert requests.get(f"{known['address']}/hub/login").ok
    Browser(known["address"], name, password).start_server()
    started = of_trial(tmp_path / "hub")
    assert len(started) > 3

    for _ in range(2):  # people press it again
        process.send_signal(end)
        time.sleep(0.1)
    assert process.wait(30) == 0
    assert of_trial(tmp_path / "hub") == []
    _, left = psutil.wait_procs(started, timeout=10)  # those of another parent as well
    assert [p for p in left if p.status() != psutil.STATUS_ZOMBIE] == []


def test_a_second_start_leaves_the_lesson_alone(command, tmp_path):
    known = json.loads((tmp_path / "hub" / "accounts.json").read_text())
    before = {process.pid for process in of_trial(tmp_path / "hub")}
    again = subprocess.run(
        [sys.executable, "-m", "classroom.hub", "--folder", tmp_path / "hub"],
        cwd=teaching.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert again.returncode == 1
    assert f"A hub runs in {tmp_path / 'hub'} already" in again.stderr
    assert before <= {process.pid for process in of_trial(tmp_path / "hub")}
    assert requests.get(f"{known['address']}/hub/login").ok


def test_without_separate_users_no_process_is_left_either(tmp_path, monkeypatch):
    monkeypatch.setattr(separate, "why_not", lambda: "for the test")
    monkeypatch.setattr(trial, "CHAPTERS", QUICK[:1])  # it makes its course itself
    with Trial(tmp_path / "hub", n_students=1, port=0) as running:
        browser(running, ANN).open_kernel("own.ipynb").run("1")
        started = psutil.Process(running.process.pid).children(recursive=True)
    assert len(started) > 4  # proxy, hub, what stops the idle, server, kernel
    _, left = psutil.wait_procs(started, timeout=10)
    assert [p for p in left if p.status() != psutil.STATUS_ZOMBIE] == []


def test_another_number_of_students_changes_nobodys_account(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "make_course", lambda folder: None)

    def accounts(n_students):
        made = trial.prepare(tmp_path, n_students, port=0, separate=False)
        users, _ = trial.user_lines(tmp_path, made["passwords"])
        numbers = dict(line.split(":x:") for line in users.splitlines())
        assert set(numbers) == set(made["passwords"])
        return {name: (made["passwords"][name], numbers[name]) for name in numbers}

    three = accounts(3)
    one = accounts(1)
    assert set(one) == {STUDENTS[0], trial.TEACHER}
    assert one.items() <= three.items()
    assert accounts(2).items() <= three.items()
    assert three.items() <= accounts(4).items()


@NEED_USERS
def test_even_killed_it_leaves_no_process(command, tmp_path):
    process, _ = command
    assert of_trial(tmp_path / "hub")
    process.kill()
    process.wait()
    end = time.monotonic() + 10
    while of_trial(tmp_path / "hub") and time.monotonic() < end:
        time.sleep(0.1)
    assert of_trial(tmp_path / "hub") == []


def test_who_is_away_is_stopped_and_what_was_saved_stays(course, tmp_path):
    course(tmp_path / "hub")
    choices = {"n_students": 1, "port": 0, "idle_minutes": 0.3}
    with Trial(tmp_path / "hub", **choices) as running:
        ann = browser(running, ANN)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
        ann.save("mine.ipynb", notebook)
        end = time.monotonic() + 120
        while server_of(running, ann) and time.monotonic() < end:
            time.sleep(1)
        assert not server_of(running, ann)
        again = browser(running, ANN)
        assert again.read("mine.ipynb")["cells"][0]["source"] == "1"


def server_of(running, ann):
    """Return what the hub knows of a server that runs; nothing if there's none."""
    user = ann.call("GET", f"api/users/{ann.name}", server=False).json()
    return user["servers"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--port", "{taken}"), "Port {taken} can't be opened"),
        (("--students", "0"), "a class has at least one student, not 0"),
    ],
)
def test_what_cannot_be_started_is_explained(tmp_path, option, message):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        options = [text.format(taken=port) for text in option]
        done = subprocess.run(
            [sys.executable, "-m", "classroom.hub", "--folder", tmp_path, *options],
            cwd=teaching.ROOT,
            capture_output=True,
            text=True,
        )
    assert done.returncode and message.format(taken=port) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("folder", "chapter", "message"),
    [
        ("course", "laod", "The course has no chapter 'laod'. Did you mean load?"),
        ("nowhere", "load", "There's no course in"),
    ],
)
def test_a_course_or_chapter_that_is_not_there_is_named(
    running, capsys, folder, chapter, message
):
    course = running.folder / folder
    assert exchange.main(["collect", "--course", f"{course}", "--chapter", chapter])
    assert message in capsys.readouterr().err


def test_an_exchange_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LookupError, match="Nothing was handed out in"):
        exchange.collect(tmp_path, "load", tmp_path / "nowhere")


# What real servers get


def server_config(monkeypatch):
    """Return JupyterHub's settings for The Littlest JupyterHub."""
    from traitlets.config import PyFileConfigLoader

    monkeypatch.delenv("BOOK", raising=False)
    loader = PyFileConfigLoader("jupyterhub_config.py", path=str(hub.FOLDER))
    return loader.load_config()


def test_on_a_server_systemd_limits_what_a_student_takes(monkeypatch):
    from systemdspawner import SystemdSpawner, systemd

    class Asked(Exception):
        """What systemd would be asked for."""

    async def nothing_runs(unit):
        return False

    async def ask(unit, **options):
        raise Asked(options["properties"])

    monkeypatch.setattr(systemd, "service_running", nothing_runs)
    monkeypatch.setattr(systemd, "service_failed", nothing_runs)
    monkeypatch.setattr(systemd, "start_transient_service", ask)
    monkeypatch.setattr(SystemdSpawner, "get_env", lambda self: {})
    monkeypatch.setattr(SystemdSpawner, "get_args", lambda self: [])
    user = SimpleNamespace(name=getpass.getuser(), id=1)
    spawner = SystemdSpawner(config=server_config(monkeypatch), user=user)
    spawner.username_template = user.name
    with pytest.raises(Asked) as asked:
        asyncio.run(spawner.start())
    (properties,) = asked.value.args
    assert properties["MemoryMax"] == 1536 * 2**20
    assert properties["CPUQuota"] == "200%"
    assert properties["PrivateTmp"] == properties["NoNewPrivileges"] == "yes"


def test_kubernetes_gets_the_same_settings(monkeypatch):
    config = server_config(monkeypatch)
    values = yaml.safe_load((hub.FOLDER / "zero-to-jupyterhub.yaml").read_text())
    server = values["singleuser"]
    assert server["memory"]["limit"] == config.Spawner.mem_limit
    assert server["cpu"]["limit"] == config.Spawner.cpu_limit
    assert server["startTimeout"] == config.Spawner.start_timeout
    assert server["extraEnv"] == config.Spawner.environment
    assert server["defaultUrl"] == config.Spawner.default_url


def test_on_kubernetes_hand_ins_are_found_in_each_students_folder(tmp_path):
    place = tmp_path / hub.COURSE_ID / "inbound" / "ann" / "ann+load+2026-01-01+x"
    place.mkdir(parents=True)
    (place / "load.ipynb").write_text("{}")
    outcomes = exchange.collect(tmp_path / "course", "load", tmp_path)
    assert outcomes == {"ann": "collected"}
    assert (tmp_path / "course" / "submitted" / "ann" / "load" / "load.ipynb").exists()
