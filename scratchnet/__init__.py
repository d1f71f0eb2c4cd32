"""What the chapters of *Deep learning on MNIST from scratch* teach, for reuse.

Most functions that take data take lists, too, and tables of pandas, row by row.

- Part I: `mnist` (a folder), `preprocess`, `network`, `gradient_check`
- Part II, to import from its modules: `layers`, `sequential` (networks of any depth),
  `losses`, `metrics` (what to minimize, what to measure), `optimizers`, `training` (how
  to get there), `augmentation` (new images from old), `ensemble` (votes of networks)
- Around it, folders: `ladder` (the networks on the accuracy ladder, and what they
  reached), `distributed` (programs for many processors), `tools` (what all of it needs)
"""

from scratchnet.gradient_check import numerical_gradient, relative_error
from scratchnet.mnist import MnistUnavailableError, load_mnist, read_idx
from scratchnet.network import (
    HISTORY_KEYS,
    evaluate,
    forward,
    gradients,
    initial_weights,
    loss,
    predict,
    relu,
    relu_derivative,
    train,
)
from scratchnet.preprocess import one_hot_encoding, scale_pixels
from scratchnet.tools.figures import show_figures_in_notebooks
from scratchnet.tools.progress import progress
from scratchnet.tools.threads import multiply_in_one_thread

__version__ = "0.1.0"

show_figures_in_notebooks()
multiply_in_one_thread()
