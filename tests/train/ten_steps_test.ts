/**
 * Ten whole training steps against PyTorch's losses in float64: fixtures/parity/make_steps.py.
 *
 * @module
 */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Session } from "../../src/device/device.ts";
import { Model } from "../../src/models/mod.ts";
import { basicBlock, resnetLayers } from "../../src/models/resnet.ts";
import { vggLayers } from "../../src/models/vgg.ts";
import { adamW, type Optimizer, sgd } from "../../src/train/optimizers/mod.ts";
import { COUNTERS, initialState, trainingGraph } from "../../src/train/step.ts";
import { devices } from "../kernels/devices.ts";
import { pictures, referenceWeight, targets } from "../models/reference.ts";
import { isQuick } from "../amount.ts";

interface Case {
  readonly model: "resnet" | "vgg";
  readonly optimizer: "sgd" | "adamw";
  readonly learningRate: number;
  /** Before each step's update. */
  readonly losses: readonly number[];
}

const { shape, classes, weightDecay, cases }: {
  /** Of a batch, [N, 3, S, S]. */
  readonly shape: readonly number[];
  readonly classes: number;
  readonly weightDecay: number;
  readonly cases: readonly Case[];
} = JSON.parse(await Deno.readTextFile(new URL("../../fixtures/parity/steps.json", import.meta.url)));

const [batch, channels, imageSize] = shape;
const size = { classes, channels, imageSize, stem: "auto", dropout: 0 } as const;
const scale = (channels: number) => channels / 16;
const layers = {
  resnet: resnetLayers(size, { block: basicBlock, blocks: [1, 1, 1, 1], scale }),
  vgg: vggLayers(size, { depth: 11, norm: false, scale }),
};
const optimizers = { sgd: sgd(), adamw: adamW() };

/** Part `k` of an array of `count` equal parts. */
const part = (values: Float32Array, k: number, count: number): Float32Array =>
  values.subarray(k * values.length / count, (k + 1) * values.length / count);

/** Losses of a run's first steps, each on a batch of its own. */
async function lossesOf(session: Session, model: Model, optimizer: Optimizer, learningRate: number, steps: number) {
  const program = session.compile(trainingGraph(model, {
    ...{ task: "multiclass", batch, optimizer, weightDecay, labelSmoothing: 0, skipNonFinite: false },
  }));
  for (const [name, values] of initialState(model, optimizer, new Array(classes).fill(1))) session.write(name, values);
  for (const { name, shape } of model.parameters) session.write(name, referenceWeight(name, shape));
  const images = pictures([steps * batch, ...shape.slice(1)]);
  const labels = targets(steps * batch, classes);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const scalars = { ...optimizer.scalars(learningRate, step), step, keyHi: 0, keyLo: 0 };
    session.write(COUNTERS.lossSum, Float32Array.of(0));
    program.run({
      ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, Float32Array.of(value)])),
      images: part(images, step, steps),
      targets: part(labels, step, steps),
      weight: new Float32Array(batch).fill(1),
    });
    losses.push((await session.read([COUNTERS.lossSum])).get(COUNTERS.lossSum)![0] / batch);
  }
  return losses;
}

// `deno task ok` leaves out the slower of the two modes of gpu.js.
for (const { name, present, open } of isQuick ? devices.slice(0, 2) : devices) {
  Deno.test({
    name: `ten training steps have PyTorch's losses on ${name}`,
    ignore: !present,
    async fn(t) {
      await using device = await open();
      for (const { model, optimizer, learningRate, losses } of cases) {
        await t.step(`${model}, ${optimizer}`, async () => {
          using session = device.open();
          const made = new Model(model, layers[model], size);
          const got = await lossesOf(session, made, optimizers[optimizer], learningRate, losses.length);
          assertEquals(got.length, 10);
          losses.forEach((want, step) => assertAlmostEquals(got[step], want, 1e-3 * want, `step ${step}`));
        });
      }
    },
  });
}
