import { assert, assertAlmostEquals, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { openGpuJs } from "../../src/device/gpujs/device.ts";
import { runReference } from "../../src/device/reference.ts";
import { UserError } from "../../src/errors.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { softmax } from "../../src/metrics/mod.ts";
import { Model } from "../../src/models/mod.ts";
import type { ResolvedModelOptions } from "../../src/models/model.ts";
import { visionTransformer } from "../../src/models/vit.ts";
import { batchNorm2d, conv2d, dropout, flatten, type Layer, lazyLinear, relu, sequential } from "../../src/nn/mod.ts";
import {
  checkTeacher,
  distillationLoss,
  type Normalization,
  resolveTeacher,
  type Teacher,
  teacherLogits,
  type TeacherOptions,
  teacherState,
} from "../../src/train/distillation.ts";
import { teacherRecord } from "../../src/train/teacher_record.ts";
import { checkFits, memoryOfRun } from "../../src/train/memory.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { initialState, type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { devices } from "../kernels/devices.ts";
import type { LossCase } from "./fixture.ts";

/** What fixtures/train/make_distillation.py writes. */
interface DistillationCase extends Omit<LossCase, "logits" | "grad">, Pick<Teacher, "mode" | "temperature" | "alpha"> {
  /** Logits [N, K]. */
  readonly teacher: readonly number[];
  /** Logits [N, K] of the student's only head, or of those for the label and for the teacher. */
  readonly heads: readonly (readonly number[])[];
  /** d loss / d head [N, K], in their order. */
  readonly grads: readonly (readonly number[])[];
}

const stored = await Deno.readTextFile(new URL("../../fixtures/train/distillation.jsonl", import.meta.url));
const cases: readonly DistillationCase[] = stored.trimEnd().split("\n").map((line) => JSON.parse(line));

/** Names of the student's outputs. */
const paths = ["heads", "head_dist"];

Deno.test("distillationLoss() is PyTorch's loss, and so are its gradients", async (t) => {
  for (const { name, task, batch, classes, labelSmoothing, loss, heads, grads, ...rest } of cases) {
    await t.step(name, () => {
      const { mode, temperature, alpha, ...values } = rest;
      const b = new GraphBuilder();
      const student = heads.map((_, k) => b.input(paths[k], [batch, classes]));
      const mean = distillationLoss(b, task, { mode, temperature, alpha }, {
        logits: student.length === 1 ? student[0] : b.mul(b.add(student[0], student[1]), 0.5),
        outputs: new Map(student.length === 1 ? [] : student.map((head, k) => [paths[k], head])),
        teacher: b.input("teacher", [batch, classes]),
        targets: b.input("targets", [batch, classes]),
        weight: b.input("weight", [batch]),
        classWeight: b.input("classWeight", [classes]),
        labelSmoothing,
      });
      b.output("loss", mean);
      differentiate(b, mean, student).forEach((grad, k) => b.output(`grad${k}`, grad));
      const inputs = Object.fromEntries(heads.map((head, k) => [paths[k], head]));
      const { outputs } = runReference(b.graph, { ...values, ...inputs });
      assertAlmostEquals(outputs.loss[0], loss, 1e-12);
      grads.forEach((grad, head) =>
        grad.forEach((want, k) =>
          assertAlmostEquals(outputs[`grad${head}`][k], want, 1e-12, `${paths[head]}, gradient ${k}`)
        )
      );
    });
  }
});

/** What the pictures of student and teacher are normalised by. */
const normalized = { student: { mean: [0.5], std: [0.25] }, teacher: { mean: [0.3], std: [0.4] } };

/** A convolution's model of 4×4 grey pictures in three classes; all have the same keys, and two heads where asked. */
function small(width: number, { heads = 1, dropped = 0 } = {}): Model {
  const body = sequential({
    conv: conv2d(1, width, 3, { padding: 1, bias: false }),
    norm: batchNorm2d(width),
    relu: relu(),
    flatten: flatten(),
    dropout: dropout(dropped),
  });
  const [first, second] = [lazyLinear(3), lazyLinear(3)];
  const layer: Layer = (images, scope) => {
    const x = body(images, scope);
    const logits = scope.call("heads", first, x);
    return heads === 1 ? logits : scope.b.mul(scope.b.add(logits, scope.call("head_dist", second, x)), 0.5);
  };
  const model = new Model("small", layer, { classes: 3, channels: 1, imageSize: 4, stem: "auto" });
  model.initialize(width);
  return model;
}

/** A teacher that has seen pictures: running statistics that are not those of the batch. */
function teacherOf(options: Partial<TeacherOptions> = {}): Teacher {
  const model = small(5, { dropped: 0.5 });
  model.weights.set("norm.running_mean", Float32Array.from({ length: 5 }, (_, k) => 0.2 * k));
  model.weights.set("norm.running_var", Float32Array.from({ length: 5 }, (_, k) => 0.5 + 0.1 * k));
  return resolveTeacher({ model, preprocessing: normalized.teacher, ...options });
}

const batch = 4;

/** Brightness from 0 to 1, [N, 1, 4, 4]. */
const pictures = Float32Array.from({ length: batch * 16 }, (_, k) => 0.5 + 0.5 * Math.sin(3 * k * k));

function normalize({ mean, std }: Normalization): Float32Array {
  return pictures.map((value) => (value - mean[0]) / std[0]);
}

/** Inputs of a step. */
const inputs = {
  images: normalize(normalized.student),
  targets: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0),
  weight: new Float32Array(batch).fill(1),
  keyHi: Float32Array.of(1),
  keyLo: Float32Array.of(2),
  step: Float32Array.of(0),
  learningRate: Float32Array.of(0.1),
};

