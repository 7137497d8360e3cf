import { assert, assertMatch, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { memoryUse } from "../../src/device/memory.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { createModel } from "../../src/models/mod.ts";
import { MemoryError } from "../../src/train/budget.ts";
import { checkFits } from "../../src/train/memory.ts";
import { adam, sgd } from "../../src/train/optimizers/mod.ts";
import { type StepOptions, trainingGraph } from "../../src/train/step.ts";

const MiB = 2 ** 20;

/** A device with so much memory that binds tensors of 16 MiB. */
const deviceOf = (memoryBytes: number) => ({
  description: "a small device",
  maxTensorBytes: 16 * MiB,
  memoryBytes,
  measure: (graph: Graph) => memoryUse(compile(graph, webGpuTarget({ maxBuffer: 2 ** 31, maxBinding: 16 * MiB }))),
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
    "A batch of 48 pictures of 64×64 does not fit naive-cnn on a small device: training takes",
  );
  const { message } = assertThrows(() => checkFits(deviceOf(40 * MiB), model, step), UserError);
  const advised = Number(/ MiB and 40 MiB are free; give batch (\d+) or less$/.exec(message)?.[1]);
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
        memoryUse(compile(graph, webGpuTarget({ maxBuffer: 2 ** 31, maxBinding: binding * MiB })))
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
    "into equal parts of at most 16777216 bytes; give a smaller imageSize or another model",
  );
});

const assumed = { ...deviceOf(40 * MiB), memoryIsAssumed: true };
const unknown = { ...deviceOf(0), memoryBytes: undefined };
const refusals: readonly [what: string, refuse: () => void, says: RegExp][] = [
  [
    "names memory where it was assumed",
    () => checkFits(assumed, model, step),
    / and 40 MiB are assumed, since WebGPU does not tell .*; give batch \d+ or less, or memory if there is more$/,
  ],
  [
    "names memory where it was given",
    () => checkFits(deviceOf(400 * MiB), model, step, { memory: 40 * MiB }),
    / and memory is 40 MiB; give batch \d+ or less, or a larger memory$/,
  ],
  [
    "names no batch to a resumed run",
    () => checkFits(assumed, model, step, { resume: true }),
    /how much a GPU has; give memory if there is more$/,
  ],
  [
    "sends a resumed run elsewhere",
    () => checkFits(deviceOf(40 * MiB), model, step, { resume: true }),
    /40 MiB are free; a resumed run keeps its batch: resume it where there is more$/,
  ],
  [
    "says what makes a picture fit",
    () => checkFits({ ...deviceOf(15 * MiB), precisions: ["f32", "f16"] }, model, step),
    new RegExp(
      "^Not even one picture of 64×64 fits naive-cnn on a small device: training takes 20 MiB and 15 MiB are free " +
        "\\(13 MiB for weights and the optimizer's state\\); " +
        "give checkpointActivations, precision f16, a smaller imageSize or another model$",
    ),
  ],
  [
    "does not advise what is done already",
    () => checkFits(deviceOf(14 * MiB), model, { ...step, checkpointActivations: true, precision: "f16" }),
    /state\); give a smaller imageSize or another model$/,
  ],
  [
    "says what makes a state fit",
    () => checkFits(assumed, model, step, { memory: 10 * MiB }),
    /and memory is 10 MiB \(13 MiB .*\); give optimizer sgd, freeze for some layers, another model or a larger memory$/,
  ],
  [
    "says what makes a state of few moments fit",
    () => checkFits(deviceOf(5 * MiB), model, { ...step, optimizer: sgd() }),
    /and 5\.0 MiB are free \(.*\); give freeze for some layers or another model$/,
  ],
];
for (const [what, refuse, says] of refusals) {
  Deno.test(`checkFits() ${what}`, () => assertMatch(assertThrows(refuse, MemoryError).message, says));
}

Deno.test("checkFits() takes all where nothing is known, and what is given where the device says less", () => {
  checkFits(unknown, model, step);
  checkFits(deviceOf(40 * MiB), model, step, { memory: 400 * MiB });
  assertThrows(() => checkFits(unknown, model, step, { memory: 40 * MiB }), MemoryError);
});

Deno.test("a MemoryError names options as it is told to", () => {
  const error = assertThrows(() => checkFits(assumed, model, step), MemoryError);
  assertMatch(error.textWith((option) => `--${option}`), /; give --batch \d+ or less, or --memory if there is more$/);
});
