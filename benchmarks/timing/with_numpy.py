"""scratchnet's own `fit`, in one process, or in several as the book's recipes train."""

import numpy as np

from benchmarks.timing.contenders import (
    BATCH_SIZE,
    LEARNING_RATE,
    MOMENTUM,
    WEIGHT_DECAY,
)
from scratchnet.optimizers import SGD
from scratchnet.tools.parallel import in_processes
from scratchnet.training import fit


class InOrder(np.random.Generator):
    """A generator that deals orders which are given, so that all train in the same."""

    def __init__(self, orders):
        super().__init__(np.random.PCG64(0))
        self.orders = iter(orders)

    def permutation(self, n):
        """Return the next order."""
        return next(self.orders)


def prepare(network, images, labels, threads, processes, batch_size=BATCH_SIZE):
    """Return a function that calls `fit`, in this process or in so many as threads."""

    def fit_part(network, images, labels, optimizer, orders):
        return fit(
            network,
            images,
            labels,
            rng=InOrder(orders),
            epochs=len(orders),
            learning_rate=LEARNING_RATE,
            batch_size=batch_size,
            optimizer=optimizer,
        )["training_loss"]

    def fresh_optimizer():
        return SGD(MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY)

    def train(orders):
        return fit_part(network, images, labels, fresh_optimizer(), orders)

    def train_together(orders):
        def program(team):
            data = team.part(images), team.part(labels)
            optimizer = team.optimizer(fresh_optimizer())
            losses = fit_part(team.network, *data, optimizer, orders)
            return [team.mean(loss) for loss in losses]

        return in_processes(program, network, threads)

    return train_together if processes else train