function stepOptions(teacher: Teacher): StepOptions {
  const optimizer = sgd({ momentum: 0 });
  return { task: "multiclass", batch, optimizer, weightDecay: 0, labelSmoothing: 0, skipNonFinite: false, teacher };
}

/** States that a step of a student starts from. */
function statesOf(student: Model, teacher: Teacher): Map<string, Float32Array> {
  const own = initialState(student, stepOptions(teacher).optimizer, [1, 1, 1]);
  return new Map([...student.weights, ...own, ...teacherState(teacher, normalized.student)]);
}

Deno.test("teacherLogits() are those of the teacher alone on pictures normalised its way", () => {
  const teacher = teacherOf();
  const b = new GraphBuilder();
  b.output("logits", teacherLogits(b, teacher, b.input("images", [batch, 1, 4, 4])));
  const { outputs: { logits } } = runReference(b.graph, {
    ...inputs,
    ...Object.fromEntries(teacherState(teacher, normalized.student)),
  });
  const alone = runReference(evaluationGraph(teacher.model, batch), {
    ...Object.fromEntries(teacher.model.weights),
    images: normalize(normalized.teacher),
  });
  logits.forEach((value, k) => assertAlmostEquals(value, alone.outputs.logits[k], 1e-5, `logit ${k}`));
});

for (const { name: device, present, open } of devices) {
  for (const mode of ["soft", "hard", "token"] as const) {
    Deno.test({
      name: `${device}: a step with a teacher (${mode}) is the reference's, and leaves the teacher as it was`,
      ignore: !present,
      async fn() {
        const student = small(4, { heads: mode === "token" ? 2 : 1 });
        const teacher = teacherOf({ mode });
        const before = statesOf(student, teacher);
        const graph = trainingGraph(student, stepOptions(teacher));
        await using opened = await open();
        using session = opened.open();
        const program = session.compile(graph);
        for (const [name, values] of before) session.write(name, values);
        program.run(inputs);
        const after = await session.read([...before.keys()]);
        const { states: want } = runReference(graph, { ...Object.fromEntries(before), ...inputs });
        for (const [name, values] of before) {
          if (name.startsWith("teacher.")) assertEquals(after.get(name), values, name);
          else if (student.weights.has(name)) assertNotEquals(after.get(name), values, name);
          want.get(name)?.forEach((value, k) => assertAlmostEquals(after.get(name)![k], value, 1e-4, `${name}[${k}]`));
        }
        assert([...want.keys()].every((name) => !name.startsWith("teacher.")));
      },
    });
  }
}

Deno.test("a student with a teacher comes nearer to its answers than one trained alone", () => {
  const teacher = teacherOf({ temperature: 2, alpha: 1 });
  const images = { images: normalize(normalized.student) };
  const wanted = runReference(evaluationGraph(teacher.model, batch), {
    ...Object.fromEntries(teacher.model.weights),
    images: normalize(normalized.teacher),
  }).outputs.logits;
  const divergence = (taught: boolean): number => {
    const student = small(4);
    const { teacher: _, ...alone } = stepOptions(teacher);
    const graph = trainingGraph(student, taught ? stepOptions(teacher) : alone);
    let states: Record<string, ArrayLike<number>> = Object.fromEntries(statesOf(student, teacher));
    for (let step = 0; step < 40; step++) {
      states = { ...states, ...Object.fromEntries(runReference(graph, { ...states, ...inputs }).states) };
    }
    const { logits } = runReference(evaluationGraph(student, batch), { ...states, ...images }).outputs;
    const [p, q] = [wanted, logits].map((values) => softmax(Float32Array.from(values), 3));
    return p.reduce((sum, value, k) => sum + value * Math.log(value / q[k]), 0) / batch;
  };
  const [alone, taught] = [divergence(false), divergence(true)];
  assert(taught < 0.2 * alone, `${taught} nats from the teacher, and ${alone} without it`);
});

