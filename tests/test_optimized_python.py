"""Where Python is told to skip every `assert`, no check passes unseen."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIMIZED = os.environ | {"PYTHONOPTIMIZE": "1"}


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "pytest", "--collect-only", "content/index.md"],
        ["-m", "jupyter", "book", "build", "."],
    ],
    ids=["tests", "book"],
)
def test_programs_that_check_refuse_to_run(command, tmp_path):
    if command[-1] == ".":
        command = [*command, "--path-output", tmp_path]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=OPTIMIZED,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode
    assert done.stdout.splitlines()[-1] == (
        "Python skips every check, as PYTHONOPTIMIZE or -O tells it to: unset"
        " PYTHONOPTIMIZE, or leave out -O."
    )
    assert "Traceback" not in done.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
@pytest.mark.parametrize("arguments", [[], ["PYTHONOPTIMIZE=2"]])
def test_make_keeps_it_from_all_that_it_runs(tmp_path, arguments):
    probe = tmp_path / "probe.mk"
    probe.write_text('probe:\n\t@echo "<$$PYTHONOPTIMIZE>"\n')
    command = ["make", "-s", "-f", "Makefile", "-f", probe, "probe", *arguments]
    outside = OPTIMIZED | {"MAKEFLAGS": "", "MAKELEVEL": "0"}  # of make test itself
    done = subprocess.run(command, cwd=ROOT, env=outside, stdout=subprocess.PIPE)
    assert done.stdout == b"<>\n"
