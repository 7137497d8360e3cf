import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { sizeOf, type Tensor } from "../../kernels/op.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { runReference } from "../../src/device/reference.ts";
import { trace } from "./trace.ts";
import {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm2d,
  channelNorm,
  conv2d,
  coveringMaxPool2d,
  dropout,
  flatten,
  globalAvgPool2d,
  hardSigmoid,
  hardSwish,
  inline,
  type Layer,
  lazyLinear,
  linear,
  localResponseNorm,
  maxPool2d,
  relu,
  relu6,
  residual,
  sequential,
  silu,
  squeezeExcitation,
  tanh,
} from "../../src/nn/mod.ts";

const shapes: readonly [name: string, layer: Layer, from: number[], to: number[], keys: Record<string, number[]>][] = [
  ["conv2d", conv2d(3, 8, 3), [2, 3, 9, 7], [2, 8, 7, 5], { weight: [8, 3, 3, 3], bias: [8] }],
  ["conv2d, stride and padding", conv2d(3, 8, 3, { stride: 2, padding: 1, bias: false }), [2, 3, 9, 7], [2, 8, 5, 4], {
    weight: [8, 3, 3, 3],
  }],
  ["conv2d, groups", conv2d(6, 4, 1, { groups: 2 }), [2, 6, 5, 5], [2, 4, 5, 5], { weight: [4, 3, 1, 1], bias: [4] }],
  ["linear", linear(6, 4), [2, 6], [2, 4], { weight: [4, 6], bias: [4] }],
  ["linear, no bias", linear(6, 4, { bias: false }), [2, 6], [2, 4], { weight: [4, 6] }],
  ["lazyLinear", lazyLinear(4), [2, 9], [2, 4], { weight: [4, 9], bias: [4] }],
  ["batchNorm2d", batchNorm2d(3), [2, 3, 4, 4], [2, 3, 4, 4], {
    weight: [3],
    bias: [3],
    running_mean: [3],
    running_var: [3],
  }],
  ["maxPool2d", maxPool2d(3, { stride: 2, padding: 1 }), [2, 3, 8, 8], [2, 3, 4, 4], {}],
  ["coveringMaxPool2d", coveringMaxPool2d(3, 2), [2, 3, 8, 2], [2, 3, 4, 1], {}],
  ["avgPool2d", avgPool2d(2), [2, 3, 8, 9], [2, 3, 4, 4], {}],
  ["globalAvgPool2d", globalAvgPool2d(), [2, 3, 8, 9], [2, 3, 1, 1], {}],
  ["adaptiveAvgPool2d", adaptiveAvgPool2d(6), [2, 3, 8, 5], [2, 3, 6, 6], {}],
  ["localResponseNorm", localResponseNorm(5), [2, 3, 8, 5], [2, 3, 8, 5], {}],
  ["channelNorm", channelNorm(3, 1e-6), [2, 3, 8, 5], [2, 3, 8, 5], { weight: [3], bias: [3] }],
  ["flatten", flatten(), [2, 3, 4, 5], [2, 60], {}],
  ["relu", relu(), [2, 3], [2, 3], {}],
  ["relu6", relu6(), [2, 3], [2, 3], {}],
  ["silu", silu(), [2, 3], [2, 3], {}],
  ["hardSigmoid", hardSigmoid(), [2, 3], [2, 3], {}],
  ["hardSwish", hardSwish(), [2, 3], [2, 3], {}],
  ["squeezeExcitation", squeezeExcitation(8, 2), [2, 8, 3, 5], [2, 8, 3, 5], {
    "fc1.weight": [2, 8, 1, 1],
    "fc1.bias": [2],
    "fc2.weight": [8, 2, 1, 1],
    "fc2.bias": [8],
  }],
  ["tanh", tanh(), [2, 3], [2, 3], {}],
  ["dropout", dropout(0.5), [2, 3], [2, 3], {}],
];

