import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { sizeOf, type Tensor } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { trace } from "./trace.ts";
import {
  encoderBlock,
  gelu,
  type Layer,
  layerNorm,
  layerScale,
  mergeHeads,
  mlp,
  selfAttention,
  splitHeads,
  stochasticDepth,
} from "../../src/nn/mod.ts";

const attentionKeys = { in_proj_weight: [24, 8], in_proj_bias: [24], "out_proj.weight": [8, 8], "out_proj.bias": [8] };
const mlpKeys = { "0.weight": [12, 8], "0.bias": [12], "3.weight": [8, 12], "3.bias": [8] };
const under = (name: string, keys: Record<string, number[]>) =>
  Object.fromEntries(Object.entries(keys).map(([key, shape]) => [`${name}.${key}`, shape]));

const layers: readonly [name: string, layer: Layer, shape: number[], keys: Record<string, number[]>][] = [
  ["layerNorm", layerNorm(8, 1e-6), [2, 3, 8], { weight: [8], bias: [8] }],
  ["gelu", gelu(), [2, 3, 8], {}],
  ["stochasticDepth", stochasticDepth(0.5), [2, 3, 8], {}],
  ["layerScale", layerScale(8, 0.1), [2, 3, 8], { gamma: [8] }],
  ["mlp", mlp(8, 12, { dropout: 0.1 }), [2, 3, 8], mlpKeys],
  ["mlp on a grid of tokens", mlp(8, 12), [2, 3, 5, 8], mlpKeys],
  ["selfAttention", selfAttention(8, 2, { dropout: 0.1 }), [2, 3, 8], attentionKeys],
  ["encoderBlock", encoderBlock(8, 2, { hidden: 12, layerScale: 0.1, stochasticDepth: 0.1 }), [2, 3, 8], {
    "ln_1.weight": [8],
    "ln_1.bias": [8],
    ...under("self_attention", attentionKeys),
    "ls1.gamma": [8],
    "ln_2.weight": [8],
    "ln_2.bias": [8],
    ...under("mlp", mlpKeys),
    "ls2.gamma": [8],
  }],
];

Deno.test("transformer layers keep the shape, with torchvision's parameters in torchvision's order", async (t) => {
  for (const [name, layer, shape, keys] of layers) {
    await t.step(name, () => {
      for (const training of [true, false]) {
        const { y, scope } = trace(layer, shape, training);
        assertEquals(y.shape, shape);
        const parameters = [...scope.parameters].map(([key, { shape }]) => [key, [...shape]]);
        assertEquals(parameters, Object.entries(keys));
      }
    });
  }
});

Deno.test("encoderBlock() has a hidden width of 4 · D unless told, and no layer scale", () => {
  const { scope } = trace(encoderBlock(8, 2), [1, 3, 8]);
  assertEquals(scope.parameters.get("mlp.0.weight")!.shape, [32, 8]);
  assertEquals([...scope.parameters.keys()].filter((key) => key.startsWith("ls")), []);
});

Deno.test("gelu() is x times the normal distribution's Φ(x)", () => {
  const { b, y } = trace(gelu(), [5]);
  b.output("y", y);
  // Φ(1) = 0.8413447461, Φ(2.5) = 0.9937903347.
  const wanted = [-2.5 * (1 - 0.9937903347), -(1 - 0.8413447461), 0, 0.8413447461, 2.5 * 0.9937903347];
  const { outputs } = runReference(b.graph, { x: [-2.5, -1, 0, 1, 2.5] });
  outputs.y.forEach((value, i) => assertAlmostEquals(value, wanted[i], 2e-7));
});

