"""Times PyTorch on the CPU with 2 threads: `python3 bench/peers/pytorch.py train|infer|matmul NAME SIZE BATCH RUNS`.

Prints one JSON object with the median `seconds`, and for `train` the peak of the process's memory in bytes.
"""

import json
import resource
import statistics
import sys
import time

import torch
import torchvision

torch.set_num_threads(2)
what, name, size, batch, runs = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])


def three_convolutions():
    layers, channels = [], 3
    for outputs in (32, 64, 128):
        layers += [torch.nn.Conv2d(channels, outputs, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        channels = outputs
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(128 * 16, 10))


def seconds(run):
    run()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def network():
    names = {"vit-b32": "vit_b_32", "vgg16": "vgg16"}
    return three_convolutions() if name == "three-conv" else getattr(torchvision.models, names.get(name, name))()


if what == "matmul":
    a, b = torch.randn(size, size), torch.randn(size, size)
    print(json.dumps({"seconds": seconds(lambda: a @ b)}))
else:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = network()
    x, y = torch.randn(batch, 3, size, size), torch.randint(10, (batch,))
    if what == "train":
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

        def run():
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    else:
        model.eval()

        def run():
            with torch.no_grad():
                model(x)

    took = seconds(run)
    peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    print(json.dumps({"seconds": took, "bytes": peak}))
