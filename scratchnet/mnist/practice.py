"""Practice digits: drawn from strokes, for a machine that can reach no source of MNIST.

They come as four files of the same names, shapes, and types, so that every chapter
runs on them. They are not MNIST: what a network reaches on them says nothing about
handwriting. Hence nobody gets them but who asks, with `MNIST_SOURCE=practice`, and
they live in a folder of their own.
"""

import functools
import gzip
import hashlib
from pathlib import Path

import numpy as np

from scratchnet.mnist.idx import as_idx
from scratchnet.mnist.keeping import workplace
from scratchnet.mnist.source import mnist_source
from scratchnet.tools.progress import say

NOTICE = (
    "These are practice digits that the book draws itself. They are not MNIST,"
    " and the numbers are not the book's."
)
SEED = 70000
# The file beside the four that holds their digests. They can't be published: another
# processor may round the ink another way.
MANIFEST = "SHA256SUMS"

# How each digit is written: its variants, each a list of strokes, each a list of
# points (x, y) that a pen passes in a smooth curve; y runs down. A corner is where one
# stroke ends and another starts.
STROKES = {
    0: [
        [[(0.5, 0), (0.2, 0.15), (0.08, 0.5), (0.2, 0.85), (0.5, 1), (0.8, 0.85),
          (0.92, 0.5), (0.8, 0.15), (0.5, 0)]],
        [[(0.7, 0.05), (0.35, 0.05), (0.1, 0.5), (0.25, 0.95), (0.65, 0.95),
          (0.9, 0.5), (0.75, 0.1), (0.45, 0.12)]],
    ],
    1: [
        [[(0.5, 0), (0.5, 0.5), (0.5, 1)]],
        [[(0.25, 0.25), (0.5, 0)], [(0.5, 0), (0.5, 0.5), (0.5, 1)]],
        [[(0.25, 0.2), (0.5, 0)], [(0.5, 0), (0.5, 0.5), (0.5, 1)],
         [(0.15, 1), (0.5, 1), (0.85, 1)]],
    ],
    2: [
        [[(0.1, 0.2), (0.35, 0), (0.7, 0.03), (0.8, 0.3), (0.5, 0.65), (0.1, 1)],
         [(0.1, 1), (0.5, 0.97), (0.95, 1)]],
        [[(0.1, 0.2), (0.4, 0), (0.8, 0.15), (0.7, 0.5), (0.3, 0.92), (0.08, 0.9),
          (0.2, 0.75), (0.5, 0.88), (0.95, 0.95)]],
    ],
    3: [
        [[(0.1, 0.12), (0.45, 0), (0.8, 0.2), (0.4, 0.47)],
         [(0.4, 0.47), (0.9, 0.7), (0.5, 1), (0.05, 0.87)]],
        [[(0.1, 0.02), (0.85, 0)], [(0.85, 0), (0.4, 0.42)],
         [(0.4, 0.42), (0.9, 0.65), (0.5, 1), (0.05, 0.9)]],
    ],
    4: [
        [[(0.15, 0), (0.08, 0.35), (0.2, 0.55), (0.85, 0.48)],
         [(0.8, 0), (0.77, 0.5), (0.72, 1)]],
        [[(0.65, 0), (0.05, 0.62)], [(0.05, 0.62), (0.95, 0.6)],
         [(0.65, 0), (0.65, 1)]],
    ],
    5: [
        [[(0.85, 0), (0.2, 0.02)], [(0.2, 0.02), (0.15, 0.42)],
         [(0.15, 0.42), (0.55, 0.36), (0.88, 0.65), (0.55, 1), (0.08, 0.92)]],
        [[(0.9, 0.02), (0.4, 0.05), (0.22, 0.28), (0.5, 0.45), (0.8, 0.68),
          (0.6, 0.97), (0.1, 0.95)]],
    ],
    6: [
        [[(0.7, 0), (0.25, 0.4), (0.12, 0.75), (0.45, 1), (0.82, 0.78), (0.5, 0.55),
          (0.16, 0.72)]],
        [[(0.45, 0), (0.2, 0.35), (0.1, 0.75), (0.35, 1), (0.75, 0.92), (0.75, 0.68),
          (0.45, 0.65), (0.15, 0.85)]],
    ],
    7: [
        [[(0.05, 0.05), (0.9, 0.05)], [(0.9, 0.05), (0.55, 0.5), (0.35, 1)]],
        [[(0.05, 0.05), (0.9, 0.05)], [(0.9, 0.05), (0.55, 0.5), (0.35, 1)],
         [(0.25, 0.5), (0.85, 0.48)]],
        [[(0.05, 0.25), (0.08, 0.05)], [(0.08, 0.05), (0.9, 0.05)],
         [(0.9, 0.05), (0.7, 0.45), (0.6, 1)]],
    ],
    8: [
        [[(0.8, 0.12), (0.45, 0), (0.2, 0.2), (0.5, 0.47), (0.85, 0.75), (0.5, 1),
          (0.15, 0.78), (0.5, 0.47), (0.8, 0.22), (0.7, 0.08)]],
        [[(0.5, 0.45), (0.2, 0.22), (0.5, 0), (0.8, 0.22), (0.5, 0.45)],
         [(0.5, 0.45), (0.1, 0.75), (0.5, 1), (0.9, 0.75), (0.5, 0.45)]],
    ],
    9: [
        [[(0.8, 0.2), (0.45, 0), (0.12, 0.25), (0.42, 0.5), (0.8, 0.2)],
         [(0.8, 0.2), (0.75, 0.6), (0.65, 1)]],
        [[(0.8, 0.25), (0.5, 0.02), (0.15, 0.22), (0.4, 0.5), (0.8, 0.25)],
         [(0.8, 0.25), (0.85, 0.7), (0.55, 1), (0.2, 0.93)]],
    ],
}  # fmt: skip


