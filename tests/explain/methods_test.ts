/**
 * Maps against PyTorch's gradients with the same weights: fixtures/explain/make.py.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../src/device/device.ts";
import { openDevice } from "../../src/device/open.ts";
import { UserError } from "../../src/errors.ts";
import { anatomyOf, lastStage, layerNamed } from "../../src/explain/anatomy.ts";
import { Explainer } from "../../src/explain/explainer.ts";
import type { Question } from "../../src/explain/method.ts";
import { methodNames } from "../../src/explain/method_names.ts";
import { methodFor, methods } from "../../src/explain/methods/mod.ts";
import { integratedGradient } from "../../src/explain/methods/integrated_gradients.ts";
import { smoothGradient } from "../../src/explain/methods/smoothgrad.ts";
import { Probe } from "../../src/explain/probe.ts";
import { readSafetensors } from "../../src/interop/safetensors_file.ts";
import { createModel, Model, models } from "../../src/models/mod.ts";
import { basicBlock, resnetLayers } from "../../src/models/resnet.ts";
import { swinTransformer } from "../../src/models/swin.ts";
import { vggLayers } from "../../src/models/vgg.ts";
import { visionTransformer } from "../../src/models/vit.ts";
import type { Layer } from "../../src/nn/mod.ts";
import { devices } from "../kernels/devices.ts";
import { infoFor } from "../run/written_run.ts";
import { pictures, referenceWeight, uniform } from "../models/rule.ts";

const scale = (channels: number) => channels / 16;
const none = { dropout: 0, stem: "auto" } as const;
const vitSizes = { patch: 8, width: 24, depth: 2, heads: 3, hidden: 40 };
const swinSizes = { version: 1, window: 4, patch: 2, width: 8, depths: [2, 2, 2], heads: [1, 2, 4] } as const;

type Sizes = { classes: number; channels: number; imageSize: number };
const networks: Readonly<Record<string, (size: Sizes) => Layer>> = {
  resnet: (size) => resnetLayers({ ...size, ...none }, { block: basicBlock, blocks: [1, 2, 1, 1], scale }),
  vgg: (size) => vggLayers({ ...size, ...none }, { depth: 11, norm: false, scale }),
  swin: (size) => swinTransformer({ ...size, ...swinSizes }),
  vit: (size) => visionTransformer({ ...size, ...vitSizes }),
};

/** Options that the script used. */
const given: Readonly<Record<string, Partial<Question>>> = {
  "integrated-gradients": { steps: 6 },
  "occlusion": { window: 12, stride: 8 },
};

function modelOf(name: string, imageSize: number, classes: number): Model {
  const size = { classes, channels: 3, imageSize };
  const model = new Model(name, networks[name](size), { ...size, stem: "auto" });
  for (const { name, shape } of model.parameters) model.weights.set(name, referenceWeight(name, shape));
  return model;
}

/** The places that the fixture stores of a map, as `reference.py` takes them. */
function sampled(values: Float32Array): Float32Array {
  if (values.length <= 1024) return values;
  const stride = Math.ceil(values.length / 1024) | 1;
  return values.filter((_, i) => i % stride === 0);
}

/** Far more than float32 loses: 1e-4 of the largest value. */
function assertNear(actual: Float32Array, expected: Float32Array, what: string): void {
  assertEquals(actual.length, expected.length, what);
  const most = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert(most > 0, `${what} is nothing`);
  const off = actual.reduce((off, value, i) => Math.max(off, Math.abs(value - expected[i])), 0) / most;
  assert(off < 1e-4, `${what} is off by ${off.toExponential(2)} of its largest value`);
}

async function checkNetwork(name: string, device: Device): Promise<void> {
  const path = new URL(`../../fixtures/explain/${name}.safetensors`, import.meta.url).pathname;
  const { tensors, metadata } = await readSafetensors(path);
  const { shape, classes, target } = JSON.parse(metadata["fovea.reference"]);
  using probe = new Probe(modelOf(name, shape[2], classes), device);
  const image = pictures(shape);
  const select = Float32Array.from({ length: classes }, (_, k) => Number(k === target));
  for (const [key, { values }] of tensors) {
    const [method, ...rest] = key.split(".");
    const isClassAsked = rest[0] === "class";
    const layer = isClassAsked || rest.length === 0 ? undefined : rest.join(".");
    if (method === "smoothgrad") {
      const noise = new Float32Array(uniform("noise", 5 * image.length).map((u) => 2 * u - 1));
      const mean = await smoothGradient(probe, image, select, noise);
      const side = shape[2] ** 2;
      const map = new Float32Array(side).map((_, i) => [0, 1, 2].reduce((s, c) => s + Math.abs(mean[c * side + i]), 0));
      assertNear(sampled(map), values as Float32Array, key);
      continue;
    }
    const found = methodFor(method, probe.anatomy);
    const map = await found.explain(probe, { image, select, isClassAsked, layer, ...given[method] });
    assertNear(sampled(map.values), values as Float32Array, `${name} ${key}`);
  }
}

for (const name of ["resnet", "vgg", "swin"]) {
  Deno.test(`maps of a small ${name} are those of PyTorch's gradients`, async () => {
    await using device = await openDevice();
    await checkNetwork(name, device);
  });
}

for (const { name, present, open } of devices) {
  Deno.test({
    name: `rollout, attention and Grad-CAM of a small ViT are by hand the same on ${name}`,
    ignore: !present,
    fn: async () => {
      await using device = await open();
      await checkNetwork("vit", device);
    },
  });
}

