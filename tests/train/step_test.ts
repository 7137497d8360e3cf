import { randomUniform } from "../../kernels/random.ts";
import type { Tensor } from "../../kernels/op.ts";
import type { DeviceTransformation } from "../../src/augment/device/transformations.ts";
import { resolveTeacher, teacherState } from "../../src/train/distillation.ts";
import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import type { Session } from "../../src/device/device.ts";
import { runReference } from "../../src/device/reference.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { Model } from "../../src/models/mod.ts";
import {
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  type Layer,
  lazyLinear,
  maxPool2d,
  relu,
  sequential,
} from "../../src/nn/mod.ts";
import { adam, adamW, lion, nadam, radam, rmsprop, sgd } from "../../src/train/optimizers/mod.ts";
import {
  CLASS_WEIGHT,
  COUNTERS,
  initialState,
  searchGraph,
  type StepOptions,
  trainingGraph,
} from "../../src/train/step.ts";
import { gatheredName, momentName } from "../../src/train/update_chain.ts";
import { devices } from "../kernels/devices.ts";
import { fixture, plainStep } from "./fixture.ts";

function modelOf(layer: Layer, imageSize: number): Model {
  return new Model("small", layer, { classes: 3, channels: 1, imageSize, dropout: undefined, stem: "auto" });
}

const options: StepOptions = plainStep;

const counters: readonly string[] = Object.values(COUNTERS);

const key = { keyHi: Float32Array.of(1), keyLo: Float32Array.of(2) };

Deno.test("trainingGraph() takes PyTorch's step: loss, clipping by the gradient's norm, decay of weights alone", async (t) => {
  const model = modelOf(sequential({ flatten: flatten(), fc: lazyLinear(3) }), 2);
  for (const { name, clipNorm, weightDecay, loss, images, targets, before, after } of fixture.steps) {
    await t.step(name, () => {
      const graph = trainingGraph(model, { ...options, weightDecay, clipNorm: clipNorm ?? undefined });
      const { states } = runReference(graph, {
        ...Object.fromEntries(initialState(model, options.optimizer, [1, 1, 1])),
        ...before,
        ...key,
        images,
        targets,
        weight: [1, 1, 1, 1, 1, 1],
        step: [0],
        learningRate: [0.5],
      });
      for (const [parameter, values] of Object.entries(after)) {
        values.forEach((want, k) => assertAlmostEquals(states.get(parameter)![k], want, 1e-12, `${parameter}[${k}]`));
      }
      assertAlmostEquals(states.get(COUNTERS.lossSum)![0], 6 * loss, 1e-12);
      assertEquals(states.get(COUNTERS.lossCount)![0], 6);
    });
  }
});

Deno.test("trainingGraph() learns from the batch that transformations on the device make of the given one", () => {
  const model = modelOf(sequential({ flatten: flatten(), fc: lazyLinear(3) }), 2);
  const [{ images, targets, before }] = fixture.steps;
  /** Mixes each picture, and its target, with the next one's. */
  const mix: DeviceTransformation = (b, { pictures, targets }, randomKey) => {
    const share = b.op("random", randomKey, { shape: [1], stream: 77 });
    const mixed = (x: Tensor) => {
      const [n, ...rest] = x.shape;
      const at = (start: number, rows: number) => b.slice(x, [start, ...rest.map(() => 0)], [rows, ...rest]);
      const next = b.concat([at(1, n - 1), at(0, 1)], 0);
      return b.add(x, b.mul(share, b.sub(next, x)));
    };
    return { pictures: mixed(pictures), targets: mixed(targets) };
  };
  const share = randomUniform(0, 77, 1, 2);
  const byHand = (values: readonly number[], width: number) =>
    values.map((value, i) => value + share * (values[(i + width) % values.length] - value));
  // What the teacher answers is a part of the loss: it sees what the student sees.
  const teacherModel = modelOf(sequential({ flatten: flatten(), fc: lazyLinear(3) }), 2);
  teacherModel.initialize(5);
  const preprocessing = { mean: [0], std: [1] };
  const teacher = resolveTeacher({ model: teacherModel, preprocessing });
  const learn = (transformations: readonly DeviceTransformation[], images: number[], targets: number[]) => {
    const { states } = runReference(trainingGraph(model, { ...options, transformations, teacher }), {
      ...Object.fromEntries(initialState(model, options.optimizer, [1, 1, 1])),
      ...Object.fromEntries(teacherState(teacher, preprocessing)),
      ...before,
      ...key,
      ...{ images, targets },
      weight: [1, 1, 1, 1, 1, 1],
      step: [0],
      learningRate: [0.5],
    });
    return [...Object.keys(before), COUNTERS.lossSum].flatMap((name) => [...states.get(name)!]);
  };
  const plain = learn([], [...images], [...targets]);
  const wanted = learn([], byHand(images, 4), byHand(targets, 3));
  assertNotEquals(plain, wanted);
  learn([mix], [...images], [...targets]).forEach((got, k) => assertAlmostEquals(got, wanted[k], 1e-12));
});

