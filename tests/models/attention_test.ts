/**
 * Attention inside CNNs: its layers against PyTorch and timm (fixtures/parity/make_attention.py), and where models have
 * it.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { opNamed } from "../../kernels/mod.ts";
import { runReference } from "../../src/device/reference.ts";
import { UserError } from "../../src/errors.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { callOf, liveNodes } from "../../src/graph/graph.ts";
import { encodeSafetensors } from "../../src/interop/safetensors_file.ts";
import { createModel, type Model, modelNamed, models } from "../../src/models/mod.ts";
import { localResnetLayers, relational, standAlone } from "../../src/models/local_resnet.ts";
import {
  attentionPool2d,
  attentionStem,
  cbam,
  denseConv2d,
  gateUnits,
  localRelation,
  localSelfAttention2d,
  selfAttention2d,
  squeezeExcitation,
} from "../../src/nn/mod.ts";
import { infoOf } from "../../src/run/checkpoint.ts";
import { saveWeights } from "../../src/run/save_weights.ts";
import { loadWeights, originOf } from "../../src/run/weights.ts";
import { testBlock, testModel } from "./reference.ts";

testBlock("self_attention2d", selfAttention2d(16), { everywhere: true });
testBlock("squeeze_excitation", squeezeExcitation(64, gateUnits(64)));
testBlock("cbam", cbam(64), { everywhere: true });
testBlock("local_self_attention", localSelfAttention2d(6, 16, { kernel: 5, heads: 2 }), { everywhere: true });
testBlock("attention_stem", attentionStem(3, 16), { everywhere: true });
testBlock("local_relation", localRelation(16));
testBlock("local_relation_stride", localRelation(16, { kernel: 5, stride: 2, shared: 4 }), { everywhere: true });

testBlock("attention_pool", attentionPool2d(16, 8), { everywhere: true });
testBlock("dense_conv2d", denseConv2d(4, 6, 3));

const kinds = [["resnet_sasa", standAlone], ["resnet_lr", relational]] as const;
for (const [fixture, kind] of kinds) {
  testModel(fixture, (size) => localResnetLayers(size, kind, [1, 1], () => 16), { on: "wasm" });
}

/** Millions of operations of a kind in a picture's forward pass, two being a multiply-add. */
function counted(model: Model, name: string): number {
  const b = new GraphBuilder();
  b.output("logits", model.trace(b, 1, false).logits);
  return liveNodes(b.graph).filter((node) => node.op === name)
    .reduce((sum, node) => sum + opNamed(node.op).cost(callOf(node)).flops / 2e6, 0);
}

/** Multiply-adds of the stem's mixture of four values over 4×4 positions of 224² pixels, in millions. */
const MIXTURE = 4 * 64 * 224 * 224 / 1e6;

Deno.test("ResNets that attend have the sizes of their papers, counted as those count", () => {
  for (const { name, paper } of models) {
    if (paper === undefined) continue;
    const model = createModel(name, { classes: 1000 });
    const off = (ours: number, theirs: number) => Math.abs(ours / theirs - 1);
    assert(off(model.size / 1e6, paper.parameters) < 0.01, `${name}: ${model.size} parameters`);
    const products = model.multiplyAdds / 1e6;
    if (name.endsWith("-sasa")) {
      // q · r is then as many products as q · k.
      const all = products + counted(model, "localScores") + counted(model, "softmax") + MIXTURE;
      assert(off(all / 1e3, paper.multiplyAdds) < 0.02, `${name}: ${all} M multiply-adds`);
    } else {
      // The relation layers are made to cost what the convolutions cost: so much as the ResNet of as many layers has.
      const resnet = name === "resnet26-lr" ? 2360 : createModel("resnet50", { classes: 1000 }).multiplyAdds / 1e6;
      assert(products > resnet && products < 1000 * paper.multiplyAdds, `${name}: ${products} M multiply-adds`);
    }
  }
});

const small = { classes: 3, channels: 1, imageSize: 32, width: 0.125 };

Deno.test("attention comes after the stages that are asked for, of the kind that is asked for", () => {
  const before = createModel("resnet18", small).parameters.map(({ name }) => name);
  const model = createModel("resnet18", { ...small, attentionAfter: ["layer3", "layer2:cbam", "layer3:se"] });
  const names = model.parameters.map(({ name }) => name);
  const added = names.filter((name) => !before.includes(name));
  assertEquals(names.filter((name) => !added.includes(name)), before);
  const blocks = [...new Set(added.map((name) => name.split(".").slice(0, 2).join(".")))];
  assertEquals(blocks, ["layer2.cbam", "layer3.self_attention", "layer3.se"]);
  // 32 channels after layer3: 4 for f and g.
  const shapes = Object.fromEntries(model.parameters.map(({ name, shape }) => [name, [...shape]]));
  assertEquals(shapes["layer3.self_attention.f.weight"], [4, 32, 1, 1]);
  assertEquals(shapes["layer3.se.fc1.weight"], [2, 32, 1, 1]);
  const { scope } = model.trace(new GraphBuilder(), 2, false);
  assertEquals(scope.outputs.get("layer3.self_attention.weights")!.shape, [2, 1, 64, 64]);
  const { parameters } = createModel("resnet18d", { ...small, attentionAfter: model.options.attentionAfter });
  assertEquals(
    parameters.map(({ name }) => name).filter((name) => blocks.some((block) => name.startsWith(`${block}.`))),
    added,
  );
});

