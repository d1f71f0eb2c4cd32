"""The frameworks are installed one by one: one that fails is named."""

import subprocess
import sys
from pathlib import Path

import pytest

from website import install_frameworks
from website.pages import needs
from website.recorded import pages_with_needs

TEXT = install_frameworks.REQUIREMENTS.read_text("utf-8")


def run(monkeypatch, tmp_path, capsys, fails):
    """Run the command with a pip that can't install some; return what came of it."""
    asked = []

    def pip(command):
        wanted = Path(command[-1]).read_text("utf-8")
        asked.append(wanted)
        failed = any(f"\n{name}==" in f"\n{wanted}" for name in fails)
        return subprocess.CompletedProcess(command, int(failed))

    stamp = tmp_path / "stamp"
    monkeypatch.setattr(install_frameworks.subprocess, "run", pip)
    monkeypatch.setattr(sys, "argv", ["install_frameworks", str(stamp)])
    with pytest.raises(SystemExit) as end:
        install_frameworks.main()
    return bool(end.value.code), stamp.exists(), capsys.readouterr().out, asked


def test_all_are_installed(monkeypatch, tmp_path, capsys):
    failed, stamped, said, asked = run(monkeypatch, tmp_path, capsys, [])
    assert (failed, stamped) == (False, True)
    assert "Not installed" not in said
    assert len(asked) == 4
    assert "Installing PyTorch …" in said and "Installing TensorFlow …" in said


def test_one_that_fails_is_named_and_tried_again(monkeypatch, tmp_path, capsys):
    failed, stamped, said, asked = run(monkeypatch, tmp_path, capsys, ["torch"])
    assert (failed, stamped) == (False, False)
    assert "Not installed: PyTorch." in said and "Not installed: JAX" not in said
    assert len(asked) == 4


def test_if_none_can_be_installed_it_fails(monkeypatch, tmp_path, capsys):
    fails = ["torch", "jax", "gast", "onnx"]
    failed, stamped, said, _ = run(monkeypatch, tmp_path, capsys, fails)
    assert (failed, stamped) == (True, False)
    assert said.count("Not installed: ") == 4


def test_versions_are_exact_and_all_that_pages_need_is_there():
    blocks = install_frameworks.blocks(TEXT)
    lines = [line for packages in blocks.values() for line in packages]
    assert all("==" in line for line in lines)
    names = {line.partition("==")[0] for line in lines}
    for page in pages_with_needs():
        assert set(needs(page.read_text("utf-8"))) - names == set(), page.name
