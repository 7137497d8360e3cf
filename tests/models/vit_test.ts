import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { createModel, Model, type ModelOptions } from "../../src/models/mod.ts";
import { visionTransformer } from "../../src/models/vit.ts";
import { encoderBlock, Scope } from "../../src/nn/mod.ts";
import { referenceWeight, testBlock, testModel } from "./reference.ts";

testModel("vit", (size) => visionTransformer({ ...size, patch: 8, width: 24, depth: 2, heads: 3, hidden: 40 }));
testModel("deit", (size) =>
  visionTransformer({
    ...size,
    ...{ patch: 8, width: 24, depth: 2, heads: 2, hidden: 36 },
    distilled: true,
    layerScale: 1,
  }));
testBlock("vit_block", encoderBlock(768, 12));

/**
 * Parameters with 1,000 classes at 224×224. torchvision publishes those of ViT-B and ViT-L; those of ViT-Ti, ViT-S/16
 * and DeiT are timm's. ViT-Ti/32 and ViT-S/32 are ViT-Ti/16 and ViT-S/16 with (32² − 16²) · 3 · D more weights in a
 * patch and 147 · D fewer in the positions.
 */
const sizes: Readonly<Record<string, number>> = {
  "vit-ti16": 5_717_416,
  "vit-ti32": 5_717_416 + (768 * 3 - 147) * 192,
  "vit-s16": 22_050_664,
  "vit-s32": 22_050_664 + (768 * 3 - 147) * 384,
  "vit-b16": 86_567_656,
  "vit-b32": 88_224_232,
  "vit-l16": 304_326_632,
  "vit-l32": 306_535_400,
  "deit-ti": 5_717_416,
  "deit-ti-distilled": 5_910_800,
  "deit-s": 22_050_664,
  "deit-s-distilled": 22_436_432,
  "deit-b": 86_567_656,
  "deit-b-distilled": 87_338_192,
};

Deno.test("vision transformers have torchvision's and timm's numbers of parameters", () => {
  for (const [name, size] of Object.entries(sizes)) assertEquals(createModel(name, { classes: 1000 }).size, size, name);
});

Deno.test("a vision transformer's multiply-adds include the products of attention", () => {
  // Of a token: 12 D² in a block and 768 D in the patches; of a pair of tokens: 2 D in a block. D in the head, of each
  // class.
  const [width, depth, patches, classes] = [768, 12, 49, 1000];
  const tokens = patches + 1;
  const expected = 3 * 32 * 32 * width * patches + depth * (12 * tokens * width ** 2 + 2 * tokens ** 2 * width) +
    classes * width;
  assertEquals(createModel("vit-b32", { classes }).multiplyAdds, expected);
});

Deno.test("a vision transformer starts as torchvision's does", () => {
  const [channels, patch, width, hidden] = [3, 8, 64, 128];
  const layer = visionTransformer({ channels, patch, width, hidden, classes: 5, depth: 1, heads: 2, distilled: true });
  const model = new Model("small", layer, { channels, classes: 5, imageSize: 64, stem: "auto" });
  model.initialize(1);
  const uniform = (bound: number) => bound / Math.sqrt(3);
  const xavier = (outputs: number, inputs: number) => uniform(Math.sqrt(6 / (inputs + outputs)));
  const block = "encoder.layers.encoder_layer_0";
  // Standard deviations; everything else is 0, or 1 where it is a norm's weight.
  const spread: Record<string, number> = {
    "dist_token": 0.02,
    "conv_proj.weight": 1 / Math.sqrt(channels * patch ** 2),
    "encoder.pos_embedding": 0.02,
    [`${block}.self_attention.in_proj_weight`]: xavier(3 * width, width),
    [`${block}.self_attention.out_proj.weight`]: uniform(1 / Math.sqrt(width)),
    [`${block}.mlp.0.weight`]: xavier(hidden, width),
    [`${block}.mlp.0.bias`]: 1e-6,
    [`${block}.mlp.3.weight`]: xavier(width, hidden),
    [`${block}.mlp.3.bias`]: 1e-6,
  };
  for (const [name, values] of model.weights) {
    const std = spread[name];
    if (std === undefined) {
      const value = /ln(_\d)?\.weight$/.test(name) ? 1 : 0;
      assertEquals(values, new Float32Array(values.length).fill(value), name);
    } else {
      const found = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
      // Five standard errors of a normal distribution's.
      assertAlmostEquals(found / std, 1, 5 / Math.sqrt(2 * values.length), name);
    }
  }
  assert(Object.keys(spread).every((name) => model.weights.has(name)), "each is a parameter");
});

