"""Layers: each computes its output forward, and passes a gradient backward.

`forward` keeps what `backward` needs. `backward` takes the gradient of the loss with
respect to the output. It puts those of the parameters into `gradients`, and returns
that of the input, which `to_input=False` lets a layer leave out. `parameters`,
`gradients`, and `statistics` are dictionaries of arrays, float32 at first.

Fully connected layers take arrays of shape (n, features). Layers of images take
(channels, height, width, n), with the batch last: then each step of a convolution
copies and multiplies long runs of memory that lie side by side. An input that doesn't
fit the layer raises a ValueError.
"""

import numpy as np

from scratchnet.tools import windows
from scratchnet.tools.inputs import check_range, check_rng, check_whole

CACHED = 2**15  # numbers that fit the processor's cache, with others beside them


class Layer:
    """What all layers share: no parameters, unless a layer makes some."""

    def __init__(self):
        self.parameters = {}  # what an optimizer changes
        self.gradients = {}  # of the loss, of the same shapes
        self.statistics = {}  # what a layer learns otherwise
        self.memory = {}  # for gradients, while a network is trained

    def gradient_of(self, name):
        """Return where the gradient of a parameter goes, as an entry of `gradients`."""
        if name in self.memory:  # the same at every step of a training
            self.gradients[name] = self.memory[name]
        else:
            self.gradients[name] = np.empty_like(self.parameters[name])
        return self.gradients[name]

    def require(self, fits, x, wanted):
        """Raise a ValueError that names the layer, unless the input fits."""
        if not fits:
            name = type(self).__name__
            raise ValueError(f"{name} needs an input {wanted}, not {x.shape}")


class Linear(Layer):
    """A weighted sum of all inputs, (n, n_inputs), for each output: x @ weights + bias.

    `rng` draws the weights, normal with the variance 2 / n_inputs (He et al., 2015,
    equation 10). The bias starts at 0; before batch normalization, it has no effect.
    """

    def __init__(self, n_inputs, n_outputs, rng, bias=True):
        super().__init__()
        check_rng(rng)
        scale = np.sqrt(2 / n_inputs)
        weights = scale * rng.standard_normal((n_inputs, n_outputs))
        self.parameters["weights"] = weights.astype(np.float32)
        if bias:
            self.parameters["bias"] = np.zeros(n_outputs, np.float32)

    def forward(self, x, training=False):
        """Return the weighted sums, shape (n, n_outputs)."""
        weights = self.parameters["weights"]
        fits = x.ndim == 2 and x.shape[1] == len(weights)
        self.require(fits, x, f"of shape (n, {len(weights)})")
        self.x = x
        sums = x @ weights
        if "bias" in self.parameters:
            sums += self.parameters["bias"]
        return sums

    def backward(self, gradient, to_input=True):
        """Return the gradient with respect to x, shape (n, n_inputs)."""
        np.matmul(self.x.T, gradient, out=self.gradient_of("weights"))
        if "bias" in self.parameters:
            gradient.sum(axis=0, out=self.gradient_of("bias"))
        return gradient @ self.parameters["weights"].T if to_input else None


class ReLU(Layer):
    """The positive part of each element; any shape."""

    def forward(self, x, training=False):
        """Return max(0, x)."""
        self.positive = None  # so that its memory serves the new one
        self.positive = x > 0
        zeros = np.zeros(x.shape[1:], x.dtype)  # faster than the number 0
        return np.maximum(x, zeros)

    def backward(self, gradient, to_input=True):
        """Return the gradient where x was positive, 0 elsewhere."""
        return gradient * self.positive


class Dropout(Layer):
    """Set a share of the elements to 0 in training, and scale up the others.

    The share, `rate`, is from 0 to below 1; `rng` draws which. Source: Srivastava et
    al., 2014; "inverted", so that evaluation changes nothing.
    """

    def __init__(self, rate, rng):
        super().__init__()
        check_range(0, 1, rate=rate)
        check_rng(rng)
        self.rate = rate
        self.rng = rng

    def forward(self, x, training=False):
        """Return x in evaluation, and in training x with dropped elements."""
        if not training:
            self.mask = x.dtype.type(1)
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        self.mask = kept / x.dtype.type(1 - self.rate)
        return x * self.mask

    def backward(self, gradient, to_input=True):
        """Return the gradient, through the same mask."""
        return gradient * self.mask


