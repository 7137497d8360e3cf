import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { sizeOf } from "../../kernels/op.ts";
import { UserError } from "../../src/errors.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { normalInit } from "../../src/nn/mod.ts";
import { recognise } from "../../src/interop/keys/mod.ts";
import { renameTensors } from "../../src/interop/keys/rename.ts";
import {
  createModel,
  families,
  familyOf,
  modelNamed,
  type ModelOption,
  type ModelOptions,
  models,
} from "../../src/models/mod.ts";

/** Of the names and shapes of a model's tensors: how many there are, and the digest of their lines. */
type Digests = Readonly<Record<string, { readonly count: number; readonly sha256: string }>>;

const { resnet18, digests, timm }: {
  readonly resnet18: Readonly<Record<string, number[]>>;
  readonly digests: Digests;
  readonly timm: Digests;
} = JSON.parse(await Deno.readTextFile(new URL("../../fixtures/models/keys.json", import.meta.url)));

Deno.test("resnet18 has torchvision's key names, shapes and order", () => {
  const { parameters } = createModel("resnet18", { classes: 1000 });
  assertEquals(parameters.map(({ name, shape }) => [name, [...shape]]), Object.entries(resnet18));
});

Deno.test("CNNs have torchvision's key names, shapes and order, by their digest", async (t) => {
  for (const [name, { count, sha256 }] of Object.entries(digests)) {
    await t.step(name, async () => {
      const { parameters } = createModel(name, { classes: 1000 });
      assertEquals(parameters.length, count);
      const lines = parameters.map(lineOf).join("");
      assertEquals(await sha256Of(lines), sha256, lines);
    });
  }
});

const lineOf = ({ name, shape }: { name: string; shape: readonly number[] }): string =>
  `${name} [${shape.join(", ")}]\n`;

