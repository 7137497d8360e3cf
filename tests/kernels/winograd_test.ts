import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Attrs, Shape } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { lower } from "../../src/graph/lower.ts";

const [x, weight] = [[6, 2, 5, 7], [3, 2, 3, 3]];
const dout = [6, 3, 5, 7];

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

/** Bytes of the larger of V and M for so many of the six pictures, by F(m×m, 3×3). */
const tileBytes = (tile: number, pictures: number) =>
  4 * (tile + 2) ** 2 * 3 * pictures * Math.ceil(5 / tile) * Math.ceil(7 / tile);

Deno.test("convolutions in tiles go in parts of the batch where the tiles of all of it are too large", async (t) => {
  for (const pass of passes) {
    for (const tile of [2, 4]) {
      await t.step(`${pass[0]}, tiles of ${tile}`, () => {
        const want = computed(pass, "direct", Infinity);
        assertEquals(want.count("toTiles"), 0);
        // Four pictures fit: parts are equal, so they are of three. Of less than one picture there is no part.
        for (const [pictures, parts] of [[6, 1], [4, 2], [1, 6], [0.5, 0]]) {
          const got = computed(pass, `winograd${tile}`, tileBytes(tile, pictures));
          assertEquals(got.count("matmul"), parts, `${pictures} pictures`);
          got.y.forEach((value, k) => assertAlmostEquals(value, want.y[k], 1e-9));
        }
      });
    }
  }
});
