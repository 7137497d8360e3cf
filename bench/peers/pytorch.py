"""Times PyTorch on the CPU with 2 threads, or on a GPU that it sees.

Usage: `python3 bench/peers/pytorch.py train|infer|matmul NAME SIZE BATCH RUNS`.

Prints one JSON object with the median `seconds`, and for `train` the peak of the process's memory in bytes.
"""

import json
import re
import statistics
import sys
import time

import torch

from networks import network

torch.set_num_threads(2)
device = "cuda" if torch.cuda.is_available() else "cpu"
what, name, size, batch, runs = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])


def memory(field):
    """Bytes of the process by Linux's count: `VmRSS` now, `VmHWM` at the peak."""
    with open("/proc/self/status") as status:
        return 1024 * int(re.search(rf"^{field}:\s+(\d+) kB$", status.read(), re.MULTILINE)[1])


def grown(run):
    """What a run gives, and the bytes by which the process grows at its peak; None where the system does not say."""
    if not sys.platform.startswith("linux"):
        return run(), None
    # The peak begins anew: importing PyTorch takes more for a moment than a small network.
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    before = memory("VmRSS")
    return run(), memory("VmHWM") - before


def seconds(run):
    def whole():
        run()
        if device == "cuda":
            torch.cuda.synchronize()

    whole()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        whole()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def step():
    """What is timed: a training step or a forward pass, as a function."""
    model = network(name).to(device)
    x, y = torch.randn(batch, 3, size, size, device=device), torch.randint(10, (batch,), device=device)
    if what == "infer":
        model.eval()
        return torch.no_grad()(lambda: model(x))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def train():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return train


if what == "matmul":
    a, b = torch.randn(2, size, size, device=device)
    print(json.dumps({"seconds": seconds(lambda: a @ b)}))
else:
    took, growth = grown(lambda: seconds(step()))
    print(json.dumps({"seconds": took, "bytes": torch.cuda.max_memory_allocated() if device == "cuda" else growth}))
