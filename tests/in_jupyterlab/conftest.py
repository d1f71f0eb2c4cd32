"""A fresh copy of the book, opened in JupyterLab as `make lab` does."""

import os
import shutil
import subprocess
import sys

import pytest
from built_site.conftest import browser, context  # noqa: F401
from digits import mnist_source
from test_pages import ROOT

from in_jupyterlab.lab import end_kernels, running_lab


@pytest.fixture(scope="package")
def clone(tmp_path_factory):
    """Copy the files that git tracks, as they are now, into a repository of their own.

    What is saved there doesn't touch the book.
    """
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("clone")
    for name in filter(None, listing.stdout.decode().splitlines()):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="package")
def lab(clone, tmp_path_factory):
    """Start JupyterLab in that copy; return its address.

    Where `FRESH` names a Python, do first what Binder does: a fresh environment for a
    user without any settings, the requirements, then `postBuild`.
    """
    home = tmp_path_factory.mktemp("home")
    if os.environ.get("FRESH"):
        python, here = (
            binder_environment(clone, home),
            {"PYTHONPATH": "", "MNIST_SOURCE": ""},
        )
    else:
        python = sys.executable
        here = {"PYTHONPATH": str(clone), "MNIST_SOURCE": mnist_source()}
    with running_lab(clone, home, python, **here) as address:
        yield address


def binder_environment(clone, home):
    """Prepare a clone as repo2docker does; return the environment's Python."""
    folder = home / "environment"
    subprocess.run([os.environ["FRESH"], "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    subprocess.run([*install, "-r", "requirements.txt"], cwd=clone, check=True)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"HOME": str(home), "PATH": path, "PYTHONPATH": ""}
    variables["MNIST_SOURCE"] = mnist_source()  # Binder has a network, and needs none
    subprocess.run([clone / "postBuild"], cwd=clone, env=variables, check=True)
    return python


@pytest.fixture
def page(context, lab, clone):  # noqa: F811
    """Open an empty tab. JupyterLab's own scripts may throw; what it shows counts."""
    yield context.new_page()
    end_kernels(lab)
    subprocess.run(["git", "checkout", "--quiet", "."], cwd=clone, check=True)
