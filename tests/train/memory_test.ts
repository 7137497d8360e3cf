import { assert, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { memoryUse } from "../../src/device/memory.ts";
import { layOut } from "../../src/device/webgpu/context.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { createModel } from "../../src/models/mod.ts";
import { checkFits } from "../../src/train/memory.ts";
import { adam } from "../../src/train/optimizers.ts";
import { type StepOptions, trainingGraph } from "../../src/train/step.ts";

const MiB = 2 ** 20;

/** A device with so much memory that binds tensors of 16 MiB. */
const deviceOf = (memoryBytes: number) => ({
  description: "a small device",
  maxTensorBytes: 16 * MiB,
  memoryBytes,
  measure: (graph: Graph) => memoryUse(layOut(graph, { maxBuffer: 2 ** 31, maxBinding: 16 * MiB }).plan),
});

const step: StepOptions = {
  task: "multiclass",
  batch: 48,
  optimizer: adam(),
  weightDecay: 0,
  labelSmoothing: 0,
  skipNonFinite: false,
};

const model = createModel("naive-cnn", { classes: 5, imageSize: 64 });

Deno.test("checkFits() takes a batch whose tensors are larger than a binding", () => {
  checkFits(deviceOf(400 * MiB), model, step);
});

Deno.test("checkFits() refuses a batch that takes too much, with the largest that fits", () => {
  assertThrows(
    () => checkFits(deviceOf(40 * MiB), model, step),
    UserError,
    "A batch of 48 pictures of 64×64 does not fit naive-cnn on a small device: a step takes",
  );
  const { message } = assertThrows(() => checkFits(deviceOf(40 * MiB), model, step), UserError);
  const advised = Number(/give --batch (\d+) or less$/.exec(message)?.[1]);
  checkFits(deviceOf(40 * MiB), model, { ...step, batch: advised });
  assertThrows(() => checkFits(deviceOf(40 * MiB), model, { ...step, batch: advised + 1 }), UserError);
});

Deno.test("checkFits() takes in half precision what is too much in float32", () => {
  assertThrows(() => checkFits(deviceOf(90 * MiB), model, step), UserError);
  checkFits(deviceOf(90 * MiB), model, { ...step, precision: "f16" });
});

Deno.test("a batch whose tiles go in parts takes no more memory than one whose tiles are whole", () => {
  for (const precision of ["f32", "f16"] as const) {
    for (const checkpointActivations of [false, true]) {
      const graph = trainingGraph(model, { ...step, precision, checkpointActivations });
      const [parts, whole] = [16, 128].map((binding) =>
        memoryUse(layOut(graph, { maxBuffer: 2 ** 31, maxBinding: binding * MiB }).plan)
      );
      assert(parts.largest < whole.largest);
      assert(parts.temporaries <= whole.temporaries, `${parts.temporaries} and ${whole.temporaries} bytes`);
    }
  }
});

Deno.test("checkFits() refuses pictures of which one is too large in any batch", () => {
  assertThrows(
    () => checkFits(deviceOf(400 * MiB), createModel("naive-cnn", { classes: 5, imageSize: 512 }), step),
    UserError,
    "cannot be cut along its first axis into equal parts of at most 16777216 bytes; give a smaller --image-size",
  );
});