function trace(name: string, options: Partial<ModelOptions>, training: boolean) {
  const b = new GraphBuilder();
  const model = createModel(name, { classes: 3, imageSize: 32, ...options });
  const { scope, logits } = model.trace(b, 2, training);
  const withOp = (op: string) => b.graph.nodes.filter((node) => node.op === op);
  return { b, model, scope, logits, withOp };
}

Deno.test("a picture that the patch does not divide is padded at the right and at the bottom", () => {
  // 33 to 47 pixels are three patches of 16 a side.
  for (const [imageSize, padding] of [[48, 0], [33, 15], [47, 1]]) {
    const { scope, withOp } = trace("vit-ti16", { imageSize }, false);
    assertEquals(scope.parameters.get("encoder.pos_embedding")!.shape, [1, 10, 192], `${imageSize}`);
    const wanted = padding ? [{ before: [0, 0, 0, 0], after: [0, 0, padding, padding] }] : [];
    assertEquals(withOp("pad").map(({ attrs }) => attrs), wanted, `${imageSize}`);
  }
});

Deno.test("stochastic depth rises linearly from the first block to the last, in training alone", () => {
  const rates = (training: boolean) => {
    const { withOp } = trace("vit-ti16", { stochasticDepth: 0.55 }, training);
    // Dropped where rate > random.
    return withOp("greater").map(({ inputs: [rate] }) => rate.attrs.value as number);
  };
  const wanted = Array.from({ length: 12 }, (_, i) => i === 0 ? [] : [0.05 * i, 0.05 * i]).flat();
  const found = rates(true);
  assertEquals(found.length, wanted.length);
  found.forEach((rate, i) => assertAlmostEquals(rate, wanted[i], 1e-12));
  assertEquals(rates(false), []);
});

Deno.test("dropout is of the embedded tokens and after each projection, attention dropout of the weights", () => {
  const shapesOf = (options: Partial<ModelOptions>, training: boolean) =>
    trace("vit-ti16", options, training).withOp("dropout").map(({ shape, attrs }) => ({ shape, rate: attrs.rate }));
  const tokens = { shape: [2, 5, 192], rate: 0.1 };
  const hidden = { shape: [2, 5, 768], rate: 0.1 };
  const block = [tokens, hidden, tokens];
  assertEquals(shapesOf({ dropout: 0.1 }, true), [tokens, ...Array.from({ length: 12 }, () => block).flat()]);
  const weights = { shape: [2, 3, 5, 5], rate: 0.2 };
  assertEquals(shapesOf({ attentionDropout: 0.2 }, true), Array.from({ length: 12 }, () => weights));
  assertEquals(shapesOf({ dropout: 0.1, attentionDropout: 0.2 }, false), []);
});

Deno.test("layer scale gives each branch its factors, which start at its value", () => {
  const { model } = trace("deit-ti", { layerScale: 0.25 }, false);
  const scales = model.parameters.filter(({ name }) => name.includes(".ls"));
  assertEquals(scales.length, 24);
  assert(scales.some(({ name }) => name === "encoder.layers.encoder_layer_11.ls2.gamma"));
  for (const { shape, init } of scales) assertEquals(init(shape, () => 0), new Float32Array(192).fill(0.25));
});

Deno.test("a distilled DeiT gives the mean of its heads in training too, and each of them is a named output", () => {
  const b = new GraphBuilder();
  const scope = Scope.root(b, true);
  const layer = visionTransformer({
    ...{ channels: 1, classes: 3, patch: 4, width: 8, depth: 1, heads: 2 },
    distilled: true,
  });
  const logits = layer(b.input("images", [2, 1, 8, 8]), scope);
  for (const name of ["heads", "head_dist"]) b.output(name, scope.outputs.get(name)!);
  b.output("logits", logits);
  const weights = [...scope.parameters.values()].map(({ name, shape }) => [name, referenceWeight(name, shape)]);
  const images = referenceWeight("images", [2, 1, 8, 8]);
  const { outputs } = runReference(b.graph, { images, keyHi: [0], keyLo: [0], ...Object.fromEntries(weights) });
  outputs.logits.forEach((value, i) => {
    const [own, dist] = [outputs.heads[i], outputs.head_dist[i]];
    assert(Math.abs(own - dist) > 1e-3, "the heads differ");
    assertAlmostEquals(value, (own + dist) / 2, 1e-12);
  });
});
