import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { sizeOf } from "../../kernels/op.ts";
import { UserError } from "../../src/errors.ts";
import { renameTensors } from "../../src/interop/keys/rename.ts";
import type { WritableTensor } from "../../src/interop/safetensors.ts";
import { encodeSafetensors } from "../../src/interop/safetensors_file.ts";
import { writeAtomic } from "../../src/files.ts";
import { createModel, type Model, modelNamed, type ModelOptions } from "../../src/models/mod.ts";
import { type CheckpointInfo, metadataOf } from "../../src/run/checkpoint.ts";
import { openModel } from "../../src/run/open_model.ts";
import { loadWeights, originOf } from "../../src/run/weights.ts";
import { huggingFaceVit, publishedKeys, withTensors } from "../interop/published.ts";

/** Values that differ from place to place. */
const ramp = (length: number, start = 0) => Float32Array.from({ length }, (_, i) => start + i / 8);

function initialized(name: string, options: ModelOptions): Model {
  const model = createModel(name, options);
  model.initialize(1);
  return model;
}

/** The tensors of a model by its own names. */
function tensorsOf(model: Model): Map<string, { shape: readonly number[]; values: Float32Array }> {
  return new Map(model.parameters.map(({ name, shape }) => [name, { shape, values: model.weights.get(name)! }]));
}

async function withFile(
  tensors: ReadonlyMap<string, WritableTensor>,
  test: (path: string) => Promise<void>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "weights.bin");
    await writeAtomic(path, encodeSafetensors(tensors, metadata));
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("loadWeights() loads all, and says so, from torchvision's and timm's names and through wrappers", async () => {
  const trained = initialized("vit-ti16", { classes: 7, imageSize: 32 });
  for (const style of ["torchvision", "timm"] as const) {
    const renamed = [...renameTensors(modelNamed("vit-ti16"), style, tensorsOf(trained))];
    await withFile(new Map(renamed.map(([key, tensor]) => [`module.${key}`, tensor])), async (path) => {
      const model = createModel("vit-ti16", { classes: 7, imageSize: 32 });
      const report = await loadWeights(model, path);
      assertEquals(report, {
        style,
        loaded: model.parameters.map(({ name }) => name),
        ...{ fresh: [], interpolated: [], adapted: [], mapped: [], leftOver: [] },
        ...{ taken: "module", others: [], notes: [] },
      });
      for (const [key, values] of trained.weights) {
        const got = model.weights.get(key)!;
        assert(values.every((value, i) => value === got[i]), key);
      }
    });
  }
});

Deno.test("loadWeights() gives Swin V2 keys without bias from timm's names", async () => {
  const block = "layers.3.blocks.1.attn";
  const values = { [`${block}.q_bias`]: ramp(768, 1), [`${block}.v_bias`]: ramp(768, 1000) };
  await withTensors(publishedKeys("timm", "swinv2_tiny_window8_256"), async (path) => {
    const model = createModel("swin-v2-t", { classes: 1000 });
    const { loaded, leftOver } = await loadWeights(model, path);
    assertEquals([loaded.length, leftOver], [model.parameters.length, []]);
    const bias = model.weights.get("features.7.1.attn.qkv.bias")!;
    assertEquals(bias, Float32Array.of(...ramp(768, 1), ...new Float32Array(768), ...ramp(768, 1000)));
  }, values);
});

Deno.test("loadWeights() leaves a head for other classes to be made fresh", async () => {
  const trained = initialized("naive-cnn", { classes: 3, imageSize: 8 });
  const tensors = new Map([...tensorsOf(trained), ["teapot", { shape: [], values: Float32Array.of(1) }]]);
  await withFile(tensors, async (path) => {
    const model = initialized("naive-cnn", { classes: 5, imageSize: 8 });
    const { loaded, fresh, leftOver } = await loadWeights(model, path);
    assertEquals(fresh, ["head.weight", "head.bias"]);
    assertEquals(leftOver, ["teapot"]);
    assertEquals(loaded.length, model.parameters.length - 2);
    assertEquals([model.weights.has("head.weight"), model.weights.has("head.bias")], [false, false]);
    assertEquals(model.weights.get("dense.weight"), trained.weights.get("dense.weight"));
    model.initialize(2);
    assertEquals(model.weights.get("dense.weight"), trained.weights.get("dense.weight"));
    assertEquals(model.weights.get("head.bias")!.length, 5);
  });
});

