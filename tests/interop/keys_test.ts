import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { recognise } from "../../src/interop/keys/mod.ts";
import type { KeyStyle } from "../../src/interop/keys/family.ts";
import { preprocessingFor } from "../../src/run/published_preprocessing.ts";
import { renameTensors } from "../../src/interop/keys/rename.ts";
import { createModel, families, familyOf, modelNamed, models } from "../../src/models/mod.ts";
import { huggingFaceVit, publishedKeys } from "./published.ts";

/** Fovea's model of a published one, and the style that its names are told by. */
const published: [library: "torchvision" | "timm", name: string, model: string, style: string][] = [
  ["torchvision", "alexnet", "alexnet", "torchvision"],
  ["torchvision", "vgg16", "vgg16", "torchvision"],
  ["torchvision", "vgg16_bn", "vgg16-bn", "torchvision"],
  ["torchvision", "resnet18", "resnet18", "torchvision"],
  ["torchvision", "resnet50", "resnet50", "torchvision"],
  ["torchvision", "vit_b_16", "vit-b16", "torchvision"],
  ["torchvision", "swin_t", "swin-t", "torchvision"],
  ["torchvision", "swin_v2_t", "swin-v2-t", "torchvision"],
  ["timm", "vit_base_patch16_224", "vit-b16", "timm"],
  ["timm", "vit_tiny_patch16_224", "deit-ti", "timm"],
  ["timm", "deit_base_distilled_patch16_224", "deit-b-distilled", "timm"],
  ["timm", "swin_tiny_patch4_window7_224", "swin-t", "timm"],
  ["timm", "swinv2_tiny_window8_256", "swin-v2-t", "timm"],
  // torchvision's names are the same.
  ["timm", "resnet18", "resnet18", "torchvision"],
  ["timm", "vgg16", "vgg16", "timm"],
];
for (const [library, name, model, style] of published) {
  Deno.test(`recognise() finds every tensor of ${model} in ${library}'s ${name}, and nothing else`, () => {
    const names = [...publishedKeys(library, name).keys()];
    const found = recognise(names, families)!;
    assertEquals([found.family, found.style as string], [familyOf(model), style]);
    assertEquals(found.unknown, []);
    const wanted = createModel(model, { classes: 1000 }).parameters.map(({ name }) => name);
    assertEquals([...found.sources.keys()].sort(), wanted.toSorted());
  });

  Deno.test(`renameTensors() gives ${model} all names and shapes of ${library}'s ${name}`, () => {
    const tensors = new Map(
      createModel(model, { classes: 1000 }).parameters.map(({ name, shape }) => [
        name,
        // The values are not looked at: an array that claims its length is enough.
        { shape, values: { length: 0, slice: () => new Float32Array(0) } as unknown as Float32Array },
      ]),
    );
    const renamed = [...renameTensors(modelNamed(model), library, tensors)].map(([name, { shape }]) =>
      [name, [...shape]] as const
    );
    const sorted = (entries: Iterable<readonly [string, readonly number[]]>) =>
      [...entries].sort(([a], [b]) => a < b ? -1 : 1);
    assertEquals(sorted(renamed), sorted(publishedKeys(library, name)));
  });
}

Deno.test("recognise() joins Hugging Face's queries, keys and values, with and without the head", () => {
  const names = [...huggingFaceVit(192).keys()];
  for (const given of [names, names.filter((name) => name.startsWith("vit.")).map((name) => name.slice(4))]) {
    const { family, style, sources, unknown } = recognise([...given, "vit.pooler.dense.weight"], families)!;
    assertEquals([family.name, style, unknown], ["a ViT", "huggingface", ["pooler.dense.weight"]]);
    const block = "encoder.layers.encoder_layer_11.self_attention";
    const part = (name: string) => `encoder.layer.11.attention.attention.${name}.bias`;
    assertEquals(sources.get(`${block}.in_proj_bias`)?.parts, ["query", "key", "value"].map(part));
    const missing = createModel("vit-ti16", { classes: 1000 }).parameters.filter(({ name }) => !sources.has(name));
    assertEquals(missing.map(({ name }) => name), given === names ? [] : ["heads.head.weight", "heads.head.bias"]);
  }
});

