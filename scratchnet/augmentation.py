"""Invent new training images: turn, scale, shear, shift, and bend those there are."""

import numpy as np

from scratchnet.tools.inputs import array_of, as_images, check_rng, check_whole


def gaussian_filter(size, sigma):
    """Return the matrix that smooths a row of pixels, shape (size, size)."""
    distance = np.arange(size)[:, np.newaxis] - np.arange(size)
    weights = np.exp(-0.5 * (distance / sigma) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def random_warps(
    n, rng, rotation=12.0, scale=0.12, shear=0.15, shift=1.5, elastic=1.0, size=28
):
    """Draw n warps: where each pixel of a new image comes from in the old one.

    At most, they turn by `rotation`, in degrees, either way; change height and width by
    the share `scale`; slant by `shear`, in pixels a row; move by `shift` pixels each
    way. `elastic` is the standard deviation of a smooth random displacement, in pixels
    (after Simard, Steinkraus, and Platt, 2003). Returns rows and columns, float32,
    shape (n, size, size): places in the old image, in pixels.
    """
    check_rng(rng)

    def uniform(largest):
        draws = rng.uniform(-largest, largest, size=(n, 1, 1))
        return draws.astype(np.float32)

    angle, slant = uniform(np.deg2rad(rotation)), uniform(shear)
    height, width = 1 + uniform(scale), 1 + uniform(scale)
    y, x = np.indices((size, size), dtype=np.float32) - np.float32((size - 1) / 2)
    x = x + slant * y
    rows = (np.cos(angle) * y - np.sin(angle) * x) / height
    columns = (np.sin(angle) * y + np.cos(angle) * x) / width
    rows += np.float32((size - 1) / 2) + uniform(shift)
    columns += np.float32((size - 1) / 2) + uniform(shift)
    if elastic:
        smooth = gaussian_filter(size, sigma=4.0)
        noise = rng.standard_normal((2, n, size, size), dtype=np.float32)
        # The smoothing shrinks the noise; divide by how much, at the center.
        bend = smooth @ noise @ smooth.T / np.sum(smooth[size // 2] ** 2)
        rows += elastic * bend[0]
        columns += elastic * bend[1]
    return rows, columns


def warp(images, rows, columns):
    """Look up each new pixel between the four old ones around its place.

    Images, (n, size * size), come back in their shape and dtype. Each warp, with rows
    and columns from `random_warps`, serves for n / n_warps of them in turn. Beyond
    the edge, the edge goes on.
    """
    n_warps, size, _ = rows.shape
    images = as_images(images, size**2)
    if len(images) % n_warps:
        raise ValueError(f"{n_warps} warps can't share {len(images)} images evenly")
    # The images that share a warp lie side by side, to be looked up in one go.
    groups = images.reshape(n_warps, -1, size**2).transpose(0, 2, 1)
    pixels = np.ascontiguousarray(groups).reshape(n_warps * size**2, -1)
    rows, columns = (np.clip(at, 0, size - 1.001) for at in (rows, columns))
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    down, right = ((at - np.floor(at)).reshape(-1, 1) for at in (rows, columns))
    first = np.arange(n_warps)[:, np.newaxis, np.newaxis] * size**2
    place = (first + top * size + left).ravel()
    upper = pixels[place] * (1 - right) + pixels[place + 1] * right
    place += size
    lower = pixels[place] * (1 - right) + pixels[place + 1] * right
    new = upper * (1 - down) + lower * down
    new = new.reshape(n_warps, size**2, -1).transpose(0, 2, 1)
    return new.reshape(images.shape).astype(images.dtype, copy=False)


def augment(images, rng, images_per_warp=16, **how):
    """Return the images, (n, 784), each moved and bent as `random_warps` draws it.

    As many neighbors as `images_per_warp` share a warp, to save time: others in each
    epoch, since batches are shuffled. `how` is for `random_warps`.
    """
    check_whole(1, np.inf, images_per_warp=images_per_warp)
    images = as_images(images, how.get("size", 28) ** 2)
    if not len(images):
        return images
    n_warps = -(-len(images) // images_per_warp)
    missing = n_warps * images_per_warp - len(images)
    padded = np.concatenate([images, images[:1].repeat(missing, axis=0)])
    return warp(padded, *random_warps(n_warps, rng, **how))[: len(images)]


class Augmented:
    """Images, (n, 784), that are changed anew whenever some are asked for.

    `augment`, called with some of them and the generator `rng`, returns others.
    """

    def __init__(self, images, rng, augment=augment):
        check_rng(rng)
        self.images = as_images(images) if array_of(images) is images else images
        self.array = array_of(self.images)  # all, as they are
        self.rng, self.augment = rng, augment

    def __len__(self):
        """Return how many there are."""
        return len(self.images)

    def __getitem__(self, chosen):
        """Return some of them, changed."""
        return self.augment(self.images[chosen], self.rng)
