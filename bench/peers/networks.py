"""The networks that PyTorch is timed with, and that it writes for ONNX Runtime."""

import re

import torch
import torchvision


def three_convolutions():
    layers, channels = [], 3
    for outputs in (32, 64, 128):
        layers += [torch.nn.Conv2d(channels, outputs, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        channels = outputs
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(128 * 16, 10))


def network(name, size=224):
    """The network that Fovea calls `name`, with random weights; ViTs are built for pictures of one size."""
    if name == "three-conv":
        return three_convolutions()
    theirs = re.sub(r"^vit-([bl])(\d+)$", r"vit_\1_\2", name)
    options = {"image_size": size} if theirs != name else {}
    return getattr(torchvision.models, theirs.replace("-", "_"))(**options)
