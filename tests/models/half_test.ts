/**
 * Models learn in half precision what it learns in float32, where an adapter has shader-f16.
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Session } from "../../src/device/device.ts";
import type { Precision } from "../../src/graph/graph.ts";
import { alexnet2012Layers } from "../../src/models/alexnet.ts";
import { Model } from "../../src/models/mod.ts";
import { bottleneck, resnetLayers } from "../../src/models/resnet.ts";
import { swinTransformer } from "../../src/models/swin.ts";
import { visionTransformer } from "../../src/models/vit.ts";
import type { Layer } from "../../src/nn/mod.ts";
import { initialLossScale, lossScaleIn } from "../../src/train/loss_scale.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { COUNTERS, initialState, type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { isQuick } from "../amount.ts";
import { devices, hasHalf } from "../kernels/devices.ts";
import { pictures, targets } from "./reference.ts";

const size = { classes: 5, channels: 3, imageSize: 64 };
const batch = 8;
const scale = (channels: number) => channels / 16;
const dropout = 0;

const families: Readonly<Record<string, Layer>> = {
  "alexnet-2012": alexnet2012Layers({ ...size, dropout }, scale),
  "resnet": resnetLayers({ ...size, stem: "imagenet" }, { block: bottleneck, blocks: [1, 1, 1, 1], scale }),
  "swin": swinTransformer({
    ...{ version: 2, classes: 5, channels: 3, patch: 2, width: 8, depths: [2, 2], heads: [1, 2], window: 4 },
  }),
  "vit": visionTransformer({ ...size, patch: 8, width: 24, depth: 2, heads: 3, hidden: 40 }),
};

interface Taken {
  /** Mean loss before the step. */
  readonly loss: number;
  /** What the step took off each parameter: its gradient. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** One step of plain gradient descent at the rate 1. */
async function step(session: Session, model: Model, precision: Precision): Promise<Taken> {
  const options: StepOptions = {
    ...{ task: "multiclass", batch, optimizer: sgd({ momentum: 0 }), weightDecay: 0, labelSmoothing: 0 },
    skipNonFinite: false,
    precision,
  };
  const states = [
    ...model.weights,
    ...initialState(model, options.optimizer, new Array(size.classes).fill(1)),
    ...precision === "f16" ? initialLossScale() : [],
  ];
  const program = session.compile(trainingGraph(model, options));
  for (const [name, values] of states) session.write(name, values);
  program.run({
    images: pictures([batch, 3, size.imageSize, size.imageSize]),
    targets: targets(batch, size.classes),
    weight: new Float32Array(batch).fill(1),
    ...Object.fromEntries(
      ["keyHi", "keyLo", "step", "learningRate"].map((name) => [name, Float32Array.of(+(name === "learningRate"))]),
    ),
  });
  const after = await session.read(states.map(([name]) => name));
  assertEquals(after.get(COUNTERS.skipped), Float32Array.of(0));
  if (precision === "f16") assertEquals(lossScaleIn(after)!.overflows, 0);
  const learnt = model.parameters.filter(({ trainable }) => trainable);
  return {
    loss: after.get(COUNTERS.lossSum)![0] / batch,
    gradients: new Map(learnt.map(({ name }) => {
      const before = model.weights.get(name)!;
      return [name, after.get(name)!.map((value, k) => before[k] - value)];
    })),
  };
}

/** Cosine of the angle between two gradients, of all parameters together. */
function cosine(a: Taken, b: Taken): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [name, values] of a.gradients) {
    values.forEach((x, k) => {
      const y = b.gradients.get(name)![k];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    });
  }
  return ab / Math.sqrt(aa * bb);
}

Deno.test({
  name: "a step in half precision has the loss and gradient of one in float32",
  ignore: !hasHalf,
  async fn(t) {
    await using device = await devices[0].open();
    for (const [name, layer] of Object.entries(families).slice(isQuick ? -1 : 0)) {
      await t.step(name, async () => {
        using session = device.open();
        const model = new Model(name, layer, { ...size, stem: "auto" });
        model.initialize(1);
        const [full, half] = [await step(session, model, "f32"), await step(session, model, "f16")];
        assertAlmostEquals(half.loss, full.loss, 2e-3, `${half.loss}, and ${full.loss} in float32`);
        const alike = cosine(full, half);
        // Rounding turns some rectifiers and maxima over: batch norm over few pixels spreads that.
        assert(alike > 0.99, `the cosine between the gradients is ${alike}`);
      });
    }
  },
});