Deno.test("integrated gradients add up to the logit's rise from the mean colour", async () => {
  await using device = await openDevice();
  using probe = new Probe(modelOf("resnet", 32, 3), device);
  const image = pictures([1, 3, 32, 32]);
  const select = Float32Array.of(0, 1, 0);
  const parts = await integratedGradient(probe, image, select, 128);
  const both = new Float32Array(2 * image.length);
  both.set(image);
  const { logits } = await probe.ask("logits", both, undefined, ({ b, logits }) => b.output("logits", logits));
  const rise = logits[1] - logits[4];
  assert(Math.abs(rise) > 0.01);
  assertAlmostEquals(parts.reduce((sum, part) => sum + part, 0), rise, 0.02 * Math.abs(rise));
});

Deno.test("what speaks against a binary task's target is what speaks for it, the other way round", async () => {
  await using device = await openDevice();
  const model = createModel("lenet", { classes: 1, imageSize: 16 });
  model.initialize(1);
  const { preprocessing } = infoFor(model);
  await using explainer = new Explainer({ model, task: "binary", classes: ["hat"], preprocessing, device });
  const explain = (name?: string) =>
    explainer.explainImage(pictures([1, 3, 16, 16]), { method: "gradient", ...name && { class: name } });
  const [usual, hat, none] = [await explain(), await explain("hat"), await explain("not hat")];
  assertEquals(hat.values.map((value) => -value), none.values);
  assertEquals(usual.values, usual.prediction.top.name === "hat" ? hat.values : none.values);
  assertEquals([usual.isClassAsked, usual.class], [false, usual.prediction.top.name]);
});

Deno.test("where a CNN attends is drawn by attention: each map adds up to 1", async () => {
  await using device = await openDevice();
  const model = createModel("resnet18", {
    ...{ classes: 3, imageSize: 32, width: 0.125, stem: "small", head: "attention-pool" },
    attentionAfter: ["layer2"],
  });
  model.initialize(1);
  for (const { name, shape } of model.parameters) {
    if (/score|\.[fg]\./.test(name)) model.weights.set(name, referenceWeight(name, shape));
  }
  const { attentions } = anatomyOf(model);
  assertEquals(attentions.map(({ heads, side }) => [heads, side]), [[1, 16], [1, 4]]);
  const { preprocessing } = infoFor(model);
  const classes = ["a", "b", "c"];
  await using explainer = new Explainer({ model, task: "multiclass", classes, preprocessing, device });
  for (const { name: layer, side } of attentions) {
    const { values } = await explainer.explainImage(pictures([1, 3, 32, 32]), { method: "attention", layer });
    assertEquals(values.length, side * side);
    assertAlmostEquals(values.reduce((sum, value) => sum + value, 0), 1, 1e-5);
    assert(Math.max(...values) > 1.01 * Math.min(...values), layer);
  }
  assertThrows(() => methodFor("rollout", anatomyOf(model)), UserError, "it attends over maps of features");
});

Deno.test("every model has a last stage with a map, and is explained by what suits it", () => {
  const found = Object.fromEntries(
    models.filter(({ name }) => !/^(resnet(34|101|152)|vgg1[39]|.*-(s|b|l\d\d)|vit-l.*|.*(s|b)\d\d)$/.test(name)).map(
      ({ name }) => {
        const anatomy = anatomyOf(createModel(name, { classes: 5, width: 0.25 }));
        const stage = lastStage(anatomy);
        return [name, `${methodFor(undefined, anatomy).name} ${stage?.name} ${stage?.side}`];
      },
    ),
  );
  const expected = {
    "lenet": "grad-cam s4 5",
    "naive-cnn": "grad-cam block3 8",
    "alexnet": "grad-cam features 6",
    "resnet50": "grad-cam layer4 7",
    "vgg16-bn": "grad-cam features 7",
    "vit-ti16": "rollout encoder.layers.encoder_layer_10 14",
    "deit-ti-distilled": "rollout encoder.layers.encoder_layer_10 14",
    "swin-t": "grad-cam features 7",
    "swin-v2-t": "grad-cam features 8",
  };
  assertEquals(Object.fromEntries(Object.keys(expected).map((name) => [name, found[name]])), expected);
});

Deno.test("a method that a model cannot have names those that it can; a layer that is not there, the nearest", () => {
  const anatomy = (name: string, imageSize = 32) =>
    anatomyOf(createModel(name, { classes: 5, imageSize, width: 0.125 }));
  const cases: [name: string, method: string, message: string][] = [
    ["vgg11", "rollout", "Cannot explain vgg11 by rollout, since it has no attention: give grad-cam, grad-cam++,"],
    [
      "swin-t",
      "rollout",
      "Cannot explain swin-t by rollout, since it attends over maps of features, not over tokens: give grad-cam,",
    ],
    [
      "vit-ti16",
      "guided",
      "Cannot explain vit-ti16 by guided, since it has no ReLU, whose gradient it would change: give",
    ],
    ["vit-ti16", "grad-cm", "There is no method grad-cm; did you mean grad-cam?"],
  ];
  for (const [name, method, message] of cases) {
    const error = assertThrows(() => methodFor(method, anatomy(name)), UserError);
    assert(error.message.startsWith(message), error.message);
  }
  const layers = (name: string, asked: string) =>
    assertThrows(() => layerNamed(asked, anatomy(name).layers, "No map from"), UserError).message;
  assertEquals(layers("resnet18", "layer9"), "No map from layer9; did you mean layer4?");
  // The last block's patches are read by nobody.
  assertEquals(
    layers("vit-ti16", "encoder_layer_11"),
    "No map from encoder_layer_11; did you mean encoder.layers.encoder_layer_10?",
  );
  assertEquals(Object.keys(methods), [...methodNames]);
  for (const name of methodNames) assertEquals(methods[name].name, name);
});
