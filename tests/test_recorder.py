"""What assertions find when they are recorded, and how it is told in words."""

import ast

import numpy as np
import pytest

from checks.recorder import RECORDER, Recorder
from checks.words import in_words


def record(code, **names):
    """Run code with its assertions recorded; return their parts."""
    recorder = Recorder()
    tree = ast.fix_missing_locations(recorder.visit(ast.parse(code)))
    names = {"np": np, RECORDER: recorder} | names
    exec(compile(tree, "cell", "exec"), names)
    return recorder.parts


def one(code, **names):
    (part,) = record(code, **names)
    return part


# What is kept -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comparison", "held", "distance"),
    [
        ("x < 5", True, 2),
        ("x < 3", False, 0),
        ("x <= 3", True, 0),
        ("x > 2.5", True, 0.5),
        ("x > 4", False, -1),
        ("x >= 3", True, 0),
        ("x == 3", True, 0),
        ("x == 4", False, -1),
        ("x != 5", True, 2),
        ("2 < x < 4.5", True, 1),
        ("x * np.inf <= np.inf", True, 0),
        ("2 < x <= 2.5", False, -0.5),
        ("9 > x > 2", True, 1),
        ("abs(x - 3.25) < 1", True, 0.75),
        ("np.isclose(x, 3, atol=1, rtol=0)", True, np.inf),
        ("np.isclose(x, 3.25, atol=1, rtol=0)", True, 0.75),
        ("np.allclose([x, 1], [x, 3], atol=1, rtol=0)", False, -1),
        ("all(number < 4 for number in [1, x, 2])", True, 1),
        ("(np.array([1, x, 2]) < 4).all()", True, 1),
        ("np.all(np.array([1, x, 5]) < 4)", False, -1),
        ("[1, x] == [1, 5]", False, -2),
        ("x in (1, 3)", True, None),
        ("x not in (1, 3)", False, None),
        ("not x < 2", True, None),
        ("x < 2 or x > 2", True, None),
        ('"text" == "text"', True, None),
    ],
)
def test_each_kind_of_comparison_keeps_how_far_it_is_from_failing(
    comparison, held, distance
):
    part = one(f"assert {comparison}", x=3)
    assert part.held is held is bool(eval(comparison, {"x": 3, "np": np}))
    assert part.distance == distance and part.error == "" and part.runs == 1


def test_both_sides_are_kept():
    assert one("assert 2 < x < 4", x=3).values == [2, 3, 4]
    assert one("assert (x > 1).all()", x=np.array([5, 2, 7])).values == [2, 1]
    apart = one("assert abs(x - 2.5) < 1", x=3)
    assert apart.values == [0.5, 1] and apart.apart == [3, 2.5]


def test_an_and_has_parts_which_all_run():
    parts = record("assert x < 2 and (x > 5 and x < 4), 'it'\nassert x", x=3)
    assert [part.text for part in parts] == ["x < 2", "x > 5", "x < 4", "x"]
    assert [part.held for part in parts] == [False, False, True, True]
    assert [part.line for part in parts] == [1, 1, 1, 2]
    assert [part.message for part in parts] == ["it", "it", "it", ""]


def test_what_does_not_run_has_no_runs():
    assert one("if x > 5:\n    assert x < 2", x=3).runs == 0


def test_in_a_loop_the_closest_to_failing_is_kept():
    code = "for x, case in [(1, 'a'), (4, 'b'), (2, 'c')]:\n    assert x < {}, case"
    part = one(code.format(5))
    assert (part.held, part.runs, part.distance, part.case) == (True, 3, 1, "")
    part = one(code.format(2))
    assert (part.held, part.runs, part.distance, part.case) == (False, 3, -2, "b")
    assert part.values == [4, 2]


def test_an_error_is_kept_and_stops_nothing():
    first, second = record("assert y > 1\nassert x == 3", x=3)
    assert not first.held and first.error == "NameError: name 'y' is not defined"
    assert second.held


def test_not_a_number_is_the_closest_to_failing():
    part = one("assert (x < 2).all()", x=np.array([1, np.nan, 5]))
    assert not part.held and np.isnan(part.distance) and np.isnan(part.values[0])


def test_in_a_loop_not_a_number_stays_the_closest_to_failing():
    code = "for x, case in [(1, 'a'), (nan, 'b'), (1, 'c'), (9, 'd')]:\n"
    part = one(code + "    assert x < 5, case", nan=np.nan)
    assert not part.held and np.isnan(part.distance) and np.isnan(part.values[0])
    assert part.case == "b"


@pytest.mark.parametrize("check", ["x == (8, 8)", "x in [(8, 8)]"])
def test_in_a_loop_what_is_shown_is_of_the_case_that_is_told(check):
    code = "for x, case in [((8, 8), 'a'), ((1, 8, 8), 'b'), ((3, 8, 8), 'c')]:\n"
    part = one(f"{code}    assert {check}, case")
    assert (part.held, part.case, part.shown[0]) == (False, "b", "(1, 8, 8)")