def is_chosen():
    """Tell whether `MNIST_SOURCE` asks for practice digits, by this very word."""
    return mnist_source() == "practice"


@functools.cache  # once for a process, and so once for a notebook
def announce():
    """Say that the digits are not MNIST."""
    say(f"⚠ {NOTICE}")


def ensure_files(folder, files):
    """Draw the four files, unless they are in the folder and as they were drawn.

    Parameters
    ----------
    folder : pathlib.Path
        A folder for practice files alone; made if it isn't there.
    files : dict of str to scratchnet.mnist.MnistFile
        Their names and shapes, as in `scratchnet.mnist.FILES`.
    """
    if _are_intact(folder, files):
        return
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    contents = {}
    for part in ("training", "test"):
        image_file, label_file = files[f"{part}_images"], files[f"{part}_labels"]
        labels = rng.permutation(np.arange(*label_file.shape) % 10).astype(np.uint8)
        contents[image_file.name] = _packed(draw_digits(labels, rng))
        contents[label_file.name] = _packed(labels)
    lines = [f"# {NOTICE}", _recipe()] + [
        f"{hashlib.sha256(content).hexdigest()}  {name}"
        for name, content in contents.items()
    ]
    # The manifest comes last: without it, files that are half done don't count.
    contents[MANIFEST] = ("\n".join(lines) + "\n").encode()
    with workplace(folder, ".drawing-") as drawn:
        for name, content in contents.items():
            (drawn / name).write_bytes(content)
            (drawn / name).replace(folder / name)


def read_checksums(folder):
    """Return the SHA-256 digests of the practice files in a folder, by name."""
    lines = (folder / MANIFEST).read_text("utf-8").splitlines()
    return {
        name: digest
        for digest, name in (line.split("  ") for line in lines if line[0] != "#")
    }


