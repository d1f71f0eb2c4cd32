"""Slide filters over images, a row of windows at a time, for `layers.Convolution`.

It's what the chapter *Convolve* does, with fewer copies. Images have the shape
(channels, height, width, n), and filters (n_outputs, n_inputs, size, size).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def unfolded_across(x, size, padding=0):
    """Copy what filters see of each row, (height + 2 * padding, size, channels, w, n).

    A filter sees `size` rows at once: neighbors on the first axis, without a copy of
    their own. Across, w is width + 2 * padding - size + 1.
    """
    if padding:
        pad = (padding, padding)
        x = np.pad(x, [(0, 0), pad, pad, (0, 0)])
    windows = sliding_window_view(x, size, axis=2)  # (c, height, width', n, size)
    return np.ascontiguousarray(windows.transpose(1, 4, 0, 2, 3))


def convolve(across, filters):
    """Return the maps, (n_outputs, height', width', n), from `unfolded_across`."""
    n_outputs, _, size, _ = filters.shape
    height, (width, n) = len(across) - size + 1, across.shape[3:]
    out = np.empty((n_outputs, height, width * n), np.result_type(across, filters))
    by_row = filters.transpose(0, 2, 3, 1).reshape(n_outputs, -1)
    for y in range(height):
        seen = across[y : y + size].reshape(by_row.shape[1], -1)
        np.matmul(by_row, seen, out=out[:, y])
    return out.reshape(n_outputs, height, width, n)


def to_filters(across, gradient):
    """Return the gradient of the filters, in their shape, from that of the maps."""
    n_outputs, (_, size, n_inputs, _, _) = len(gradient), across.shape
    total = np.zeros((size * n_inputs * size, n_outputs), gradient.dtype)
    for y in range(gradient.shape[1]):
        seen = across[y : y + size].reshape(len(total), -1)
        total += seen @ gradient[:, y].reshape(n_outputs, -1).T
    total = total.reshape(size, size, n_inputs, n_outputs)
    return total.transpose(3, 2, 0, 1)


def to_images(gradient, filters, padding=0):
    """Return the gradient of the images, in their shape, from that of the maps."""
    # A row of an image was seen by rows of the maps that lie together: the last by the
    # filters' first row. One product adds up what goes back from all.
    rows = np.ascontiguousarray(gradient.transpose(1, 0, 2, 3))
    (height, n_outputs, width, n), (_, n_inputs, size, _) = rows.shape, filters.shape
    flipped = filters[:, :, ::-1].transpose(3, 1, 2, 0)
    flipped = flipped.reshape(size * n_inputs, size, n_outputs)
    high, wide = height + size - 1, width + size - 1
    images = np.empty((n_inputs, high, wide, n), rows.dtype)
    images[:, :, width:] = 0
    for y in range(high):
        first, end = max(0, y - size + 1), min(y + 1, height)
        start = first - (y - size + 1)
        seen_by = rows[first:end].reshape(-1, width * n)
        through = flipped[:, start : start + end - first]
        windows = through.reshape(len(flipped), -1) @ seen_by
        windows = windows.reshape(size, n_inputs, width, n)
        images[:, y, :width] = windows[0]
        for right in range(1, size):  # each number goes back to where it came from
            place = images[:, y, right : right + width]
            place += windows[right]
    inner = slice(padding, -padding or None)
    return images[:, inner, inner]