class BatchNorm(Layer):
    """Give each feature or channel the mean 0 and variance 1, then scale and shift.

    In training the mean and variance are those of the batch; in evaluation, running
    averages of them, with the weight `momentum` for the newest batch. `epsilon` is
    added to the variance. A batch of one row is its own mean: nothing but the shift is
    left of it. Source: Ioffe and Szegedy, 2015, algorithm 1.
    """

    def __init__(self, n_features, momentum=0.1, epsilon=1e-5):
        super().__init__()
        self.momentum = momentum
        self.epsilon = epsilon
        self.parameters["scale"] = np.ones(n_features, np.float32)
        self.parameters["shift"] = np.zeros(n_features, np.float32)
        self.statistics["mean"] = np.zeros(n_features, np.float32)
        self.statistics["variance"] = np.ones(n_features, np.float32)

    def forward(self, x, training=False):
        """Return the normalized input, of the same shape."""
        n_features = len(self.parameters["scale"])
        axis = -1 if x.ndim == 2 else 0  # where the features are
        fits = x.ndim in (2, 4) and x.shape[axis] == n_features
        self.require(fits, x, f"of {n_features} features or channels")
        self.axes = (0,) if x.ndim == 2 else (1, 2, 3)
        self.centered = None  # as in ReLU
        if training:
            mean = self._mean(x)
            centered = x - self._wide(mean)
            variance = self._mean(centered, centered)
            for name, new in (("mean", mean), ("variance", variance)):
                self.statistics[name] += self.momentum * (new - self.statistics[name])
        else:
            mean, variance = self.statistics["mean"], self.statistics["variance"]
            centered = x - self._wide(mean)
        self.training = training
        self.centered = centered
        self.deviation = np.sqrt(variance + x.dtype.type(self.epsilon))
        out = centered * self._wide(self.parameters["scale"] / self.deviation)
        out += self._wide(self.parameters["shift"])
        return out

    def backward(self, gradient, to_input=True):
        """Return the gradient with respect to x, of the same shape."""
        shift = self._mean(gradient)
        scale = self._mean(gradient, self.centered) / self.deviation
        count = gradient.size // shift.size
        np.multiply(shift, count, out=self.gradient_of("shift"))
        np.multiply(scale, count, out=self.gradient_of("scale"))
        factor = self._wide(self.parameters["scale"] / self.deviation)
        if not self.training:
            return gradient * factor
        # The mean and the variance depended on x, too.
        to_x = self.centered * self._wide(scale / self.deviation)
        np.subtract(gradient, to_x, out=to_x)
        to_x -= self._wide(shift)
        to_x *= factor
        return to_x

    def _mean(self, x, weight=None):
        """Return the mean over everything but features, of x or of x * weight."""
        if x.ndim == 2:
            return (x if weight is None else x * weight).mean(axis=0)
        rows = x.reshape(len(x), -1)
        if weight is None:
            return rows.mean(axis=1)
        products = np.einsum("ci,ci->c", rows, weight.reshape(rows.shape))
        return products / x.dtype.type(rows.shape[1])

    def _wide(self, per_feature):
        """Give one number for each feature the shape that broadcasts against x."""
        return per_feature if self.axes == (0,) else per_feature.reshape(-1, 1, 1, 1)


class Images(Layer):
    """Turn rows of pixels, (n, height * width), into images (1, height, width, n)."""

    def __init__(self, height=28, width=28):
        super().__init__()
        self.size = (height, width)

    def forward(self, x, training=False):
        """Return the images, with the batch last."""
        n_pixels = self.size[0] * self.size[1]
        fits = x.ndim == 2 and x.shape[1] == n_pixels
        self.require(fits, x, f"of shape (n, {n_pixels})")
        return np.ascontiguousarray(x.T).reshape(1, *self.size, len(x))

    def backward(self, gradient, to_input=True):
        """Return the gradient as rows, (n, height * width)."""
        return gradient.reshape(-1, gradient.shape[-1]).T


