"""What `make` does with what people type, and where they keep the book: real commands.

Each runs in a clone whose folder has a name that trips shells up. Its environment is
either this one, lent, or a real one of its own, into which nothing is installed.
"""

import os
import shutil
import subprocess
import sys

import pytest
from digits import mnist_source
from small_book import Book, page
from test_pages import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
OUTPUT = {True: "_build/practice", False: "."}  # whether the digits are for practice
CELLS = """\
```{code-cell} ipython3
import matplotlib.pyplot as plt

plt.style.use("scratchnet.book")
plt.plot([1, 2])
plt.show()
```
"""
STAMP = f".venv/bin/.installed-{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def clone(tmp_path):
    """Write a small book into a folder that's hard to name; return the folder."""
    folder = tmp_path / "Zoë's $HOME book" / "main"
    folder.mkdir(parents=True)
    Book(folder, page=page("A page with code", CELLS))
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.txt", "constraints.txt", "requirements-teaching.txt"):
        (folder / name).touch()
    return folder


@pytest.fixture
def lent(clone):
    """Return the clone with this environment, which no command there may change."""
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml"):
        os.utime(clone / name, (0, 0))
    for path in (clone / "website" / "jupyter").rglob("*"):
        os.utime(path, (0, 0))
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, module in (("python", ""), ("jupyter-book", "-P -m jupyter book")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        program.chmod(0o755)
    (clone / STAMP).write_text(f"{clone / '.venv'}\n")
    return clone


def make(folder, *arguments, prefix=(), **environment):
    """Run make; return what it printed, both streams in one."""
    bare = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MFLAGS", "MNIST_SOURCE", "PYTHONIOENCODING")
    }
    command = [*prefix, "make", "--no-print-directory", f"PYTHON={sys.executable}"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=bare | {"PYODIDE_SOURCE": "none"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    printed = os.fsdecode(done.stdout)
    assert done.returncode == 0, printed
    return printed


# Where MNIST comes from


@pytest.fixture
def stick(tmp_path):
    """Return a folder with a name like those of USB sticks, with MNIST on it."""
    if (source := mnist_source()) == "practice":
        pytest.skip("needs the files of MNIST, not practice digits")
    folder = tmp_path / "home" / "Łukasz's  stick, $5" / "mnist"
    shutil.copytree(source, folder)
    return folder


@pytest.mark.parametrize("form", ["{}", "{}/", "~/{.parent.name}/mnist", "../../{rel}"])
@pytest.mark.parametrize("by", ["argument", "environment"])
def test_any_name_of_a_folder_reaches_the_program_whole(lent, stick, form, by):
    text = form.format(stick, rel=stick.relative_to(lent.parents[1]))
    given = {"MNIST_SOURCE": text} if by == "environment" else {}
    typed = [f"MNIST_SOURCE={text}"] if by == "argument" else []

    printed = make(lent, "data", *typed, HOME=str(stick.parents[1]), **given)

    assert printed.count(f"SHA-256 right, from {stick}\n") == 4
    assert f"MNIST is ready in {lent / '_data'}\n" in printed


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "cp1252", "utf-8"])
def test_a_console_that_cannot_print_a_sign_gets_it_otherwise(lent, stick, encoding):
    printed = make(
        lent, "data", MNIST_SOURCE=str(stick), PYTHONIOENCODING=encoding, LC_ALL="C"
    )

    assert "Łukasz" in printed or r"\u0141ukasz's  stick, $5" in printed


def test_practice_is_a_word_and_no_part_of_one(lent):
    dry = ["--dry-run", "--always-make", "book"]

    assert "--path-output _build/practice" in make(lent, *dry, MNIST_SOURCE="Practice ")
    assert "--path-output ." in make(lent, *dry, MNIST_SOURCE="/a practice")


def test_a_course_may_have_any_name(lent, tmp_path):
    course = str(tmp_path / "Anna's  course, $5")

    printed = make(lent, "--dry-run", "student", f"COURSE={course}")

    (line,) = [line for line in printed.splitlines() if "--course" in line]
    word = subprocess.check_output(
        ["sh", "-c", f"printf %s {line.partition('--course ')[2]}"], text=True
    )
    assert word == course