Deno.test("splitHeads() gives queries, keys and values of each head, and mergeHeads() puts heads side by side again", () => {
  const b = new GraphBuilder();
  const [batch, tokens, width, heads] = [2, 3, 8, 2];
  const qkv = b.input("qkv", [batch, tokens, 3 * width]);
  const parts = splitHeads(b, qkv, heads);
  for (const part of parts) assertEquals(part.shape, [batch, heads, tokens, width / heads]);
  parts.forEach((part, k) => b.output(`${k}`, mergeHeads(b, part)));
  b.output("head", parts[1]);
  const values = Float64Array.from({ length: sizeOf(qkv.shape) }, (_, i) => i);
  const { outputs } = runReference(b.graph, { qkv: values });
  for (const k of [0, 1, 2]) {
    const wanted = values.filter((i) => Math.floor(i % (3 * width) / width) === k);
    assertEquals(outputs[k], wanted, `part ${k}`);
  }
  // Keys of the second head of the first picture: channels 4 to 7 of 8, from 8 on in each row of 24.
  assertEquals([...outputs.head.slice(12, 24)], [12, 13, 14, 15, 36, 37, 38, 39, 60, 61, 62, 63]);
});

Deno.test("selfAttention() mixes the values of tokens by their keys' agreement with the query", () => {
  // One head of width 1: q = x, k = x, v = 10 x, and the output is attention · v + 5.
  const { b, y } = trace(selfAttention(1, 1), [1, 2, 1]);
  b.output("y", y);
  const parameters = {
    in_proj_weight: [1, 1, 10],
    in_proj_bias: [0, 0, 0],
    "out_proj.weight": [1],
    "out_proj.bias": [5],
  };
  const { outputs } = runReference(b.graph, { x: [1, 2], ...parameters });
  const mix = (a: number, b: number) => (10 * Math.exp(a) + 20 * Math.exp(b)) / (Math.exp(a) + Math.exp(b)) + 5;
  assertAlmostEquals(outputs.y[0], mix(1, 2), 1e-12);
  assertAlmostEquals(outputs.y[1], mix(2, 4), 1e-12);
});

const KEY = { keyHi: [3], keyLo: [14] };

Deno.test("stochasticDepth() leaves whole pictures out at its rate and scales the others up, forward and backward", () => {
  const [batch, rate] = [1000, 0.25];
  const { b, x, y } = trace(stochasticDepth(rate), [batch, 2, 3]);
  b.output("y", y);
  b.output("dx", differentiate(b, b.sum(y), [x])[0]);
  const { outputs } = runReference(b.graph, { x: new Float64Array(batch * 6).fill(3), ...KEY });
  const pictures = Array.from({ length: batch }, (_, n) => [...new Set(outputs.y.slice(6 * n, 6 * n + 6))]);
  for (const values of pictures) assert(values.length === 1 && [0, 4].includes(values[0]), `${values} in one picture`);
  const left = pictures.filter(([value]) => value === 0).length;
  // Five standard errors.
  assert(Math.abs(left - rate * batch) < 5 * Math.sqrt(batch * rate * (1 - rate)), `${left} of ${batch} are left out`);
  assertEquals(outputs.dx, outputs.y.map((value) => value / 3));
});

Deno.test("stochasticDepth() draws for each layer and each step, and does nothing in evaluation and at rate 0", () => {
  const { b, x, scope } = trace((x) => x, [100, 1]);
  for (const name of ["a", "b"]) b.output(name, scope.call(name, stochasticDepth(0.5), x));
  const at = (keyLo: number) =>
    runReference(b.graph, { x: new Float64Array(100).fill(1), ...KEY, keyLo: [keyLo] }).outputs;
  assertEquals(at(1), at(1));
  assertNotEquals(at(1).a, at(1).b);
  assertNotEquals(at(1).a, at(2).a);
  for (const [rate, training] of [[0.5, false], [0, true]] as const) {
    const { x, y } = trace(stochasticDepth(rate), [4, 2], training);
    assertStrictEquals<Tensor>(y, x);
  }
});

Deno.test("transformer layers refuse", async (t) => {
  const refused: readonly [name: string, make: () => Layer, message: string][] = [
    ["a rate of 1", () => stochasticDepth(1), "Cannot leave branches out at rate 1: give a rate from 0 to below 1"],
    ["a rate below 0", () => stochasticDepth(-0.1), "at rate -0.1"],
    ["heads that do not divide the width", () => selfAttention(8, 3), "Cannot share a width of 8 among 3 heads"],
  ];
  for (const [name, make, message] of refused) await t.step(name, () => void assertThrows(make, RangeError, message));
});
