import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { sizeOf } from "../../kernels/op.ts";
import { UserError } from "../../src/errors.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { createModel, type ModelOption, type ModelOptions, models } from "../../src/models/mod.ts";

const torchvision: Record<string, Record<string, number[]>> = JSON.parse(
  await Deno.readTextFile(new URL("../../fixtures/models/keys.json", import.meta.url)),
);

for (const [name, keys] of Object.entries(torchvision)) {
  Deno.test(`${name} has torchvision's key names, shapes and order`, () => {
    const { parameters } = createModel(name, { classes: 1000 });
    // The count of batches is no part of the computation while momentum is a number.
    const wanted = Object.entries(keys).filter(([key]) => !key.endsWith(".num_batches_tracked"));
    assertEquals(parameters.map(({ name, shape }) => [name, [...shape]]), wanted);
  });
}

interface Size {
  readonly model: string;
  readonly options: ModelOptions;
  /** Learnt parameters. */
  readonly size: number;
  readonly multiplyAdds: number;
}

/** By hand from the layers' sizes; ResNet-18's are torchvision's 11,689,512 and 1.81 G. */
const sizes: readonly Size[] = [
  { model: "lenet", options: { classes: 10, channels: 1, imageSize: 28 }, size: 61_706, multiplyAdds: 416_520 },
  { model: "lenet", options: { classes: 10, channels: 1 }, size: 61_706, multiplyAdds: 416_520 },
  { model: "naive-cnn", options: { classes: 5 }, size: 1_142_821, multiplyAdds: 42_336_896 },
  { model: "naive-cnn", options: { classes: 1, channels: 1, imageSize: 8 }, size: 109_537, multiplyAdds: 624_768 },
  { model: "resnet18", options: { classes: 1000 }, size: 11_689_512, multiplyAdds: 1_814_073_344 },
  { model: "resnet18", options: { classes: 10, imageSize: 32 }, size: 11_173_962, multiplyAdds: 555_422_720 },
];

Deno.test("models have the sizes that their papers give", async (t) => {
  for (const { model, options, size, multiplyAdds } of sizes) {
    await t.step(`${model} ${JSON.stringify(options)}`, () => {
      const made = createModel(model, options);
      assertEquals({ size: made.size, multiplyAdds: made.multiplyAdds }, { size, multiplyAdds });
    });
  }
});

Deno.test("models give [N, classes] in training and in evaluation, at every size they take", async (t) => {
  for (const { name, imageSize, minImageSize } of models) {
    await t.step(name, () => {
      for (const side of [minImageSize, minImageSize + 1, imageSize, imageSize + 32]) {
        const model = createModel(name, { classes: 7, channels: 2, imageSize: side });
        for (const training of [true, false]) {
          const { logits, scope } = model.trace(new GraphBuilder(), 3, training);
          assertEquals(logits.shape, [3, 7], `${side}×${side}`);
          assertEquals([...scope.parameters.keys()], model.parameters.map((parameter) => parameter.name));
        }
      }
    });
  }
});

Deno.test("models keep running statistics in training alone, and decay neither biases nor norms", () => {
  const model = createModel("resnet18", { classes: 3, imageSize: 32 });
  const updates = (training: boolean) => [...model.trace(new GraphBuilder(), 2, training).scope.updates.keys()].sort();
  const buffers = model.parameters.filter(({ trainable }) => !trainable).map(({ name }) => name).sort();
  assertEquals(updates(true), buffers);
  assertEquals(updates(false), []);
  for (const { name, shape, decay } of model.parameters) assertEquals(decay, shape.length > 1, name);
});

Deno.test("initialize() gives the same values for the same seed, and leaves values that are there", () => {
  const weights = (seed: number, classes = 5) => {
    const model = createModel("naive-cnn", { classes, imageSize: 8 });
    model.initialize(seed);
    return model.weights;
  };
  const first = weights(1);
  for (const [name, values] of weights(1)) assertEquals(values, first.get(name), name);
  assertNotEquals(weights(2).get("head.weight"), first.get("head.weight"));
  // A parameter starts the same whatever else the model holds.
  assertEquals(weights(1, 3).get("block1.conv.weight"), first.get("block1.conv.weight"));
  const model = createModel("naive-cnn", { classes: 5, imageSize: 8 });
  model.weights.set("head.bias", new Float32Array(5).fill(4));
  model.initialize(1);
  assertEquals(model.weights.get("head.bias"), new Float32Array(5).fill(4));
  for (const { name, shape } of model.parameters) assertEquals(model.weights.get(name)!.length, sizeOf(shape), name);
});

Deno.test("initialize() gives no two layers the same numbers", () => {
  const model = createModel("resnet18", { classes: 10, imageSize: 32 });
  model.initialize(1);
  const random = model.parameters.filter(({ name }) => /conv|downsample\.0|fc/.test(name));
  const starts = random.map(({ name, init }) => {
    const values = model.weights.get(name)!;
    // Of one scale: the stream's own numbers.
    return `${init([2, 2], () => 0.25)[0] === 0 ? 0 : Math.fround(values[0] / values[1])}`;
  });
  assertEquals(new Set(starts).size, starts.length);
});

const refused: readonly [name: string, create: () => unknown, message: string][] = [
  [
    "an unknown name",
    () => createModel("resnet81", { classes: 5 }),
    "There is no model resnet81; did you mean resnet18?",
  ],
  [
    "a name like no other",
    () => createModel("transformer", { classes: 5 }),
    "There is no model transformer; give one of",
  ],
  [
    "a picture that is too small",
    () => createModel("lenet", { classes: 5, imageSize: 12 }),
    "lenet cannot take pictures of 12×12: give --image-size 16 or more",
  ],
  [
    "an option that the model has no use for",
    () => createModel("resnet18", { classes: 5, layerScale: 0.1 }),
    "resnet18 has no use for --layer-scale 0.1: leave it out, or use a model that takes it, as vit-ti16 does",
  ],
];

Deno.test("an option that a model takes changes it, and every other is refused", async (t) => {
  const values: Required<Pick<ModelOptions, ModelOption>> = {
    ...{ dropout: 0.3, attentionDropout: 0.3, stochasticDepth: 0.4, layerScale: 0.3 },
    stem: "small",
  };
  const nodesOf = (name: string, options: Partial<ModelOptions>) => {
    const b = new GraphBuilder();
    createModel(name, { classes: 3, ...options }).trace(b, 2, true);
    return JSON.stringify(b.graph.nodes.map(({ op, shape, attrs }) => [op, shape, attrs]));
  };
  for (const { name, takes = [] } of models) {
    await t.step(name, () => {
      const plain = nodesOf(name, { stem: "auto" });
      for (const [option, value] of Object.entries(values)) {
        const options = { [option]: value };
        if ((takes as readonly string[]).includes(option)) assertNotEquals(nodesOf(name, options), plain, option);
        else assertThrows(() => createModel(name, { classes: 3, ...options }), UserError, "has no use for --");
      }
    });
  }
});

Deno.test("createModel() refuses", async (t) => {
  for (const [name, create, message] of refused) {
    await t.step(name, () => {
      const error = assertThrows(create, UserError, message);
      assert(error.exitCode === 2, "a fault of usage");
    });
  }
});