Deno.test("layers have PyTorch's shapes and parameters", async (t) => {
  for (const [name, layer, from, to, keys] of shapes) {
    await t.step(name, () => {
      for (const training of [true, false]) {
        const { y, scope } = trace(layer, from, training);
        assertEquals(y.shape, to);
        const parameters = Object.fromEntries([...scope.parameters].map(([key, { shape }]) => [key, [...shape]]));
        assertEquals(parameters, keys);
      }
    });
  }
});

Deno.test("sequential() names layers, inline() does not, and residual() calls its shortcut downsample", () => {
  const layer = sequential({
    stem: inline(linear(4, 4), relu()),
    block: residual(
      sequential({ fc1: linear(4, 6), act: relu(), fc2: linear(6, 8) }),
      relu(),
      sequential([linear(4, 8)]),
    ),
    head: sequential([relu(), linear(8, 2)]),
  });
  const { scope } = trace(layer, [1, 4]);
  const weights = [...scope.parameters.keys()].filter((key) => key.endsWith("weight"));
  assertEquals(weights, [
    "stem.weight",
    "block.fc1.weight",
    "block.fc2.weight",
    "block.downsample.0.weight",
    "head.1.weight",
  ]);
  assertEquals([...scope.outputs.keys()], [
    "stem",
    "block.fc1",
    "block.act",
    "block.fc2",
    "block.downsample.0",
    "block.downsample",
    "block",
    "head.0",
    "head.1",
    "head",
  ]);
});

Deno.test("residual() adds its input to its body", () => {
  const { b, y } = trace(residual((x, { b }) => b.mul(x, -3), relu()), [2]);
  b.output("y", y);
  assertEquals([...runReference(b.graph, { x: [1, -2] }).outputs.y], [0, 4]);
});

Deno.test("a layer that is called twice under one name shares its parameters", () => {
  const shared = linear(4, 4);
  const { scope } = trace((x, scope) => scope.call("fc", shared, scope.call("fc", shared, x)), [1, 4]);
  assertEquals([...scope.parameters.keys()], ["fc.weight", "fc.bias"]);
});

Deno.test("two layers of one name and different sizes are refused", () => {
  assertThrows(
    () => trace(inline(linear(4, 6), linear(6, 4)), [1, 4]),
    TypeError,
    "Two layers share the name weight with shapes [6, 4] and [4, 6]",
  );
});

/** [2, 1, 1, 2]: mean 3, biased variance 3.5, unbiased 14 / 3. */
const PICTURES = [1, 2, 3, 6];
const NORM = { weight: [2], bias: [1], running_mean: [5], running_var: [4] };

Deno.test("batchNorm2d() normalises by the batch in training and moves the running statistics by a tenth", () => {
  const { b, scope, y } = trace(batchNorm2d(1, { eps: 0.5 }), [2, 1, 1, 2]);
  b.output("y", y);
  for (const [name, value] of scope.updates) b.assign(name, value);
  const { outputs, states } = runReference(b.graph, { x: PICTURES, ...NORM });
  // √(3.5 + 0.5) is 2: y = (x − 3) / 2 · 2 + 1.
  assertEquals([...outputs.y], [-1, 0, 1, 4]);
  assertAlmostEquals(states.get("running_mean")![0], 0.9 * 5 + 0.1 * 3, 1e-12);
  assertAlmostEquals(states.get("running_var")![0], 0.9 * 4 + 0.1 * 14 / 3, 1e-12);
  assertEquals([...states.keys()], ["running_mean", "running_var"]);
});

Deno.test("batchNorm2d() normalises by the running statistics in evaluation and leaves them", () => {
  const { b, scope, y } = trace(batchNorm2d(1, { eps: 12 }), [2, 1, 1, 2], false);
  b.output("y", y);
  // √(4 + 12) is 4: y = (x − 5) / 4 · 2 + 1.
  assertEquals([...runReference(b.graph, { x: PICTURES, ...NORM }).outputs.y], [-1, -0.5, 0, 1.5]);
  assertEquals(scope.updates.size, 0);
});

