"""What a teacher reads of the load test: sizes that follow from what was measured."""

import json

import class_load
import pytest
from test_pages import ROOT

RUN = {
    "students": 10,
    "over": 0,
    "reads": False,
    "n_done": 9,
    "failures": {"ann": "HubError: the server didn't start"},
    "first_cell": [5.2, 7.9],
    "done": [41.6, 60.2],
    "memory": [600, 700],
    "processor": [20.0, 21.5],
    "hub_memory": 200,
    "hub_processor": 10.0,
}


def test_sizes_grow_with_the_class():
    memory, cores = class_load.size(RUN, 30)
    assert memory * class_load.FULL == pytest.approx((200 + 30 * 700) / 1024)
    assert cores * class_load.FULL == pytest.approx(30 * (20 + 1) / 600)


def test_a_row_tells_of_those_who_did_not_finish():
    row = class_load.row_of(RUN)
    assert row[0] == "10 come at once, run two chapters, hand in"
    assert row[1:] == ["5.2 / 7.9", "42 / 60", "600 / 700", "20.0 / 21.5", "9 of 10"]


def test_the_record_has_both_kinds_of_class_and_no_failure():
    runs = json.loads((ROOT / "classroom" / "hub" / "recorded.json").read_text("utf-8"))
    assert {run["reads"] for run in runs} == {False, True}
    for run in runs:
        assert run["n_done"] == run["students"] and run["failures"] == {}
