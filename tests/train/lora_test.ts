/**
 * Low-rank adaptation: peft's numbers (fixtures/train/make_lora.py), what is adapted, and what is refused.
 */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { sizeOf } from "../../kernels/op.ts";
import { memoryUse } from "../../src/device/memory.ts";
import { runReference } from "../../src/device/reference.ts";
import { TARGET } from "../../src/device/wasm/target.ts";
import { UserError } from "../../src/errors.ts";
import { compile } from "../../src/graph/compile.ts";
import { readSafetensors } from "../../src/interop/safetensors_file.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { visionTransformer } from "../../src/models/vit.ts";
import { flatten, lazyLinear, linear, sequential } from "../../src/nn/mod.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { adapted, fixedIn, loraFor, type LoraOptions, mergedTensors } from "../../src/train/adapt.ts";
import { adamW } from "../../src/train/optimizers/mod.ts";
import { learningOf } from "../../src/train/parameter_groups.ts";
import { gradientGraph, normOf } from "../../src/train/parity.ts";
import { COUNTERS, initialState, trainingGraph } from "../../src/train/step.ts";
import { devices } from "../kernels/devices.ts";
import { pictures, referenceWeight, targets } from "../models/rule.ts";
import { plainStep } from "./fixture.ts";

const file = await readSafetensors(new URL("../../fixtures/train/lora.safetensors", import.meta.url).pathname);
const { shape, classes, steps, saved }: {
  /** Of a batch, [N, 3, S, S]. */
  readonly shape: readonly number[];
  readonly classes: number;
  readonly steps: number;
  /** Names of what peft saves, as torchvision's layers are called. */
  readonly saved: Readonly<Record<string, readonly string[]>>;
} = JSON.parse(file.metadata["fovea.reference"]);
const cases: Readonly<Record<string, LoraOptions>> = {
  all: { lora: 4 },
  mlp: { lora: 6, loraAlpha: 16, loraTargets: ["encoder.layers.*.mlp.0"] },
};
const [batch, channels, imageSize] = shape;
const size = { classes, channels, imageSize, stem: "auto" } as const;

/** What the fixture has of a case, by the names that begin so. */
const storedOf = (name: string, what: string) =>
  [...file.tensors].flatMap(([key, { values }]) => {
    const start = `${name}.${what}`;
    return key.startsWith(start) ? [[key.slice(start.length), values] as const] : [];
  });

/** The same elements as in the fixture. */
const sampled = (values: ArrayLike<number>, length: number) => {
  const stride = values.length === length ? 1 : Math.ceil(values.length / 1024) | 1;
  return Array.from(values).filter((_, i) => i % stride === 0);
};

function near(name: string, got: ArrayLike<number>, want: Float32Array, limit = 1e-6): void {
  const values = sampled(got, want.length);
  assertEquals(values.length, want.length, name);
  const error = normOf(values.map((value, i) => value - want[i])) / normOf(want);
  assert(error < limit, `${name} is off by ${error}`);
}

function madeModel(options: LoraOptions): Model {
  const layer = visionTransformer({ ...size, patch: 8, width: 24, depth: 2, heads: 3, hidden: 40 });
  const plain = new Model("vit-ti16", layer, size);
  for (const { name, shape } of plain.parameters) plain.weights.set(name, referenceWeight(name, shape));
  const model = adapted(plain, { ...options, seed: 1, resume: false });
  for (const { name, shape } of model.parameters) model.weights.set(name, referenceWeight(name, shape));
  return model;
}

const images = pictures([steps * batch, ...shape.slice(1)]);
const labels = targets(steps * batch, classes);
const part = (values: Float32Array, k: number) =>
  values.subarray(k * values.length / steps, (k + 1) * values.length / steps);
const keys = { keyHi: [0], keyLo: [0] };

