"""What each step of a recipe's training gets, whoever takes it.

It's what `scratchnet.ladder.recipes.train_recipe` gives its own steps, drawn by the
same generators: the same initial weights, the same batches, the same invented images,
the same learning rates.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from scratchnet.ladder.recipes import RECIPES, fresh_network
from scratchnet.optimizers import SGD, constant


class Course:
    """The training of a recipe, step by step.

    Parameters
    ----------
    name : str
        Of `RECIPES`, with `SGD` for its optimizer.
    images, labels : numpy.ndarray
        float32, shape (n, 784), and integers, shape (n,).
    seed : int
        Of all that is random.
    **changes
        What of the recipe's training is different, such as epochs.

    Attributes
    ----------
    network : scratchnet.sequential.Sequential
        Before the training, until a framework puts there what it has learned.
    optimizer : SGD
        For its momentum and its weight decay.
    averaging, label_smoothing : float
        As for `Averaging`, or 0 for none; and as for `softmax_cross_entropy`.
    """

    def __init__(self, name, images, labels, seed, **changes):
        self.name, self.seed, self.changes = name, seed, changes
        self.images, self.labels = images, labels
        how = RECIPES[name].training | changes
        self.network, self.rng = fresh_network(name, seed)
        self.generators = self.rng.spawn(how.get("parts", 1))
        self.optimizer = how.get("optimizer", SGD)()
        self.averaging = how.get("averaging", 0.0)
        loss = how.get("loss", partial(lambda: None))
        self.label_smoothing = loss.keywords.get("label_smoothing", 0.0)
        self.learning_rate, self.epochs = how["learning_rate"], how["epochs"]
        self.schedule = how.get("schedule", constant)
        self.batch_size = how.get("batch_size", 128)
        self.augment = how.get("augment")
        plain = how.get("plain_epochs", 0) if self.augment else self.epochs
        self.n_augmented = self.epochs - plain

    def orders(self):
        """Yield, for each epoch, the places of the images of all its batches."""
        n = len(self.images) // self.batch_size
        for _ in range(self.epochs):
            order = self.rng.permutation(len(self.images))
            yield order[: n * self.batch_size].reshape(n, self.batch_size)

    def rates(self):
        """Return the learning rate of each step."""
        n = self.epochs * (len(self.images) // self.batch_size)
        return [self.learning_rate * self.schedule(step / n) for step in range(n)]

    def shares(self):
        """Return which share of the past an average of the parameters keeps, by step.

        As in `scratchnet.optimizers.Averaging`; without averaging, none.
        """
        n = 1 + np.arange(len(self.rates()))
        return np.minimum(self.averaging, n / (n + 10)).tolist()

    def batches(self):
        """Yield images, labels, learning rate, and share of the past for each step.

        A thread invents images ahead of the steps that want them.
        """
        jobs = (
            (epoch < self.n_augmented, batch)
            for epoch, order in enumerate(self.orders())
            for batch in order
        )
        how = zip(self.rates(), self.shares(), strict=True)
        for (x, y), (rate, share) in zip(ahead(self.batch, jobs), how, strict=True):
            yield x, y, rate, share

    def batch(self, job):
        """Return the images and labels of a batch, as each process of ours has them."""
        augmented, chosen = job
        images = self.images[chosen]
        if augmented:
            parts = np.array_split(images, len(self.generators))
            pairs = zip(parts, self.generators, strict=True)
            images = np.concatenate([self.augment(part, rng) for part, rng in pairs])
        return images, self.labels[chosen]


def ahead(work, jobs, n_ahead=8):
    """Yield what a function returns for each job; a thread is some jobs ahead."""
    with ThreadPoolExecutor(1) as thread:
        waiting = deque()
        for job in jobs:
            waiting.append(thread.submit(work, job))
            if len(waiting) > n_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
