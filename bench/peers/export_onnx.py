"""Writes a network for ONNX Runtime: `python3 bench/peers/export_onnx.py NAME SIZE BATCH FILE`."""

import sys

import torch

from networks import network

name, size, batch, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
images = torch.zeros(batch, 3, size, size)
torch.onnx.export(network(name).eval(), images, path, input_names=["images"], output_names=["logits"], opset_version=14)
