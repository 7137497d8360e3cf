import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import type { Tensor } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { Model } from "../../src/models/mod.ts";
import { dropout, flatten, lazyLinear, relu, sequential } from "../../src/nn/mod.ts";
import { resolveTeacher, teacherState } from "../../src/train/distillation.ts";
import { type LossFunction, taskLoss } from "../../src/train/losses.ts";
import { disagreement, divergence, twice } from "../../src/train/consistency.ts";
import { COUNTERS, initialState, type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { devices } from "../kernels/devices.ts";
import { fixture, type LossCase, plainStep } from "./fixture.ts";

/** What fixtures/train/make_consistency.py writes: logits and their gradients [V · N, K] are of V answers. */
interface Case extends Omit<LossCase, "classWeight" | "weight"> {
  readonly alpha: number;
}

const cases: Readonly<Record<"rDrop" | "jsd", readonly Case[]>> = JSON.parse(
  await Deno.readTextFile(new URL("../../fixtures/train/consistency.json", import.meta.url)),
);

type Shape = Pick<Case, "task" | "batch" | "classes" | "alpha"> & Partial<Pick<Case, "labelSmoothing">>;

/** Loss and gradient of two passes. */
function rDropGraph({ task, batch, classes, alpha, labelSmoothing }: Shape) {
  const b = new GraphBuilder();
  const logits = b.input("logits", [2 * batch, classes]);
  const weight = b.input("weight", [batch]);
  const both = { targets: twice(b, b.input("targets", [batch, classes])), weight: twice(b, weight) };
  const ofTargets = taskLoss(b, task, { logits, ...both, labelSmoothing });
  return finished(b, logits, b.add(ofTargets, b.mul(disagreement(b, task, logits, weight), alpha)));
}

/** Loss and gradient of several views, of which the first is learnt from. */
function jsdGraph({ task, batch, classes, alpha, labelSmoothing }: Shape, views = 3) {
  const b = new GraphBuilder();
  const logits = b.input("logits", [views * batch, classes]);
  const weight = b.input("weight", [batch]);
  const first = { logits: b.slice(logits, [0, 0], [batch, classes]), targets: b.input("targets", [batch, classes]) };
  const ofTargets = taskLoss(b, task, { ...first, weight, labelSmoothing });
  return finished(b, logits, b.add(ofTargets, b.mul(divergence(b, task, logits, weight), alpha)));
}

function finished(b: GraphBuilder, logits: Tensor, loss: Tensor) {
  b.output("loss", loss);
  b.output("grad", differentiate(b, loss, [logits])[0]);
  return b.graph;
}

const libraries = { rDrop: "half of R-Drop's loss in PyTorch", jsd: "timm's JsdCrossEntropy" } as const;

for (const kind of ["rDrop", "jsd"] as const) {
  Deno.test(`the loss of several answers is ${libraries[kind]}, and so is its gradient`, async (t) => {
    for (const each of cases[kind]) {
      await t.step(each.name, () => {
        const { batch, classes, logits, targets, loss, grad } = each;
        const size = batch * classes;
        const views = logits.length / size;
        // A row of padding in each answer counts nothing.
        const padded = (values: readonly number[], row: readonly number[]) =>
          Array.from({ length: values.length / size }, (_, k) => [
            ...values.slice(k * size, (k + 1) * size),
            ...row.map((x) => x * (-1) ** k),
          ]).flat();
        const padding = new Array(classes).fill(0.5);
        const inputs = {
          logits: padded(logits, padding),
          targets: padded(targets, padding),
          weight: [...new Array(batch).fill(1), 0],
        };
        const shape = { ...each, batch: batch + 1 };
        const { outputs } = runReference(kind === "rDrop" ? rDropGraph(shape) : jsdGraph(shape, views), inputs);
        assertAlmostEquals(outputs.loss[0], loss, 1e-11 * Math.max(1, loss));
        padded(grad, padding.map(() => 0)).forEach((want, k) =>
          assertAlmostEquals(outputs.grad[k], want, 1e-11, `gradient ${k}`)
        );
      });
    }
  });
}

for (const { name, present, open } of devices) {
  const what = `losses of several answers and their gradients are finite for logits of any size on ${name}`;
  Deno.test(what, { ignore: !present }, async () => {
    await using device = await open();
    const sizes = [1e30, 1e4, 100, 17, 1e-30, 0];
    const [batch, classes] = [sizes.length, 3];
    const logits = Float32Array.from([...sizes, ...sizes.map((x) => -x)].flatMap((x) => [x, -x, 0]));
    const targets = Float32Array.from(sizes.flatMap(() => [1, 0, 0]));
    for (const task of ["multiclass", "multilabel"] as const) {
      const shape = { task, batch, classes, alpha: 1 };
      for (const graph of [rDropGraph(shape), jsdGraph(shape, 2)]) {
        using session = device.open();
        const program = session.compile(graph);
        program.run({ logits, targets, weight: new Float32Array(batch).fill(1) });
        const { loss, grad } = await program.outputs();
        assert([...loss, ...grad].every(Number.isFinite), `${task}: ${loss} ${grad}`);
      }
    }
  });
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
function stepped(model: Model, options: Partial<StepOptions>, weight = [1, 1, 1, 1, 1, 1], pictures = images) {
  const step = { ...plainStep, ...options };
  const teacher = step.teacher && teacherState(step.teacher, { mean: [0.5], std: [0.5] });
  return runReference(trainingGraph(model, step), {
    ...Object.fromEntries(model.weights),
    ...Object.fromEntries(initialState(model, step.optimizer, [1, 1, 1])),
    ...teacher && Object.fromEntries(teacher),
    ...{ images: pictures, targets, weight, keyHi: [1], keyLo: [2], step: [0], learningRate: [0.5] },
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
  const { outputs: { loss } } = runReference(rDropGraph({ task: "multiclass", batch: 6, classes: 3, alpha: 0.7 }), {
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

Deno.test("a step of several views learns from the first, and draws the answers to all together", () => {
  const net = netOf(0);
  const views = [images, images.map((x) => 0.5 * x), images.map((x) => -x)].flat();
  const step = (jsdAlpha: number) => stepped(net, { augSplits: 3, jsdAlpha }, undefined, views);
  // Without the divergence it is a step of the first views.
  const alone = stepped(net, {});
  const first = step(0);
  assertAlmostEquals(lossOf(first), lossOf(alone), 1e-12);
  first.get("head.weight")!.forEach((value, k) => assertAlmostEquals(value, alone.get("head.weight")![k], 1e-12));

  const all = step(12);
  assertEquals(all.get(COUNTERS.lossCount)![0], 6);
  const b = new GraphBuilder();
  b.output("logits", net.trace(b, 18, true).logits);
  const { outputs: { logits } } = runReference(b.graph, { ...Object.fromEntries(net.weights), images: views });
  const { outputs: { loss } } = runReference(jsdGraph({ task: "multiclass", batch: 6, classes: 3, alpha: 12 }), {
    ...{ logits, targets, weight: [1, 1, 1, 1, 1, 1] },
  });
  assertAlmostEquals(lossOf(all), loss[0], 1e-12);
});
