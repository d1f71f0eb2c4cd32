"""What the chapters of *Deep learning on MNIST from scratch* teach, for reuse.

Whatever takes arrays also takes lists, and tables of pandas, row by row. Part I defines
in its own cells what these modules hold:

- `mnist`, a folder: Load MNIST
- `preprocess`: Preprocess the images and labels
- `network`, `gradient_check`: Build and train the network

Part II builds on layers; import these from their modules:

- `layers`, `sequential`: networks of any depth, with their gradients
- `losses`, `metrics`: what to minimize, what to measure
- `optimizers`, `training`: how to get there
- `augmentation`: new images from old
- `ensemble`: votes of several networks

More folders hold what is around it:

- `ladder`: the networks on the accuracy ladder, and what they reached
- `distributed`: programs for many processors, of Part IV
- `tools`: what the modules above need, such as bars that show progress
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