async function sha256Of(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

Deno.test("CNNs are exported by timm's key names and shapes, and known by them again", async (t) => {
  for (const [name, { count, sha256 }] of Object.entries(timm)) {
    await t.step(name, async () => {
      const { parameters } = createModel(name, { classes: 1000 });
      // The values are not looked at: an array that claims its length is enough.
      const values = { length: 0, slice: () => new Float32Array(0) } as unknown as Float32Array;
      const tensors = new Map(parameters.map(({ name, shape }) => [name, { shape, values }]));
      const renamed = new Map(
        [...renameTensors(modelNamed(name), "timm", tensors)].filter(([name]) => !name.endsWith("num_batches_tracked")),
      );
      assertEquals(renamed.size, count);
      const lines = [...renamed].sort(([a], [b]) => a < b ? -1 : 1).map(([name, { shape }]) => lineOf({ name, shape }));
      assertEquals(await sha256Of(lines.join("")), sha256, lines.join(""));
      const found = recognise([...renamed.keys()], families)!;
      assertEquals([found.family, found.unknown], [familyOf(name), []]);
      assertEquals([...found.sources.keys()].sort(), parameters.map(({ name }) => name).sort());
    });
  }
});

interface Size {
  readonly model: string;
  readonly options: ModelOptions;
  /** Learnt parameters. */
  readonly size: number;
  readonly multiplyAdds: number;
}

/**
 * By hand from the layers' sizes, Caffe's for AlexNet of 2012, and torchvision's for those with 1,000 classes at 224 ×
 * 224: its parameters, and the multiply-adds of its convolutions and dense layers.
 */
const sizes: readonly Size[] = [
  { model: "lenet", options: { classes: 10, channels: 1, imageSize: 28 }, size: 61_706, multiplyAdds: 416_520 },
  { model: "lenet", options: { classes: 10, channels: 1 }, size: 61_706, multiplyAdds: 416_520 },
  { model: "naive-cnn", options: { classes: 5 }, size: 1_142_821, multiplyAdds: 42_336_896 },
  { model: "naive-cnn", options: { classes: 1, channels: 1, imageSize: 8 }, size: 109_537, multiplyAdds: 624_768 },
  { model: "resnet18", options: { classes: 10, imageSize: 32 }, size: 11_173_962, multiplyAdds: 555_422_720 },
  { model: "alexnet", options: { classes: 1000 }, size: 61_100_840, multiplyAdds: 714_188_480 },
  { model: "alexnet-2012", options: { classes: 1000 }, size: 60_965_224, multiplyAdds: 724_406_816 },
  { model: "vgg11", options: { classes: 1000 }, size: 132_863_336, multiplyAdds: 7_609_090_048 },
  { model: "vgg11-bn", options: { classes: 1000 }, size: 132_868_840, multiplyAdds: 7_609_090_048 },
  { model: "vgg13", options: { classes: 1000 }, size: 133_047_848, multiplyAdds: 11_308_466_176 },
  { model: "vgg13-bn", options: { classes: 1000 }, size: 133_053_736, multiplyAdds: 11_308_466_176 },
  { model: "vgg16", options: { classes: 1000 }, size: 138_357_544, multiplyAdds: 15_470_264_320 },
  { model: "vgg16-bn", options: { classes: 1000 }, size: 138_365_992, multiplyAdds: 15_470_264_320 },
  { model: "vgg19", options: { classes: 1000 }, size: 143_667_240, multiplyAdds: 19_632_062_464 },
  { model: "vgg19-bn", options: { classes: 1000 }, size: 143_678_248, multiplyAdds: 19_632_062_464 },
  { model: "resnet18", options: { classes: 1000 }, size: 11_689_512, multiplyAdds: 1_814_073_344 },
  { model: "resnet34", options: { classes: 1000 }, size: 21_797_672, multiplyAdds: 3_663_761_408 },
  { model: "resnet50", options: { classes: 1000 }, size: 25_557_032, multiplyAdds: 4_089_184_256 },
  { model: "resnet101", options: { classes: 1000 }, size: 44_549_160, multiplyAdds: 7_801_405_440 },
  { model: "resnet152", options: { classes: 1000 }, size: 60_192_808, multiplyAdds: 11_513_626_624 },
  { model: "resnext50-32x4d", options: { classes: 1000 }, size: 25_028_904, multiplyAdds: 4_230_479_872 },
  { model: "resnext101-32x8d", options: { classes: 1000 }, size: 88_791_336, multiplyAdds: 16_414_015_488 },
  { model: "resnext101-64x4d", options: { classes: 1000 }, size: 83_455_272, multiplyAdds: 15_460_270_080 },
  { model: "wide-resnet50-2", options: { classes: 1000 }, size: 68_883_240, multiplyAdds: 11_398_021_120 },
  { model: "wide-resnet101-2", options: { classes: 1000 }, size: 126_886_696, multiplyAdds: 22_753_050_624 },
  { model: "mobilenet-v2", options: { classes: 1000 }, size: 3_504_872, multiplyAdds: 300_774_272 },
  { model: "seresnet50", options: { classes: 1000 }, size: 28_088_024, multiplyAdds: 4_091_699_200 },
  { model: "resnet18d", options: { classes: 1000 }, size: 11_708_744, multiplyAdds: 2_053_713_920 },
  { model: "resnet34d", options: { classes: 1000 }, size: 21_816_904, multiplyAdds: 3_903_401_984 },
  { model: "resnet50d", options: { classes: 1000 }, size: 25_576_264, multiplyAdds: 4_328_824_832 },
  { model: "resnet101d", options: { classes: 1000 }, size: 44_568_392, multiplyAdds: 8_041_046_016 },
  { model: "convnext-tiny", options: { classes: 1000 }, size: 28_589_128, multiplyAdds: 4_455_531_264 },
  { model: "convnext-small", options: { classes: 1000 }, size: 50_223_688, multiplyAdds: 8_683_712_256 },
  { model: "convnext-base", options: { classes: 1000 }, size: 88_591_464, multiplyAdds: 15_354_729_472 },
  { model: "regnet-y-400mf", options: { classes: 1000 }, size: 4_344_144, multiplyAdds: 401_842_848 },
  { model: "regnet-y-800mf", options: { classes: 1000 }, size: 6_432_512, multiplyAdds: 833_856_256 },
  { model: "regnet-y-1-6gf", options: { classes: 1000 }, size: 11_202_430, multiplyAdds: 1_612_076_160 },
  { model: "regnet-y-3-2gf", options: { classes: 1000 }, size: 19_436_338, multiplyAdds: 3_176_482_752 },
  { model: "regnet-y-8gf", options: { classes: 1000 }, size: 39_381_472, multiplyAdds: 8_473_070_592 },
  { model: "mobilenet-v3-small", options: { classes: 1000 }, size: 2_542_856, multiplyAdds: 56_510_400 },
  { model: "mobilenet-v3-large", options: { classes: 1000 }, size: 5_483_032, multiplyAdds: 216_589_760 },
  { model: "efficientnet-b0", options: { classes: 1000 }, size: 5_288_548, multiplyAdds: 385_814_752 },
  { model: "efficientnet-b1", options: { classes: 1000 }, size: 7_794_184, multiplyAdds: 686_802_832 },
  { model: "efficientnet-b2", options: { classes: 1000 }, size: 9_109_994, multiplyAdds: 1_087_529_456 },
  { model: "efficientnet-b3", options: { classes: 1000 }, size: 12_233_232, multiplyAdds: 1_827_141_392 },
  { model: "densenet121", options: { classes: 1000 }, size: 7_978_856, multiplyAdds: 2_834_161_664 },
  { model: "densenet169", options: { classes: 1000 }, size: 14_149_480, multiplyAdds: 3_359_843_328 },
  { model: "densenet201", options: { classes: 1000 }, size: 20_013_928, multiplyAdds: 4_291_365_888 },
  { model: "squeezenet1-0", options: { classes: 1000 }, size: 1_248_424, multiplyAdds: 818_924_576 },
  { model: "squeezenet1-1", options: { classes: 1000 }, size: 1_235_496, multiplyAdds: 349_151_936 },
  { model: "googlenet", options: { classes: 1000 }, size: 6_624_904, multiplyAdds: 1_498_376_192 },
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
      // At its own size other tests trace it.
      for (const side of [minImageSize, minImageSize + 1, imageSize + 32]) {
        const model = createModel(name, { classes: 7, channels: 2, imageSize: side });
        for (const training of side === minImageSize ? [true, false] : [true]) {
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

/** Names of parameters, and the standard deviation or the constant that they start from. */
const starts: readonly [model: string, names: RegExp, start: { std: number } | { constant: number }][] = [
  // torchvision's `VGG.__init__` and `ResNet.__init__`.
  ["vgg11", /^features\.0\.weight$/, { std: Math.sqrt(2 / (64 * 9)) }],
  ["vgg11-bn", /^features\.4\.weight$/, { std: Math.sqrt(2 / (128 * 9)) }],
  ["vgg11", /^classifier\.\d\.weight$/, { std: 0.01 }],
  ["vgg11", /bias$/, { constant: 0 }],
  ["resnet50", /^layer1\.0\.conv3\.weight$/, { std: Math.sqrt(2 / 256) }],
  ["resnet50", /bn\d\.weight$/, { constant: 1 }],
  // Section 5 of the paper.
  ["alexnet-2012", /weight$/, { std: 0.01 }],
  ["alexnet-2012", /^(conv[245]|fc[67])\.bias$/, { constant: 1 }],
  ["alexnet-2012", /^(conv[13]|fc8)\.bias$/, { constant: 0 }],
];

Deno.test("CNNs start from the values of their papers and of torchvision", () => {
  for (const [name, names, start] of starts) {
    const found = createModel(name, { classes: 10 }).parameters.filter((parameter) => names.test(parameter.name));
    assert(found.length > 0, `${name} has no ${names}`);
    for (const { name, shape, init } of found) {
      const [value] = init(shape.map((size, axis) => axis === 1 ? 1 : size), () => 0.4);
      const want = "std" in start ? normalInit(start.std)([1], () => 0.4)[0] : start.constant;
      assertAlmostEquals(value, want, 1e-6, name);
    }
  }
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
    "lenet cannot take pictures of 12×12: give imageSize 16 or more",
  ],
  [
    "an option that the model has no use for",
    () => createModel("resnet18", { classes: 5, layerScale: 0.1 }),
    "resnet18 has no use for layerScale 0.1: leave it out, or use a model that takes it, as vit-ti16 does",
  ],
];

Deno.test("an option that a model takes changes it, and every other is refused", async (t) => {
  const values: Required<Omit<Pick<ModelOptions, ModelOption>, "attentionAfter" | "head">> = {
    ...{ dropout: 0.35, attentionDropout: 0.3, stochasticDepth: 0.45, layerScale: 0.3 },
    ...{ stem: "small", window: 4, normEps: 1e-12 },
  };
  const nodesOf = (name: string, options: Partial<ModelOptions>) => {
    const b = new GraphBuilder();
    const model = createModel(name, { classes: 3, ...options });
    model.trace(b, 2, true);
    // What a layer scale starts from is no node of the graph.
    const start = model.parameters.find(({ name }) => name.endsWith("gamma"))?.init([1], () => 0)[0];
    return JSON.stringify([start, ...b.graph.nodes.map(({ op, shape, attrs }) => [op, shape, attrs])]);
  };
  for (const { name, takes = [], stages = ["layer1"] } of models) {
    await t.step(name, () => {
      const plain = nodesOf(name, { stem: "auto" });
      for (const [option, value] of Object.entries({ ...values, attentionAfter: [stages[0]], head: "fcn" })) {
        const options = { [option]: value };
        if ((takes as readonly string[]).includes(option)) assertNotEquals(nodesOf(name, options), plain, option);
        else assertThrows(() => createModel(name, { classes: 3, ...options }), UserError, "has no use for ");
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
