/**
 * Clipping and averages: what timm and PyTorch make of the same gradients and weights (fixtures/train/make_updates.py).
 *
 * @module
 */

import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import published from "../../fixtures/train/updates.json" with { type: "json" };
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { runReference } from "../../src/device/reference.ts";
import { Model } from "../../src/models/mod.ts";
import { batchNorm2d, conv2d, flatten, lazyLinear, relu, sequential, tanh } from "../../src/nn/mod.ts";
import { averageName, emaDecay, meanWith, statisticsGraph } from "../../src/train/averages.ts";
import { adamW } from "../../src/train/optimizers/mod.ts";
import { initialState, type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { devices } from "../kernels/devices.ts";
import { plainStep } from "./fixture.ts";

type States = Readonly<Record<string, ArrayLike<number>>>;

const sizes = { classes: 3, channels: 1, dropout: undefined, stem: "auto" } as const;

const dense = new Model(
  "dense",
  sequential({ flatten: flatten(), hidden: lazyLinear(5), tanh: tanh(), head: lazyLinear(3) }),
  { ...sizes, imageSize: 2 },
);

const normed = new Model(
  "normed",
  sequential({
    conv: conv2d(1, 2, 3, { padding: 1, bias: false }),
    bn: batchNorm2d(2),
    relu: relu(),
    flatten: flatten(),
    head: lazyLinear(3),
  }),
  { ...sizes, imageSize: 4 },
);

const options: StepOptions = plainStep;

const given = (learningRate: number) => ({
  ...{ keyHi: [1], keyLo: [2], weight: [1, 1, 1, 1, 1, 1], step: [0] },
  learningRate: [learningRate],
});

function near(got: States, want: States, name: (key: string) => string = (key) => key) {
  for (const [key, values] of Object.entries(want)) {
    Array.from(values, (value, k) => assertAlmostEquals(got[name(key)][k], value, 1e-12, `${key}[${k}]`));
  }
}

Deno.test("gradients are clipped by value and adaptively as PyTorch and timm clip them, the head left out", async (t) => {
  const start = Object.fromEntries(initialState(dense, options.optimizer, [1, 1, 1]));
  for (const { mode, value, images, targets, before, after } of published.clipping) {
    await t.step(`${mode} ${value}`, () => {
      const learn = (how: Partial<StepOptions>): States => {
        let states: States = { ...start, ...before };
        for (let k = 0; k < 3; k++) {
          const ran = runReference(trainingGraph(dense, { ...options, ...how }), {
            ...{ ...states, ...given(1), images, targets },
          });
          states = { ...states, ...Object.fromEntries(ran.states) };
        }
        return states;
      };
      const clipped = learn(mode === "agc" ? { clipAgc: value } : { clipValue: value });
      near(clipped, after);
      assertNotEquals(clipped["hidden.weight"], learn({})["hidden.weight"]);
    });
  }
});

Deno.test("the moving average of weights and running statistics is timm's, with and without warm-up", async (t) => {
  for (const { decay, warmup, after, before, decays, averages, images, targets } of published.averaging) {
    await t.step(`decay ${decay}, ${warmup ? "warm-up" : "no warm-up"}, after ${after}`, () => {
      const ema = { ema: decay, emaWarmup: warmup, emaAfter: after };
      decays.forEach((want, update) => assertAlmostEquals(emaDecay(update, ema), want, 1e-12));
      const graph = trainingGraph(normed, { ...options, averages: true });
      let states: States = {
        ...Object.fromEntries(initialState(normed, options.optimizer, [1, 1, 1])),
        ...before,
        ...Object.fromEntries(Object.entries(before).map(([key, values]) => [averageName(key), values])),
      };
      averages.forEach((want, k) => {
        const ran = runReference(graph, {
          ...{ ...states, ...given(0.5), images: images[k], targets: targets[k] },
          averageShare: [1 - emaDecay(k, ema)],
        });
        states = { ...states, ...Object.fromEntries(ran.states) };
        near(states, want, averageName);
      });
    });
  }
});

Deno.test("a step that is left out, or that only gathers, leaves the average as it is", () => {
  const { before, images: [images], targets: [targets] } = published.averaging[0];
  const average = Object.fromEntries(Object.entries(before).map(([key, values]) => [averageName(key), values]));
  const run = (how: Partial<StepOptions>, pictures: number[]) =>
    runReference(trainingGraph(normed, { ...options, averages: true, ...how }), {
      ...Object.fromEntries(initialState(normed, options.optimizer, [1, 1, 1], undefined, true)),
      ...{ ...before, ...average, ...given(0.5), images: pictures, targets, averageShare: [0.5], share: [1] },
    }).states;
  const broken = run({}, images.with(3, NaN));
  for (const [name, values] of Object.entries(average)) assertEquals([...broken.get(name)!], values, name);
  const gathered = run({ accumulation: "gather" }, images);
  assertEquals([...gathered.keys()].filter((name) => name.startsWith("average.")), []);
  assertNotEquals([...run({ accumulation: "update" }, images).get("average.conv.weight")!], before["conv.weight"]);
});

Deno.test("averages are written in place", () => {
  const graph = trainingGraph(dense, { ...options, optimizer: adamW(), averages: true });
  const { copies, steps, places } = compile(graph, webGpuTarget({ maxBuffer: 2 ** 28, maxBinding: 2 ** 27 }));
  assertEquals(copies, []);
  for (const { name } of dense.parameters) {
    const writers = steps.filter(({ writes }) =>
      writes.some((node) => {
        const at = places.get(node)!;
        return at.in === "state" && at.name === averageName(name);
      })
    );
    assertEquals(writers.length, 1, name);
  }
});

Deno.test("the mean over epochs is PyTorch's AveragedModel, its statistics update_bn's", async (t) => {
  const { snapshots, images, average } = published.swa;
  const names = normed.parameters.map(({ name }) => name) as (keyof typeof average)[];
  const means = new Map(names.map((name) => {
    const [first, ...rest] = snapshots.map((values): Float32Array => Float32Array.from(values[name]));
    return [averageName(name), rest.reduce((mean, value, k) => meanWith(mean, value, k + 1), first)];
  }));
  for (const { name, present, open } of devices) {
    await t.step({ name, ignore: !present, fn: () => check(open) });
  }
  async function check(open: typeof devices[number]["open"]) {
    await using device = await open();
    using session = device.open();
    const program = session.compile(statisticsGraph(normed, 6, new Set()));
    for (const [name, values] of means) session.write(name, values);
    images.forEach((pictures, k) =>
      program.run({
        images: Float32Array.from(pictures),
        keyHi: Float32Array.of(1),
        keyLo: Float32Array.of(2),
        momentum: Float32Array.of(1 / (k + 1)),
      })
    );
    const read = await session.read(names.map(averageName));
    for (const name of names) {
      average[name].forEach((want, k) => assertAlmostEquals(read.get(averageName(name))![k], want, 2e-6, name));
    }
  }
});
