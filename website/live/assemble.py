"""Write the folder `_live` of the site: Python, what pages import, and MNIST."""

import gzip
import hashlib
import importlib.metadata
import io
import json
import re
import shutil
import zipfile
from pathlib import Path

from flit_core.wheel import WheelBuilder
from packaging.requirements import Requirement

from scratchnet.mnist import FILES, fetch_file
from website.live.pyodide_files import CACHE, ROOT, listed

HERE = Path(__file__).parent
SCRIPTS = ("kernel.js", "worker.js")
IN_PYTHON = ("page_kernel.py", "page_bytecode.py")
PACKED = (".mjs", ".wasm", ".py")  # what gzip makes smaller
LOCK = "pyodide-lock.json"
NOT_USED = {"ipywidgets"}  # of what the package needs: JupyterLab's bars
NOT_SHIPPED = re.compile(r"(^|/)(__pycache__|tests?|bin)/|\.(so|pyd|pyc|1|sh)$|^\.\./")
TRAINED = ".npz"  # networks of several megabytes, which no live page loads
SOURCES = ("source", "node_modules")  # what `page` is made of, not part of it


def assemble(folder, version, cache=CACHE):
    """Write the folder.

    Parameters
    ----------
    folder : pathlib.Path
        Where it is to be.
    version : str
        The name of a folder in it, for all that isn't in `files`: the programs and
        their list of files, which ask for each other by names alone.
    cache : pathlib.Path
        Where the files of Pyodide are.

    Returns
    -------
    int
        How many bytes a page loads when it runs for the first time.
    """
    programs = folder / version
    programs.mkdir(parents=True)
    (folder / "files").mkdir()
    for name in SCRIPTS:
        shutil.copy(HERE / name, programs)
    ignored = shutil.ignore_patterns(*SOURCES)
    shutil.copytree(HERE / "page", programs / "page", ignore=ignored)
    _, pyodide = listed()
    lock = json.loads((cache / LOCK).read_text("utf-8"))
    files = [
        add_file(folder, file.name, file.stage, (cache / file.name).read_bytes())
        for file in pyodide
        if file.name != LOCK
    ]
    for name in IN_PYTHON:
        files.append(add_file(folder, name, "interpreter", (HERE / name).read_bytes()))
    packages = pack_packages(shipped_names(lock, pyodide))
    files.append(add_file(folder, "packages.zip", "packages", packages))
    sources = hashlib.sha256("".join(file["sha256"] for file in files).encode())
    compiled = {  # under which names a browser keeps what Python has made of them
        part: f"compiled-{part}.{sources.hexdigest()[:12]}.zip"
        for part in ("library", "packages")
    }
    for key, file in FILES.items():
        path, _ = fetch_file(key)
        files.append(add_file(folder, file.name, "mnist", path.read_bytes()))
    manifest = {"files": files, "compiled": compiled, "lock": trimmed(lock, pyodide)}
    (programs / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
    return sum(file["size"] for file in files)


def add_file(folder, name, stage, content):
    """Write a file, packed where that makes it smaller; return its line of the list.

    Its address has a part of its digest, so no browser takes an older one for it; and
    it ends in `.bin`, so no server unpacks it on the way, or packs it anew.
    """
    packed = name.endswith(PACKED)
    data = gzip.compress(content, 9, mtime=0) if packed else content
    file = f"{name}.{hashlib.sha256(data).hexdigest()[:12]}.bin"
    (folder / "files" / file).write_bytes(data)
    return {
        "name": name,
        "file": file,
        "size": len(data),
        "packed": packed,
        "sha256": hashlib.sha256(content).hexdigest(),
        "stage": stage,
    }


def trimmed(lock, files):
    """Return Pyodide's list of packages, with those that are shipped, no more."""
    names = {file.name for file in files}
    packages = {
        key: package
        for key, package in lock["packages"].items()
        if package["file_name"] in names
    }
    return {"info": lock["info"], "packages": packages}


def shipped_names(lock, files):
    """Return the names of the packages that come with Pyodide's files."""
    return set(trimmed(lock, files)["packages"])


# The packages in pure Python --------------------------------------------------------


def pack_packages(others):
    """Put the book's package, and what it needs, into one zip file.

    What it needs is taken from this environment: the versions that the pages are built
    with. `others` are the names of packages that come otherwise.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(
        content, "w", zipfile.ZIP_DEFLATED, compresslevel=9
    ) as archive:
        for name, data in sorted(own_files() | installed_files(needs(others))):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)
    return content.getvalue()


def own_files():
    """Return the files of the book's package, as its wheel has them."""
    content = io.BytesIO()
    builder = WheelBuilder.from_ini_path(ROOT / "pyproject.toml", content)
    builder.data_directory = None  # JupyterLab's settings
    builder.build(editable=False)
    with zipfile.ZipFile(content) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith(TRAINED)]
        return {(name, wheel.read(name)) for name in names}


def needs(others):
    """Return all packages that the book's package needs to be imported.

    Parameters
    ----------
    others : set of str
        Those to leave out, with what only they need.
    """
    found, waiting = set(), ["scratchnet"]
    while waiting:
        name = waiting.pop()
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            needed = requirement.name.lower().replace("_", "-")
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            if needed not in found | others | NOT_USED:
                found.add(needed)
                waiting.append(needed)
    return found


def installed_files(names):
    """Return the files of installed packages, without tests and compiled parts."""
    return {
        (file.as_posix(), file.locate().read_bytes())
        for name in names
        for file in importlib.metadata.files(name)
        if not NOT_SHIPPED.search(file.as_posix())
    }
