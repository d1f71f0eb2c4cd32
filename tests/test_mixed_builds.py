"""How the errors of networks of two builds are counted, on answers made up here."""

import numpy as np
import pytest

from benchmarks.mixed_builds import count_shared, count_votes

LABELS = np.array([0, 1, 1, 0])


def network(*sure_of_1):
    """Return answers about four images, of two digits, with two shifts.

    Each number is the probability of a 1, in the second shift twice as near to ½.
    """
    one = np.array([sure_of_1, 0.5 + (np.array(sure_of_1) - 0.5) / 2])
    return np.stack([1 - one, one], axis=2)


ANSWERS = {
    "a": [network(0.9, 0.9, 0.8, 0.1), network(0.9, 0.3, 0.8, 0.1)],
    "b": [network(0.2, 0.4, 0.8, 0.1), network(0.7, 0.2, 0.1, 0.1)],
}


def test_shared_errors_are_counted_for_each_pair():
    # Wrong: a's images {0}, {0, 1}; b's {1}, {0, 1, 2}
    shared = count_shared(ANSWERS, LABELS)
    assert shared == {"one build": [1, 1], "two builds": [0, 1, 1, 2]}


@pytest.mark.parametrize(
    ("sizes", "errors"),
    [
        ({"a": 1, "b": 0}, [1, 2]),
        ({"a": 2}, [1]),  # 0.9, 0.6, 0.8, 0.1
        ({"a": 2, "b": 1}, [1, 2]),  # 0.67, 0.53, 0.8, 0.1 and 0.83, 0.47, 0.57, 0.1
    ],
)
def test_every_choice_of_networks_votes(sizes, errors):
    assert count_votes(ANSWERS, LABELS, sizes) == errors


def test_shifts_vote_and_are_left_out_of_what_is_shared():
    answers = network(0.6, 0.9, 0.9, 0.1)  # wrong about the first image
    answers[1, 0] = 0.9, 0.1  # but not about its shifted copy
    two = {"a": [answers, answers]}
    assert count_votes(two, LABELS, {"a": 1}) == [0, 0]
    assert count_shared(two, LABELS)["one build"] == [1]
