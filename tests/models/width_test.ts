/**
 * Models of every family at another width: sizes by the papers' formulas, names as they are, forward and backward.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { UserError } from "../../src/errors.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { createModel, models } from "../../src/models/mod.ts";
import { headsScaledBy, scaledBy } from "../../src/models/width.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { gradientDeviation, gradientGraph, isWithin, normOf, valueDeviation } from "../../src/train/parity.ts";
import { isLong, isQuick } from "../amount.ts";
import { devices } from "../kernels/devices.ts";
import { pictures, referenceWeight, targets } from "./reference.ts";

Deno.test("scaledBy() rounds to a multiple, and never takes off more than a tenth", () => {
  const cases: [channels: number, width: number | undefined, multiple: number | undefined, want: number][] = [
    [64, undefined, undefined, 64],
    [64, 0.25, undefined, 16],
    [64, 0.01, undefined, 8],
    [64, 0.3, undefined, 24],
    [96, 0.3, undefined, 32],
    [512, 0.3, undefined, 152],
    [4096, 2, undefined, 8192],
    [6, 1, 1, 6],
    [6, 0.25, 1, 2],
    [6, 0.01, 1, 1],
  ];
  for (const [channels, width, multiple, want] of cases) {
    assertEquals(scaledBy(width, multiple)(channels), want, `${channels} at ${width}`);
  }
});

Deno.test("headsScaledBy() keeps the dimension of a head, and one head at least", () => {
  const base = { width: 768, heads: 12 };
  const cases: [factor: number | undefined, width: number, heads: number][] = [
    [undefined, 768, 12],
    [0.25, 192, 3],
    [0.125, 128, 2],
    [0.01, 64, 1],
    [1.5, 1152, 18],
  ];
  for (const [factor, width, heads] of cases) assertEquals(headsScaledBy(base, factor), { width, heads }, `${factor}`);
});

const sum = (terms: readonly number[]) => terms.reduce((total, term) => total + term, 0);
/** Consecutive pairs. */
const pairs = (sizes: readonly number[]) => sizes.slice(1).map((size, i) => [sizes[i], size] as const);
const dense = (sizes: readonly number[]) => sum(pairs(sizes).map(([inputs, outputs]) => (inputs + 1) * outputs));
const convs = (sizes: readonly number[], bias = 1) =>
  sum(pairs(sizes).map(([inputs, outputs]) => (9 * inputs + bias) * outputs));

/** AlexNet of 2014, from the pictures' channels on. */
const alexnet = (c1: number, c2: number, c3: number, c4: number, c5: number, hidden: number) =>
  (3 * 121 + 1) * c1 + (25 * c1 + 1) * c2 + convs([c2, c3, c4, c5]) + dense([36 * c5, hidden, hidden, 7]);

/** A VGG's convolutions, all sizes from 3 on, and its dense layers. */
const vgg = (sizes: readonly number[], hidden: number) => convs(sizes) + dense([49 * sizes.at(-1)!, hidden, hidden, 7]);

/** A ResNet of bottlenecks around 3×3 convolutions of the widths given; a norm has 2 numbers a channel. */
const bottlenecks = (blocks: readonly number[], narrow: readonly number[]) => {
  let inputs = narrow[0];
  let total = 3 * 49 * inputs + 2 * inputs;
  for (const [stage, count] of blocks.entries()) {
    const [inner, outputs] = [narrow[stage], 4 * narrow[stage]];
    total += inputs * outputs + 2 * outputs;
    for (let block = 0; block < count; block++) {
      total += inputs * inner + 9 * inner * inner + inner * outputs + 2 * (2 * inner + outputs);
      inputs = outputs;
    }
  }
  return total + (inputs + 1) * 7;
};

/** A ViT of pictures of 224; section 3.1 of the paper. */
const vit = (d: number, depth: number, patch: number) => {
  const tokens = (224 / patch) ** 2 + 1;
  const block = 4 * d + (3 * d * d + 3 * d) + (d * d + d) + (8 * d * d + 5 * d);
  return (3 * patch * patch + 1) * d + d + tokens * d + depth * block + 2 * d + (d + 1) * 7;
};

/** Swin; section 3 of the paper. */
const swin = (c: number, heads: number, depths: readonly number[], window: number) => {
  const blocks = depths.map((depth, stage) => {
    const [d, h] = [c * 2 ** stage, heads * 2 ** stage];
    const merging = stage === 0 ? 0 : 4 * (d / 2) * d + 2 * 4 * (d / 2);
    return merging + depth * (4 * d + 4 * d * d + 4 * d + h * (2 * window - 1) ** 2 + 8 * d * d + 5 * d);
  });
  return (3 * 16 + 1) * c + 2 * c + sum(blocks) + 2 * 8 * c + (8 * c + 1) * 7;
};

