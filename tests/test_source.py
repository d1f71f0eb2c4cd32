"""What people set `MNIST_SOURCE` to, and what it then means."""

import os
import subprocess
import sys

import pytest
from test_pages import ROOT

from scratchnet.mnist.source import mnist_source


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a home whose folders have names that people give, and be in a folder."""
    for name in ("mnist", "my stick", "it's $HOME `x`", "größe", "notes/deep"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "notes" / "deep")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("{home}/mnist", "mnist"),
        ("{home}/mnist/", "mnist"),
        (" {home}/mnist ", "mnist"),
        ("~/mnist", "mnist"),
        ("~/my stick", "my stick"),
        ('"{home}/my stick"', "my stick"),  # as Windows' `set` keeps it
        ("'~/my stick/'", "my stick"),
        ("{home}/it's $HOME `x`", "it's $HOME `x`"),
        ("~/größe", "größe"),
        ("{uri}/my%20stick", "my stick"),
        ("file://~/mnist", "mnist"),
        (
            "mnist",
            "mnist",
        ),  # in a folder above, as seen from a notebook's
        ("../../mnist", "mnist"),
        ("./practice", "notes/deep/practice"),
        ("nowhere/at all", "notes/deep/nowhere/at all"),
        ("~nobody-of-this-name/mnist", "notes/deep/~nobody-of-this-name/mnist"),
    ],
)
def test_a_folder_becomes_absolute(home, monkeypatch, text, folder):
    monkeypatch.setenv("MNIST_SOURCE", text.format(home=home, uri=home.as_uri()))

    assert mnist_source() == str(home / folder)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://lab:8000", "http://lab:8000"),
        (" https://example.org/mnist/ ", "https://example.org/mnist/"),
        ("HTTP://lab/", "http://lab/"),
        ("http:/192.168.0.2:8000", "http://192.168.0.2:8000"),
        ("192.168.0.2:8000", "http://192.168.0.2:8000"),
        ("192.168.0.2/mnist", "http://192.168.0.2/mnist"),
        ("teacher:8000", "http://teacher:8000"),
        ("teacher.school.example:8000/m", "http://teacher.school.example:8000/m"),
        ("localhost/", "http://localhost/"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("ftp://example.org/", "ftp://example.org/"),  # refused where it's asked
    ],
)
def test_an_address_has_its_scheme(home, monkeypatch, text, address):
    monkeypatch.setenv("MNIST_SOURCE", text)

    assert mnist_source() == address


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (None, ""),
        ("", ""),
        ("  ", ""),
        ('""', ""),
        ("practice", "practice"),
        (" Practice ", "practice"),
        ("'PRACTICE'", "practice"),
    ],
)
def test_nothing_is_nothing_and_practice_is_a_word(home, monkeypatch, text, word):
    monkeypatch.delenv("MNIST_SOURCE", raising=False)
    if text is not None:
        monkeypatch.setenv("MNIST_SOURCE", text)

    assert mnist_source() == word


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", ""])
def test_as_a_program_it_says_the_same_in_bytes(home, encoding):
    said = subprocess.run(
        [sys.executable, "-S", ROOT / "scratchnet" / "mnist" / "source.py"],
        env=os.environ | {"MNIST_SOURCE": "~/größe", "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )

    assert os.fsdecode(said.stdout) == str(home / "größe")
