"""A fresh copy of the book, opened in JupyterLab as `make lab` does."""

import shutil
import subprocess

import pytest
from built_site.conftest import browser, context  # noqa: F401
from test_pages import ROOT

from in_jupyterlab.lab import running_lab
from scratchnet.mnist import fetch_file


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
    """Start JupyterLab in that copy; return its address."""
    here = {"PYTHONPATH": str(clone), "MNIST_SOURCE": str(data_folder())}
    with running_lab(clone, tmp_path_factory.mktemp("home"), **here) as address:
        yield address


@pytest.fixture
def page(context):  # noqa: F811
    """Open an empty tab. JupyterLab's own scripts may throw; what it shows counts."""
    return context.new_page()


def data_folder():
    """Return the folder that has MNIST already."""
    path, _ = fetch_file("training_images")
    return path.parent