/** The graph of a step, what it begins from, and what each is given. */
function training(model: Model) {
  const learning = learningOf(model.parameters, { freeze: [], learningRateScale: {}, layerDecay: 1 }, fixedIn(model));
  const optimizer = adamW();
  const graph = trainingGraph(model, { ...plainStep, batch, optimizer, weightDecay: 0.1, learning });
  const start = { ...Object.fromEntries(initialState(model, optimizer, new Array(classes).fill(1), learning)) };
  const inputs = (step: number) => ({
    ...Object.fromEntries(Object.entries(optimizer.scalars(0.01, step)).map(([name, value]) => [name, [value]])),
    ...{ ...keys, step: [step], weight: new Array(batch).fill(1) },
    ...{ images: part(images, step), targets: part(labels, step) },
  });
  return { graph, start, inputs, learning };
}

Deno.test("logits, gradients, three steps and merged weights of an adapted ViT are peft's", async (t) => {
  for (const [name, options] of Object.entries(cases)) {
    await t.step(name, () => {
      const model = madeModel(options);
      const weights = Object.fromEntries(model.weights);
      const one = { ...weights, ...keys, images: part(images, 0), targets: part(labels, 0) };
      const [[, logits]] = storedOf(name, "logits");
      near("logits", runReference(evaluationGraph(model, batch), one).outputs.logits, logits);
      const { outputs } = runReference(gradientGraph(model, batch), one);
      for (const [key, grad] of storedOf(name, "grad.")) near(`gradient of ${key}`, outputs[`grad.${key}`], grad);

      const { graph, start, inputs } = training(model);
      let states: Record<string, ArrayLike<number>> = { ...weights, ...start };
      const [[, losses]] = storedOf(name, "losses");
      for (let step = 0; step < steps; step++) {
        const ran = runReference(graph, { ...states, [COUNTERS.lossSum]: [0], ...inputs(step) });
        states = { ...states, ...Object.fromEntries(ran.states) };
        assertAlmostEquals(states[COUNTERS.lossSum][0] / batch, losses[step], 1e-6);
      }
      for (const [key, after] of storedOf(name, "after.")) near(`${key} after ${steps} steps`, states[key], after);

      const tensors = new Map(
        model.parameters.map(({ name, shape }) => [name, { shape, values: Float32Array.from(states[name]) }] as const),
      );
      const merged = mergedTensors(model, tensors);
      for (const [key, weight] of storedOf(name, "merged.")) near(`merged ${key}`, merged.get(key)!.values, weight);
      const changed = [...merged].filter(([key, { values }]) => key in weights && `${values}` !== `${weights[key]}`);
      assertEquals(
        changed.map(([key]) => key).filter((key) => !key.startsWith("heads")).sort(),
        storedOf(name, "merged.").map(([key]) => key).sort(),
      );
      assertEquals([...merged.keys()], createPlain(model).parameters.map(({ name }) => name));
    });
  }
});

const createPlain = ({ name, layer, options }: Model) => new Model(name, layer, options);

Deno.test("what is learnt has peft's names, and nothing else has moments", async (t) => {
  for (const [name, options] of Object.entries(cases)) {
    await t.step(name, () => {
      const { learning, start } = training(madeModel(options));
      assertEquals([...learning.rates.keys()].sort(), saved[name].toSorted());
      const moments = Object.keys(start).filter((state) => state.startsWith("optimizer."));
      assertEquals(moments.length, 2 * saved[name].length);
    });
  }
});

for (const { name, present, open } of devices.slice(0, 2)) {
  Deno.test({
    name: `three steps of an adapted ViT have peft's losses on ${name}`,
    ignore: !present,
    async fn() {
      await using device = await open();
      using session = device.open();
      const model = madeModel(cases.all);
      const { graph, start, inputs } = training(model);
      const program = session.compile(graph);
      for (const [name, values] of [...model.weights, ...Object.entries(start)]) session.write(name, values);
      for (const [step, want] of storedOf("all", "losses")[0][1].entries()) {
        session.write(COUNTERS.lossSum, Float32Array.of(0));
        program.run(Object.fromEntries(
          Object.entries(inputs(step)).map(([name, values]) => [name, Float32Array.from(values)]),
        ));
        const [sum] = (await session.read([COUNTERS.lossSum])).get(COUNTERS.lossSum)!;
        assertAlmostEquals(sum / batch, want, 1e-4);
      }
    },
  });
}

