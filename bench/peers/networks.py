"""The networks that PyTorch is timed with, and that it writes for ONNX Runtime."""

import torch
import torchvision


def three_convolutions():
    layers, channels = [], 3
    for outputs in (32, 64, 128):
        layers += [torch.nn.Conv2d(channels, outputs, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        channels = outputs
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(128 * 16, 10))


def network(name):
    """The network that `bench/networks.ts` calls `name`, with random weights."""
    if name == "three-conv":
        return three_convolutions()
    return getattr(torchvision.models, {"vit-b32": "vit_b_32"}.get(name, name))()