# What is said -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("94 < x < 95", "x is 93.6 where the text says 94 to 95"),
        ("95 >= x >= 94", "x is 93.6 where the text says 94 to 95"),
        ("95 - 0.5 < x < 95", "x is 93.6 where the text says 94.5 to 95"),
        (
            "94 < x < 95, 'accuracy [%]'",
            "accuracy [%] is 93.6 where the text says 94 to",
        ),
        ("x > 94", "x is 93.6 where the text says more than 94"),
        ("94 < x", "x is 93.6 where the text says more than 94"),
        ("x <= 93", "x is 93.6 where the text says at most 93"),
        ("x > 93.60001", "x is 93.6 where the text says more than 93.60001"),
        (
            "1e-7 * x > 1e-5",
            "1e-07 * x is 0.00000936 where the text says more than 0.00001",
        ),
        ("x > 6e4", "x is 93.6 where the text says more than 60,000"),
        ("x > best", "x is 93.6 where the text says more than best, which is 94"),
        ("abs(x - 94.5) < 0.5", "x is 93.6 where the text says 94.5, give or take 0.5"),
        (
            "abs(x - best) < 0.1",
            "x is 93.6 where the text says best, which is 94, give or",
        ),
        (
            "abs(x - 94.5) < 0.5, 'it'",
            "it is 93.6 where the text says 94.5, give or take",
        ),
        ("93 < x < 93.6", "x is 93.6 where the text says more than 93 and less than"),
        ("93.6 < x <= 95", "says more than 93.6 and at most 95"),
        ("94 > x > 93.6", "says less than 94 and more than 93.6"),
        ("abs(x - 93.1) < 0.5", "x is 93.6 where the text says less than 0.5 from"),
        ("abs(x - 94.2) < 0.6", "x is 93.6 where the text says less than 0.6 from"),
        (
            "abs(x - best) < 0.4",
            "x is 93.6 where the text says less than 0.4 from best, which is 94",
        ),
        (
            "abs(best / few[0] / 0 - 3) < 1",
            "best / few[0] / 0 is infinite where the text says 3, give or take 1",
        ),
        ("round(x) == 95", "x is 94 where the text says 95"),
        ("x != 93.6", "x is 93.6 where the text says anything but 93.6"),
        ("np.isclose(x, 94)", "x is 93.6 where the text says about 94"),
        ("(few < 3).all()", "one of few is 5.5 where the text says less than 3"),
        (
            "(few < 3).all(), 'ratios'",
            "one of ratios is 5.5 where the text says less than",
        ),
        ("all(n < 3 for n in few)", "one of n is 5.5 where the text says less than 3"),
        (
            "few.tolist() == [1, 2, 5]",
            "one of few.tolist() is 5.5 where the text says 5",
        ),
        (
            "few.tolist() == [1, 2]",
            "few.tolist() is [1.0, 2.0, 5.5] where the text says [1",
        ),
        (
            "few[0] > few[1] > few[2]",
            "few[0] > few[1] > few[2]: it isn't so, they are 1, 2",
        ),
        ("name == 'smoothed'", "name is 'plain' where the text says 'smoothed'"),
        ("x in (94, 95)", "x is 93.6 where the text says one of (94, 95)"),
        ("x not in (93.6, 95)", "x is 93.6 where the text says none of (93.6, 95)"),
        ("'q' in name", "'q' is not in name, which is 'plain'"),
        ("name.startswith('q')", "it isn't so that name.startswith('q')"),
        (
            "name.startswith('q'), 'its name'",
            "its name: it isn't so that name.startswith",
        ),
        ("x < 93 or x > 94", "it isn't so that x < 93 or x > 94"),
        ("not x", "it isn't so that not x"),
        ("x > 94, name", "x (plain) is 93.6 where the text says more than 94"),
        (
            "x > 94, f'accuracy, {name}'",
            "accuracy, plain is 93.6 where the text says more",
        ),
        (
            "few.mean() * 0 / 0 > 1",
            "few.mean() * 0 / 0 is not a number where the text says",
        ),
    ],
)
def test_what_failed_is_told_in_words(code, words):
    names = {"x": 93.6, "best": 94, "few": np.array([1, 2, 5.5]), "name": "plain"}
    with np.errstate(all="ignore"):
        part = one(f"assert {code}", **names)
    assert not part.held and not part.error
    assert words in in_words(part)


def test_long_code_is_cut_in_words():
    sums = " + ".join(f"x[{i}]" for i in range(100))
    words = in_words(one(f"assert {sums} < 3", x=np.ones(100)))
    assert words.startswith("x[0] + x[1]") and len(words) < 200
    assert words.endswith("… is 100 where the text says less than 3")
