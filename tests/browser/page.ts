/**
 * What the test's page runs, bundled for a browser: every part that a page needs. It says what it found on the console,
 * a line of JSON for each part, and at last that it is done.
 *
 * @module
 */

import fixture from "../../fixtures/browser/models.json" with { type: "json" };
import { squareOf } from "../../src/data/pictures/resize.ts";
import type { Device, Session } from "../../src/device/device.ts";
import { openWebGpu } from "../../src/device/webgpu/device.ts";
import { decodeSafetensors } from "../../src/interop/safetensors.ts";
import { createModel, type Model } from "../../src/models/mod.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { COUNTERS, initialState, trainingGraph } from "../../src/train/step.ts";
import { pictures, referenceWeight, targets } from "../models/rule.ts";
import { MARK, type Part, picture, RESIZING } from "./parts.ts";

/** A file that the test writes into the page, in base64. */
declare const FILE: string;

const { batch, classes, evaluated, trained } = fixture;
/** Random keys that a trace asks for: nothing is dropped out. */
const keys = { keyHi: Float32Array.of(0), keyLo: Float32Array.of(0) };

function say(part: Part): void {
  console.log(MARK + JSON.stringify(part));
}

/** Does a part and says what it found, or what went wrong. */
async function tell(name: string, work: () => Promise<ArrayLike<number>>): Promise<void> {
  const start = performance.now();
  try {
    const values = Array.from(await work());
    say({ name, values, seconds: (performance.now() - start) / 1000 });
  } catch (error) {
    say({ name, error: String(error) });
  }
}

function writeWeights(session: Session, model: Model): void {
  for (const { name, shape } of model.parameters) session.write(name, referenceWeight(name, shape));
}

async function logitsOf(device: Device, name: string, imageSize: number): Promise<Float32Array> {
  const model = createModel(name, { classes, imageSize });
  using session = device.open();
  writeWeights(session, model);
  const program = session.compile(evaluationGraph(model, batch));
  program.run({ ...keys, images: pictures([batch, 3, imageSize, imageSize]) });
  return (await program.outputs()).logits;
}

/** Losses of the first steps, each on a batch of its own. */
async function lossesOf(device: Device): Promise<number[]> {
  const { model: name, imageSize, learningRate, losses: { length: steps } } = trained;
  const model = createModel(name, { classes, imageSize, dropout: 0 });
  const optimizer = sgd();
  const options = { task: "multiclass", batch, optimizer, weightDecay: 0, labelSmoothing: 0 } as const;
  using session = device.open();
  const program = session.compile(trainingGraph(model, { ...options, skipNonFinite: false }));
  for (const [state, values] of initialState(model, optimizer, new Array(classes).fill(1))) {
    session.write(state, values);
  }
  writeWeights(session, model);
  const images = pictures([steps * batch, 3, imageSize, imageSize]);
  const labels = targets(steps * batch, classes);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const part = (values: Float32Array) =>
      values.subarray(step * values.length / steps, (step + 1) * values.length / steps);
    session.write(COUNTERS.lossSum, Float32Array.of(0));
    program.run({
      ...keys,
      learningRate: Float32Array.of(learningRate),
      step: Float32Array.of(step),
      images: part(images),
      targets: part(labels),
      weight: new Float32Array(batch).fill(1),
    });
    losses.push((await session.read([COUNTERS.lossSum])).get(COUNTERS.lossSum)![0] / batch);
  }
  return losses;
}

await tell("resizing", () => Promise.resolve(squareOf(picture(), RESIZING).data));
const file = Uint8Array.from(atob(FILE), (char) => char.charCodeAt(0));
await tell("safetensors", async () => (await decodeSafetensors(file)).tensors.get("ramp")!.values);
await tell("a damaged file", async () => (await decodeSafetensors(file.fill(1, -1))).tensors.get("ramp")!.values);
// SwiftShader passes for a GPU here: pages have a GPU's kernels, and those of a processor take it three times as long.
Object.defineProperty(GPUAdapter.prototype, "info", {
  value: {
    ...{ vendor: "", architecture: "", device: "", description: "a GPU", isFallbackAdapter: false },
    ...{ subgroupMinSize: 4, subgroupMaxSize: 128 },
  },
});
await using device = await openWebGpu();
if (device) {
  for (const { model, imageSize } of evaluated) await tell(model, () => logitsOf(device, model, imageSize));
  await tell("training", () => lossesOf(device));
}
say({ name: "end" });
