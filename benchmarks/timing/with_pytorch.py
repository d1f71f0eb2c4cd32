"""The same training loop in PyTorch."""

import torch
import torch._dynamo  # an optimizer imports it, else in the time of its first step
from torch import nn

from benchmarks.timing.contenders import (
    BATCH_SIZE,
    LEARNING_RATE,
    MOMENTUM,
    WEIGHT_DECAY,
)
from scratchnet import layers


def module_for(layer, of_images):
    """Return the module that does what a layer of scratchnet does, weights and all."""
    arrays = {name: torch.tensor(array) for name, array in layer.parameters.items()}
    match layer:
        case layers.Linear():
            n_inputs, n_outputs = arrays["weights"].shape
            module = nn.Linear(n_inputs, n_outputs, bias="bias" in arrays)
            names = {"weights": "weight", "bias": "bias"}
            arrays["weights"] = arrays["weights"].T
        case layers.Convolution():
            n_outputs, n_inputs, size, _ = arrays["weights"].shape
            has_bias = "bias" in arrays
            module = nn.Conv2d(
                n_inputs, n_outputs, size, padding=layer.padding, bias=has_bias
            )
            names = {"weights": "weight", "bias": "bias"}
        case layers.BatchNorm():
            kind = nn.BatchNorm2d if of_images else nn.BatchNorm1d
            module = kind(len(arrays["scale"]), layer.epsilon, layer.momentum)
            names = {"scale": "weight", "shift": "bias"}
        case layers.Dropout():
            return nn.Dropout(layer.rate)
        case layers.Images():
            return nn.Unflatten(1, (1, *layer.size))
        case layers.Flatten():
            return nn.Flatten()
        case layers.MaxPool():
            return nn.MaxPool2d(2)
        case layers.ReLU():
            return nn.ReLU()
    with torch.no_grad():
        for name, array in arrays.items():
            getattr(module, names[name]).copy_(array)
    return module


def model_for(network):
    """Return a network of scratchnet as one of PyTorch."""
    modules, of_images = [], False
    for layer in network.layers:
        if isinstance(layer, layers.Images | layers.Flatten):
            of_images = isinstance(layer, layers.Images)
        modules.append(module_for(layer, of_images))
    return nn.Sequential(*modules)


def groups_of(parameters, weight_decay):
    """Return parameters in groups for an optimizer, which spares biases from decay."""
    parameters = list(parameters)
    return [
        {
            "params": [p for p in parameters if p.ndim > 1],
            "weight_decay": weight_decay,
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]


def prepare(network, images, labels, threads, tuned, compiled):
    """Return a function that trains.

    Tuned, it has channels last in memory, and an optimizer in one piece. The compiler
    chooses the order in memory itself: with channels last, it was no faster.
    """
    torch.set_num_threads(threads)
    model = model_for(network).train()
    images = torch.from_numpy(images)
    labels = torch.from_numpy(labels).long()
    groups = groups_of(model.parameters(), WEIGHT_DECAY)
    how = {"fused": True} if tuned or compiled else {}
    optimizer = torch.optim.SGD(
        groups, LEARNING_RATE, momentum=MOMENTUM, nesterov=True, **how
    )

    def loss_of(x, y):
        return nn.functional.cross_entropy(model(x), y)

    if tuned:
        model = model.to(memory_format=torch.channels_last)
    if compiled:
        loss_of = torch.compile(loss_of, dynamic=False)

    def one_epoch(order):
        losses = []
        for chosen in torch.from_numpy(order).split(BATCH_SIZE):
            x, y = images.index_select(0, chosen), labels.index_select(0, chosen)
            optimizer.zero_grad()
            loss = loss_of(x, y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).mean().item()

    return lambda orders: [one_epoch(order) for order in orders]
