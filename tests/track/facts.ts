/**
 * Facts of a small run that never was, for tests of trackers.
 */

import { multiclassReport } from "../../src/metrics/mod.ts";
import type { LogFacts, RunFacts, TestFacts, ValidationFacts } from "../../src/track/tracker.ts";
import type { WorstPicture } from "../../src/report/sheet.ts";

/** Two epochs of four steps; a log every three, a validation every two. */
export const run: RunFacts = {
  config: {
    settings: {
      ...{ model: "lenet", learningRate: 0.002, classWeights: "none", freeze: ["conv1"], clipNorm: null, valEvery: 2 },
      stratify: true,
    },
    device: { kind: "webgpu", description: "llvmpipe" },
  },
  ...{ epochs: 2, stepsPerEpoch: 4, batch: 2, memory: 4096, dispatches: 9, learnt: 10 },
};

/** A window of steps that ends at a step. */
export const logAt = (step: number, loss: number | null = 1 / step): LogFacts => ({
  ...{ epoch: Math.ceil(step / 4), step, loss, lossKind: "plain", learningRate: 0.1, skipped: 0, imagesPerSecond: 9 },
});

const predictions = {
  logits: new Float32Array([2, 0, 1, 0, 3, 0, 0, 1, 0]),
  targets: new Float32Array([1, 0, 0, 0, 1, 0, 0, 0, 1]),
};
const report = multiclassReport(predictions.logits, [0, 1, 2], ["a", "<b>", "猫"]);

const worst: readonly WorstPicture[] = [9, 200].map((value, i) => ({
  ...{ file: `x/${i}.png`, label: "猫", predicted: "a\n", probability: 0.9, loss: 2 - i },
  pixels: { width: 2, height: 2, rgb: new Uint8Array(12).fill(value) },
}));

/** A validation at a step. */
export const validationAt = (step: number, more: Partial<ValidationFacts> = {}): ValidationFacts => ({
  ...{ epoch: Math.ceil(step / 4), step, report, metrics: { cost: 3, none: null }, lossKind: "plain" },
  ...{ isBest: step === 4, predictions, worst: () => Promise.resolve(worst) },
  ...more,
});

/** The test. */
export const test: TestFacts = { report, metrics: {}, lossKind: "plain", predictions };
