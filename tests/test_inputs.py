"""What people hand in gives the same as plain arrays, or an error that helps."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scratchnet import network as part_one
from scratchnet.augmentation import augment, random_warps, warp
from scratchnet.ensemble import average_probabilities
from scratchnet.layers import Convolution, Dropout, Linear, ReLU
from scratchnet.losses import softmax, softmax_cross_entropy, squared_error
from scratchnet.metrics import accuracy, calibration, confusion_matrix, measure
from scratchnet.optimizers import SGD, Adam
from scratchnet.preprocess import one_hot_encoding, scale_pixels
from scratchnet.sequential import Sequential
from scratchnet.tools import plots
from scratchnet.training import each_epoch, measure_statistics, validated

IMAGES = np.random.default_rng(1).random((20, 784), dtype=np.float32)
LABELS = IMAGES[:, :3].argmax(axis=1)
LOGITS = np.random.default_rng(2).normal(size=(20, 3))


class Table:
    """Stands in for a table of pandas: brackets look up labels, not places."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.ndim = values.ndim
        self.index = np.arange(len(values))[::-1]  # as after shuffling

    @property
    def array(self):
        """Return them in a kind of array that isn't NumPy's, as a Series does."""
        return list(self.values)

    def __array__(self, dtype=None, copy=None):
        """Return the rows as they stand."""
        return np.array(self.values, dtype)

    def __len__(self):
        """Return how many rows there are."""
        return len(self.values)

    def __iter__(self):
        """Return the rows one after another."""
        return iter(self.values)

    def __getitem__(self, labels):
        """Return the rows of these labels."""
        return self.values[self.index[labels]]


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


FORMS = {
    "table": Table,
    "list": np.ndarray.tolist,
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "nothing masked": np.ma.asarray,
}


def make_network():
    rng = np.random.default_rng(3)
    return Sequential(Linear(784, 8, rng), ReLU(), Linear(8, 3, rng))


def train(images, labels, **changes):
    """Train a new network; return what it measured, and what it learned."""
    how = {"rng": np.random.default_rng(4), "epochs": 2, "learning_rate": 0.1}
    how |= {"batch_size": 8} | changes
    network = make_network()
    training = each_epoch(network, images, labels, **how)
    history = validated(training, network, (images, labels))
    return *history.values(), network.predict(IMAGES)


def train_part_one(images, labels, **changes):
    data, how = (images, labels), {"epochs": 2, "hidden_size": 8} | changes
    weights_1, weights_2, history = part_one.train(data, data, **how)
    scores = part_one.predict(images, weights_1, weights_2)
    error = part_one.evaluate(images, labels, weights_1, weights_2)
    return scores, error, *history.values()


# Whatever takes images and labels
TRAINED = {
    "fit": train,
    "measure": lambda images, labels: measure(make_network(), images, labels),
}
# Whatever takes logits and labels
JUDGED = {
    "cross-entropy": softmax_cross_entropy,
    "squared error": squared_error,
    "accuracy": accuracy,
    "confusion matrix": confusion_matrix,
    "calibration": calibration,
}
# Whatever takes images alone
SEEN = {
    "predict": lambda images: make_network().predict(images),
    "forward": lambda images: make_network().forward(images),
    "vote": lambda images: average_probabilities([make_network()], images),
    "augment": lambda images: augment(images, np.random.default_rng(5)),
    "warp": lambda images: warp(images, *random_warps(4, np.random.default_rng(5))),
}

labeled = pytest.mark.parametrize(
    ("door", "given"),
    [(door, IMAGES) for door in TRAINED.values()]
    + [(door, LOGITS) for door in JUDGED.values()],
    ids=[*TRAINED, *JUDGED],
)


def assert_close(result, expected):
    """Compare arrays, numbers, or tuples of them."""
    if isinstance(expected, tuple):
        for one, wanted in zip(result, expected, strict=True):
            assert_close(one, wanted)
    else:
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)