Deno.test("an adapted step holds moments and temporaries of what is learnt, and each layer's sum once", () => {
  const layer = visionTransformer({ ...size, patch: 8, width: 64, depth: 2, heads: 2 });
  const plain = new Model("vit-ti16", layer, { ...size, imageSize: 96 });
  plain.initialize(1);
  const [all, low] = [plain, adapted(plain, { lora: 2, seed: 1, resume: false })].map((model) =>
    memoryUse(compile(training(model).graph, TARGET))
  );
  assert(low.state < 0.4 * all.state, `${low.state} of ${all.state} bytes of state`);
  // With both products held until the backward pass it would be a sixth more.
  assert(low.temporaries <= all.temporaries, `${low.temporaries} of ${all.temporaries}`);
});

Deno.test("an adapted model begins as it was: A within peft's bound, B zero, drawn from the seed alone", () => {
  const layer = visionTransformer({ ...size, patch: 8, width: 24, depth: 1, heads: 3 });
  const plain = new Model("vit-ti16", layer, size);
  plain.initialize(3);
  const model = adapted(plain, { lora: 2, seed: 7, resume: false });
  model.initialize(7);
  for (const { name, shape } of model.parameters) {
    const values = model.weights.get(name)!;
    if (name.endsWith("lora_B.weight")) assert(values.every((value) => value === 0), name);
    else if (name.endsWith("lora_A.weight")) {
      const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) * Math.sqrt(shape[1]);
      assert(most > 0.8 && most <= 1, `${name} reaches ${most}`);
      assertEquals(values.length, sizeOf(shape));
    } else assertEquals(values, plain.weights.get(name));
  }
});

Deno.test("every family's dense layers are adapted but the head, and narrow ones only where they are asked for", () => {
  const targetsOf = (
    name: string,
    options: LoraOptions,
    imageSize?: number,
  ) => [...loraFor(createModel(name, { classes: 5, imageSize, width: 0.25 }), options)!.targets];
  assertEquals(targetsOf("vgg11-bn", { lora: 8 }), ["classifier.0.weight", "classifier.3.weight"]);
  assertEquals(targetsOf("alexnet", { lora: 8 }).length, 2);
  assertEquals(targetsOf("deit-ti-distilled", { lora: 8 }).length, 4 * 12);
  const swin = targetsOf("swin-t", { lora: 8 }, 64);
  assertEquals(swin.filter((key) => key.includes("attn")).length, 2 * 12);
  assertEquals(swin.length, 4 * 12 + 3);
  // Swin V2's network of the bias has two inputs: rank 1 fits beside it.
  assert(!targetsOf("swin-v2-t", { lora: 8 }, 64).some((key) => key.includes("cpb_mlp.0")));
  assert(targetsOf("swin-v2-t", { lora: 1 }, 64).some((key) => key.includes("cpb_mlp.0")));
});

Deno.test("models and patterns that LoRA has no use for are refused with what would fit", () => {
  const vit = createModel("vit-ti16", { classes: 5, width: 0.25 });
  const net = new Model("net", sequential({ a: linear(3, 4), flatten: flatten(), head: lazyLinear(2) }), {
    ...{ classes: 2, channels: 3, imageSize: 3, stem: "auto" },
  });
  const refused: readonly (readonly [Model, LoraOptions, string])[] = [
    [createModel("resnet18", { classes: 5 }), { lora: 4 }, "Cannot adapt resnet18 with lora 4: it has no dense layers"],
    [vit, { lora: 4, loraTargets: ["heads"] }, "the model has no such dense layer below its head"],
    [vit, { lora: 4, loraTargets: ["*.self_atention"] }, "Cannot adapt *.self_atention: the model has no such"],
    [net, { lora: 4 }, "its a.weight is [4, 3], and two matrices of this rank are as large; give a rank below 3"],
    [createModel("swin-v2-t", { classes: 5, width: 0.25 }), { lora: 4, loraTargets: ["*.cpb_mlp"] }, "below 2"],
  ];
  for (const [model, options, says] of refused) assertThrows(() => loraFor(model, options), UserError, says);
  assertThrows(
    () => adapted(net, { lora: 2, seed: 1, resume: false }),
    UserError,
    "Cannot adapt net with lora 2: it has no weights yet",
  );
});
