"""The book's own training, in as many processes as threads are allowed."""

import sys

from scratchnet.ladder.recipes import train_recipe


def train(course, threads):
    """Train; return 0, since nothing is compiled.

    The recipe says into how many parts a batch falls, and each has a process where
    that's possible.
    """
    course.network, _ = train_recipe(
        course.name,
        course.images,
        course.labels,
        course.seed,
        in_parallel=sys.platform == "linux" and threads > 1,
        **course.changes,
    )
    return 0.0