Deno.test("loadWeights() joins Hugging Face's queries, keys and values", async () => {
  const names = ["query", "key", "value"].map((part) => `vit.encoder.layer.4.attention.attention.${part}.bias`);
  const values = Object.fromEntries(names.map((name, i) => [name, new Float32Array(192).fill(i + 1)]));
  await withTensors(huggingFaceVit(192), async (path) => {
    const model = createModel("deit-ti", { classes: 1000 });
    const { style, loaded, fresh } = await loadWeights(model, path);
    assertEquals([style, loaded.length, fresh], ["huggingface", 152, []]);
    const joined = model.weights.get("encoder.layers.encoder_layer_4.self_attention.in_proj_bias")!;
    assertEquals([joined[0], joined[191], joined[192], joined[575], joined.length], [1, 1, 2, 3, 576]);
  }, values);
});

Deno.test("loadWeights() interpolates ViT's positions and keeps those of the tokens", async () => {
  const width = 192;
  const shapes = publishedKeys("timm", "vit_tiny_patch16_224");
  // A slope along the rows of the grid stays one, but for the borders.
  const positions = Float32Array.from({ length: 197 * width }, (_, i) => {
    const place = Math.floor(i / width) - 1;
    return place < 0 ? -100 : Math.floor(place / 14);
  });
  await withTensors(shapes, async (path) => {
    const model = createModel("vit-ti16", { classes: 10, imageSize: 448 });
    const report = await loadWeights(model, path);
    assertEquals([report.interpolated, report.fresh], [["encoder.pos_embedding"], [
      "heads.head.weight",
      "heads.head.bias",
    ]]);
    const got = model.weights.get("encoder.pos_embedding")!;
    assertEquals(got.length, (28 * 28 + 1) * width);
    assertEquals([got[0], got[width - 1]], [-100, -100]);
    const at = (row: number, column: number) => got[(1 + row * 28 + column) * width + 7];
    // This cubic makes waves of a slope, lower than this.
    for (const row of [6, 13, 20]) assert(Math.abs(at(row, 5) - (row / 2 - 0.25)) < 0.05, `${row}: ${at(row, 5)}`);
  }, { pos_embed: positions });
});

Deno.test("loadWeights() interpolates Swin's tables of another window", async () => {
  const shapes = publishedKeys("timm", "swin_tiny_patch4_window7_224");
  for (const [name, [, heads]] of [...shapes].filter(([name]) => name.endsWith("bias_table"))) {
    shapes.set(name, [23 * 23, heads]);
  }
  const table = "layers.0.blocks.0.attn.relative_position_bias_table";
  await withTensors(shapes, async (path) => {
    const model = createModel("swin-t", { classes: 1000 });
    const { interpolated, loaded } = await loadWeights(model, path);
    assertEquals([interpolated.length, loaded.length], [12, 173 - 12]);
    const got = model.weights.get("features.1.0.attn.relative_position_bias_table")!;
    assertEquals(got.length, 169 * 3);
    assert(got.every((value, i) => Math.abs(value - [1, 2, 3][i % 3]) < 1e-6));
  }, { [table]: Float32Array.from({ length: 23 * 23 * 3 }, (_, i) => 1 + i % 3) });
});