class Flatten(Layer):
    """Turn feature maps (channels, height, width, n) into rows of features."""

    def forward(self, x, training=False):
        """Return the rows, shape (n, channels * height * width)."""
        self.require(x.ndim == 4, x, "of shape (channels, height, width, n)")
        self.shape = x.shape
        return x.reshape(-1, x.shape[-1]).T

    def backward(self, gradient, to_input=True):
        """Return the gradient in the shape of x."""
        return np.ascontiguousarray(gradient.T).reshape(self.shape)


class Convolution(Layer):
    """Slide filters of size × size pixels over all channels of an image.

    Images of n_inputs channels become maps, n_outputs of each. `padding` says how many
    pixels of background to add at each edge, fewer than `size`. `rng` and `bias` are as
    for `Linear`, with n_inputs * size**2 inputs.
    """

    def __init__(self, n_inputs, n_outputs, size, rng, padding=0, bias=True):
        super().__init__()
        check_whole(0, size - 1, padding=padding)
        check_rng(rng)
        self.padding = padding
        shape = (n_outputs, n_inputs, size, size)
        filters = np.sqrt(2 / (n_inputs * size**2)) * rng.standard_normal(shape)
        self.parameters["weights"] = filters.astype(np.float32)
        if bias:
            self.parameters["bias"] = np.zeros(n_outputs, np.float32)

    def forward(self, x, training=False):
        """Return maps, height + 2 * padding - size + 1 pixels high; width likewise."""
        filters = self.parameters["weights"]
        _, n_inputs, size, _ = filters.shape
        smallest = size - 2 * self.padding
        wanted = f"of shape ({n_inputs}, height, width, n), both at least {smallest}"
        fits = x.ndim == 4 and len(x) == n_inputs and min(x.shape[1:3]) >= smallest
        self.require(fits, x, wanted)
        self.across = None  # as in ReLU
        self.across = windows.unfolded_across(x, size, self.padding)
        out = windows.convolve(self.across, filters)
        if "bias" in self.parameters:
            out += self.parameters["bias"].reshape(-1, 1, 1, 1)
        return out

    def backward(self, gradient, to_input=True):
        """Return the gradient with respect to x, of its shape."""
        if "bias" in self.parameters:
            gradient.sum(axis=(1, 2, 3), out=self.gradient_of("bias"))
        self.gradient_of("weights")[...] = windows.to_filters(self.across, gradient)
        if not to_input:
            return None
        return windows.to_images(gradient, self.parameters["weights"], self.padding)


class MaxPool(Layer):
    """Keep the largest of each 2 × 2 pixels; an odd last row or column is left out."""

    def forward(self, x, training=False):
        """Return maps half as high and wide, (channels, height', width', n)."""
        fits = x.ndim == 4 and min(x.shape[1:3]) >= 2
        self.require(fits, x, "of shape (channels, height, width, n), 2 × 2 or larger")
        self.shape = x.shape
        self.lower = self.right = None  # as in ReLU
        top, bottom = x[:, :-1:2], x[:, 1::2]
        self.lower = bottom > top
        columns = np.maximum(top, bottom)
        left, right = columns[:, :, :-1:2], columns[:, :, 1::2]
        self.right = right > left
        return np.maximum(left, right)

    def backward(self, gradient, to_input=True):
        """Return the gradient in the shape of x: all to one of the largest."""
        _, height, width, n = gradient.shape
        out = np.empty(self.shape, gradient.dtype)
        out[:, 2 * height :] = 0
        # A few channels at a time, which stay in the processor's cache.
        n_channels = max(1, CACHED // out[0].size)
        columns = np.zeros((n_channels, height, self.shape[2], n), gradient.dtype)
        for start in range(0, len(out), n_channels):
            few = slice(start, start + n_channels)
            columns = columns[: len(gradient[few])]
            left, right = columns[:, :, : 2 * width : 2], columns[:, :, 1::2]
            np.multiply(gradient[few], self.right[few], out=right)
            np.subtract(gradient[few], right, out=left)
            upper, lower = out[few, : 2 * height : 2], out[few, 1::2]
            np.multiply(columns, self.lower[few], out=lower)
            np.subtract(columns, lower, out=upper)
        return out
