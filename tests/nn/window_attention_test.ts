import { assert, assertAlmostEquals, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type Shape, sizeOf } from "../../kernels/op.ts";
import { randomUniform } from "../../kernels/random.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { cosineWindowAttention, type Layer, padToMultiple, Scope, windowAttention } from "../../src/nn/mod.ts";
import { trace } from "./trace.ts";
import { referenceWeight } from "../models/reference.ts";

const kinds = { windowAttention, cosineWindowAttention };

/** Random parameters by name, and `x`. */
function valuesFor(scope: Scope, shape: Shape): Record<string, Float32Array> {
  const parameters = [...scope.parameters.values()].map(({ name, shape }) => [name, referenceWeight(name, shape)]);
  const x = Float32Array.from({ length: sizeOf(shape) }, (_, i) => 2 * randomUniform(i, 1, 2, 3) - 1);
  return { ...Object.fromEntries(parameters), x };
}

const projections = { "qkv.weight": [24, 8], "qkv.bias": [24], "proj.weight": [8, 8], "proj.bias": [8] };
const keys: Readonly<Record<keyof typeof kinds, Record<string, number[]>>> = {
  windowAttention: { relative_position_bias_table: [25, 2], ...projections },
  cosineWindowAttention: {
    logit_scale: [2, 1, 1],
    ...projections,
    "cpb_mlp.0.weight": [512, 2],
    "cpb_mlp.0.bias": [512],
    "cpb_mlp.2.weight": [2, 512],
  },
};

for (const [name, attention] of Object.entries(kinds)) {
  Deno.test(`${name}() keeps the map's shape, whatever its sides, with torchvision's parameters`, () => {
    for (const shape of [[2, 6, 9, 8], [1, 7, 4, 8], [1, 1, 1, 8], [1, 3, 20, 8]]) {
      const { y, scope } = trace(attention(8, 2, { window: 3, shift: 1, dropout: 0.1 }), shape);
      assertEquals(y.shape, shape);
      const found = Object.fromEntries([...scope.parameters].map(([key, { shape }]) => [key, [...shape]]));
      assertEquals(found, keys[name as keyof typeof kinds]);
    }
  });
}

/**
 * Which positions of a line attend to each other, those with the same letter, in windows of 4 shifted by 2 or not at
 * all.
 */
const regions: Readonly<Record<string, string>> = {
  "8 by 0": "aaaabbbb",
  "8 by 2": "aabbbbcc",
  "12 by 2": "aabbbbccccdd",
  // Padded to 8.
  "6 by 0": "aaaabb",
  "6 by 2": "aabbbb",
  "7 by 2": "aabbbbc",
  // A single window is not shifted.
  "4 by 2": "aaaa",
  "3 by 2": "aaa",
};

/** Height, width and shift. */
const maps = [[8, 6, 0], [8, 7, 2], [12, 4, 2], [3, 6, 2], [4, 3, 2]] as const;

/** Whether position i of the output depends on position j of the input, for each i and j of the map. */
function dependence(layer: Layer, shape: Shape): boolean[][] {
  const { b, x, y, scope } = trace(layer, shape, false);
  const [, height, across, width] = shape;
  const row = b.input("row", y.shape);
  b.output("dx", differentiate(b, b.sum(b.mul(y, row)), [x])[0]);
  const values = valuesFor(scope, shape);
  return Array.from({ length: height * across }, (_, i) => {
    const chosen = new Float32Array(sizeOf(shape)).fill(1, i * width, (i + 1) * width);
    const { dx } = runReference(b.graph, { ...values, row: chosen }).outputs;
    // The mask's −100 leaves e⁻¹⁰⁰ of what it hides.
    return Array.from(
      { length: height * across },
      (_, j) => dx.subarray(j * width, (j + 1) * width).some((value) => Math.abs(value) > 1e-30),
    );
  });
}

for (const [name, attention] of Object.entries(kinds)) {
  Deno.test(`${name}() lets positions attend within their window and their region of the map alone`, async (t) => {
    for (const [height, width, shift] of maps) {
      await t.step(`${height}×${width} shifted by ${shift}`, () => {
        const found = dependence(attention(2, 1, { window: 4, shift }), [1, height, width, 2]);
        const [down, right] = [height, width].map((size) => regions[`${size} by ${shift}`]);
        const regionOf = (i: number) => down[Math.floor(i / width)] + right[i % width];
        found.forEach((row, i) => {
          assertEquals(row, row.map((_, j) => regionOf(i) === regionOf(j)), `position ${i}`);
        });
      });
    }
  });
}

