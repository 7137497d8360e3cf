import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { writeAtomic } from "../../src/files.ts";
import type { WritableTensor } from "../../src/interop/safetensors.ts";
import { encodeSafetensors } from "../../src/interop/safetensors_file.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { basicBlock, resnetLayers } from "../../src/models/resnet.ts";
import { type CheckpointInfo, metadataOf } from "../../src/run/checkpoint.ts";
import { openModel } from "../../src/run/open_model.ts";
import { exportNotes } from "../../src/run/save_weights.ts";
import { loadWeights, type LoadWeightsOptions, originOf } from "../../src/run/weights.ts";
import { inFolder } from "../data/sets.ts";
import { publishedKeys, withTensors } from "../interop/published.ts";

type Tensors = Map<string, WritableTensor>;

/** A ResNet-18 with a sixteenth of the channels. */
function small(classes = 3, channels = 3): Model {
  const options = { classes, channels, imageSize: 32, stem: "small" } as const;
  return new Model(
    "resnet18",
    resnetLayers(options, { block: basicBlock, blocks: [2, 2, 2, 2], scale: (channels) => channels / 16 }),
    options,
  );
}

/** The tensors of one with such a seed, after a prefix. */
function tensorsOf(seed: number, prefix = "", model = small()): Tensors {
  model.initialize(seed);
  return new Map(
    model.parameters.map(({ name, shape }) => [prefix + name, { shape, values: model.weights.get(name)! }]),
  );
}

async function withFile<T>(
  tensors: Tensors,
  test: (path: string) => Promise<T>,
  metadata: Record<string, string> = {},
): Promise<T> {
  const path = await Deno.makeTempFile();
  try {
    await writeAtomic(path, encodeSafetensors(tensors, metadata));
    return await test(path);
  } finally {
    await Deno.remove(path);
  }
}

const load = (tensors: Tensors, model = small(), options: LoadWeightsOptions = {}) =>
  withFile(tensors, (path) => loadWeights(model, path, options));

const one: WritableTensor = { shape: [1], values: Float32Array.of(1) };

const wrappers: [what: string, prefix: string, beside: Record<string, WritableTensor>, leftOver: string[]][] = [
  ["data parallelism and torch.compile", "module._orig_mod.", {}, []],
  ["a moving average", "module.", { n_averaged: one }, ["n_averaged"]],
  ["a trainer's module with a loss", "model.resnet.", { "criterion.weight": one }, ["criterion.weight"]],
  ["an encoder with a tower", "encoder.", { "projector.0.weight": one }, ["projector.0.weight"]],
  ["an unusual name", "nets.0.trunk.", { step: one }, ["step"]],
  ["an auxiliary head at the top", "", { "aux_head.0.weight": one }, ["aux_head.0.weight"]],
];
for (const [what, prefix, beside, leftOver] of wrappers) {
  Deno.test(`loadWeights() looks through ${what}`, async () => {
    const model = small();
    const report = await load(new Map([...Object.entries(beside), ...tensorsOf(1, prefix)]), model);
    assertEquals([report.loaded.length, report.fresh, report.leftOver], [model.parameters.length, [], leftOver]);
    assertEquals(model.weights.get("fc.weight"), tensorsOf(1).get("fc.weight")!.values);
  });
}

const choices: [prefixes: string[], key: string | undefined, taken: string, others: string[]][] = [
  [["student.", "teacher."], undefined, "student", ["teacher"]],
  [["teacher.", "student."], undefined, "student", ["teacher"]],
  [["student.", "teacher."], "teacher", "teacher", []],
  [["ema_model.", "model."], undefined, "model", ["ema_model"]],
  [["teacher.", "backbone."], undefined, "backbone", ["teacher"]],
];
for (const [prefixes, key, taken, others] of choices) {
  Deno.test(`loadWeights() takes ${taken} of ${prefixes.join(" and ")}${key ? ", as asked" : ""}`, async () => {
    const model = small();
    const report = await load(new Map(prefixes.flatMap((prefix, i) => [...tensorsOf(i + 1, prefix)])), model, { key });
    assertEquals([report.taken, report.others], [taken, others]);
    const seed = prefixes.indexOf(`${taken}.`) + 1;
    assertEquals(model.weights.get("fc.weight"), tensorsOf(seed).get("fc.weight")!.values);
  });
}

