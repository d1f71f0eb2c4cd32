"""How far assertions are from failing, and what the command reports of it."""

import math
import sys

import pytest
from test_pages import ROOT

from checks import arithmetics, margins

PAGE = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# A page

```{code-cell} ipython3
import os

import numpy as np

drawn = np.random.default_rng(5).random()
threads = int(os.environ["OPENBLAS_NUM_THREADS"])
```

```{code-cell} ipython3
:tags: [remove-cell]

assert drawn == np.random.default_rng(5).random()
assert abs(drawn - 0.8050029) < 1e-6
```

```{code-cell} ipython3
:tags: [remove-cell, measured]

assert 0 < drawn < 1, "what was drawn"
assert threads < 3
assert threads < 30
```

```{code-cell} ipython3
1 / (threads - 4)
```
"""


def part(distance, held=True, tags=()):
    text = "accuracy > 90"
    return {"cell": 1, "line": 2, "text": text, "tags": tags} | {
        "held": held,
        "distance": distance,
    }


@pytest.mark.parametrize(
    ("distances", "held", "room"),
    [
        ([4.0, 5.0, 6.0], True, 2.0),
        ([4.0, 4.0], True, math.inf),  # nothing varies
        ([4.0, math.inf], True, math.inf),
        ([None, None], True, math.inf),  # nothing is compared but an answer
        ([4.0, -1.0], False, 0.0),
        ([None, None], False, 0.0),
        ([0.0, 1.0], True, 0.0),
    ],
)
def test_room_is_the_smallest_distance_in_spreads(distances, held, room):
    assert margins.room(part(distance, held) for distance in distances) == room


def test_room_is_told_with_and_without_other_seeds():
    found = {"haswell": 6.0, "nehalem": 8.0, "seeds-1": 4.0}
    results = {
        name: {"parts": [part(distance, tags=["measured"])], "errors": []}
        for name, distance in found.items()
    }
    (row,) = margins.margins("page", results)
    assert row["room"] == 3.0 and row["room_with_seeds"] == 1.0


@pytest.mark.parametrize(
    ("tags", "held", "room"), [(["measured"], False, 0.0), ([], True, math.inf)]
)
def test_other_seeds_count_for_what_is_measured_alone(tags, held, room):
    results = {
        "haswell": {"parts": [part(4.0, True, tags)], "errors": []},
        "seeds-1": {"parts": [part(-9.0, False, tags)], "errors": []},
    }
    (row,) = margins.margins("page", results)
    assert all(row["held"].values()) is held and row["room_with_seeds"] == room


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Return a page in a book of its own."""
    monkeypatch.setattr(arithmetics, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(arithmetics, "ROOT", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "content").mkdir()
    page = tmp_path / "content" / "a-page.md"
    page.write_text(PAGE, "utf-8")
    return page


def test_a_page_runs_in_several_arithmetics_and_the_report_says_what_is_thin(
    page, monkeypatch, capsys
):
    chosen = ["threads-2", "threads-4", "seeds-1"]
    monkeypatch.setattr(sys, "argv", ["arithmetics", "--only", *chosen])
    assert arithmetics.main() == 1
    printed = capsys.readouterr().out
    counted = [line.split() for line in printed.splitlines()]
    assert ["threads-2", "5", "0"] in counted  # `0 < drawn < 1` is one part
    assert ["threads-4", "5", "1"] in counted
    assert ["seeds-1", "3", "0"] in counted
    # 26 of room where the spread is 3: enough. 3 is not more than 4: fails.
    assert "a-page, cell 2, line 2: fails with threads-4: threads < 3" in printed
    assert "Measured, and failed: 1" in printed
    assert "a-page, cell 3, in threads-4: ZeroDivisionError" in printed


def test_what_ran_is_kept_until_the_code_of_its_page_changes(page, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["arithmetics", "--only", "threads-2"])
    assert arithmetics.main() == 0
    kept = arithmetics.RESULTS / "a-page" / "threads-2.json"
    first = kept.stat().st_mtime_ns
    page.write_text(PAGE.replace("# A page", "# The page"), "utf-8")
    assert arithmetics.main() == 0 and kept.stat().st_mtime_ns == first
    page.write_text(PAGE.replace("threads < 3\n", "threads < 2\n"), "utf-8")
    assert arithmetics.main() == 1 and kept.stat().st_mtime_ns > first


@pytest.mark.parametrize(
    "name",
    [
        "scratchnet/layers.py",
        "scratchnet/ladder/recorded/speed.json",
        "checks/recorder.py",
        "constraints.txt",
    ],
)
def test_a_result_depends_on_what_its_page_uses(page, name):
    before = arithmetics.digest_of([])
    file = arithmetics.ROOT / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("1", "utf-8")
    first = arithmetics.digest_of([])
    file.write_text("2", "utf-8")
    assert len({before, first, arithmetics.digest_of([])}) == 3


def test_a_result_depends_on_the_digits(page, monkeypatch):
    monkeypatch.setenv("MNIST_SOURCE", "practice")
    on_practice = arithmetics.digest_of([])
    monkeypatch.setenv("MNIST_SOURCE", "elsewhere")
    assert arithmetics.digest_of([]) != on_practice


def test_an_unknown_page_and_an_unknown_arithmetic_are_named(page, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["arithmetics", "--pages", "nowhere"])
    with pytest.raises(SystemExit, match="No page with code: nowhere"):
        arithmetics.main()
    monkeypatch.setattr(sys, "argv", ["arithmetics", "--only", "abacus"])
    with pytest.raises(SystemExit):
        arithmetics.main()
    assert "no arithmetic is named abacus" in capsys.readouterr().err
