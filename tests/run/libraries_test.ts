import { assert, assertEquals, assertRejects } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { UserError } from "../../src/errors.ts";
import { openWeights } from "../../src/interop/weight_file.ts";
import { Model } from "../../src/models/mod.ts";
import { basicBlock, resnetLayers } from "../../src/models/resnet.ts";
import { swinTransformer } from "../../src/models/swin.ts";
import { visionTransformer } from "../../src/models/vit.ts";
import type { Layer } from "../../src/nn/mod.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { loadWeights } from "../../src/run/weights.ts";

/** Written by `fixtures/interop/make_small.py`. */
const folder = new URL("../../fixtures/interop/small/", import.meta.url).pathname;

/** What a file's model is made of, and what it gives. */
interface Case {
  readonly kind: "vit" | "swin" | "resnet";
  readonly size: number;
  readonly logits: readonly number[];
  // deno-lint-ignore no-explicit-any -- options of whichever kind it is
  readonly [option: string]: any;
}

const cases: Record<string, Case> = JSON.parse(await Deno.readTextFile(`${folder}cases.json`));

const sizes = { classes: 5, channels: 3 };

/** Reduced models by the names of those that have such tensors. */
const kinds: Record<Case["kind"], (about: Case) => { name: string; layer: Layer }> = {
  vit: ({ width, depth, heads, hidden, patch, distilled }) => ({
    name: distilled ? "deit-ti-distilled" : "vit-ti16",
    layer: visionTransformer({ ...sizes, width, depth, heads, hidden, patch, distilled, normEps: 1e-12 }),
  }),
  swin: ({ version, width, depths, heads, window }) => ({
    name: version === 1 ? "swin-t" : "swin-v2-t",
    layer: swinTransformer({ ...sizes, version, width, depths, heads, window }),
  }),
  resnet: ({ width, blocks, size }) => ({
    name: "resnet18",
    layer: resnetLayers({ ...sizes, imageSize: size, stem: "imagenet" }, {
      ...{ block: basicBlock, blocks },
      scale: (channels) => channels * width,
    }),
  }),
};

/** The picture of the script, from the same waves. */
function picture(size: number): Float32Array {
  return Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(i * 0.37) + Math.cos(i * i * 1e-4));
}

for (const [file, about] of Object.entries(cases)) {
  Deno.test(`loadWeights() makes the logits of ${file}`, async () => {
    const { name, layer } = kinds[about.kind](about);
    const options = { ...sizes, imageSize: about.size, stem: "imagenet", normEps: 1e-12 } as const;
    const model = new Model(name, layer, about.kind === "vit" ? options : { ...options, normEps: undefined });
    const { style, fresh, leftOver, adapted } = await loadWeights(model, folder + file);
    const heads = ["heads.head.weight", "heads.head.bias", "head_dist.weight", "head_dist.bias"];
    assertEquals([style, fresh, leftOver], ["huggingface", [], []]);
    assertEquals(adapted.toSorted(), about.distilled ? heads.toSorted() : []);
    const values = { ...Object.fromEntries(model.weights), images: picture(about.size) };
    const { outputs: { logits } } = runReference(evaluationGraph(model, 1), values);
    const off = Math.max(...about.logits.map((value, i) => Math.abs(value - logits[i])));
    assert(off < 1e-4, `off by ${off}`);
  });
}

for (const file of ["beside.pth", "beside-old.pth", "beside-5.pth"]) {
  Deno.test(`openWeights() passes over what trainers keep beside the weights of ${file}`, async () => {
    using plain = await openWeights(folder + file);
    assertEquals([plain.found?.taken, plain.found?.others], ["model", ["model_ema"]]);
    assertEquals([...plain.entries.keys()], ["weight", "bias"]);
    assertEquals((await plain.read("bias")).values, Float32Array.of(0.5, -1));
    using average = await openWeights(folder + file, "model_ema");
    assertEquals((await average.read("module.bias")).values, Float32Array.of(1.5, 0));
    await assertRejects(() => openWeights(folder + file, "optimizer"), UserError, "it has 0");
  });
}