# The same results ------------------------------------------------------------------


@labeled
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_form_of_data_and_labels_does_not_matter(door, given, form):
    assert_close(door(form(given), form(LABELS)), door(given, LABELS))


@pytest.mark.parametrize("door", [*SEEN.values()], ids=SEEN)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_form_of_images_does_not_matter(door, form):
    assert_close(door(form(IMAGES)), door(IMAGES))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_form_does_not_matter_in_part_one(form):
    images, pixels = IMAGES.astype(float), (255 * IMAGES).astype(np.uint8)
    encoded = one_hot_encoding(LABELS, 3)
    assert_close(one_hot_encoding(form(LABELS), 3), encoded)
    assert_close(
        train_part_one(form(images), form(encoded)), train_part_one(images, encoded)
    )
    if form is not np.ndarray.tolist:  # which says nothing of 8 bits
        assert_close(scale_pixels(form(pixels)), scale_pixels(pixels))


def test_a_title_belongs_to_the_image_in_its_place():
    axes = plots.show_digits(Table(IMAGES), titles=Table(LABELS)).axes
    assert [axis.get_title() for axis in axes] == [str(label) for label in LABELS]
    assert np.array_equal(axes[3].images[0].get_array(), IMAGES[3].reshape(28, 28))
    plt.close("all")


@pytest.mark.parametrize("loss", [softmax_cross_entropy, squared_error])
def test_logits_of_few_bits_do_not_wrap_around(loss):
    logits = np.array([[0, 3, 1], [2, 0, 200]], np.uint8)
    assert_close(loss(logits, [1, 2]), loss(logits.astype(float), [1, 2]))
    assert_close(softmax(logits), softmax(logits.astype(float)))


# Labels that are refused -----------------------------------------------------------

HIDDEN = np.ma.masked_equal(LABELS, 1)
NOT_LABELS = {
    "too large": (np.where(LABELS == 1, 3, LABELS), "label 3 is not in 0 to 2"),
    "negative": (LABELS - 1, "label -1 is not in 0 to 2"),
    "floats": (LABELS * 1.0, r"a row of integers, not float64 \(20,\): take .*astype"),
    "not known": (np.where(LABELS == 1, np.nan, LABELS), "integers, not float64"),
    "bool": (LABELS == 1, "integers, not bool"),
    "words": (LABELS.astype(str).astype(object), "integers, not object"),
    "a column": (LABELS[:, np.newaxis], r"not int64 \(20, 1\): .*np.ravel\(labels\)"),
    "one-hot": (np.eye(3)[LABELS], r"not float64 \(20, 3\): take np.argmax\(labels"),
    "masked": (HIDDEN, "some labels are masked: leave them out, or fill them in"),
}


@labeled
@pytest.mark.parametrize(("labels", "message"), NOT_LABELS.values(), ids=NOT_LABELS)
def test_what_is_no_class_is_refused(door, given, labels, message):
    with pytest.raises(ValueError, match=message):
        door(given, labels)


@pytest.mark.parametrize(("labels", "message"), NOT_LABELS.values(), ids=NOT_LABELS)
def test_what_is_no_class_is_not_encoded(labels, message):
    with pytest.raises(ValueError, match=message):
        one_hot_encoding(labels, 3)


@labeled
def test_there_is_a_label_for_each_of_some_images(door, given):
    with pytest.raises(ValueError, match="20 images but 19 labels"):
        door(given, LABELS[:-1])
    with pytest.raises(ValueError, match="there are no images"):
        door(given[:0], LABELS[:0])


# Images that are refused -----------------------------------------------------------

NOT_IMAGES = {
    "bytes": (IMAGES.astype(np.uint8), "not uint8: scale_pixels makes them so"),
    "whole numbers": (IMAGES.astype(int), "images must be float32 or float64, not int"),
    "halves": (IMAGES.astype(np.float16), "images must be float32 or float64, not fl"),
    "words": (IMAGES.astype(str), "images must be float32 or float64, not <U"),
    "one": (IMAGES[0], r"\(n, pixels\), not \(784,\): of one image, take image"),
    "masked": (np.ma.masked_less(IMAGES, 0.5), "some images are masked"),
}


