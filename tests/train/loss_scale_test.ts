import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import type { Session } from "../../src/device/device.ts";
import { runReference } from "../../src/device/reference.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Precision } from "../../src/graph/graph.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { batchNorm2d, conv2d, flatten, lazyLinear, maxPool2d, relu, sequential } from "../../src/nn/mod.ts";
import { adjustLossScale, initialLossScale, LOSS_SCALE, lossScaleIn } from "../../src/train/loss_scale.ts";
import { trainingMemory } from "../../src/train/memory.ts";
import { adam, sgd } from "../../src/train/optimizers/mod.ts";
import { COUNTERS, initialState, type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { devices, hasHalf } from "../kernels/devices.ts";

/** Scale, steady steps and overflows, before and after a step; `overflowed`: is a step that is not finite forgiven? */
interface Adjustment {
  readonly name: string;
  readonly before: readonly [scale: number, steady: number, overflows: number];
  readonly finite: boolean;
  readonly after: readonly [scale: number, steady: number, overflows: number];
  readonly overflowed: number;
}

const adjustments: readonly Adjustment[] = [
  { name: "counts good steps", before: [65536, 0, 0], finite: true, after: [65536, 1, 0], overflowed: 0 },
  { name: "keeps to the 1999th", before: [65536, 1998, 3], finite: true, after: [65536, 1999, 3], overflowed: 0 },
  { name: "doubles at the 2000th", before: [65536, 1999, 3], finite: true, after: [131072, 0, 3], overflowed: 0 },
  { name: "doubles to 2^24", before: [2 ** 24, 1999, 0], finite: true, after: [2 ** 24, 0, 0], overflowed: 0 },
  { name: "halves and counts", before: [65536, 1500, 3], finite: false, after: [32768, 0, 4], overflowed: 1 },
  { name: "halves to 1", before: [2, 0, 15], finite: false, after: [1, 0, 16], overflowed: 1 },
  { name: "forgives nothing at 1", before: [1, 7, 16], finite: false, after: [1, 0, 16], overflowed: 0 },
  { name: "grows again from 1", before: [1, 1999, 16], finite: true, after: [2, 0, 16], overflowed: 0 },
];

Deno.test("adjustLossScale()", async (t) => {
  const b = new GraphBuilder();
  b.output("overflowed", adjustLossScale(b, b.input("finite", [])));
  for (const { name, before: [scale, steady, overflows], finite, after, overflowed } of adjustments) {
    await t.step(name, () => {
      const result = runReference(b.graph, {
        [LOSS_SCALE.scale]: [scale],
        [LOSS_SCALE.steady]: [steady],
        [LOSS_SCALE.overflows]: [overflows],
        finite: [Number(finite)],
      });
      assertEquals(Object.values(LOSS_SCALE).map((key) => result.states.get(key)![0]), [...after]);
      assertEquals(result.outputs.overflowed[0], overflowed);
    });
  }
});

Deno.test("a run starts with PyTorch's loss scale", () => {
  assertEquals(lossScaleIn(initialLossScale()), { scale: 65536, overflows: 0 });
  assertEquals(lossScaleIn(new Map()), undefined);
});

const model = new Model(
  "small",
  sequential({
    conv: conv2d(1, 8, 3, { padding: 1, bias: false }),
    norm: batchNorm2d(8),
    relu: relu(),
    pool: maxPool2d(2),
    flatten: flatten(),
    head: lazyLinear(3),
  }),
  { classes: 3, channels: 1, imageSize: 8, dropout: undefined, stem: "auto" },
);
model.initialize(1);

const options: StepOptions = {
  task: "multiclass",
  batch: 6,
  optimizer: adam(),
  weightDecay: 0,
  labelSmoothing: 0,
  clipNorm: 0.5,
  skipNonFinite: false,
};

/** What a step is given; each has other pictures. */
function inputsOf(step: number): Record<string, Float32Array> {
  const scalars = Object.entries({ ...options.optimizer.scalars(0.01, step), step, keyHi: 1, keyLo: 2, share: 0.5 });
  return {
    ...Object.fromEntries(scalars.map(([name, value]) => [name, Float32Array.of(value)])),
    images: Float32Array.from({ length: 6 * 64 }, (_, k) => Math.sin(k * (1 + k % 6) + step)),
    targets: Float32Array.from({ length: 18 }, (_, k) => k % 3 === Math.floor(k / 3) % 3 ? 1 : 0),
    weight: new Float32Array(6).fill(1),
  };
}

const start = (precision: Precision, gathers = false): [string, Float32Array][] => [
  ...model.weights,
  ...initialState(model, options.optimizer, [1, 1, 1], undefined, gathers),
  ...precision === "f16" ? initialLossScale() : [],
];

Deno.test("a step with a loss scale learns what one without it learns, gathered or not, and counts the same", () => {
  for (const accumulation of [undefined, "gather", "update"] as const) {
    const [plain, scaled] = (["f32", "f16"] as const).map((precision) => {
      const graph = trainingGraph(model, { ...options, precision, accumulation });
      return runReference(graph, { ...Object.fromEntries(start(precision, true)), ...inputsOf(0) }).states;
    });
    for (const [name, values] of plain) {
      values.forEach((want, k) =>
        assertAlmostEquals(scaled.get(name)![k], want, 1e-9, `${accumulation} ${name}[${k}]`)
      );
    }
    assertEquals(scaled.get(LOSS_SCALE.steady)![0], 1);
  }
});

Deno.test("a step in half precision writes every parameter and moment in place", () => {
  for (const optimizer of [sgd(), adam()]) {
    const graph = trainingGraph(model, { ...options, optimizer, precision: "f16" });
    const plan = compile(graph, webGpuTarget({ maxBuffer: 2 ** 28, maxBinding: 2 ** 27 }));
    const counters: readonly string[] = Object.values(LOSS_SCALE);
    assertEquals(plan.copies.filter(({ to }) => !counters.includes(to.name)), []);
  }
});

Deno.test("a step in half precision takes half the temporaries of a deep network", () => {
  for (const name of ["resnet50", "vit-ti16"]) {
    const deep = createModel(name, { classes: 5, imageSize: 224 });
    const state = 4 * 3 * deep.size;
    const temporaries = (precision: Precision) => trainingMemory(deep, 16, adam(), { precision }) - state;
    const share = temporaries("f16") / temporaries("f32");
    assert(share < 0.6, `${name}: ${share}`);
  }
});

/** Runs steps from the start, and gives the mean loss of each. */
async function losses(session: Session, precision: Precision, steps: number): Promise<number[]> {
  const program = session.compile(trainingGraph(model, { ...options, precision }));
  for (const [name, values] of start(precision)) session.write(name, values);
  const found: number[] = [];
  for (let step = 0; step < steps; step++) {
    session.write(COUNTERS.lossSum, Float32Array.of(0));
    program.run(inputsOf(step % 4));
    found.push((await session.read([COUNTERS.lossSum])).get(COUNTERS.lossSum)![0] / 6);
  }
  return found;
}

Deno.test({
  name: "losses in half precision follow those in float32",
  ignore: !hasHalf,
  async fn() {
    await using device = await devices[0].open();
    using session = device.open();
    const [full, half] = [await losses(session, "f32", 20), await losses(session, "f16", 20)];
    assert(full[19] < full[0] / 2, `${full}`);
    full.forEach((want, step) => assertAlmostEquals(half[step], want, 0.02, `step ${step}`));
  },
});

Deno.test({
  name: "a gradient that overflows half precision is left out and counted, the scale halves, and training goes on",
  ignore: !hasHalf,
  async fn() {
    await using device = await devices[0].open();
    using session = device.open();
    const states = start("f16");
    const names = states.map(([name]) => name);
    const program = session.compile(trainingGraph(model, { ...options, precision: "f16" }));
    for (const [name, values] of states) session.write(name, values);
    const run = async (step: number) => {
      program.run(inputsOf(step));
      return await session.read(names);
    };
    // 2^24 times the gradient of some activation is beyond 65504, and 2^14 times it is not.
    session.write(LOSS_SCALE.scale, Float32Array.of(2 ** 24));
    let before = new Map(states);
    const kept: readonly string[] = [...Object.values(LOSS_SCALE), ...Object.values(COUNTERS)];
    let overflows = 0;
    while (overflows < 10) {
      const after = await run(overflows);
      const now = lossScaleIn(after)!;
      if (now.overflows === overflows) break;
      assertEquals(now, { scale: 2 ** (24 - ++overflows), overflows });
      for (const name of names) if (!kept.includes(name)) assertEquals(after.get(name), before.get(name), name);
      before = after;
    }
    assert(overflows >= 1 && overflows < 10, `${overflows} overflows`);
    const after = await session.read(names);
    assertNotEquals(after.get("conv.weight"), before.get("conv.weight"));
    assertEquals(after.get(LOSS_SCALE.steady), Float32Array.of(1));
    assertEquals(after.get(COUNTERS.skipped), Float32Array.of(0));
    assertEquals(after.get(COUNTERS.firstSkipped), Float32Array.of(-1));
  },
});

Deno.test({
  name: "an activation beyond half precision is a fault once no loss scale helps",
  ignore: !hasHalf,
  async fn() {
    await using device = await devices[0].open();
    using session = device.open();
    for (const [name, values] of start("f16")) session.write(name, values);
    session.write("conv.weight", new Float32Array(72).fill(3e5));
    session.write(LOSS_SCALE.scale, Float32Array.of(4));
    const program = session.compile(trainingGraph(model, { ...options, precision: "f16" }));
    for (let step = 0; step < 4; step++) program.run(inputsOf(step));
    const counters = await session.read([...Object.values(LOSS_SCALE), ...Object.values(COUNTERS)]);
    assertEquals(lossScaleIn(counters), { scale: 1, overflows: 2 });
    assertEquals(counters.get(COUNTERS.skipped), Float32Array.of(2));
    assertEquals(counters.get(COUNTERS.firstSkipped), Float32Array.of(2));
  },
});
