"""The notebooks that the pages offer: complete, readable, and running anywhere."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from urllib.parse import unquote
from urllib.request import urlretrieve

import nbformat
import pytest
from digits import mnist_source
from test_pages import NOTEBOOKS, ROOT

import scratchnet
from website.pages import tags_of

WHEEL = f"scratchnet-{scratchnet.__version__}-py3-none-any.whl"
RAW_MYST = re.compile(
    r"^(?:`{3,}|:{3,}){|{[a-z:]+}`|^\([\w-]+\)=$|\]\([^):]*\.md", re.MULTILINE
)
NEEDED = ("ipykernel==7.2.0", "nbclient==0.11.0", "nbformat")
EXECUTE = """\
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""
every_notebook = pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)


def download_name(page):
    return page.relative_to(ROOT).with_suffix(".ipynb").as_posix()


@every_notebook
def test_notebook_reads_well_without_the_book(page, html):
    notebook = nbformat.read(html / "downloads" / download_name(page), 4)
    nbformat.validate(notebook)
    title, first, *_ = notebook.cells
    assert title.source.startswith("# ")
    assert WHEEL in first.source
    for cell in notebook.cells:
        assert "remove-cell" not in tags_of(cell)
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
        else:
            folded = cell.metadata.get("jp-MarkdownHeadingCollapsed", False)
            assert folded == (cell.source == "#### Solution")
            assert RAW_MYST.findall(cell.source) == []
            for link in re.findall(r"\]\(([^):]+\.ipynb)\)", cell.source):
                target = (html / "downloads" / download_name(page)).parent / link
                assert target.is_file(), link


@every_notebook
def test_executed_notebook_has_the_outputs_of_the_page(page, html):
    plain = nbformat.read(html / "downloads" / download_name(page), 4)
    executed = nbformat.read(html / "downloads/executed" / download_name(page), 4)
    assert [cell.source for cell in plain.cells] == [
        cell.source for cell in executed.cells
    ]
    shown = [out for cell in executed.cells for out in cell.get("outputs", [])]
    assert shown
    assert not any(out.output_type == "error" for out in shown)


def test_menu_of_a_page_gives_its_notebook(html, served, page, tmp_path):
    page.goto(f"{served}/content/tutorial/load.html")
    for entry, path in [
        (".ipynb", "content/tutorial/load.ipynb"),
        (".ipynb with outputs", "executed/content/tutorial/load.ipynb"),
        ("scratchnet.whl", WHEEL),
    ]:
        page.get_by_role("button", name="Download this page").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=entry, exact=True).click()
        download.value.save_as(tmp_path / "file")
        expected = (html / "downloads" / path).read_bytes()
        assert (tmp_path / "file").read_bytes() == expected
        page.keyboard.press("Escape")


@pytest.fixture
def elsewhere(tmp_path):
    """Make an environment that doesn't know the book; return its Python.

    Its libraries are this environment's, all but `scratchnet`, unless `FRESH` names a
    Python: then pip installs what a notebook needs to run at all, and no more.
    """
    fresh = os.environ.get("FRESH")
    make = [fresh or sys.executable, "-m", "venv", tmp_path / "environment"]
    subprocess.run(make if fresh else [*make, "--without-pip"], check=True)
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = tmp_path / "environment" / scripts / "python"
    if fresh:
        install = [python, "-m", "pip", "install", "--quiet", *NEEDED]
        subprocess.run(install, check=True)
        return python
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([python, "-c", ask], capture_output=True, check=True)
    libraries = Path(answer.stdout.decode().strip())
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("scratchnet", "__editable__")):
            copy = shutil.copytree if entry.is_dir() else shutil.copy
            if os.name == "nt":
                copy(entry, libraries / entry.name)
            else:
                (libraries / entry.name).symlink_to(entry)
    return python


def run_in(folder, python, name):
    """Run a notebook in its folder, as somebody who has MNIST on a USB stick."""
    bare = {key: os.environ[key] for key in os.environ if key != "PYTHONPATH"}
    bare |= {
        "MNIST_SOURCE": mnist_source(),
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": "Agg",  # as on clusters, where figures would go nowhere
    }
    return subprocess.run(
        [python, "-c", EXECUTE, name],
        cwd=folder,
        env=bare,
        capture_output=True,
        text=True,
    )


def download(served, folder, chapter="load", wheel=WHEEL):
    """Download a chapter and the package, under a name that a browser gives it."""
    folder.mkdir()
    address = f"{served}/downloads"
    urlretrieve(
        f"{address}/content/tutorial/{chapter}.ipynb", folder / f"{chapter}.ipynb"
    )
    urlretrieve(f"{address}/{WHEEL}", folder / wheel)


@pytest.mark.parametrize(
    ("chapter", "wheel"),
    [("load", WHEEL), ("preprocess", WHEEL.replace(".whl", " (1).whl"))],
)
def test_downloaded_notebook_runs_in_an_empty_folder(
    chapter, wheel, served, elsewhere, tmp_path
):
    folder = tmp_path / "my downloads"
    download(served, folder, chapter, wheel)
    done = run_in(folder, elsewhere, f"{chapter}.ipynb")
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(folder / f"{chapter}.ipynb", 4).cells
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    assert any("image/png" in out.get("data", {}) for out in outputs)


def test_notebook_without_the_package_says_what_it_needs(
    served, elsewhere, tmp_path, html
):
    first = nbformat.read(html / "downloads/content/tutorial/load.ipynb", 4).cells[1]
    if "FROM_THE_WEB = ''" not in first.source:
        pytest.skip("built with an address to install the package from")
    folder = tmp_path / "downloads"
    folder.mkdir()
    urlretrieve(
        f"{served}/downloads/content/tutorial/load.ipynb", folder / "load.ipynb"
    )
    done = run_in(folder, elsewhere, "load.ipynb")
    assert done.returncode != 0
    assert f"This notebook needs {WHEEL}. Download it" in unquote(done.stderr)


def test_notebook_says_what_to_do_where_there_is_no_pip(served, elsewhere, tmp_path):
    folder = tmp_path / "downloads"
    download(served, folder)
    remove = [elsewhere, "-c", "import pip, shutil; print(pip.__path__[0])"]
    pip = Path(subprocess.check_output(remove, text=True).strip())
    pip.unlink() if pip.is_symlink() else shutil.rmtree(pip)

    done = run_in(folder, elsewhere, "load.ipynb")

    assert done.returncode != 0
    assert "The package can't be installed. Run `python -m ensurepip`" in done.stderr


def test_notebook_says_what_to_do_where_the_system_keeps_pip_out(served, tmp_path):
    system = shutil.which("python3", path=os.defpath)
    find = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    if (
        not system
        or not (
            Path(subprocess.check_output([system, "-c", find], text=True).strip())
            / "EXTERNALLY-MANAGED"
        ).exists()
    ):
        pytest.skip("no Python here that the system keeps for itself")
    folder = tmp_path / "downloads"
    download(served, folder)
    first = nbformat.read(folder / "load.ipynb", 4).cells[1].source

    done = subprocess.run(
        [system, "-I", "-c", first], cwd=folder, capture_output=True, text=True
    )

    assert done.returncode != 0
    assert re.search(
        r"RuntimeError: The package can't be installed\. (Make an environment with"
        r".*\nerror: externally-managed-environment|Run `python -m ensurepip`)",
        done.stderr,
    )