@pytest.mark.parametrize(("images", "message"), NOT_IMAGES.values(), ids=NOT_IMAGES)
def test_what_is_no_image_is_refused(images, message):
    for door in (train, train_part_one):
        with pytest.raises(ValueError, match=message):
            door(images, one_hot_encoding(LABELS, 3))
    for door in SEEN.values():
        with pytest.raises(ValueError, match=message):
            door(images)
    with pytest.raises(ValueError, match=message):
        measure_statistics(make_network(), images)


def test_no_images_are_no_reason_to_lower_the_learning_rate():
    nothing = IMAGES[:0]
    with pytest.raises(ValueError, match="there are no images"):
        train_part_one(nothing, np.zeros((0, 3)))
    with pytest.raises(ValueError, match="there are no images"):
        make_network().predict(nothing)
    with pytest.raises(ValueError, match="there are no images"):
        measure_statistics(make_network(), nothing)


def test_nobody_learns_from_pixels_that_are_not_scaled():
    images = np.rint(255 * IMAGES)
    with pytest.raises(ValueError, match="must be scaled, not whole numbers up to 255"):
        train(images, LABELS)
    with pytest.raises(ValueError, match="must be scaled, not whole numbers up to 255"):
        measure(make_network(), images, LABELS)
    train(np.rint(IMAGES), LABELS)  # black and white
    train(255 * IMAGES, LABELS)  # who knows what that is


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_nobody_learns_from_pixels_that_are_no_numbers(wrong):
    images = IMAGES.copy()
    images[7, 300] = wrong
    for door, labels in ((train, LABELS), (train_part_one, one_hot_encoding(LABELS))):
        with pytest.raises(ValueError, match="images must be finite numbers"):
            door(images, labels)


# Numbers and generators that are refused -------------------------------------------


@pytest.mark.parametrize("learning_rate", [-0.1, float("nan"), np.inf, "0.1", None])
def test_a_learning_rate_is_a_finite_number_and_does_not_climb(learning_rate):
    weights = {"weights": np.ones(3)}
    for learn in (
        lambda rate: train(IMAGES, LABELS, learning_rate=rate),
        lambda rate: train_part_one(IMAGES, np.eye(3)[LABELS], learning_rate=rate),
        lambda rate: SGD().step(weights, weights, rate),
        lambda rate: Adam().step(weights, weights, rate),
    ):
        with pytest.raises(ValueError, match="learning_rate must be from 0 to below"):
            learn(learning_rate)


@pytest.mark.parametrize("rng", [0, None, np.random, np.random.RandomState(0)])
def test_a_seed_is_no_generator(rng):
    for draw in (
        lambda: train(IMAGES, LABELS, rng=rng),
        lambda: Linear(2, 3, rng),
        lambda: Convolution(1, 2, 3, rng),
        lambda: Dropout(0.5, rng),
        lambda: augment(IMAGES, rng),
        lambda: random_warps(2, rng),
        lambda: part_one.initial_weights(rng),
    ):
        with pytest.raises(TypeError, match=r"such as np.random.default_rng\(0\), not"):
            draw()


@pytest.mark.parametrize("batch_size", [0, -1, 32.0, "32"])
def test_a_batch_is_a_whole_number_of_images(batch_size):
    for take in (
        lambda: train(IMAGES, LABELS, batch_size=batch_size),
        lambda: make_network().predict(IMAGES, batch_size),
        lambda: measure(make_network(), IMAGES, LABELS, batch_size),
        lambda: measure_statistics(make_network(), IMAGES, batch_size),
    ):
        with pytest.raises(ValueError, match="batch_size must be a whole number from"):
            take()