const refused: [what: string, tensors: () => Tensors, message: string, key?: string][] = [
  [
    "a tensor inside a block",
    () => tensorsOf(1, "net.").set("net.layer1.0.gain", one),
    "its net.layer1.0.gain has no place",
  ],
  ["a norm at the top", () => tensorsOf(1).set("norm_pre.weight", one), "its norm_pre.weight has no place"],
  ["another stage", () => tensorsOf(1).set("layer5.0.conv1.weight", one), "its layer5.0.conv1.weight has no place"],
  [
    "a value that is not a number",
    () => tensorsOf(1).set("bn1.bias", { shape: [4], values: Float32Array.of(0, 0, NaN, 0) }),
    "its bn1.bias has values that are not finite (NaN at 2)",
  ],
  [
    "whole numbers",
    () => tensorsOf(1).set("bn1.bias", { shape: [4], values: BigInt64Array.of(0n, 1n, 2n, 3n) }),
    "its bn1.bias has whole numbers (I64)",
  ],
  [
    "a key that is not there",
    () => new Map([...tensorsOf(1, "student."), ...tensorsOf(2, "teacher.")]),
    'There are no weights under the key "ema" in ',
    "ema",
  ],
  [
    "a missing tensor, by the file's name",
    () => {
      const tensors = tensorsOf(1, "model.");
      tensors.delete("model.layer2.0.bn1.bias");
      return tensors;
    },
    "it has no model.layer2.0.bn1.bias",
  ],
];
for (const [what, tensors, message, key] of refused) {
  Deno.test(`loadWeights() refuses ${what}`, async () => {
    const model = small();
    const error = await assertRejects(() => load(tensors(), model, { key }), UserError, message);
    assert(!error.message.includes("\n"));
    assertEquals(model.weights.size, 0);
  });
}

const relatives: [library: "timm" | "torchvision", file: string, more: Record<string, number[]>, message: string][] = [
  ["timm", "vit_tiny_patch16_224", { "blocks.0.attn.q_norm.weight": [64] }, "normalised (qk-norm)"],
  ["timm", "vit_tiny_patch16_224", { "blocks.0.attn.gain": [64] }, "its blocks.0.attn.gain has no place"],
  ["timm", "vit_tiny_patch16_224", { reg_token: [1, 4, 192] }, "a ViT with register tokens"],
  ["timm", "vit_tiny_patch16_224", { "blocks.0.ls1.gamma": [192], pos_embed: [1, 196, 192] }, "(deit3)"],
  ["torchvision", "resnet50", { "layer1.0.se.fc1.weight": [16, 256, 1, 1] }, "(seresnet)"],
  ["torchvision", "resnet50", { "layer1.0.conv2.weight": [128, 4, 3, 3] }, "(resnext50_32x4d)"],
  ["torchvision", "resnet50", { "layer1.0.conv2.weight": [128, 128, 3, 3] }, "(wide_resnet50_2)"],
  ["torchvision", "resnet18", { "conv1.0.weight": [32, 3, 3, 3] }, "(resnet26d, resnet50c)"],
];
for (const [library, file, more, message] of relatives) {
  Deno.test(`originOf() names what ${file} with ${Object.keys(more)} is, and the nearest model`, async () => {
    await withTensors(new Map([...publishedKeys(library, file), ...Object.entries(more)]), async (path) => {
      const { models, misfit } = await originOf(path);
      assertEquals(models, []);
      assert(misfit!.includes(message) && misfit!.includes("; the nearest model is "), misfit);
    });
  });
}

Deno.test("loadWeights() adapts the first convolution to other channels as timm does, and says so", async () => {
  const { values } = tensorsOf(1).get("conv1.weight")!;
  const at = (o: number, c: number) => Number(values[(o * 3 + c) * 9]);
  for (const channels of [1, 2, 6]) {
    const model = small(3, channels);
    const { adapted, notes } = await load(tensorsOf(1), model);
    assertEquals(adapted, ["conv1.weight"]);
    const how = channels === 1 ? "summed" : "repeated and scaled";
    assertEquals(notes, [`the first convolution's 3 channels are ${how} for ${channels}`]);
    const got = model.weights.get("conv1.weight")!;
    const wanted = channels === 1 ? at(1, 0) + at(1, 1) + at(1, 2) : at(1, (channels - 1) % 3) * 3 / channels;
    assert(Math.abs(got[(1 * channels + channels - 1) * 9] - wanted) < 1e-6);
  }
  await assertRejects(() => load(tensorsOf(1, "", small(3, 4))), UserError, "its conv1.weight is [4, 4, 3, 3]");
});