# Homes and figures


@pytest.fixture
def read_only_home(tmp_path):
    """Return a home that nobody can write, and a command before the command for it."""
    home = tmp_path / "read-only"
    home.mkdir()
    home.chmod(0o555)
    prefix = []
    if os.geteuid() == 0:  # root may write anywhere, unless it gives that up
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if not shutil.which("setpriv") or subprocess.call([*prefix, "true"]):
            pytest.skip("root here cannot give up its right to write anywhere")
    yield home, prefix
    home.chmod(0o755)


def test_the_book_has_its_figures_whatever_home_and_backend_are(lent, read_only_home):
    home, prefix = read_only_home
    # Downloaded notebooks are tried with "Agg", see test_downloads.py.
    settings = {"HOME": str(home), "MPLBACKEND": "TkAgg", "PYTHONIOENCODING": "ascii"}

    printed = make(lent, "book", prefix=prefix, MNIST_SOURCE=mnist_source(), **settings)

    page = lent / OUTPUT[mnist_source() == "practice"] / "_build/html/content/page.html"
    assert 'src="../_images/' in page.read_text("utf-8")
    assert page.with_name("index.html").as_uri().replace("/content", "") in printed
    assert "mkdir" not in printed and "writable" not in printed


# Links


def test_what_links_reads_is_still_new_to_the_book(lent):
    part = lent / "content" / "part.txt"
    text = "```{literalinclude} part.txt\n```\n\n[Closed](http://127.0.0.1:9/)\n"
    (lent / "content" / "page.md").write_text(f"# A page\n\n{text}")
    built = (
        lent / OUTPUT[mnist_source() == "practice"] / "_build/html/content/page.html"
    )
    for words in ("old_words", "new_words"):
        part.write_text(words)
        printed = make(lent, "--ignore-errors", "links", MNIST_SOURCE=mnist_source())
        assert "127.0.0.1:9" in printed and "Error 1 (ignored)" in printed
        make(lent, "book", MNIST_SOURCE=mnist_source())
        assert words in built.read_text("utf-8")
    assert not list((lent / "_build" / "html").glob("output.*"))


# The environment


MAKING = "Making the environment"


def moved(clone):
    return clone.rename(clone.with_name("moved"))


def copied(clone):
    return shutil.copytree(clone, clone.with_name("copied"), symlinks=True)


def half_made(clone):
    (clone / STAMP).unlink()
    return clone


def without_its_python(clone):
    (clone / ".venv" / "bin" / "python").unlink()
    (clone / ".venv" / "bin" / "python").symlink_to("/python/that/was/removed")
    return clone


def of_another_python(clone):
    (clone / STAMP).rename(clone / ".venv" / "bin" / ".installed-3.1")
    return clone


def of_windows(clone):
    (clone / ".venv" / "bin").rename(clone / ".venv" / "Scripts")
    return clone


@pytest.mark.parametrize(
    "change",
    [moved, copied, half_made, without_its_python, of_another_python, of_windows],
)
def test_an_environment_that_cannot_be_right_would_be_made_anew(lent, change):
    dry = ["--dry-run", "environment"]
    assert MAKING not in make(lent, *dry)
    changed = change(lent)
    assert MAKING in make(changed, *dry)


def test_what_is_made_anew_is_whole_and_has_nothing_of_before(clone):
    grader = f".teaching/.installed-{STAMP.rpartition('-')[2]}"
    assert MAKING in make(clone, "environment", grader)

    for change in (copied, without_its_python):
        left = [clone / folder / "left.txt" for folder in (".venv", ".teaching")]
        for path in left:
            path.touch()
        assert MAKING not in make(clone, "environment", grader)
        assert all(path.exists() for path in left)

        clone = change(clone)

        assert MAKING in make(clone, "environment", grader), change
        for folder in (".venv", ".teaching"):
            assert not (clone / folder / "left.txt").exists(), (change, folder)
