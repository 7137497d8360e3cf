import { assertEquals, assertThrows } from "@std/assert";
import { opNamed } from "../../kernels/mod.ts";
import type { Attrs, Shape } from "../../kernels/op.ts";

const pool = { kernel: 2, stride: 2, padding: 0 };

/** Calls that cannot be, and what the message must name. */
const wrong: readonly [op: string, inputs: readonly Shape[], attrs: Attrs, error: ErrorConstructor, message: string][] =
  [
    ["add", [[2, 3], [4, 5]], {}, TypeError, "[2, 3] and [4, 5]"],
    ["sum", [[2, 3]], { axes: [2] }, TypeError, "axis 2 of [2, 3]"],
    ["maxPool2d", [[3, 8, 8]], pool, TypeError, "[3, 8, 8]: it takes [N, C, H, W]"],
    ["maxPool2d", [[1, 3, 8, 1]], pool, TypeError, "does not fit in 8×1"],
    ["maxPool2dDisjointGrad", [[1, 3, 8, 8], [1, 3, 4, 5]], { kernel: 2 }, TypeError, "[1, 3, 4, 4]"],
    ["maxPool2dDisjointGrad", [[1, 3, 8, 8], [1, 3, 3, 3]], { kernel: 3, stride: 2 }, RangeError, "side by side"],
    ["maxPool2d", [[1, 3, 8, 8]], { kernel: 2, padding: 2 }, RangeError, "padding 2"],
    ["avgPool2d", [[1, 3, 8, 8]], { kernel: 0 }, RangeError, "kernel 0"],
    ["avgPool2d", [[1, 3, 8, 8]], { kernel: 2, stride: 0.5 }, RangeError, "stride 0.5"],
    ["maxPool2dGrad", [[1, 1, 2, 2], [1, 1, 3, 3]], { ...pool, height: 4, width: 4 }, TypeError, "takes [1, 1, 2, 2]"],
    ["avgPool2dGrad", [[1, 1, 3, 3]], { ...pool, height: 4, width: 4 }, TypeError, "takes [1, 1, 2, 2]"],
    ["channelWindowSum", [[8]], { size: 5 }, TypeError, "[8]: it takes [N, C, …]"],
    ["channelWindowSum", [[1, 8]], { size: 4 }, RangeError, "over 4 channels"],
    ["localScores", [[1, 2, 3, 3], [1, 2, 5, 6]], { kernel: 3, stride: 1 }, TypeError, "[1, 2, 3, 3] and [1, 2, 5, 6]"],
    ["localScores", [[1, 2, 3, 3], [1, 3, 5, 5]], { kernel: 3, stride: 1 }, TypeError, "as many channels"],
    ["localScores", [[1, 2, 3, 3], [1, 2, 5, 5]], { kernel: 3, stride: 0 }, RangeError, "stride 0"],
    ["localSum", [[1, 8, 3, 3], [1, 2, 5, 5]], { kernel: 3, stride: 1 }, TypeError, "give 9 weights"],
    [
      ...["localSpread", [[1, 9, 3, 3], [1, 2, 3, 4]], { kernel: 3, stride: 1, height: 5, width: 5 }] as const,
      ...[TypeError, "as many positions"] as const,
    ],
    ["softmax", [[2, 3]], { axis: 2 }, RangeError, "over axis 2"],
    ["permute", [[2, 3]], { order: [0, 0] }, TypeError, "order [0, 0]"],
    ["permute", [[2, 3]], { order: [0, 1, 2] }, TypeError, "each axis from 0 to 1 once"],
    ["slice", [[4, 5]], { start: [0, 3], size: [4, 3] }, TypeError, "[4, 5] from [0, 3] with size [4, 3]"],
    ["slice", [[4, 5]], { start: [0], size: [4] }, TypeError, "from [0]"],
    ["slice", [[4, 5]], { start: [0, 0], size: [4, 0] }, TypeError, "size from 1"],
    ["pad", [[4, 5]], { before: [0, -1], after: [0, 0] }, TypeError, "[0, -1] before"],
    ["concat", [[2, 3], [3, 3]], { axis: 1 }, TypeError, "[2, 3] and [3, 3] along axis 1"],
    ["concat", [[2, 3], [2, 3]], { axis: 2 }, TypeError, "along axis 2"],
    ["roll", [[4, 5]], { shifts: [1] }, TypeError, "[4, 5] by [1]"],
    ["relativeBias", [[24, 3]], { height: 3, width: 3 }, TypeError, "it takes [25, heads]"],
    ["relativeBias", [[25, 3]], { height: 3, width: 0 }, RangeError, "3×0"],
    ["relativeBiasGrad", [[3, 9, 8]], { height: 3, width: 3 }, TypeError, "it takes [heads, 9, 9]"],
    ["batchNorm", [[4, 3, 2, 2], [3], [4]], { eps: 1e-5 }, TypeError, "[4, 3, 2, 2] and [3] and [4]"],
    ["layerNorm", [[4, 8], [4], [8]], { eps: 1e-5 }, TypeError, "[..., D], [D] and [D]"],
    ["softmax", [[]], {}, TypeError, "a scalar"],
    ["logSoftmax", [[]], {}, TypeError, "a scalar"],
    ["crossEntropy", [[4, 5], [4]], {}, TypeError, "[4, 5] and [4]"],
    ["sigmoidCrossEntropy", [[4, 5], [4, 5], [4]], {}, TypeError, "[N, K], [N, K] and [K]"],
    ["dropout", [[4], [], []], { rate: 1, stream: 0 }, RangeError, "rate 1"],
    ["dropout", [[4], [1], []], { rate: 0.5, stream: 0 }, TypeError, "two scalars"],
  ];

Deno.test("shape() refuses operands that do not fit, and says which", () => {
  for (const [op, inputs, attrs, error, message] of wrong) {
    assertThrows(() => opNamed(op).shape(inputs, attrs), error, message);
  }
});

Deno.test("shape() of pooling takes its defaults as PyTorch does", () => {
  for (const op of ["maxPool2d", "avgPool2d"]) {
    assertEquals(opNamed(op).shape([[2, 3, 7, 8]], { kernel: 2 }), [2, 3, 3, 4]);
    assertEquals(opNamed(op).shape([[2, 3, 112, 112]], { kernel: 3, stride: 2, padding: 1 }), [2, 3, 56, 56]);
  }
});