Deno.test("adaptiveAvgPool2d() averages windows that overlap, repeats pixels, and leaves a picture of its size", () => {
  const run = (side: number, x: number[], shape: number[]) => {
    const { b, y } = trace(adaptiveAvgPool2d(side), shape);
    b.output("y", y);
    return [...runReference(b.graph, { x }).outputs.y];
  };
  // Rows 0–1 and 1–2, columns 0–1 and 2–3.
  assertEquals(run(2, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23], [1, 1, 3, 4]), [6, 10, 14, 18]);
  assertEquals(run(3, [1, 2, 3, 4, 5, 6], [1, 1, 2, 3]), [1, 2, 3, 2.5, 3.5, 4.5, 4, 5, 6]);
  const { x, y } = trace(adaptiveAvgPool2d(6), [1, 2, 6, 6]);
  assertStrictEquals<Tensor>(y, x);
});

Deno.test("localResponseNorm() divides by the squares of the channels around, alpha shared by the window's size", () => {
  const { b, y } = trace(localResponseNorm(3, { alpha: 6, beta: 0.5, k: 7 }), [1, 4, 1, 1]);
  b.output("y", y);
  const { outputs } = runReference(b.graph, { x: [1, 2, 3, 4] });
  // Sums of squares: 5, 14, 29, 25; 7 + 6 / 3 · Σ: 17, 35, 65, 57.
  const want = [1 / Math.sqrt(17), 2 / Math.sqrt(35), 3 / Math.sqrt(65), 4 / Math.sqrt(57)];
  want.forEach((value, k) => assertAlmostEquals(outputs.y[k], value, 1e-12));
});

const KEY = { keyHi: [3], keyLo: [14] };
const ONES = new Array<number>(1000).fill(1);

Deno.test("dropout() draws another mask for each layer, and the same forward and backward", () => {
  const { b, x, scope } = trace((x) => x, [1000]);
  const masks = ["drop1", "drop2"].map((name) => scope.call(name, dropout(0.5), x));
  masks.forEach((mask, k) => {
    b.output(`y${k}`, mask);
    b.output(`dx${k}`, differentiate(b, b.sum(mask), [x])[0]);
  });
  const { outputs } = runReference(b.graph, { x: ONES, ...KEY });
  assertEquals(outputs.dx0, outputs.y0);
  assertEquals(outputs.dx1, outputs.y1);
  const agree = outputs.y0.filter((value, i) => value === outputs.y1[i]).length;
  assert(Math.abs(agree - 500) < 80, `${agree} of 1000 are the same in two layers`);
  const kept = outputs.y0.filter((value) => value > 0);
  assert(Math.abs(kept.length - 500) < 80 && kept.every((value) => value === 2), `${kept.length} of 1000 are kept`);
});

Deno.test("dropout() draws another mask for each step", () => {
  const { b, y } = trace(dropout(0.5), [1000]);
  b.output("y", y);
  const at = (keyLo: number) => runReference(b.graph, { x: ONES, ...KEY, keyLo: [keyLo] }).outputs.y;
  assertEquals(at(1), at(1));
  assertNotEquals(at(1), at(2));
});

Deno.test("dropout() does nothing in evaluation, and nothing at rate 0", () => {
  for (const [rate, training] of [[0.5, false], [0, true]] as const) {
    const { x, y } = trace(dropout(rate), [4], training);
    assertStrictEquals<Tensor>(y, x);
  }
});

Deno.test("linear() is x · weightᵀ + bias", () => {
  const { b, y } = trace(linear(2, 3), [1, 2]);
  b.output("y", y);
  const { outputs } = runReference(b.graph, { x: [1, 10], weight: [1, 2, 3, 4, 5, 6], bias: [100, 200, 300] });
  assertEquals([...outputs.y], [121, 243, 365]);
});

Deno.test("conv2d() adds a bias to each channel", () => {
  const { b, scope, y } = trace(conv2d(1, 2, 2), [1, 1, 2, 3]);
  b.output("y", y);
  const weight = [1, 0, 0, 1, 0, 1, 1, 0];
  assertEquals(weight.length, sizeOf(scope.parameters.get("weight")!.shape));
  const { outputs } = runReference(b.graph, { x: [1, 2, 3, 4, 5, 6], weight, bias: [10, 20] });
  assertEquals([...outputs.y], [16, 18, 26, 28]);
});
