"""A recipe's training in PyTorch: channels last, and an optimizer in one piece.

Compiled with `torch.compile`, these networks were no faster: `make bench` shows it.
"""

import torch
from torch import nn

from benchmarks.timing.with_pytorch import groups_of, model_for
from scratchnet import layers


def train(course, threads):
    """Train; return 0, since nothing is compiled."""
    torch.set_num_threads(threads)
    torch.manual_seed(course.seed)  # for dropout
    model = model_for(course.network).train().to(memory_format=torch.channels_last)
    parameters = list(model.parameters())
    averages = [p.detach().clone() for p in parameters]
    optimizer = optimizer_for(course, parameters)
    for x, y, rate, share in course.batches():
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(
            model(torch.from_numpy(x)),
            torch.from_numpy(y).long(),
            label_smoothing=course.label_smoothing,
        )
        loss.backward()
        optimizer.step()
        if course.averaging:
            with torch.no_grad():
                torch._foreach_lerp_(averages, parameters, 1 - share)
    if course.averaging:
        with torch.no_grad():
            torch._foreach_copy_(parameters, averages)
        measure_statistics(model, torch.from_numpy(course.images))
    copy_back(model, course.network)
    return 0.0


def optimizer_for(course, parameters):
    """Return the optimizer of a course, which spares biases from weight decay."""
    return torch.optim.SGD(
        groups_of(parameters, course.optimizer.weight_decay),
        momentum=course.optimizer.momentum,
        nesterov=course.optimizer.nesterov,
        fused=True,
    )


@torch.no_grad()
def measure_statistics(model, images, batch_size=1000):
    """Set the statistics of batch normalization to their means over all images."""
    for module in model:
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean of all batches
    for batch in images.split(batch_size):
        model(batch)


def copy_back(model, network):
    """Put what a model has learned into the network that `model_for` made it of."""
    for module, layer in zip(model, network.layers, strict=True):
        found = {name: a.numpy() for name, a in module.state_dict().items()}
        match layer:
            case layers.Linear():
                names = {"weights": "weight", "bias": "bias"}
                found["weight"] = found["weight"].T
            case layers.Convolution():
                names = {"weights": "weight", "bias": "bias"}
            case layers.BatchNorm():
                names = {"scale": "weight", "shift": "bias"}
                names |= {"mean": "running_mean", "variance": "running_var"}
            case _:
                continue
        for arrays in (layer.parameters, layer.statistics):
            for name, array in arrays.items():
                array[...] = found[names[name]]