Deno.test("--distill token teaches the second head of a distilled vision transformer alone", () => {
  const layer = visionTransformer({
    ...{ patch: 2, width: 8, depth: 1, heads: 2, distilled: true },
    ...{ channels: 1, classes: 3 },
  });
  const student = new Model("deit", layer, { classes: 3, channels: 1, imageSize: 4, stem: "auto" });
  student.initialize(1);
  const teacher = teacherOf({ mode: "token", alpha: 1 });
  const before = statesOf(student, teacher);
  const { states } = runReference(trainingGraph(student, stepOptions(teacher)), {
    ...Object.fromEntries(before),
    ...inputs,
  });
  const moved = (name: string) => states.get(name)!.some((value, k) => value !== before.get(name)![k]);
  assert(moved("head_dist.bias"), "the second head learns");
  assert(!moved("heads.head.bias"), "the first head has its labels, whose share is 0");
});

Deno.test("a distilled student without a teacher learns from the labels with both heads", () => {
  const student = small(4, { heads: 2 });
  const { teacher: _, ...options } = stepOptions(teacherOf());
  const before = statesOf(student, teacherOf());
  const { states } = runReference(trainingGraph(student, options), { ...Object.fromEntries(before), ...inputs });
  const change = (name: string) => Array.from(states.get(name)!, (value, k) => value - before.get(name)![k]);
  // The loss is of the heads' mean, so its gradient with respect to both is the same.
  change("heads.bias").forEach((value, k) => assertAlmostEquals(value, change("head_dist.bias")[k], 1e-12));
  assert(change("heads.bias").every((value) => value !== 0));
});

Deno.test("a teacher that does not fit is refused", async (t) => {
  const student = small(4);
  const wrong = (options: Partial<ResolvedModelOptions>) =>
    new Model("wrong", lazyFlat(options.classes ?? 3), {
      ...{ classes: 3, channels: 1, imageSize: 4, stem: "auto" },
      ...options,
    });
  const cases: readonly [what: string, options: Partial<TeacherOptions>, error: typeof TypeError, says: RegExp][] = [
    ["temperature 0", { temperature: 0 }, RangeError, /temperature 0: give one above 0/],
    ["a temperature that is no number", { temperature: NaN }, RangeError, /temperature NaN/],
    ["a share above 1", { alpha: 1.5 }, RangeError, /by 1.5: give 0 to 1/],
    ["other classes", { model: wrong({ classes: 4 }) }, TypeError, /gives 4 logits, not .* gives 3 logits/],
    ["a size", { model: wrong({ imageSize: 8 }) }, TypeError, /pictures of \[1, 8, 8\].*not pictures of \[1, 4, 4\]/],
    ["channels", { model: wrong({ channels: 3 }) }, TypeError, /pictures of \[3, 4, 4\]/],
    ["a normalisation", { preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] } }, TypeError, /1 channels by 3 means/],
  ];
  for (const [what, options, error, says] of cases) {
    await t.step(what, () => {
      assertMatch(assertThrows(() => checkTeacher(teacherOf(options), student), error).message, says);
    });
  }
  await t.step("token for a student with one head", () => {
    const make = () => trainingGraph(student, stepOptions(teacherOf({ mode: "token" })));
    assertMatch(assertThrows(make, UserError).message, /distill token .*one head: give model deit-ti-distilled/);
  });
});

function lazyFlat(classes: number): Layer {
  return sequential({ flatten: flatten(), head: lazyLinear(classes) });
}

Deno.test("checkFits() counts the teacher", async () => {
  await using real = await openGpuJs("cpu");
  const student = small(4);
  const withTeacher = stepOptions(teacherOf());
  const { teacher: _, ...alone } = withTeacher;
  const memoryBytes = memoryOfRun({ ...real, measure: (graph) => real.measure(graph) }, student, alone);
  const device = {
    ...{ description: "a small device", maxTensorBytes: real.maxTensorBytes, memoryBytes },
    measure: (graph: Graph) => real.measure(graph),
  };
  checkFits(device, student, alone);
  const { message } = assertThrows(() => checkFits(device, student, withTeacher), UserError);
  assertMatch(message, /fits small with its teacher small on a small device: .* another model or a smaller teacher$/);
});

Deno.test("teacherRecord() tells teachers apart by weights and normalisation", () => {
  const teacher = teacherOf();
  const record = teacherRecord(teacher);
  assertEquals(teacherRecord(teacherOf()), record);
  const changed = teacherOf();
  changed.model.weights.get("heads.bias")![0] += 1e-6;
  assertNotEquals(teacherRecord(changed).hash, record.hash);
  assertNotEquals(teacherRecord(teacherOf({ preprocessing: normalized.student })).hash, record.hash);
});