const strangers: [model: string, library: "torchvision" | "timm", file: string, message: string][] = [
  ["resnet18", "torchvision", "resnet50", "it looks like resnet50 in torchvision's names; take the model resnet50"],
  ["resnet50", "torchvision", "resnet18", "it looks like resnet18 in torchvision's names; take the model resnet18"],
  ["vgg16", "torchvision", "vgg16_bn", "it looks like vgg16-bn in torchvision's names"],
  ["vgg16", "torchvision", "resnet18", "it looks like resnet18 in torchvision's names"],
  ["alexnet", "timm", "vgg16", "it looks like vgg16 in timm's names"],
  ["vit-b32", "torchvision", "vit_b_16", "it looks like vit-b16 in torchvision's names"],
  ["vit-s16", "timm", "vit_tiny_patch16_224", "it looks like vit-ti16 in timm's names"],
  ["deit-b", "timm", "deit_base_distilled_patch16_224", "it looks like deit-b-distilled in timm's names"],
  ["deit-b-distilled", "timm", "vit_base_patch16_224", "it looks like vit-b16 in timm's names"],
  // All of Swin-T's tensors are in Swin-S too, and some are left.
  ["swin-s", "timm", "swin_tiny_patch4_window7_224", "it looks like swin-t in timm's names"],
  ["swin-t", "timm", "swinv2_tiny_window8_256", "it looks like swin-v2-t in timm's names"],
  ["lenet", "timm", "resnet18", "it looks like resnet18 in torchvision's names"],
];
for (const [name, library, file, message] of strangers) {
  Deno.test(`loadWeights() refuses ${library}'s ${file} for ${name}`, async () => {
    await withTensors(publishedKeys(library, file), async (path) => {
      const model = createModel(name, { classes: 1000 });
      const error = await assertRejects(() => loadWeights(model, path), UserError, message);
      assert(error.message.startsWith(`Cannot load ${path} into ${name}: `) && !error.message.includes("\n"));
      assertEquals(model.weights.size, 0);
    });
  });
}

Deno.test("loadWeights() refuses a deeper model of which the model is a part", async () => {
  const deep = createModel("resnet34", { classes: 1000 });
  await withTensors(new Map(deep.parameters.map(({ name, shape }) => [name, [...shape]])), async (path) => {
    const model = createModel("resnet18", { classes: 1000 });
    await assertRejects(() => loadWeights(model, path), UserError, "it looks like resnet34 in torchvision's names");
  });
});

const damaged: [what: string, change: (shapes: Map<string, number[]>) => unknown, message: string][] = [
  ["a tensor missing", (shapes) => shapes.delete("layer2.0.bn1.bias"), "it has no layer2.0.bn1.bias"],
  ["another shape", (shapes) => shapes.set("bn1.bias", [63]), "its bn1.bias is [63], and [64] is needed"],
  [
    "more blocks than any",
    (shapes) => shapes.set("layer1.9.conv1.weight", [64, 64, 3, 3]),
    "its layer1.9.conv1.weight has no place",
  ],
  ["no channels", (shapes) => shapes.set("conv1.weight", [64, 0, 7, 7]), "its conv1.weight is [64, 0, 7, 7]"],
  ["no classes", (shapes) => shapes.set("fc.weight", [0, 512]).set("bn1.bias", [1]), "its bn1.bias is [1]"],
];
for (const [what, change, message] of damaged) {
  Deno.test(`loadWeights() names what is wrong in a ResNet-18 with ${what}`, async () => {
    const shapes = publishedKeys("torchvision", "resnet18");
    change(shapes);
    await withTensors(shapes, async (path) => {
      const model = createModel("resnet18", { classes: 1000 });
      const before = new Float32Array(64 * 3 * 49);
      model.weights.set("conv1.weight", before);
      await assertRejects(() => loadWeights(model, path), UserError, message);
      assert(model.weights.get("conv1.weight") === before, "the model is as it was");
    });
  });
}

Deno.test("loadWeights() says which stem weights need", async () => {
  await withTensors(publishedKeys("torchvision", "resnet18"), async (path) => {
    const model = createModel("resnet18", { classes: 1000, imageSize: 32 });
    const message = "its conv1.weight is [64, 3, 7, 7], and [64, 3, 3, 3] is needed; give stem imagenet";
    await assertRejects(() => loadWeights(model, path), UserError, message);
  });
});

Deno.test("loadWeights() refuses tensors of other networks, and parts that do not belong together", async () => {
  await withFile(new Map([["wte.weight", { shape: [2], values: ramp(2) }]]), async (path) => {
    const model = createModel("lenet", { classes: 3 });
    await assertRejects(() => loadWeights(model, path), UserError, 'its names ("wte.weight", …) are those of no model');
  });
  const shapes = huggingFaceVit(192);
  shapes.set("vit.encoder.layer.0.attention.attention.key.bias", [99]);
  await withTensors(shapes, async (path) => {
    await assertRejects(() => originOf(path), UserError, "belong together and have the shapes [192], [99], [192]");
  });
});