Deno.test("a VGG's stages are its poolings", () => {
  for (const [name, stages] of [["vgg11", [2, 5, 10, 15, 20]], ["vgg16-bn", [6, 13, 23, 33, 43]]] as const) {
    assertEquals(modelNamed(name).stages, stages.map((k) => `features.${k}`));
    for (const stage of modelNamed(name).stages!) {
      const options = { ...small, attentionAfter: [`${stage}:se`] };
      const { scope } = createModel(name, options).trace(new GraphBuilder(), 1, true);
      const side = 32 / 2 ** (1 + modelNamed(name).stages!.indexOf(stage));
      assertEquals(scope.outputs.get(stage)!.shape.slice(2), [side, side]);
    }
  }
});

Deno.test("SAGAN's attention starts as the identity", () => {
  const logits = (attentionAfter: string[]) => {
    const model = createModel("resnet18", { ...small, imageSize: 8, attentionAfter });
    model.initialize(1);
    const b = new GraphBuilder();
    b.output("logits", model.trace(b, 2, false).logits);
    const images = Float64Array.from({ length: 2 * 64 }, (_, i) => Math.sin(i * i));
    return runReference(b.graph, { ...Object.fromEntries(model.weights), images }).outputs.logits;
  };
  assertEquals(logits(["layer1", "layer3:self"]), logits([]));
  assertNotEquals(logits(["layer1:se"]), logits([]));
});

const refused: readonly [model: string, places: readonly string[], message: string][] = [
  [
    "resnet18",
    ["layer5"],
    "Cannot put attention after layer5 of resnet18: it has no stage layer5; did you mean layer4?",
  ],
  ["resnet18", ["conv1"], "it has no stage conv1; give layer1, layer2, layer3 or layer4"],
  ["vgg11", ["features.21"], "it has no stage features.21; did you mean features.20?"],
  ["resnet18", ["layer3:see"], "there is no kind see; did you mean se?"],
  ["resnet18", ["layer3:toString"], "there is no kind toString; give self, se or cbam"],
  ["resnet18", ["layer3:se:se"], "there is no kind se:se"],
  ["resnet18", ["layer3", "layer3:self"], "option attentionAfter has it twice; give it once"],
  ["vit-ti16", ["layer3"], "vit-ti16 has no use for attentionAfter layer3: leave it out, or use a model that takes it"],
];

Deno.test("attention after what is no stage is refused, with the nearest", () => {
  for (const [model, places, message] of refused) {
    const error = assertThrows(() => createModel(model, { classes: 3, attentionAfter: places }), UserError);
    assertStringIncludes(error.message.replace("attentionAfter has", "option attentionAfter has"), message);
  }
});

Deno.test("weights of a model without attention leave it fresh; its own come back, and bring its places along", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const plain = createModel("resnet18", small);
    plain.initialize(1);
    await saveWeights(plain, `${folder}/plain.safetensors`);
    const model = createModel("resnet18", { ...small, attentionAfter: ["layer3", "layer2:se"] });
    const report = await loadWeights(model, `${folder}/plain.safetensors`);
    assertEquals(report.loaded.length, plain.parameters.length);
    const blocks = ["layer2.se.fc1.weight", "layer2.se.fc1.bias", "layer2.se.fc2.weight", "layer2.se.fc2.bias"];
    const attention = ["f.weight", "g.weight", "h.weight", "gamma"].map((name) => `layer3.self_attention.${name}`);
    assertEquals(report.fresh, [...blocks, ...attention]);
    model.initialize(2);
    model.weights.get("layer3.self_attention.gamma")![0] = 0.5;
    for (const keys of ["own", "torchvision", "timm"] as const) {
      const path = `${folder}/${keys}.safetensors`;
      await saveWeights(model, path, { keys });
      const again = createModel("resnet18", { ...small, attentionAfter: ["layer3", "layer2:se"] });
      assertEquals((await loadWeights(again, path)).fresh, []);
      assertEquals(again.weights, model.weights);
    }
    // At width 1 the tensors alone tell the model and its places.
    const both = { attentionAfter: ["layer3", "layer2:se"], head: "attention-pool" } as const;
    const whole = createModel("resnet18", { ...small, ...both, width: 1 });
    whole.initialize(3);
    await saveWeights(whole, `${folder}/whole.safetensors`);
    const { models, options } = await originOf(`${folder}/whole.safetensors`);
    assertEquals([models, options.attentionAfter], [["resnet18"], ["layer2:se", "layer3:self"]]);
    assertEquals(options.head, "attention-pool");
    // A part of a block is no block.
    const cut = new Map([...model.weights].filter(([name]) => name !== "layer3.self_attention.g.weight"));
    const shapes = new Map(model.parameters.map(({ name, shape }) => [name, shape]));
    const tensors = new Map([...cut].map(([name, values]) => [name, { shape: shapes.get(name)!, values }]));
    await Deno.writeFile(`${folder}/cut.safetensors`, new Blob(encodeSafetensors(tensors, {}) as BlobPart[]).stream());
    await assertRejects(
      () => loadWeights(model, `${folder}/cut.safetensors`),
      UserError,
      "it has no layer3.self_attention.g.weight",
    );
    await assertRejects(
      () => loadWeights(createModel("resnet18", small), `${folder}/own.safetensors`),
      UserError,
      "have no place",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a checkpoint keeps where attention is, and refuses what is no list of places", () => {
  const about = (attentionAfter: unknown) => {
    const preprocessing = { imageSize: 32, square: 32, mean: [0], std: [1], interpolation: "bilinear", fit: "crop" };
    const model = { name: "resnet18", ...small, stem: "auto", attentionAfter };
    const info = { format: 1, model, task: "multiclass", classes: ["a", "b", "c"], preprocessing };
    return { fovea: JSON.stringify(info) };
  };
  assertEquals(infoOf(about(["layer3"]), "run").model.attentionAfter, ["layer3"]);
  for (const damaged of ["layer3", [3], { 0: "layer3" }]) {
    assertThrows(() => infoOf(about(damaged), "run"), UserError, "what it says of itself is damaged");
  }
});
