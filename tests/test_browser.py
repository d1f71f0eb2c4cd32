"""A real browser where the system lets an ordinary user have no sandbox."""

import os
import shutil
import subprocess
import sys

import pytest
from browser import find_browser
from test_pages import ROOT

# An ordinary user, in a namespace of users where no further one can be made.
FORBID = """\
echo 0 > /proc/sys/user/max_user_namespaces &&
exec setpriv --ambient-caps=-all --inh-caps=-all "$@"
"""
COMMAND = ["unshare", "--user", "--map-user=1000", "--keep-caps", "sh", "-c", FORBID]
OPEN = """\
import sys
from browser import find_browser, open_browser
with open_browser(find_browser()) as browser:
    print("It runs, version", browser.version)
"""


@pytest.fixture
def start(tmp_path):
    """Return a function that starts the browser as that user."""
    if not find_browser():
        pytest.skip("no browser here")
    if not shutil.which("unshare") or subprocess.call([*COMMAND, "sh", "true"]):
        pytest.skip("this machine lets nobody have users of their own")

    def run(**settings):
        return subprocess.run(
            [*COMMAND, "sh", sys.executable, "-c", OPEN],
            env=os.environ
            | {
                "HOME": str(tmp_path),
                "PYTHONPATH": str(ROOT / "website" / "extensions"),
            }
            | settings,
            capture_output=True,
            text=True,
        )

    return run


def test_without_a_sandbox_the_reader_is_told_what_to_do(start):
    done = start()

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("The browser can't shut itself in a sandbox here")
    assert "CHROMIUM_SANDBOX=no" in line


def test_a_reader_may_do_without_a_sandbox(start):
    assert start(CHROMIUM_SANDBOX="no").stdout.startswith("It runs, version")