def _recipe():
    """Name this very program: when it changes, the files are drawn anew."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return f"# drawn by scratchnet/mnist/practice.py of SHA-256 {digest}"


def _are_intact(folder, files):
    """Tell whether this program drew the files, and nothing has changed them."""
    try:
        checksums = read_checksums(folder)
        recipe = (folder / MANIFEST).read_text("utf-8").splitlines()[1]
        return recipe == _recipe() and all(
            checksums[file.name]
            == hashlib.sha256((folder / file.name).read_bytes()).hexdigest()
            for file in files.values()
        )
    except (FileNotFoundError, IndexError, KeyError, ValueError):
        return False


def _packed(array):
    """Return an array of unsigned bytes as the content of a gzip-compressed IDX file.

    The date is left out, so that the same array gives the same content.
    """
    return gzip.compress(as_idx(array), compresslevel=6, mtime=0)


def draw_digits(labels, rng):
    """Draw a digit for each label.

    Parameters
    ----------
    labels : numpy.ndarray
        Integers from 0 to 9, shape (n,).
    rng : numpy.random.Generator
        Where all draws come from.

    Returns
    -------
    numpy.ndarray
        uint8, shape (n, 28, 28): 0 is background, 255 is ink. As in MNIST, the digit
        fits a box of 20 × 20 pixels, whose center of mass is the center of the image.
    """
    if not np.isin(labels, list(STROKES)).all():
        raise ValueError(f"labels must be from 0 to 9, not {np.unique(labels)}")
    images = np.empty((len(labels), 28, 28), np.uint8)
    for digit, variants in STROKES.items():
        places = np.flatnonzero(labels == digit)
        chosen = rng.integers(len(variants), size=len(places))
        for number, strokes in enumerate(variants):
            group = places[chosen == number]
            for start in range(0, len(group), 1000):  # so that memory stays small
                some = group[start : start + 1000]
                images[some] = _ink(*_write(strokes, len(some), rng))
    return images


def _write(strokes, n, rng):
    """Write a digit n times, each time a little differently.

    Returns where the pen goes, in pixels, (n, points, 2); the length of the way at
    each point, (n, points); and how broad the pen is, (n, 1, 1).
    """
    corners, index = np.unique(np.concatenate(strokes), axis=0, return_inverse=True)
    # Few writers are careless, so that most digits are easy, and some hard to read.
    careless = np.exp(rng.normal(np.log(0.065), 0.4, size=(n, 1, 1)))
    points = corners + careless * rng.standard_normal((n, *corners.shape))
    # Strokes that share a point still share it, since each point moves only once.
    points = points[:, index.ravel()] - 0.5

    # Warp the whole: narrow or wide, slanted, turned.
    points[..., 0] *= 0.7 * np.exp(rng.normal(0, 0.22, size=(n, 1)))
    points[..., 0] -= rng.normal(0.15, 0.32, size=(n, 1)) * points[..., 1]
    angle = rng.normal(0, 0.2, size=(n, 1, 1))
    turned = np.stack([-points[..., 1], points[..., 0]], axis=-1)
    points = np.cos(angle) * points + np.sin(angle) * turned

    smooth, ends = [], np.cumsum([len(stroke) for stroke in strokes])
    for end, stroke in zip(ends, strokes, strict=True):
        control = points[:, end - len(stroke) : end]
        smooth.append(_curve(len(stroke)) @ control)
    lengths = [_lengths(curve) for curve in smooth]
    way, weight = np.concatenate(smooth, axis=1), np.concatenate(lengths, axis=1)

    # Fit the box, and put the center of mass at the center of the image.
    pen = np.exp(rng.normal(np.log(0.95), 0.2, size=(n, 1, 1)))
    size = np.ptp(way, axis=1, keepdims=True).max(axis=2, keepdims=True)
    zoom = (20 - 3 * pen) / size
    weight = zoom[:, :, 0] * weight
    mean = np.sum(weight[..., np.newaxis] * way, axis=1, keepdims=True)
    mean /= weight.sum(axis=1)[:, np.newaxis, np.newaxis]
    return zoom * (way - mean) + 13.5, weight, pen


def _curve(n_control, steps=12):
    """Return the matrix from control points to the points of a smooth curve.

    The curve is a Catmull-Rom spline: it passes through every control point, in the
    direction from the one before to the one after.
    """
    t = (np.arange(steps * (n_control - 1) + 1) / steps)[:, np.newaxis]
    span = np.minimum(t.astype(int), n_control - 2)
    t = t - span
    before, start, end, after = (
        np.eye(n_control)[np.clip(span[:, 0] + step, 0, n_control - 1)]
        for step in (-1, 0, 1, 2)
    )
    leave, arrive = (end - before) / 2, (after - start) / 2
    return (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * leave
        + (3 * t**2 - 2 * t**3) * end
        + (t**3 - t**2) * arrive
    )


def _lengths(curve):
    """Return how much of a curve's length each of its points stands for."""
    parts = np.linalg.norm(np.diff(curve, axis=1), axis=2) / 2
    return np.pad(parts, ((0, 0), (1, 0))) + np.pad(parts, ((0, 0), (0, 1)))


def _ink(way, weight, pen):
    """Let the pen go its way, with ink that spreads around it; return the images."""
    pixels = np.arange(28)
    spread = np.exp(-0.5 * ((way[..., np.newaxis] - pixels) / pen[..., None]) ** 2)
    columns, rows = spread.astype(np.float32).transpose(2, 0, 1, 3)
    dose = (weight / (np.sqrt(2 * np.pi) * pen[:, 0])).astype(np.float32)
    ink = (rows * dose[..., np.newaxis]).transpose(0, 2, 1) @ columns
    return np.uint8(255 * np.clip(1.7 * ink - 0.25, 0, 1))