Deno.test("trainingGraph() writes every state in place, each optimiser's in one map a parameter", () => {
  const layer = sequential({ flatten: flatten(), fc: lazyLinear(64), relu: relu(), out: lazyLinear(3) });
  for (const optimizer of [sgd(), adam(), adamW(), nadam(), radam(), rmsprop(), lion()]) {
    const graph = trainingGraph(modelOf(layer, 8), { ...options, optimizer, weightDecay: 0.1, clipNorm: 1 });
    const plan = compile(graph, webGpuTarget({ maxBuffer: 2 ** 28, maxBinding: 2 ** 27 }));
    assertEquals(plan.copies, []);
    const updates = plan.steps.map(({ writes }) =>
      writes.flatMap((node) => {
        const at = plan.places.get(node)!;
        return at.in === "state" && !counters.includes(at.name) ? [at.name] : [];
      })
    ).filter((names) => names.length > 0);
    assertEquals(
      updates.map((names) => names.length),
      new Array(4).fill(1 + Object.keys(optimizer.moments([1])).length),
    );
  }
});

Deno.test("steps that are accumulated learn what one step with all of their pictures learns", () => {
  const model = modelOf(sequential({ flatten: flatten(), fc: lazyLinear(5), relu: relu(), out: lazyLinear(3) }), 2);
  model.initialize(1);
  const images = Float64Array.from({ length: 24 }, (_, k) => Math.sin(3 * k));
  const targets = Float64Array.from({ length: 18 }, (_, k) => k % 3 === Math.floor(k / 3) % 3 ? 1 : 0);
  const rows = (values: Float64Array, width: number, from: number, to: number) =>
    values.slice(from * width, to * width);
  const optimizer = sgd();
  const given = (from: number, to: number) => ({
    ...key,
    ...Object.fromEntries(Object.entries(optimizer.scalars(0.1, 0)).map(([name, value]) => [name, [value]])),
    images: rows(images, 4, from, to),
    targets: rows(targets, 3, from, to),
    weight: new Array(to - from).fill(1),
    step: [0],
  });
  const step: StepOptions = { ...options, optimizer, weightDecay: 0.1, clipNorm: 0.5 };
  const start = Object.fromEntries([...model.weights, ...initialState(model, optimizer, [1, 1, 1], undefined, true)]);
  const { states: whole } = runReference(trainingGraph(model, step), { ...start, ...given(0, 6) });
  // The last of three steps updates; every one has a third of the pictures, and so of the mean.
  let states: Record<string, ArrayLike<number>> = start;
  for (const k of [0, 1, 2]) {
    const accumulation = k < 2 ? "gather" : "update";
    const graph = trainingGraph(model, { ...step, batch: 2, accumulation });
    const ran = runReference(graph, { ...states, ...given(2 * k, 2 * k + 2), share: [1 / 3] });
    states = { ...states, ...Object.fromEntries(ran.states) };
    if (k < 2) assertEquals(states["fc.weight"], start["fc.weight"]);
  }
  for (const { name } of model.parameters) {
    assertNotEquals(states[name], start[name]);
    for (const key of [name, momentName("momentum", name)]) {
      whole.get(key)!.forEach((want, i) => assertAlmostEquals(states[key][i], want, 1e-12, `${key}[${i}]`));
    }
    assertEquals(states[gatheredName(name)], new Float64Array(states[name].length));
  }
  assertEquals(states[COUNTERS.lossCount][0], 6);
  assertAlmostEquals(states[COUNTERS.lossSum][0], whole.get(COUNTERS.lossSum)![0], 1e-12);
});

/** Everything that could carry a number that is not finite on: moments, running statistics, a mask. */
const model = modelOf(
  sequential({
    conv: conv2d(1, 4, 3, { padding: 1, bias: false }),
    norm: batchNorm2d(4),
    relu: relu(),
    pool: maxPool2d(2),
    flatten: flatten(),
    dropout: dropout(0.25),
    head: lazyLinear(3),
  }),
  4,
);
model.initialize(1);

