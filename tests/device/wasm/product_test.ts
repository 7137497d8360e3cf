import { assertEquals } from "@std/assert";
import type { Attrs, Shape } from "../../../kernels/op.ts";
import { runReference } from "../../../src/device/reference.ts";
import { openWasm } from "../../../src/device/wasm/device.ts";
import { TARGET } from "../../../src/device/wasm/target.ts";
import { waysOfKernel, writeStep } from "../../../src/device/wasm/write_step.ts";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import { RULES } from "../../../src/graph/choices.ts";
import { compile } from "../../../src/graph/compile.ts";
import { normals } from "../../kernels/trials.ts";

const window = { stride: 1, padding: 1, transposed: false };

/** Calls whose sizes need several blocks of everything, and leave a rest of each. */
const calls: readonly { op: string; inputs: readonly Shape[]; attrs?: Attrs; hasNoText?: true }[] = [
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
  // Depthwise: blocks of rows, of pictures, several tiles and a rest of each, two strides, and spread pictures.
  { op: "convolve", inputs: [[2, 3, 75, 70], [3, 1, 3, 3, 1]], attrs: { ...window, outputSize: [75, 70] } },
  { op: "convolve", inputs: [[3, 70, 9, 7], [70, 1, 7, 7, 1]], attrs: { ...window, padding: 3, outputSize: [9, 7] } },
  {
    op: "convolve",
    inputs: [[2, 9, 33, 30], [9, 1, 5, 5, 1]],
    attrs: { stride: 2, padding: 2, transposed: false, outputSize: [17, 15] },
  },
  {
    op: "convolve",
    inputs: [[2, 5, 17, 15], [5, 1, 3, 3, 1]],
    attrs: { stride: 2, padding: 1, transposed: true, outputSize: [34, 30] },
  },
  {
    op: "conv2dWeightGradPartial",
    inputs: [[3, 3, 75, 70], [3, 3, 75, 70]],
    attrs: { stride: 1, padding: 1, groups: 3, kernelSize: [3, 3], splits: 2 },
  },
  {
    op: "conv2dWeightGradPartial",
    inputs: [[2, 70, 18, 14], [2, 70, 9, 7]],
    attrs: { stride: 2, padding: 3, groups: 70, kernelSize: [7, 7], splits: 1 },
  },
  { op: "localScores", inputs: [[3, 5, 9, 21], [3, 5, 15, 27]], attrs: { kernel: 7, stride: 1 } },
  { op: "localScores", inputs: [[3, 5, 9, 11], [3, 5, 24, 27]], attrs: { kernel: 7, stride: 2 } },
  { op: "localScores", inputs: [[2, 3, 4, 5], [2, 3, 13, 17]], attrs: { kernel: 3, stride: 3 } },
  { op: "localSum", inputs: [[2, 49, 9, 11], [2, 4, 24, 27]], attrs: { kernel: 7, stride: 2 } },
  { op: "localSum", inputs: [[2, 25, 6, 3], [2, 4, 10, 7]], attrs: { kernel: 5, stride: 1 } },
  {
    op: "localSpread",
    inputs: [[2, 49, 5, 18], [2, 3, 5, 18]],
    attrs: { kernel: 7, stride: 1, height: 11, width: 24 },
  },
  { op: "localSpread", inputs: [[2, 9, 5, 6], [2, 3, 5, 6]], attrs: { kernel: 3, stride: 2, height: 11, width: 13 } },
  {
    op: "localSpread",
    inputs: [[2, 49, 9, 11], [2, 3, 9, 11]],
    attrs: { kernel: 7, stride: 2, height: 24, width: 27 },
  },
  { op: "localSpread", inputs: [[2, 4, 4, 5], [2, 3, 4, 5]], attrs: { kernel: 2, stride: 3, height: 13, width: 16 } },
  { op: "sum", inputs: [[70_000]], attrs: { axes: [0] } },
  { op: "sum", inputs: [[3, 40_001]], attrs: { axes: [1] } },
  { op: "sum", inputs: [[3_000, 37]], attrs: { axes: [0] } },
  { op: "max", inputs: [[40, 5, 900]], attrs: { axes: [0, 2] } },
  { op: "permute", inputs: [[5, 37, 50]], attrs: { order: [2, 0, 1] } },
  // More than a thread holds: the kernel's own JavaScript.
  { op: "maxPool2d", inputs: [[1, 1, 1030, 1025]], attrs: { kernel: 3, stride: 2, padding: 1 }, hasNoText: true },
  // The last four would look too far.
  { op: "localSum", inputs: [[1, 4, 2, 2], [1, 3, 19, 19]], attrs: { kernel: 2, stride: 17 }, hasNoText: true },
];

/** The call alone, and half its result. */
function graphOf({ op, inputs, attrs = {} }: typeof calls[number]) {
  const b = new GraphBuilder();
  const y = b.op(op, inputs.map((shape, k) => b.input(`x${k}`, shape)), attrs);
  b.output("y", b.mul(y, 0.5));
  return { graph: b.graph, shape: y.shape };
}

Deno.test("WebAssembly has a text for what a thread can hold", () => {
  for (const call of calls) {
    const { steps } = compile(graphOf(call).graph, TARGET);
    const jobs = steps.flatMap((step) => writeStep(step, true, RULES).jobs);
    assertEquals(jobs.some(({ code }) => typeof code !== "string"), call.hasNoText ?? false, JSON.stringify(call));
  }
});

for (const relaxed of [true, false]) {
  Deno.test(`WebAssembly computes what needs several blocks, ${relaxed ? "with" : "without"} relaxed SIMD`, async (t) => {
    await using device = await openWasm({ threads: 2, relaxed });
    for (const call of calls) {
      const { op, inputs, attrs = {} } = call;
      const { graph, shape } = graphOf(call);
      const values = Object.fromEntries(inputs.map((shape, k): [string, Float32Array] => [
        `x${k}`,
        normals(shape.reduce((product, size) => product * size, 1), k, 7),
      ]));
      const want = runReference(graph, values).outputs.y;
      const ways = waysOfKernel(op, { inputs, output: shape, attrs }, { isSoftware: true });
      for (const way of ways.length > 0 ? ways : [undefined]) {
        const name = [op, JSON.stringify(inputs), JSON.stringify(attrs), ...way ? [way] : []].join(" ");
        await t.step(name, async () => {
          using session = device.open({ of: () => way });
          const program = session.compile(graph);
          program.run(values);
          const { y } = await program.outputs();
          y.forEach((value, k) => {
            if (!(Math.abs(value - want[k]) <= 2e-4 + 1e-5 * Math.abs(want[k]))) {
              throw new Error(`y[${k}] is ${value}, not ${want[k]}`);
            }
          });
        });
      }
    }
  });
}

Deno.test("WebAssembly's products are computed in the ways that their operands allow, the likeliest first", () => {
  const waysOf = (m: number, k: number, n: number, attrs: Attrs) => {
    const inputs = [attrs.transposeA ? [k, m] : [m, k], attrs.transposeB ? [n, k] : [k, n]];
    return waysOfKernel("matmul", { inputs, output: [m, n], attrs }, { isSoftware: true });
  };
  assertEquals(waysOf(100, 100, 100, {}), ["panels 4x8", "panels 5x8", "in place"]);
  assertEquals(waysOf(8, 100, 100, {}), ["in place", "panels 4x8", "panels 5x8"]);
  assertEquals(waysOf(32, 100, 100, { transposeB: true }), ["dot", "panels 4x8", "panels 5x8"]);
  assertEquals(waysOf(100, 100, 100, { transposeA: true, transposeB: true }), ["panels 4x8"]);
});
