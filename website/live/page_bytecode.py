"""Keep what Python has compiled in a page, so that its next start needn't.

This module runs in Pyodide, inside worker.js. Python compiles the source of a module
when it's first imported, and each start imports the same modules. Their bytecode is
written into zip files: that of the standard library beside its sources, which are in
one already; that of the packages for the folders `__pycache__` among theirs.
"""

import hashlib
import marshal
import shutil
import struct
import sys
import zipfile
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from zipimport import zipimporter

# What stands before bytecode that is taken as it is, without a look at its source: a
# flag, and a hash that nobody compares (PEP 552).
UNCHECKED = MAGIC_NUMBER + struct.pack("<LQ", 1, 0)


def write_library(path):
    """Write a copy of the standard library, with the bytecode of what is loaded of it.

    Returns
    -------
    str
        The SHA-256 of the file.
    """
    library = place_that_ends(".zip")
    shutil.copyfile(library, path)
    return add(path, {f"{name}c": code for name, code in loaded(zipimporter, library)})


def write_packages(path):
    """Write the bytecode of the packages that are loaded; return the file's SHA-256."""
    packages = place_that_ends("site-packages")
    modules = loaded(SourceFileLoader, packages)
    return add(path, {cache_from_source(name): code for name, code in modules})


def place_that_ends(end):
    """Return the place with such a name among those where Python looks for modules."""
    return next(place for place in sys.path if place.endswith(end))


def loaded(kind, folder):
    """Yield names of sources in a folder, and bytecode, of the modules of a loader."""
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        if isinstance(getattr(spec, "loader", None), kind):
            name = spec.origin.removeprefix(f"{folder}/")
            if name != spec.origin:
                code = spec.loader.get_code(spec.name)
                yield name, UNCHECKED + marshal.dumps(code)


def add(path, contents):
    """Add files to a zip file, or make one; return its SHA-256."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
