import type { Attrs, Shape } from "../../../kernels/op.ts";
import { runReference } from "../../../src/device/reference.ts";
import { openWasm } from "../../../src/device/wasm/device.ts";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import { normals } from "../../kernels/trials.ts";

const window = { stride: 1, padding: 1, transposed: false };

/** Calls whose sizes need several blocks of everything, and leave a rest of each. */
const calls: readonly { op: string; inputs: readonly Shape[]; attrs?: Attrs }[] = [
  // More terms than a panel has, more rows and columns than a block.
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({
      op: "matmul",
      inputs: [transposeA ? [530, 35] : [35, 530], transposeB ? [45, 530] : [530, 45]],
      attrs: { transposeA, transposeB },
    }))
  ),
  { op: "matmul", inputs: [[133, 20], [20, 270]] },
  { op: "matmul", inputs: [[270, 20], [133, 20]], attrs: { transposeB: true } },
  { op: "matmul", inputs: [[3, 300], [300, 21]] },
  { op: "convolve", inputs: [[2, 33, 9, 40], [1, 33, 3, 3, 7]], attrs: { ...window, outputSize: [9, 40] } },
  { op: "convolve", inputs: [[1, 2, 3, 300], [2, 1, 3, 3, 130]], attrs: { ...window, outputSize: [3, 300] } },
  {
    op: "convolve",
    inputs: [[1, 70, 17, 9], [1, 70, 5, 3, 5]],
    attrs: { stride: 3, padding: 2, transposed: false, outputSize: [6, 4] },
  },
  {
    op: "conv2dWeightGradPartial",
    inputs: [[3, 40, 20, 30], [3, 37, 20, 30]],
    attrs: { stride: 1, padding: 1, groups: 1, kernelSize: [3, 3], splits: 2 },
  },
  {
    op: "conv2dWeightGradPartial",
    inputs: [[2, 6, 41, 300], [2, 6, 14, 100]],
    attrs: { stride: 3, padding: 1, groups: 2, kernelSize: [3, 3], splits: 1 },
  },
  { op: "sum", inputs: [[70_000]], attrs: { axes: [0] } },
  { op: "sum", inputs: [[3, 40_001]], attrs: { axes: [1] } },
  { op: "sum", inputs: [[3_000, 37]], attrs: { axes: [0] } },
  { op: "max", inputs: [[40, 5, 900]], attrs: { axes: [0, 2] } },
  { op: "permute", inputs: [[5, 37, 50]], attrs: { order: [2, 0, 1] } },
  // More than a thread holds: the kernel's own JavaScript.
  { op: "maxPool2d", inputs: [[1, 1, 1030, 1025]], attrs: { kernel: 3, stride: 2, padding: 1 } },
];

Deno.test("WebAssembly computes what needs several blocks, with relaxed SIMD and without", async (t) => {
  for (const relaxed of [true, false]) {
    await using device = await openWasm({ threads: 2, relaxed });
    using session = device.open();
    for (const { op, inputs, attrs } of calls) {
      await t.step(`${op} ${JSON.stringify(inputs)} ${JSON.stringify(attrs ?? {})}, relaxed ${relaxed}`, async () => {
        const b = new GraphBuilder();
        b.output("y", b.mul(b.op(op, inputs.map((shape, k) => b.input(`x${k}`, shape)), attrs), 0.5));
        const values = Object.fromEntries(inputs.map((shape, k): [string, Float32Array] => [
          `x${k}`,
          normals(shape.reduce((product, size) => product * size, 1), k, 7),
        ]));
        const program = session.compile(b.graph);
        program.run(values);
        const { y } = await program.outputs();
        const want = runReference(b.graph, values).outputs.y;
        y.forEach((value, k) => {
          if (!(Math.abs(value - want[k]) <= 2e-4 + 1e-5 * Math.abs(want[k]))) {
            throw new Error(`y[${k}] is ${value}, not ${want[k]}`);
          }
        });
      });
    }
  }
});
