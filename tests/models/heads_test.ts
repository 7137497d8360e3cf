/**
 * Heads of CNNs: dense layers as convolutions, and pooling by attention.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { UserError } from "../../src/errors.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { createModel, type Model, type ModelOptions } from "../../src/models/mod.ts";
import { saveWeights } from "../../src/run/save_weights.ts";
import { loadWeights } from "../../src/run/weights.ts";
import { devices } from "../kernels/devices.ts";
import { pictures } from "./reference.ts";

const float32 = (outputs: Readonly<Record<string, ArrayLike<number>>>) =>
  Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, Float32Array.from(values)]));

/** Logits, and other outputs by the names of layers, of pictures of some size. */
async function outputsOf(
  model: Model,
  shape: readonly number[],
  names: readonly string[] = [],
): Promise<Record<string, Float32Array>> {
  const b = new GraphBuilder();
  const { logits, scope } = model.trace(b, shape[0], false, undefined, b.input("images", shape));
  b.output("logits", logits);
  for (const name of names) b.output(name, scope.outputs.get(name)!);
  const images = pictures(shape);
  const wasm = devices.find(({ name, present }) => name === "WebAssembly" && present);
  if (!wasm) return float32(runReference(b.graph, { ...Object.fromEntries(model.weights), images }).outputs);
  await using device = await wasm.open();
  using session = device.open();
  for (const [name, values] of model.weights) session.write(name, values);
  const program = session.compile(b.graph);
  program.run({ images });
  return await program.outputs();
}

/** Models at their training size, and the map that a picture half as large again gives. */
const convolved: readonly [name: string, options: Omit<ModelOptions, "classes">, map: number[]][] = [
  ["vgg11", { imageSize: 224, width: 0.125 }, [4, 4]],
  ["vgg11-bn", { imageSize: 64, width: 0.125 }, [1, 1]],
  ["alexnet", { imageSize: 224, width: 0.125 }, [4, 4]],
  ["naive-cnn", { imageSize: 32, width: 0.25 }, [3, 3]],
  ["resnet18", { imageSize: 32, width: 0.125 }, [6, 6]],
  ["resnet26-sasa", { imageSize: 32, width: 0.25 }, [2, 2]],
];

Deno.test("a model with its dense layers as convolutions takes their weights, and gives the same logits", async (t) => {
  for (const [name, options, map] of convolved) {
    await t.step(name, async () => {
      const [dense, fcn] = (["auto", "fcn"] as const).map((head) =>
        createModel(name, { classes: 5, ...options, head })
      );
      assertEquals(
        fcn.parameters.map(({ name, shape }) => [name, shape]),
        dense.parameters.map(({ name, shape }) => [name, shape]),
      );
      dense.initialize(1);
      for (const [name, values] of dense.weights) {
        // Logits of the initial weights of a VGG are too small to tell anything.
        if (/classifier.*weight/.test(name)) values.forEach((value, i) => values[i] = 4 * value);
        fcn.weights.set(name, values);
      }
      const { imageSize } = dense;
      const shape = [2, 3, imageSize, imageSize];
      const want = (await outputsOf(dense, shape)).logits;
      const got = await outputsOf(fcn, shape);
      const scale = Math.max(...want.map(Math.abs));
      assert(scale > 1e-3, `logits up to ${scale}`);
      want.forEach((value, i) => assertAlmostEquals(got.logits[i], value, 1e-5 * Math.max(1, scale)));
      const large = [1, 3, 1.5 * imageSize, 1.5 * imageSize];
      const { logits, class_map: classMap } = await outputsOf(fcn, large, ["class_map"]);
      const places = map[0] * map[1];
      assertEquals(classMap.length, 5 * places);
      for (let k = 0; k < 5; k++) {
        const mean = classMap.subarray(k * places, (k + 1) * places).reduce((sum, x) => sum + x, 0) / places;
        assertAlmostEquals(logits[k], mean, 1e-4);
      }
    });
  }
});

/** Models that pool by attention at a picture's side, the layer whose map they pool, and that map's side. */
const pooled: readonly [name: string, imageSize: number, layer: string, side: number][] = [
  ["resnet18", 32, "layer4", 4],
  ["resnet18d", 64, "layer4", 2],
  ["vgg11", 64, "features", 2],
  ["alexnet", 127, "features", 3],
];

Deno.test("pooling by attention starts as the mean, has weights that add up to 1, and weights of before leave it fresh", async (t) => {
  const folder = await Deno.makeTempDir();
  const tensors = ["project.weight", "project.bias", "score.weight"].map((name) => `attention_pool.${name}`);
  for (const [name, imageSize, layer, side] of pooled) {
    await t.step(name, async () => {
      const options = { classes: 5, imageSize, width: 0.125 };
      const plain = createModel(name, options);
      plain.initialize(1);
      await saveWeights(plain, `${folder}/plain.safetensors`);
      const model = createModel(name, { ...options, head: "attention-pool" });
      const { fresh } = await loadWeights(model, `${folder}/plain.safetensors`);
      assertEquals(fresh, tensors);
      model.initialize(2);
      const shape = [2, 3, imageSize, imageSize];
      const places = side * side;
      const layers = [layer, "attention_pool", "attention_pool.weights"];
      const want = (await outputsOf(plain, shape, layers.slice(0, 1)))[layer];
      const outputs = await outputsOf(model, shape, layers);
      assertEquals(outputs[layer], want);
      const means = Array.from(outputs.attention_pool, (_, k) => {
        return want.subarray(places * k, places * (k + 1)).reduce((sum, x) => sum + x, 0) / places;
      });
      means.forEach((mean, k) => assertAlmostEquals(outputs.attention_pool[k], mean, 1e-5));
      model.weights.get("attention_pool.score.weight")!.fill(2);
      const after = await outputsOf(model, shape, layers);
      assert(after.attention_pool.some((value, k) => Math.abs(value - means[k]) > 1e-4), "the weights count");
      assert(after.logits.some((value, k) => value !== outputs.logits[k]), "the logits follow");
      const weights = after["attention_pool.weights"];
      assertEquals(weights.length, 2 * places);
      for (const n of [0, 1]) {
        assertAlmostEquals(weights.subarray(places * n, places * (n + 1)).reduce((sum, x) => sum + x, 0), 1, 1e-5);
      }
      await saveWeights(model, `${folder}/pooled.safetensors`);
      await assertRejects(() => loadWeights(plain, `${folder}/pooled.safetensors`), UserError, "have no place");
    });
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a picture of one position has the same logits whatever a VGG's head", async () => {
  const logits = await Promise.all((["auto", "attention-pool"] as const).map(async (head) => {
    const model = createModel("vgg11", { classes: 5, imageSize: 32, width: 0.125, head });
    model.initialize(1);
    return (await outputsOf(model, [2, 3, 32, 32])).logits;
  }));
  assertEquals(logits[1], logits[0]);
});

Deno.test("a head that a model has not is refused", () => {
  const message = "naive-cnn has no head attention-pool: give auto or fcn";
  assertThrows(() => createModel("naive-cnn", { classes: 5, head: "attention-pool" }), UserError, message);
  assertThrows(() => createModel("swin-t", { classes: 5, head: "fcn" }), UserError, "swin-t has no use for head fcn");
});
