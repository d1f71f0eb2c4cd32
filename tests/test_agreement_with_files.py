"""Weights go out and in through files, and into other layouts, and stay the same.

What the page "Train the CNN in a framework" defines is taken from its cells.
"""

import copy

import jupytext
import numpy as np
import pytest
from test_pages import ROOT

from benchmarks.reaching.layouts import channels_last, put_back
from scratchnet import layers
from scratchnet.ladder.recipes import convolutional, fresh_network, perceptron

PAGE = ROOT / "content/in-a-framework/train-the-cnn.md"
# Recipes, and networks whose sizes no recipe has
NETWORKS = {
    "small": lambda rng: fresh_network("cnn-small")[0],
    "odd": convolutional((3, 3, 0, True), (5, 3, 1, False), n_features=5 * 13 * 13),
    "pooled last": convolutional((2, 5, 0, True), (7, 3, 0, True), n_features=175),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    """Make a network all of whose arrays have numbers of their own."""
    rng = np.random.default_rng(3)
    network = NETWORKS[request.param](rng)
    for array in network.state.values():
        if array.ndim < 2:
            array += rng.random(array.shape, np.float32)
    return network


@pytest.fixture
def images():
    """Return made-up images."""
    return np.random.default_rng(4).random((20, 784), np.float32)


def blank(network):
    """Return a network of the same layers whose arrays are all 0."""
    other = copy.deepcopy(network)
    for array in other.state.values():
        array[...] = 0
    return other


def from_page(*modules):
    """Return what the page's cells define that are said by their first lines."""
    for module in modules:
        pytest.importorskip(module)
    names = {"np": np, "in_batches": lambda predict, x: predict(x), **vars(layers)}
    if "torch" in modules:
        import torch

        names |= {"torch": torch, "nn": torch.nn}
    if "onnx" in modules:
        from onnx import TensorProto, checker, helper, numpy_helper

        names |= {"helper": helper, "checker": checker, "TensorProto": TensorProto}
        names["numpy_helper"] = numpy_helper
    cells = [cell.source for cell in jupytext.read(PAGE).cells]
    for source in cells:
        if source.startswith("TORCH_NAMES") and "torch" in modules:
            exec(source, names)
        if source.startswith("def onnx_operation") and "onnx" in modules:
            exec(source.partition("\n\n\n(folder")[0], names)
    return names


def assert_same(network, other):
    assert network.state.keys() == other.state.keys()
    for name, array in network.state.items():
        np.testing.assert_array_equal(other.state[name], array, err_msg=name)


def test_npz_brings_all_back(network, tmp_path):
    network.save(tmp_path / "network.npz")
    assert_same(network, blank(network).load(tmp_path / "network.npz"))


def test_safetensors_bring_all_back(network, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "network.safetensors"
    safetensors.save_file(network.state, path)
    other = blank(network)
    for name, array in safetensors.load_file(path).items():
        other.state[name][...] = array
    assert_same(network, other)


def test_channels_last_brings_all_back(network):
    other = blank(network)
    put_back(other, channels_last(network))
    assert_same(network, other)
    top = network.layers[-1].parameters["weights"]
    moved = channels_last(network)[-1]["weights"]
    assert moved.shape == top.shape and not np.array_equal(moved, top)


def test_fully_connected_layers_stay_as_they_are():
    network = perceptron(784, 6, 10, normalized=True)(np.random.default_rng(0))
    for layer, arrays in zip(network.layers, channels_last(network), strict=True):
        for name, array in (layer.parameters | layer.statistics).items():
            np.testing.assert_array_equal(arrays[name], array)


def test_pytorch_gives_the_same_logits_from_a_file(network, images, tmp_path):
    page = from_page("torch", "safetensors")
    import safetensors.numpy
    import safetensors.torch

    path = tmp_path / "network.safetensors"
    safetensors.numpy.save_file(network.state, path)
    tensors = safetensors.torch.load_file(path)
    model = page["to_torch"](blank(network))
    state = page["torch_state"]({name: t.numpy() for name, t in tensors.items()})
    model.load_state_dict(state, strict=False)
    logits = model(page["torch"].tensor(images)).detach().numpy()
    np.testing.assert_allclose(logits, network.predict(images), rtol=1e-3, atol=1e-4)


def test_onnx_gives_the_same_logits(network, images):
    page = from_page("onnx", "onnxruntime")
    import onnxruntime

    model = page["to_onnx"](network).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    [logits] = session.run(None, {"pixels": images})
    np.testing.assert_allclose(logits, network.predict(images), rtol=1e-3, atol=1e-4)
