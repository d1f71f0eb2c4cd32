"""Install the frameworks, each by itself: `python -m website.install_frameworks`.

Each block of requirements-frameworks.txt is one. Where one can't be installed, the
others are, and the last lines name it; pages that need it then show recorded outputs.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements-frameworks.txt"


def blocks(text):
    """Return what each block installs, by the block's name.

    Parameters
    ----------
    text : str
        The file of requirements. A block begins after an empty line, with its name in
        a comment, which may go on after a colon.

    Returns
    -------
    dict
        The lines of each block.
    """
    _, *rest = text.strip().split("\n\n")
    lines = [block.splitlines() for block in rest]
    return {
        name.removeprefix("# ").partition(":")[0]: packages for name, *packages in lines
    }


def install(packages):
    """Install packages with pip; tell whether it went well."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text("\n".join(packages), "utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
        pip += ["--quiet", "-c", str(REQUIREMENTS), "-r", str(wanted)]
        return subprocess.run(pip).returncode == 0


def main():
    """Install every block; exit with an error only if none could be installed.

    Once all are installed, the file is touched that is named, if one is.
    """
    failed, wanted = [], blocks(REQUIREMENTS.read_text("utf-8"))
    for name, packages in wanted.items():
        print(f"Installing {name} …", flush=True)
        if not install(packages):
            failed.append(name)
    for name in failed:
        print(f"Not installed: {name}. What needs it is skipped, by name.")
    for stamp in sys.argv[1:] if not failed else ():
        Path(stamp).touch()
    sys.exit(len(failed) == len(wanted))


if __name__ == "__main__":
    main()
