"""Ship some training images with the site, for the page "Watch it train"."""

import base64
import gzip
import json
from pathlib import Path

from scratchnet import load_mnist

TRAINING = slice(0, 4000)
HELD_OUT = slice(50000, 51000)  # of the 10,000 training images that the book holds out
PAGE = "content/in-your-browser/watch-it-train"


def write_training_digits(app, exception):
    """Write the images and their labels as a script, which works from disk as well.

    It holds gzip in base64: the images, 784 bytes each, then the labels, a byte each;
    of both, first those to train on, then those held out.
    """
    if exception or app.builder.format != "html" or PAGE not in app.env.found_docs:
        return
    images, labels, _, _ = load_mnist()
    parts = images[TRAINING], images[HELD_OUT], labels[TRAINING], labels[HELD_OUT]
    packed = gzip.compress(b"".join(part.tobytes() for part in parts), mtime=0)
    digits = {
        "training": len(labels[TRAINING]),
        "heldOut": len(labels[HELD_OUT]),
        "gzip": base64.b64encode(packed).decode("ascii"),
    }
    target = Path(app.outdir, "widgets", "watch-it-train-digits.js")
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"window.watchItTrainDigits = {json.dumps(digits)};\n", "ascii")


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", write_training_digits)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