/** Learnt parameters with 7 classes at the picture side that it was published with. */
const sizes: readonly [model: string, width: number, size: number][] = [
  // By whole channels: 2, 4, 30 and 21 of 6, 16, 120 and 84; 5 × 5 pixels are left.
  ["lenet", 0.25, (3 * 25 + 1) * 2 + (2 * 25 + 1) * 4 + dense([4 * 25, 30, 21, 7])],
  ["naive-cnn", 0.25, convs([3, 8, 16, 32], 2) + dense([64 * 32, 32, 7])],
  ["alexnet", 0.25, alexnet(16, 48, 96, 64, 64, 1024)],
  ["alexnet", 0.1, alexnet(8, 24, 40, 24, 24, 408)],
  [
    "alexnet-2012",
    0.25,
    (3 * 121 + 1) * 24 + (12 * 25 + 1) * 64 + (64 * 9 + 1) * 96 + (48 * 9 + 1) * 96 + (48 * 9 + 1) * 64 +
    dense([36 * 64, 1024, 1024, 7]),
  ],
  ["vgg16", 0.25, vgg([3, 16, 16, 32, 32, 64, 64, 64, 128, 128, 128, 128, 128, 128], 1024)],
  ["vgg11-bn", 0.125, vgg([3, 8, 16, 32, 32, 64, 64, 64, 64], 512) + 2 * (8 + 16 + 64 + 4 * 64)],
  ["resnet101", 0.25, bottlenecks([3, 4, 23, 3], [16, 32, 64, 128])],
  ["resnet152", 0.125, bottlenecks([3, 8, 36, 3], [8, 16, 32, 64])],
  ["resnet50", 0.3, bottlenecks([3, 4, 6, 3], [24, 40, 80, 152])],
  ["vit-b32", 0.25, vit(192, 12, 32)],
  ["vit-l16", 0.5, vit(512, 24, 16)],
  ["deit-ti", 0.25, vit(64, 12, 16)],
  ["swin-t", 0.34, swin(32, 1, [2, 2, 6, 2], 7)],
  ["swin-b", 0.5, swin(64, 2, [2, 2, 18, 2], 7)],
];

Deno.test("models at another width have as many parameters as their papers' layers of that many channels", () => {
  for (const [model, width, size] of sizes) {
    assertEquals(createModel(model, { classes: 7, width }).size, size, `${model} at ${width}`);
  }
});

Deno.test("every model keeps the names and kinds of its parameters at any width, and at 1 is as it was", async (t) => {
  for (const { name, minImageSize: imageSize } of models) {
    await t.step(name, () => {
      const plain = createModel(name, { classes: 7, channels: 2, imageSize });
      const same = createModel(name, { classes: 7, channels: 2, imageSize, width: 1 });
      assertEquals(same.parameters.map(({ shape }) => shape), plain.parameters.map(({ shape }) => shape));
      for (const width of [0.01, 0.25, 1.5]) {
        const model = createModel(name, { classes: 7, channels: 2, imageSize, width });
        assertEquals(
          model.parameters.map(({ name, shape, decay, trainable }) => [name, shape.length, decay, trainable]),
          plain.parameters.map(({ name, shape, decay, trainable }) => [name, shape.length, decay, trainable]),
        );
        assert(width < 1 ? model.size <= plain.size : model.size > plain.size, `${model.size} at ${width}`);
        // Without training it was traced when it was made.
        assertEquals(model.trace(new GraphBuilder(), 3, true).logits.shape, [3, 7]);
      }
    });
  }
});

/** A model of each kind of layers, a picture side and a batch: small ones, since the reference is slow. */
const families: readonly (readonly [model: string, imageSize: number, batch: number])[] = [
  ["lenet", 28, 4],
  ["naive-cnn", 16, 4],
  ["vit-ti16", 32, 2],
  ...isQuick ? [] : [["swin-t", 16, 1]] as const,
  // Convolutions again; `cnn_test.ts` runs each of these families scaled down, against PyTorch.
  ...isLong
    ? [
      ["alexnet", 63, 1],
      ["alexnet-2012", 63, 1],
      ["vgg11", 32, 1],
      ["resnet18", 16, 4],
      ["resnet50", 16, 8],
      ["deit-s-distilled", 32, 2],
      ["swin-v2-t", 16, 1],
    ] as const
    : [],
];
const classes = 3;

for (const [name, imageSize, batch] of families) {
  Deno.test({
    name: `${name} at width 0.25 gives the reference's logits, loss and gradients`,
    ignore: !devices[0].present,
    async fn() {
      await using device = await devices[0].open();
      const options = { classes, imageSize, width: 0.25 };
      const takes = models.find((model) => model.name === name)!.takes ?? [];
      const random = (["dropout", "stochasticDepth"] as const).filter((option) => takes.includes(option));
      const model = createModel(name, { ...options, ...Object.fromEntries(random.map((option) => [option, 0])) });
      const weights = Object.fromEntries(
        model.parameters.map(({ name, shape }) => [name, referenceWeight(name, shape)]),
      );
      const inputs = { images: pictures([batch, 3, imageSize, imageSize]), targets: targets(batch, classes) };
      const graphs = { logits: evaluationGraph(model, batch), gradients: gradientGraph(model, batch) };
      using session = device.open();
      for (const [name, values] of Object.entries(weights)) session.write(name, values);
      for (const [what, graph] of Object.entries(graphs)) {
        const { outputs: want } = runReference(graph, { ...weights, ...inputs });
        const program = session.compile(graph);
        program.run(what === "logits" ? { images: inputs.images } : inputs);
        const got = await program.outputs();
        const total = Math.hypot(...Object.entries(want).map(([key, x]) => key.startsWith("grad.") ? normOf(x) : 0));
        const rows = Object.keys(want).map((key) =>
          key.startsWith("grad.")
            ? gradientDeviation(key, got[key], want[key], 0, total)
            : valueDeviation(key, got[key], want[key])
        );
        const past = rows.filter((row) => !isWithin(row)).map(({ name, error }) => `${name} is off by ${error}`);
        assertEquals(past, []);
      }
    },
  });
}

Deno.test("createModel() refuses a width that is none", () => {
  for (const width of [0, -0.5, NaN, Infinity]) {
    const error = assertThrows(
      () => createModel("resnet18", { classes: 5, width }),
      UserError,
      `Cannot make resnet18 of width ${width}: give width above 0`,
    );
    assertEquals(error.exitCode, 2);
  }
});