Deno.test("windowAttention() adds the table's number for the offset from key to query", () => {
  // Queries and keys are 0: the weights are the softmax of the bias alone, and each position's value is its own number.
  const { b, y } = trace(windowAttention(1, 1, { window: 2 }), [1, 2, 2, 1], false);
  b.output("y", y);
  const table = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((value) => value / 10);
  const parameters = {
    ...{ relative_position_bias_table: table, "qkv.weight": [0, 0, 1], "qkv.bias": [0, 0, 0] },
    ...{ "proj.weight": [1], "proj.bias": [0] },
  };
  const x = [10, 20, 30, 40];
  const { outputs } = runReference(b.graph, { x, ...parameters });
  for (let i = 0; i < 4; i++) {
    const weights = x.map((_, j) => {
      const down = (i >> 1) - (j >> 1) + 1;
      const right = (i & 1) - (j & 1) + 1;
      return Math.exp(table[3 * down + right]);
    });
    const mean = x.reduce((sum, value, j) => sum + weights[j] * value, 0) / weights.reduce((sum, value) => sum + value);
    assertAlmostEquals(outputs.y[i], mean, 1e-12, `position ${i}`);
  }
});

/** Output and the gradients of its sum's square, by parameter, with some parameters given. */
function cosine(shape: Shape, given: Record<string, number[]> = {}) {
  const { b, y, x, scope } = trace(cosineWindowAttention(2, 1, { window: 2, shift: 1 }), shape, false);
  const sources = {
    x,
    ...Object.fromEntries([...scope.parameters].map(([key, { shape }]) => [key, b.state(key, shape)])),
  };
  const grads = differentiate(b, b.square(b.sum(y)), Object.values(sources));
  Object.keys(sources).forEach((key, k) => b.output(key, grads[k]));
  b.output("y", y);
  return runReference(b.graph, { ...valuesFor(scope, shape), ...given }).outputs;
}

Deno.test("cosineWindowAttention() multiplies cosines by 100 at most", () => {
  const shape = [1, 4, 4, 2];
  const at = (scale: number) => cosine(shape, { logit_scale: [Math.log(scale)] });
  assertEquals(at(101).y, at(1000).y);
  assertEquals([...at(101).logit_scale], [0]);
  assert(at(99).y.some((value, i) => value !== at(101).y[i]));
  assert(at(99).logit_scale[0] !== 0);
});

Deno.test("cosineWindowAttention() leaves out what the bias has for the keys", () => {
  const bias = [0.1, -0.2, 0, 0, 0.3, 0.4];
  const shape = [1, 4, 4, 2];
  const without = cosine(shape, { "qkv.bias": bias });
  const outputs = cosine(shape, { "qkv.bias": bias.with(2, 5).with(3, -7) });
  assertEquals(outputs.y, without.y);
  const gradient = [...outputs["qkv.bias"]];
  assertEquals(gradient.slice(2, 4), [0, 0]);
  assert([0, 1, 4, 5].every((k) => gradient[k] !== 0), `${gradient}`);
});

Deno.test("cosineWindowAttention() has finite gradients where padding gives keys of length 0", () => {
  for (const [name, values] of Object.entries(cosine([1, 3, 5, 2]))) {
    assert(values.every(Number.isFinite), name);
    assert(values.some((value) => value !== 0), name);
  }
});

Deno.test("padToMultiple() adds zeros after the ends of the axes it is given, and nothing where none are missing", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 2, 3]);
  assertStrictEquals(padToMultiple(b, x, 2, [1]), x);
  b.output("y", padToMultiple(b, x, 2, [1, 2]));
  assertEquals([...runReference(b.graph, { x: [1, 2, 3, 4, 5, 6] }).outputs.y], [1, 2, 3, 0, 4, 5, 6, 0]);
});

Deno.test("attention in windows refuses sizes that do not go together", () => {
  const refused: readonly [width: number, heads: number, window: number, shift: number, message: string][] = [
    [8, 3, 4, 2, "Cannot share a width of 8 among 3 heads"],
    [8, 2, 0, 0, "Cannot shift windows of 0 by 0"],
    [8, 2, 3.5, 1, "Cannot shift windows of 3.5 by 1"],
    [8, 2, 4, 4, "Cannot shift windows of 4 by 4"],
    [8, 2, 4, -1, "Cannot shift windows of 4 by -1"],
  ];
  for (const [width, heads, window, shift, message] of refused) {
    for (const attention of Object.values(kinds)) {
      assertThrows(() => attention(width, heads, { window, shift }), RangeError, message);
    }
  }
  assertThrows(() => cosineWindowAttention(8, 2, { window: 1 }), RangeError, "the offsets of a window of 1");
});