const meanings: [
  classes: string[],
  task: "multiclass" | "multilabel",
  rows: (number | undefined)[],
  notes: string[],
][] = [
  [["a", "b", "c"], "multiclass", [0, 1, 2], []],
  [["c", "a", "b"], "multiclass", [2, 0, 1], []],
  [["b", "x", "c"], "multiclass", [1, undefined, 2], [
    "of 3 classes the weights' head has 2 by name; the others start afresh",
  ]],
  [["b", "x"], "multiclass", [1, undefined], ["of 2 classes the weights' head has 1 by name; the others start afresh"]],
  [["x", "y", "z"], "multiclass", [], ["the weights' head is of other classes (a, b, c): it starts afresh"]],
  [["a", "b", "c"], "multilabel", [], ["the weights' head is of other classes (a, b, c): it starts afresh"]],
];
for (const [classes, task, rows, notes] of meanings) {
  Deno.test(`loadWeights() maps a head of a, b, c for ${task} ${classes.join(", ")}`, async () => {
    const about: CheckpointInfo = {
      format: 1,
      ...{ task: "multiclass", classes: ["a", "b", "c"] },
      model: { name: "resnet18", ...small().options },
      preprocessing: { imageSize: 32, square: 32, interpolation: "bilinear", mean: [0], std: [1] },
    };
    const model = small(classes.length);
    const tensors = tensorsOf(1);
    const report = await withFile(
      tensors,
      (path) => loadWeights(model, path, { meaning: { task, classes }, seed: 7 }),
      metadataOf(about),
    );
    assertEquals(report.notes, notes);
    assertEquals(report.fresh.length, rows.length === 0 ? 2 : 0);
    const start = small(classes.length);
    start.initialize(7);
    for (const [i, row] of rows.entries()) {
      const [from, at] = row === undefined
        ? [start.weights.get("fc.weight")!, i]
        : [tensors.get("fc.weight")!.values, row];
      assertEquals(
        model.weights.get("fc.weight")!.slice(i * 32, i * 32 + 32),
        from.slice(at * 32, at * 32 + 32),
        `${i}`,
      );
    }
  });
}

