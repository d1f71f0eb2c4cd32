"""The figures that several chapters draw."""

import matplotlib.pyplot as plt
import numpy as np

from scratchnet.tools.inputs import as_array, check_some


def show_digits(images, titles=None, n_columns=10, size=0.9):
    """Draw images in a grid, dark on light, each with a title if wanted.

    Parameters
    ----------
    images : numpy.ndarray
        Shape (n, height, width), or anything of 28 × 28 pixels.
    titles : sequence, optional
        One for each image, such as its label.
    n_columns : int, optional
        Images in a row of the grid.
    size : float, optional
        The width of one image, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        Of one axes for each place in the grid.

    Raises
    ------
    ValueError
        If there are no images, or not as many as titles.
    """
    images = as_array(images, "images")
    check_some(images)
    images = images if images.ndim == 3 else images.reshape(-1, 28, 28)
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images but {len(titles)} titles")
    n_rows = -(-len(images) // n_columns)
    height = size * (1.0 if titles is None else 1.3)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(size * n_columns, height * n_rows), squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, image in zip(axes.flat, images, strict=False):
        axis.imshow(image, cmap="gray_r")
    for axis, title in zip(axes.flat, () if titles is None else titles, strict=False):
        axis.set_title(title)
    return figure


def plot_history(history):
    """Draw the losses and the validation accuracy of a training, a panel for each.

    Parameters
    ----------
    history : dict of str to list of float
        From `scratchnet.training.validated`.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels, one above the other.
    """
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(6.4, 5), sharex=True)
    epochs = np.arange(1, len(history["training_loss"]) + 1)
    upper.plot(epochs, history["training_loss"], "--", label="training, under way")
    upper.plot(epochs, history["validation_loss"], label="validation")
    upper.set(ylabel="Cross-entropy [nats]", ylim=(0, None))
    upper.legend()
    lower.plot(epochs, 100 * np.array(history["validation_accuracy"]), color="C1")
    lower.set(xlabel="Epochs", ylabel="Validation accuracy [%]")
    return figure


def plot_ladder(rungs):
    """Draw the accuracy ladder: test error, cost, and size, one row for each network.

    Parameters
    ----------
    rungs : list of dict
        From `scratchnet.ladder.records.ladder`.

    Returns
    -------
    matplotlib.figure.Figure
        One panel, errors on a logarithmic axis.
    """
    figure, axis = plt.subplots(figsize=(5, 0.5 * len(rungs) + 0.7))
    errors = [100 - rung["mean"] for rung in rungs]
    worst, best = 1.3 * max(errors), 0.8 * min(errors)
    places = range(len(rungs), 0, -1)
    for place, error, rung in zip(places, errors, rungs, strict=True):
        spread = 100 - np.array(rung["accuracies"])
        axis.hlines(place, worst, error, color="C0", linewidth=3)
        axis.plot(spread, np.full(len(spread), place), "o", color="C1", alpha=0.6)
        axis.plot(error, place, "D", color="C1", markersize=7)
        cost = f"{rung['seconds']:,.0f} s · {rung['n_parameters']:,} weights"
        for text, x, side in (
            (rung["title"], worst, "left"),
            (f"{error:.2f} % · {cost}", best, "right"),
        ):
            axis.annotate(
                text, (x, place), (0, 7), textcoords="offset points", ha=side,
                fontsize=9,
            )  # fmt: skip
    axis.set(
        xscale="log",
        xlabel="Misread test images [%], fewer to the right",
        ylim=(0.5, len(rungs) + 0.7),
        xlim=(worst, best),
    )
    ticks = [tick for tick in (20, 10, 5, 2, 1, 0.5, 0.2) if best < tick < worst]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_yticks([])
    axis.grid(False)  # its lines would run through the words
    axis.spines["left"].set_visible(False)
    return figure