const small: StepOptions = { ...options, batch: 2, optimizer: adam(), clipNorm: 1 };

/** A step's inputs; `images` are finite unless one is said to be otherwise. */
function inputsOf(step: number, broken?: number): Record<string, Float32Array> {
  const images = Float32Array.from({ length: 32 }, (_, k) => Math.sin(k + step));
  if (broken !== undefined) images[7] = broken;
  const scalars = Object.entries({ ...adam().scalars(0.1, step), step }).map((
    [name, value],
  ) => [name, Float32Array.of(value)]);
  return {
    ...Object.fromEntries(scalars),
    ...key,
    images,
    targets: Float32Array.of(1, 0, 0, 0, 0, 1),
    weight: Float32Array.of(1, 1),
  };
}

/** A session with the states of a run that starts, and their names. */
function begin(session: Session): string[] {
  const states = new Map([...model.weights, ...initialState(model, small.optimizer, [1, 1, 1])]);
  for (const [name, values] of states) session.write(name, values);
  return [...states.keys()];
}

for (const { name: device, present, open } of devices) {
  for (
    const { task, skipNonFinite } of [
      { task: "multiclass", skipNonFinite: false },
      { task: "multiclass", skipNonFinite: true },
      { task: "multilabel", skipNonFinite: true },
    ] as const
  ) {
    Deno.test({
      name: `${device}, ${task}: a step that is not finite changes its counters alone, and ${
        skipNonFinite ? "the next goes on" : "none after it changes more"
      }`,
      ignore: !present,
      async fn(t) {
        await using opened = await open();
        using session = opened.open();
        const program = session.compile(trainingGraph(model, { ...small, task, skipNonFinite }));
        const names = begin(session);
        for (const [step, broken] of [[1, NaN], [4, Infinity], [7, -Infinity]] as const) {
          await t.step(`a picture with ${broken}`, async () => {
            begin(session);
            program.run(inputsOf(step - 1));
            const before = await session.read(names);
            program.run(inputsOf(step, broken));
            const after = await session.read(names);
            for (const name of names) {
              if (counters.includes(name)) continue;
              assertEquals(after.get(name), before.get(name), name);
              // The first step did change it, so that standing still means something.
              const start = model.weights.get(name);
              if (start) assertNotEquals(before.get(name), start, name);
            }
            const counted = (values: typeof after) => counters.map((name) => values.get(name)![0]);
            const [lossSum, lossCount] = counted(before);
            assertEquals(counted(after), [lossSum, lossCount, 1, step]);
            program.run(inputsOf(step + 1));
            const next = await session.read(names);
            const changed = names.filter((name) => next.get(name)!.some((value, k) => value !== after.get(name)![k]));
            const learnt = names.filter((name) => name !== CLASS_WEIGHT && !counters.slice(2).includes(name));
            assertEquals(changed.sort(), skipNonFinite ? learnt.sort() : []);
            assertEquals(next.get(COUNTERS.skipped), Float32Array.of(1));
          });
        }
      },
    });
  }

  Deno.test({
    name: `${device}: searchGraph() counts what is not finite, and its first count is where it began`,
    ignore: !present,
    async fn(t) {
      await using opened = await open();
      using session = opened.open();
      begin(session);
      const program = session.compile(searchGraph(model, small));
      const first = async (broken?: number) => {
        program.run(inputsOf(1, broken));
        return Object.entries(await program.outputs()).find(([, [count]]) => count > 0);
      };
      const breaks: readonly [what: string, state: string, value: number, first: string][] = [
        ["a parameter", "head.bias", NaN, "parameter head.bias"],
        ["a convolution that overflows", "conv.weight", 3e38, "output of conv"],
        ["a norm that overflows", "norm.weight", 3e38, "output of norm"],
        ["a product that overflows", "head.weight", 3e38, "output of head"],
      ];
      await t.step("nothing", async () => assertEquals(await first(), undefined));
      await t.step("a picture", async () => assertEquals(await first(NaN), ["images", Float32Array.of(1)]));
      for (const [what, state, value, name] of breaks) {
        await t.step(what, async () => {
          const values = model.weights.get(state)!;
          session.write(state, new Float32Array(values.length).fill(value));
          assertEquals((await first())?.[0], name);
          session.write(state, values);
        });
      }
    },
  });
}
