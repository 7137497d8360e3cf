import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { type Attrs, type Shape, sizeOf } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Chooser } from "../../src/graph/choices.ts";
import { cut } from "../../src/graph/passes/cut.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { liveNodes } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";

const [x, weight] = [[7, 2, 5, 7], [3, 2, 3, 3]];
const dout = [7, 3, 5, 7];

const passes: readonly [op: string, operands: readonly Shape[], attrs: Attrs][] = [
  ["conv2d", [x, weight], {}],
  ["conv2dInputGrad", [weight, dout], { inputSize: [5, 7] }],
  ["conv2dWeightGrad", [x, dout], { kernelSize: [3, 3] }],
];

/** A pass computed by a form where a tensor may have so many bytes: its result, and how often each op occurs. */
function computed([op, operands, attrs]: typeof passes[number], form: string, maxBytes: number) {
  const b = new GraphBuilder();
  const inputs = operands.map((shape, k) => b.input(`x${k}`, shape));
  b.output("y", b.op(op, inputs, { stride: 1, padding: 1, groups: 1, ...attrs }));
  const graph = lower(b.graph, { maxBytes, choices: { of: (name) => name === op ? form : undefined } });
  const values = operands.map((shape, k) =>
    Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i + 10 * k))
  );
  const { y } = runReference(graph, Object.fromEntries(values.map((numbers, k) => [`x${k}`, numbers]))).outputs;
  return { y, count: (name: string) => graph.nodes.filter((node) => node.op === name).length };
}

/** Bytes of the larger of V and M for so many of the seven pictures, by F(m×m, 3×3). */
const tileBytes = (tile: number, pictures: number) =>
  4 * (tile + 2) ** 2 * 3 * pictures * Math.ceil(5 / tile) * Math.ceil(7 / tile);

Deno.test("convolutions in tiles go in parts of the batch where the tiles of all of it are too large", async (t) => {
  for (const pass of passes) {
    for (const tile of [2, 4]) {
      await t.step(`${pass[0]}, tiles of ${tile}`, () => {
        const want = computed(pass, "direct", Infinity);
        assertEquals(want.count("toTiles"), 0);
        // Parts as few as may be, the last one smaller; of less than one picture there is no part.
        for (const [pictures, parts] of [[7, 1], [6, 2], [3, 3], [1, 7], [0.5, 0]]) {
          const got = computed(pass, `winograd${tile}`, tileBytes(tile, pictures));
          assertEquals(got.count("matmul"), parts, `${pictures} pictures`);
          got.y.forEach((value, k) => assertAlmostEquals(value, want.y[k], 1e-9));
        }
      });
    }
  }
});

/** Two convolutions and the gradients of all that they take, in tiles where a tensor may have so many bytes. */
function network(maxBytes: number) {
  const b = new GraphBuilder();
  const [pictures, first, second] = [b.input("x", x), b.input("first", [4, 2, 3, 3]), b.input("second", [3, 4, 3, 3])];
  const window = { stride: 1, padding: 1, groups: 1 };
  const y = b.op("conv2d", [b.tanh(b.op("conv2d", [pictures, first], window)), second], window);
  const loss = b.sum(b.mul(b.square(y), b.op("iota", [], { shape: y.shape })), undefined, false);
  differentiate(b, loss, [pictures, first, second]).forEach((grad, k) => b.output(`grad${k}`, grad));
  b.output("y", y);
  const choices: Chooser = { of: (name) => name.startsWith("conv2d") ? "winograd4" : undefined };
  return cut(lower(b.graph, { maxBytes, choices }), maxBytes, choices);
}

Deno.test("a network in tiles computes the same where pictures are cut too, and no tensor is too large", () => {
  const numbers = (count: number) => Float64Array.from({ length: count }, (_, i) => Math.cos(3 * i));
  const given = { x: numbers(7 * 2 * 35), first: numbers(72), second: numbers(108) };
  const { outputs: want } = runReference(network(Infinity), given);
  // Tiles of one picture; its four channels of activations, and the second weight's tiles, are about as large.
  const limit = 2304;
  const graph = network(limit);
  const nodes = liveNodes(graph);
  assert(4 * 7 * 4 * 35 > limit);
  assert(nodes.some(({ op }) => op === "toTiles"));
  for (const { op, shape } of nodes) assert(op === "join" || 4 * sizeOf(shape) <= limit, `${op} [${shape.join(", ")}]`);
  for (const [name, values] of Object.entries(runReference(graph, given).outputs)) {
    values.forEach((value, k) =>
      assertAlmostEquals(value, want[name][k], 1e-9 * Math.max(1, Math.abs(want[name][k])), name)
    );
  }
});

Deno.test("parts are not held from the forward pass to the backward pass", () => {
  const slices = liveNodes(network(2304 * 2)).filter(({ op }) => op === "slice");
  assert(slices.some(({ attrs }) => attrs.again === true));
  assert(slices.some(({ attrs }) => attrs.again === false));
});
