import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import type { Task } from "../../src/data/labels.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { Model } from "../../src/models/mod.ts";
import { dropout, flatten, lazyLinear, relu, sequential } from "../../src/nn/mod.ts";
import { resolveTeacher, teacherState } from "../../src/train/distillation.ts";
import { type LossFunction, taskLoss } from "../../src/train/losses.ts";
import { disagreement, twice } from "../../src/train/r_drop.ts";
import { COUNTERS, initialState, type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { devices } from "../kernels/devices.ts";
import { fixture, type LossCase, plainStep } from "./fixture.ts";

/** What fixtures/train/make_r_drop.py writes: logits and their gradients [2N, K] are of both passes. */
interface RDropCase extends Omit<LossCase, "classWeight" | "weight"> {
  readonly alpha: number;
}

const cases: readonly RDropCase[] = JSON.parse(
  await Deno.readTextFile(new URL("../../fixtures/train/r_drop.json", import.meta.url)),
);

/** Loss and gradient of two passes. */
function graphOf(task: Task, batch: number, classes: number, alpha: number, labelSmoothing?: number) {
  const b = new GraphBuilder();
  const logits = b.input("logits", [2 * batch, classes]);
  const weight = b.input("weight", [batch]);
  const both = { targets: twice(b, b.input("targets", [batch, classes])), weight: twice(b, weight) };
  const loss = b.add(
    taskLoss(b, task, { logits, ...both, labelSmoothing }),
    b.mul(disagreement(b, task, logits, weight), alpha),
  );
  b.output("loss", loss);
  b.output("grad", differentiate(b, loss, [logits])[0]);
  return b.graph;
}

Deno.test("taskLoss() and disagreement() of two passes are half of R-Drop's loss in PyTorch, and so are gradients", async (t) => {
  for (const { name, task, batch, classes, alpha, labelSmoothing, logits, targets, loss, grad } of cases) {
    await t.step(name, () => {
      // A row of padding in each pass counts nothing.
      const padding = new Array(classes).fill(0.5);
      const size = batch * classes;
      const inputs = {
        logits: [...logits.slice(0, size), ...padding, ...logits.slice(size), ...padding.map((x) => -x)],
        targets: [...targets, ...padding],
        weight: [...new Array(batch).fill(1), 0],
      };
      const { outputs } = runReference(graphOf(task, batch + 1, classes, alpha, labelSmoothing), inputs);
      assertAlmostEquals(outputs.loss[0], loss, 1e-12);
      const none = padding.map(() => 0);
      const wanted = [...grad.slice(0, size), ...none, ...grad.slice(size), ...none];
      wanted.forEach((want, k) => assertAlmostEquals(outputs.grad[k], want, 1e-12, `gradient ${k}`));
    });
  }
});

for (const { name, present, open } of devices) {
  Deno.test(
    `disagreement() and its gradient are finite for logits of any size on ${name}`,
    { ignore: !present },
    async () => {
      await using device = await open();
      const sizes = [1e30, 1e4, 100, 17, 1e-30, 0];
      const [batch, classes] = [sizes.length, 3];
      const logits = Float32Array.from([...sizes, ...sizes.map((x) => -x)].flatMap((x) => [x, -x, 0]));
      const targets = Float32Array.from(sizes.flatMap(() => [1, 0, 0]));
      for (const task of ["multiclass", "multilabel"] as const) {
        using session = device.open();
        const program = session.compile(graphOf(task, batch, classes, 1));
        program.run({ logits, targets, weight: new Float32Array(batch).fill(1) });
        const { loss, grad } = await program.outputs();
        assert([...loss, ...grad].every(Number.isFinite), `${task}: ${loss} ${grad}`);
      }
    },
  );
}

/** Of four pixels, in three classes. */
function netOf(rate: number): Model {
  const layer = sequential({
    flatten: flatten(),
    hidden: lazyLinear(8),
    relu: relu(),
    drop: dropout(rate),
    head: lazyLinear(3),
  });
  const model = new Model("net", layer, { classes: 3, channels: 1, imageSize: 2, stem: "auto" });
  model.initialize(1);
  return model;
}

const [{ images, targets }] = fixture.steps;

/** What a step leaves behind, in float64. */
function stepped(model: Model, options: Partial<StepOptions>, weight = [1, 1, 1, 1, 1, 1]) {
  const step = { ...plainStep, ...options };
  const teacher = step.teacher && teacherState(step.teacher, { mean: [0.5], std: [0.5] });
  return runReference(trainingGraph(model, step), {
    ...Object.fromEntries(model.weights),
    ...Object.fromEntries(initialState(model, step.optimizer, [1, 1, 1])),
    ...teacher && Object.fromEntries(teacher),
    ...{ images, targets, weight, keyHi: [1], keyLo: [2], step: [0], learningRate: [0.5] },
  }).states;
}

/** The mean loss of a step. */
const lossOf = (states: ReturnType<typeof stepped>) =>
  states.get(COUNTERS.lossSum)![0] / states.get(COUNTERS.lossCount)![0];

Deno.test("a step by R-Drop counts each picture once, and goes by two passes that dropped other units", () => {
  const net = netOf(0.5);
  const alone = stepped(net, {});
  const both = stepped(net, { rDrop: 0.7 });
  assertEquals(both.get(COUNTERS.lossCount)![0], 6);
  assertNotEquals(both.get("head.weight"), alone.get("head.weight"));

  // The same from the logits of both passes.
  const b = new GraphBuilder();
  b.output("logits", net.trace(b, 12, true, undefined, twice(b, b.input("images", [6, 1, 2, 2]))).logits);
  const { outputs: { logits } } = runReference(b.graph, {
    ...Object.fromEntries(net.weights),
    ...{ images, keyHi: [1], keyLo: [2] },
  });
  assertNotEquals(logits.slice(0, 18), logits.slice(18));
  const { outputs: { loss } } = runReference(graphOf("multiclass", 6, 3, 0.7), {
    ...{ logits, targets, weight: [1, 1, 1, 1, 1, 1] },
  });
  assertAlmostEquals(lossOf(both), loss[0], 1e-12);

  // Passes that are the same do not disagree.
  const [plain, same] = [{}, { rDrop: 0.7 }].map((options) => stepped(netOf(0), options));
  assertAlmostEquals(lossOf(same), lossOf(plain), 1e-12);
  same.get("head.weight")!.forEach((value, k) => assertAlmostEquals(value, plain.get("head.weight")![k], 1e-12));
});

Deno.test("R-Drop goes with a teacher, with a loss of one's own and with padding", () => {
  const model = netOf(0.5);
  const teacher = resolveTeacher({ model: netOf(0), preprocessing: { mean: [0.5], std: [0.5] }, alpha: 1 });
  // The labels count nothing here, and the passes agree with the teacher but for what was dropped.
  const [taught, apart] = [0.001, 1].map((rDrop) => lossOf(stepped(model, { teacher, rDrop })));
  assert(taught > 0 && apart > taught);
  const rows: number[] = [];
  const own: LossFunction = (b, { logits, targets, weight }) => {
    rows.push(logits.shape[0], targets.shape[0], weight.shape[0]);
    return taskLoss(b, "multiclass", { logits, targets, weight });
  };
  const named = lossOf(stepped(model, { rDrop: 0.7 }));
  assertAlmostEquals(lossOf(stepped(model, { rDrop: 0.7, loss: own })), named, 1e-12);
  assertEquals(rows, [12, 12, 12]);
  const short = stepped(model, { rDrop: 0.7 }, [1, 1, 1, 1, 0, 0]);
  assertEquals(short.get(COUNTERS.lossCount)![0], 4);
  assertNotEquals(lossOf(short), named);
});