Deno.test("loadWeights() reads shards by their folder and by their index, and refuses what is not beside it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const all = [...tensorsOf(1)];
    const names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    for (const [i, name] of names.entries()) {
      await writeAtomic(join(folder, name), encodeSafetensors(new Map(all.slice(i * 60, i === 0 ? 60 : undefined))));
    }
    const index = join(folder, "model.safetensors.index.json");
    const map = (second: string) =>
      JSON.stringify({ weight_map: Object.fromEntries(all.map(([name], i) => [name, i < 60 ? names[0] : second])) });
    await Deno.writeTextFile(index, map(names[1]));
    for (const path of [folder, index]) {
      const model = small();
      assertEquals((await loadWeights(model, path)).loaded.length, model.parameters.length);
      assertEquals(model.weights.get("fc.bias"), tensorsOf(1).get("fc.bias")!.values);
    }
    const wrong = {
      "../x.safetensors": "no name of a file beside it",
      [names[0]]: "which lacks it",
      "no.bin": "There is no",
    };
    for (const [second, message] of Object.entries(wrong)) {
      await Deno.writeTextFile(index, map(second));
      await assertRejects(() => loadWeights(small(), index), UserError, message);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("originOf() reads the side of Swin's windows, and the pictures' from it", async () => {
  const windowed = (sides: number[]) => {
    const shapes = publishedKeys("timm", "swin_tiny_patch4_window7_224");
    for (const [name, [, heads]] of [...shapes].filter(([name]) => name.endsWith("bias_table"))) {
      shapes.set(name, [(2 * sides[Number(name.split(".")[1])] - 1) ** 2, heads]);
    }
    return shapes;
  };
  const told: [sides: number[], window: number | undefined, imageSize: number][] = [
    [[7, 7, 7, 7], undefined, 224],
    [[12, 12, 12, 12], 12, 384],
    [[7, 7, 4, 2], 7, 64],
  ];
  for (const [sides, window, imageSize] of told) {
    await withTensors(windowed(sides), async (path) => {
      const { models: [name], options } = await originOf(path);
      assertEquals([name, options.window, options.imageSize], ["swin-t", window, imageSize]);
      const { interpolated, loaded } = await loadWeights(createModel(name, { ...options, classes: 1000 }), path);
      assertEquals([interpolated, loaded.length], [[], 173]);
    });
  }
  await withTensors(windowed([7, 7, 14, 7]), async (path) => {
    const { models, misfit } = await originOf(path);
    assertEquals(models, []);
    assert(misfit!.includes("its stages have windows of 7, 7, 14, 7: Swin-S3"), misfit);
  });
});

Deno.test("the side of Swin V2's windows is read from the tables, and what the file does not tell is said", async () => {
  const shapes = publishedKeys("torchvision", "swin_v2_t");
  for (const name of shapes.keys()) {
    const side = name.startsWith("features.7.") ? 8 : 16;
    if (name.endsWith("coords_table")) shapes.set(name, [1, 2 * side - 1, 2 * side - 1, 2]);
    if (name.endsWith("position_index")) shapes.set(name, [side ** 4]);
  }
  const table = "features.1.0.attn.relative_coords_table";
  await withTensors(shapes, async (path) => {
    const { models: [name], options } = await originOf(path);
    assertEquals([name, options.window, options.imageSize], ["swin-v2-t", 16, 256]);
  });
  const scaled = new Float32Array(31 * 31 * 2).fill(1.3);
  await withTensors(shapes, async (path) => {
    assert((await originOf(path)).misfit!.includes(`its ${table} is scaled by another window`));
  }, { [table]: scaled });
  await withTensors(publishedKeys("timm", "swinv2_tiny_window8_256"), async (path) => {
    const { notes } = await loadWeights(createModel("swin-v2-t", { classes: 1000 }), path);
    assertEquals(notes.map((note) => note.slice(0, 49)), ["the file does not tell the side of its windows, n"]);
    assertEquals((await loadWeights(createModel("swin-v2-t", { classes: 1000, window: 8 }), path)).notes, []);
  });
});

Deno.test("the side of Swin V2's windows is read from the config.json beside a file that does not tell it", () =>
  withTensors(publishedKeys("timm", "swinv2_tiny_window8_256"), (path) =>
    inFolder(async (folder) => {
      const file = `${folder}/model.safetensors`;
      await Deno.link(path, file).catch(() => Deno.copyFile(path, file));
      const said = async (config: unknown) => {
        await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
        const { models, options: { window, imageSize }, misfit } = await originOf(folder);
        return [models[0], window, imageSize, misfit?.match(/fine-tuned from \d+/)?.[0]];
      };
      const hub = { model_type: "swinv2", image_size: 256, window_size: 16, pretrained_window_sizes: [0, 0, 0, 0] };
      assertEquals(await said(hub), ["swin-v2-t", 16, 256, undefined]);
      const note = "the config.json beside the file says that its windows are 16×16: option window sets that";
      assertEquals((await loadWeights(createModel("swin-v2-t", { classes: 1000 }), file)).notes, [note]);
      assertEquals((await loadWeights(createModel("swin-v2-t", { classes: 1000, window: 16 }), file)).notes, []);

      assertEquals((await said({ ...hub, pretrained_window_sizes: [12, 12, 12, 6] }))[3], "fine-tuned from 12");
      assertEquals(await said({ architecture: "swinv2_tiny_window8_256" }), ["swin-v2-t", 8, 256, undefined]);
      assertEquals((await said({ architecture: "swinv2_base_window12to24_192to384" }))[3], "fine-tuned from 12");
      await Deno.writeTextFile(`${folder}/config.json`, "no JSON");
      assertEquals((await originOf(file)).options.window, undefined);
    })));

Deno.test("openModel() refuses weights without a head, which train takes", async () => {
  const shapes = publishedKeys("timm", "vit_tiny_patch16_224");
  for (const name of ["head.weight", "head.bias"]) shapes.delete(name);
  await withTensors(shapes, async (path) => {
    await assertRejects(() => openModel(path), UserError, "it has no head (heads.head.weight, heads.head.bias)");
    assertEquals((await loadWeights(createModel("vit-ti16", { classes: 2 }), path)).fresh.length, 2);
  });
});

Deno.test("exportNotes() says where a library computes a model otherwise", () => {
  const swin = (imageSize: number, window?: number) => createModel("swin-t", { classes: 2, imageSize, window });
  assertEquals(exportNotes(swin(224), "timm"), []);
  assertEquals(exportNotes(swin(448), "timm"), []);
  assertEquals(exportNotes(swin(64), "torchvision"), []);
  const [note] = exportNotes(swin(64), "timm");
  assert(note.startsWith("timm computes swin-t otherwise at 64×64") && note.includes("off by up to 0.68"), note);
  assertEquals(exportNotes(swin(256), "timm").length, 1);
  assertEquals(exportNotes(swin(64, 4), "timm"), []);
  assertEquals(exportNotes(swin(64, 7), "torchvision").length, 1);
  assertEquals(exportNotes(createModel("vit-ti16", { classes: 2, normEps: 1e-12 }), "timm").length, 1);
  assertEquals(exportNotes(createModel("resnet18", { classes: 2 }), "timm"), []);
  const narrow = createModel("resnet18", { classes: 2, width: 0.25 });
  assertEquals(exportNotes(narrow, "own"), []);
  assertEquals(exportNotes(narrow, "timm"), [
    "timm has resnet18 at width 1: make it there with the channels of width 0.25",
  ]);
});