Deno.test("originOf() tells model, classes and picture size from the tensors alone", async () => {
  const distilled = publishedKeys("timm", "deit_base_distilled_patch16_224");
  distilled.set("pos_embed", [1, 24 * 24 + 2, 768]).set("head.weight", [5, 768]).set("head.bias", [5]);
  distilled.set("head_dist.weight", [5, 768]).set("head_dist.bias", [5]);
  await withTensors(distilled, async (path) => {
    const { models, options } = await originOf(path);
    assertEquals([models, options], [["deit-b-distilled"], { classes: 5, channels: 3, imageSize: 384 }]);
  });
  const small = createModel("resnet34", { classes: 2, channels: 1, imageSize: 32 });
  await withTensors(new Map(small.parameters.map(({ name, shape }) => [name, [...shape]])), async (path) => {
    const { models, options } = await originOf(path);
    assertEquals([models, options], [["resnet34"], { classes: 2, channels: 1, imageSize: 224, stem: "small" }]);
  });
});

Deno.test("openModel() makes the model of published weights, with their preprocessing", async () => {
  const bias = ramp(1000);
  await withTensors(publishedKeys("torchvision", "resnet18"), async (path) => {
    const { model, preprocessing } = await openModel(path);
    assertEquals([model.name, model.classes, model.imageSize], ["resnet18", 1000, 224]);
    assertEquals(model.weights.get("fc.bias"), bias);
    assertEquals([preprocessing.square, preprocessing.mean[0]], [256, 0.485]);
    for (const { name, shape } of model.parameters) assertEquals(model.weights.get(name)!.length, sizeOf(shape), name);
  }, { "fc.bias": bias });
});

Deno.test("openModel() makes the model of a checkpoint of Fovea's, and passes over the optimiser's state", async () => {
  const trained = initialized("lenet", { classes: 3, channels: 1, imageSize: 28 });
  const preprocessing = { imageSize: 28, square: 32, interpolation: "bicubic", mean: [0.1], std: [0.2] } as const;
  const info: CheckpointInfo = {
    format: 1,
    model: { name: "lenet", ...trained.options },
    task: "multiclass",
    classes: ["a", "b", "c"],
    preprocessing,
  };
  const tensors = tensorsOf(trained);
  for (const [name, tensor] of tensorsOf(trained)) {
    for (const moment of ["m", "v"]) tensors.set(`optimizer.${moment}.${name}`, tensor);
  }
  await withFile(tensors, async (path) => {
    const opened = await openModel(path);
    assertEquals(opened.preprocessing, preprocessing);
    assertEquals(opened.model.options, trained.options);
    assertEquals(opened.model.weights, trained.weights);
    const { leftOver, fresh } = await loadWeights(
      createModel("lenet", { classes: 2, channels: 1, imageSize: 28 }),
      path,
    );
    assertEquals([leftOver, fresh], [[], ["output.weight", "output.bias"]]);
    const other = createModel("naive-cnn", { classes: 3 });
    await assertRejects(() => loadWeights(other, path), UserError, "it looks like lenet in");
  }, metadataOf(info));
});

Deno.test("loadWeights() notices a flipped bit in a file with a hash", async () => {
  await withFile(tensorsOf(initialized("lenet", { classes: 3 })), async (path) => {
    const bytes = await Deno.readFile(path);
    bytes[bytes.length - 2] ^= 1;
    await Deno.writeFile(path, bytes);
    const model = createModel("lenet", { classes: 3 });
    await assertRejects(() => loadWeights(model, path), UserError, "its hash does not match");
    assertEquals(model.weights.size, 0);
  });
});

for (const text of ["", "{", "null", "[]", '{"format":1}', '{"format":1,"model":{"name":7}}']) {
  Deno.test(`originOf() refuses a checkpoint that says ${JSON.stringify(text)} of itself`, async () => {
    await withFile(new Map([["c1.weight", { shape: [1], values: ramp(1) }]]), async (path) => {
      await assertRejects(() => originOf(path), UserError, "what it says of itself is damaged");
    }, { fovea: text });
  });
}

Deno.test("openModel() refuses weights of a size that is not known here", async () => {
  const shapes = publishedKeys("timm", "vit_tiny_patch16_224");
  for (const [name, shape] of shapes) shapes.set(name, shape.map((size) => size === 192 ? 200 : size));
  await withTensors(shapes, async (path) => {
    await assertRejects(() => openModel(path), UserError, "its weights are of no model that is known here");
  });
});
