"""scratchnet's own `fit`, in one process, or in several as the book's recipes train."""

import atexit
from contextlib import ExitStack

import numpy as np

from benchmarks.timing.contenders import (
    BATCH_SIZE,
    LEARNING_RATE,
    MOMENTUM,
    WEIGHT_DECAY,
)
from scratchnet.optimizers import SGD
from scratchnet.tools.parallel import ready_in_processes
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
    """Return a function that calls `fit`, in this process or in so many as threads.

    The processes wait for the next call meanwhile, as the threads of a framework do.
    """

    def train(network, images, labels, optimizer, orders):
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

    def train_part(team, orders):
        data = team.part(images), team.part(labels)
        optimizer = team.optimizer(fresh_optimizer())
        losses = train(team.network, *data, optimizer, orders)
        return [team.mean(loss) for loss in losses]

    if not processes:
        return lambda orders: train(network, images, labels, fresh_optimizer(), orders)
    ready = ExitStack()
    atexit.register(ready.close)
    return ready.enter_context(ready_in_processes(train_part, network, threads))
