"""Times PyTorch on the accelerator that it sees: a line of JSON for each line of JSON.

`hello` gives the version and the accelerator. The rest is as `bench/gpu/torch.ts` asks. float32 is float32: TF32 is off
unless it is asked for. Faults are answers with `why`; memory is given back after each.
"""

import json
import math
import statistics
import sys
import time

try:
    import torch
except ImportError as error:
    for _ in sys.stdin:
        print(json.dumps({"why": f"python has no torch ({error})"}), flush=True)
    sys.exit()

if torch.cuda.is_available():
    device, library = "cuda", torch.cuda
elif hasattr(torch.backends, "mps") and torch.backends.mps.is_available():
    device, library = "mps", torch.mps
elif hasattr(torch, "xpu") and torch.xpu.is_available():
    device, library = "xpu", torch.xpu
else:
    device, library = None, None

torch.backends.cudnn.benchmark = True


def seconds(run, runs=5, most=6.0):
    """Median of a run: short ones follow each other and are waited for together, as Fovea's are."""

    def timed(count):
        start = time.perf_counter()
        for _ in range(count):
            run()
        library.synchronize()
        return (time.perf_counter() - start) / count

    for _ in range(2):
        timed(1)
    begun = time.perf_counter()
    count = max(1, math.ceil(0.3 / timed(1)))
    times = [timed(count)]
    while len(times) < runs and time.perf_counter() - begun < most:
        times.append(timed(count))
    return statistics.median(times)


def random(*shape):
    return torch.randn(*shape, device=device)


def product(size, precision, **_):
    a, b = random(size, size), random(size, size)
    if precision == "f16":
        a, b = a.half(), b.half()
    return seconds(lambda: a @ b)


def copy(elements, **_):
    x = random(elements)
    y = torch.empty_like(x)
    return seconds(lambda: torch.neg(x, out=y))


def convolution(op, inputs, output, attrs, **_):
    """`conv2d` of [x, weight], `conv2dInputGrad` of [weight, dout], `conv2dWeightGrad` of [x, dout]."""
    pair = lambda value: [value, value]
    stride, padding = pair(attrs.get("stride", 1)), pair(attrs.get("padding", 0))
    groups = attrs.get("groups", 1)
    first, second = random(*inputs[0]), random(*inputs[1])
    if op == "conv2d":
        return seconds(lambda: torch.nn.functional.conv2d(first, second, None, stride, padding, 1, groups), most=1.0)
    missing = torch.empty(*output, device=device)
    of_input = op == "conv2dInputGrad"
    x, weight = (missing, first) if of_input else (first, missing)
    mask = [of_input, not of_input, False]
    backward = torch.ops.aten.convolution_backward
    return seconds(
        lambda: backward(second, x, weight, None, stride, padding, [1, 1], False, [0, 0], groups, mask), most=1.0
    )


def train(network, imageSize, batch, precision, **_):
    from networks import network as build

    model = build(network, imageSize).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scaler = None
    if precision == "f16":
        # PyTorch before 2.3 has CUDA's alone.
        scaler = torch.amp.GradScaler(device) if hasattr(torch.amp, "GradScaler") else torch.cuda.amp.GradScaler()
    pictures = torch.randn(batch, 3, imageSize, imageSize)
    if device == "cuda":
        pictures = pictures.pin_memory()
    labels = torch.randint(1000, (batch,), device=device)

    def step():
        # Fovea's step uploads its batch too.
        x = pictures.to(device, non_blocking=True)
        optimizer.zero_grad()
        if scaler is None:
            torch.nn.functional.cross_entropy(model(x), labels).backward()
            optimizer.step()
            return
        with torch.autocast(device, torch.float16):
            loss = torch.nn.functional.cross_entropy(model(x), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    return seconds(step)


def hello():
    if device is None:
        return {"why": f"PyTorch {torch.__version__} sees no accelerator"}
    name = torch.cuda.get_device_name() if device == "cuda" else device
    return {"version": torch.__version__, "device": device, "name": name}


def answer(question):
    if question["what"] == "hello" or device is None:
        return hello()
    tf32 = question.get("precision") == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    run = {"product": product, "copy": copy, "convolution": convolution, "train": train}[question["what"]]
    return {"seconds": run(**question)}


for line in sys.stdin:
    try:
        said = answer(json.loads(line))
    except Exception as error:  # Out of memory, no torchvision, an op that the accelerator does not have.
        said = {"why": f"{type(error).__name__}: {error}".split("\n")[0]}
    if library is not None:
        library.empty_cache()
    print(json.dumps(said), flush=True)