Deno.test("recognise() looks through wrappers at any depth, and leaves what is beside the network", () => {
  const prefixes = [
    "module.",
    "_orig_mod.",
    "model.backbone.",
    "encoder.",
    "model.resnet.",
    "ema_model.",
    "a.b.c.d.e.",
  ];
  for (const [library, file] of published) {
    const names = [...publishedKeys(library, file).keys()];
    const bare = recognise(names, families)!;
    for (const prefix of [...prefixes, "module._orig_mod.model.", "features.", "layers.0."]) {
      const beside = ["n_averaged", "head.weight", "criterion.weight", "projector.0.weight"];
      const found = recognise([...beside, ...names.map((name) => prefix + name)], families)!;
      assertEquals([found.family.name, found.style], [bare.family.name, bare.style], `${prefix}${file}`);
      assertEquals([found.sources, found.outside], [bare.sources, beside], `${prefix}${file}`);
      const [first] = bare.sources.keys();
      assertEquals(found.inFile.get(bare.sources.get(first)!.parts[0]!), prefix + bare.sources.get(first)!.parts[0]);
    }
  }
});

Deno.test("recognise() knows older files of torchvision's ViT and Microsoft's of Swin", () => {
  const older = [...publishedKeys("torchvision", "vit_b_16").keys()]
    .map((name) => name.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."));
  assertEquals(recognise(older, families)?.unknown, []);
  assertEquals(recognise(older, families)?.sources.size, 152);
  for (const name of ["swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256"]) {
    const timm = [...publishedKeys("timm", name).keys()];
    const microsoft = timm.map((key) =>
      key.replace("head.fc.", "head.").replace(/layers\.(\d)\.downsample/, (_, s) => `layers.${s - 1}.downsample`)
    );
    const { style, sources, unknown } = recognise([...microsoft, "layers.0.blocks.1.attn_mask"], families)!;
    assertEquals([style, unknown], ["microsoft", []]);
    assertEquals(sources.get("features.2.norm.weight")?.parts, ["layers.0.downsample.norm.weight"]);
    assertEquals([...sources.keys()].sort(), [...recognise(timm, families)!.sources.keys()].sort());
  }
});

Deno.test("recognise() gives a tensor of which a part is missing to no one", () => {
  const names = [...huggingFaceVit(192).keys()].filter((name) =>
    !name.includes("layer.3.attention.attention.key.bias")
  );
  const { sources, unknown } = recognise(names, families)!;
  assert(!sources.has("encoder.layers.encoder_layer_3.self_attention.in_proj_bias"));
  assertEquals(unknown, ["query", "value"].map((part) => `encoder.layer.3.attention.attention.${part}.bias`));
});

Deno.test("recognise() knows nothing of other networks", () => {
  assertEquals(recognise([], families), undefined);
  assertEquals(
    recognise(["transformer.wte.weight", "transformer.h.0.ln_1.weight", "lm_head.weight"], families),
    undefined,
  );
});

Deno.test("every model has a family, and one alone", () => {
  for (const { name } of models) {
    const names = createModel(name, { classes: 3 }).parameters.map((parameter) => parameter.name);
    const { family, unknown } = recognise(names, families)!;
    assertEquals([family, unknown], [familyOf(name), []], name);
  }
});

Deno.test("renameTensors() splits and reshapes what timm has in other forms", () => {
  const values = Float32Array.from({ length: 6 }, (_, i) => i);
  const bias = new Map([["features.1.0.attn.qkv.bias", { shape: [6], values }]]);
  assertEquals([...renameTensors(modelNamed("swin-v2-t"), "timm", bias)], [
    ["layers.0.blocks.0.attn.q_bias", { shape: [2], values: Float32Array.of(0, 1) }],
    ["layers.0.blocks.0.attn.v_bias", { shape: [2], values: Float32Array.of(4, 5) }],
  ]);
  const dense = new Map([["classifier.0.weight", { shape: [2, 147], values: new Float32Array(294) }]]);
  assertEquals(renameTensors(modelNamed("vgg16"), "timm", dense).get("pre_logits.fc1.weight")?.shape, [2, 3, 7, 7]);
});

Deno.test("renameTensors() makes torchvision's indices and coordinates of windows", () => {
  const table = (window: number) => ({ shape: [(2 * window - 1) ** 2, 1], values: new Float32Array() });
  const swin = renameTensors(
    modelNamed("swin-t"),
    "torchvision",
    new Map([["x.relative_position_bias_table", table(2)]].map(
      ([, tensor]) => ["features.1.0.attn.relative_position_bias_table", tensor as ReturnType<typeof table>],
    )),
  );
  // Positions 0 1 / 2 3: from the lower right corner to the upper left one is one row and one column on.
  assertEquals(
    [...swin.get("features.1.0.attn.relative_position_index")!.values].map(Number),
    [4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4],
  );
  const scale = { shape: [3, 1, 1], values: new Float32Array(3) };
  const v2 = renameTensors(modelNamed("swin-v2-t"), "torchvision", new Map([["features.1.0.attn.logit_scale", scale]]));
  const coords = v2.get("features.1.0.attn.relative_coords_table")!;
  assertEquals(coords.shape, [1, 15, 15, 2]);
  const log = (x: number) => Math.fround(Math.sign(x) * Math.log2(1 + Math.abs(x)) / 3);
  assertEquals([...coords.values.slice(0, 4)], [log(-8), log(-8), log(-8), log(-8 * 6 / 7)]);
  assertEquals([...coords.values.slice(-2)], [log(8), log(8)]);
});

Deno.test("renameTensors() refuses what a library has not", () => {
  const none = new Map([["classifier.1.weight", { shape: [1], values: new Float32Array(1) }]]);
  assertThrows(
    () => renameTensors(modelNamed("alexnet"), "timm", none),
    UserError,
    "there is none for classifier.1.weight",
  );
  assertThrows(
    () => renameTensors(modelNamed("naive-cnn"), "torchvision", new Map()),
    UserError,
    "no library has this model",
  );
});

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const halves = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const prepared: [
  style: KeyStyle,
  model: string,
  imageSize: number,
  square: number,
  interpolation: string,
  typeof imagenet,
][] = [
  ["torchvision", "alexnet", 224, 256, "bilinear", imagenet],
  ["torchvision", "resnet18", 224, 256, "bilinear", imagenet],
  ["torchvision", "resnet18", 112, 128, "bilinear", imagenet],
  ["torchvision", "vit-b32", 224, 256, "bilinear", imagenet],
  ["torchvision", "swin-t", 224, 232, "bicubic", imagenet],
  ["torchvision", "swin-v2-t", 256, 260, "bicubic", imagenet],
  ["timm", "vit-b16", 224, 248, "bicubic", halves],
  ["timm", "deit-s", 224, 248, "bicubic", imagenet],
  ["timm", "swin-t", 224, 248, "bicubic", imagenet],
  ["torchvision", "swin-s", 224, 246, "bicubic", imagenet],
  ["torchvision", "swin-b", 224, 238, "bicubic", imagenet],
  ["torchvision", "swin-v2-s", 256, 260, "bicubic", imagenet],
  ["torchvision", "swin-v2-b", 256, 272, "bicubic", imagenet],
  ["torchvision", "vit-l16", 224, 242, "bilinear", imagenet],
  ["torchvision", "vit-l32", 224, 256, "bilinear", imagenet],
  ["torchvision", "lenet", 112, 128, "bilinear", imagenet],
  ["microsoft", "swin-t", 224, 256, "bicubic", imagenet],
  ["huggingface", "deit-s", 224, 256, "bicubic", imagenet],
  ["timm", "swin-v2-t", 256, 284, "bicubic", imagenet],
  ["timm", "vgg16", 224, 256, "bilinear", imagenet],
  ["huggingface", "vit-b16", 224, 224, "bilinear", halves],
];
for (const [style, model, imageSize, square, interpolation, statistics] of prepared) {
  Deno.test(`preprocessingFor() ${style}'s ${model} at ${imageSize}`, () => {
    assertEquals({ ...preprocessingFor(style, modelNamed(model), imageSize) }, {
      ...{ imageSize, square, interpolation: interpolation as "bicubic" },
      ...statistics,
    });
  });
}
