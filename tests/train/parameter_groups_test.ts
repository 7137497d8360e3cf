import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { UserError } from "../../src/errors.ts";
import { liveNodes } from "../../src/graph/graph.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { batchNorm2d, conv2d, flatten, type Layer, lazyLinear, sequential, tanh } from "../../src/nn/mod.ts";
import { adam, adamW, type Optimizer, sgd } from "../../src/train/optimizers/mod.ts";
import { layersOf, type Learning, learningOf, type LearningOptions } from "../../src/train/parameter_groups.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { COUNTERS, initialState, type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { momentName } from "../../src/train/update_chain.ts";
import { devices } from "../kernels/devices.ts";
import { fixture, type GroupsCase } from "./fixture.ts";

const everything: LearningOptions = { freeze: [], learningRateScale: {}, layerDecay: 1 };
const resnet = createModel("resnet18", { classes: 5 }).parameters;
const vit = createModel("vit-ti16", { classes: 5 }).parameters;

Deno.test("learningOf() freezes the keys, running statistics too, and the modules that a pattern fits", () => {
  const frozenBy = (...freeze: string[]) => [...learningOf(resnet, { ...everything, freeze }).frozen];
  const norm = ["bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"];
  const cases: [patterns: string[], keys: string[]][] = [
    [["conv1.weight"], ["conv1.weight"]],
    [["bn1"], norm],
    [["bn1.*"], norm],
    [["conv1", "bn1.*s"], ["conv1.weight", "bn1.bias"]],
    [["conv?.weight"], ["conv1.weight"]],
    [["*n1.running_[m-n]*"], resnet.map(({ name }) => name).filter((name) => name.endsWith("n1.running_mean"))],
    [["layer[1-3].[!0].conv[12].weight"], [1, 2, 3].flatMap((l) => [1, 2].map((c) => `layer${l}.1.conv${c}.weight`))],
    [["fc.bias", "fc.bias"], ["fc.bias"]],
  ];
  for (const [patterns, keys] of cases) assertEquals(frozenBy(...patterns), keys, patterns.join(" "));
  const { rates } = learningOf(vit, { ...everything, freeze: ["encoder.layers.encoder_layer_[0-9]*"] });
  assertEquals([...rates.keys()].filter((key) => key.includes("encoder_layer")), []);
});

Deno.test("learningOf() multiplies the factors of all patterns and of the layer", () => {
  const learningRateScale = { "*.weight": 2, "fc": 5, "layer1.0.bn1.bias": 0.5 };
  const { rates } = learningOf(resnet, { freeze: ["conv1"], learningRateScale, layerDecay: 0.5 });
  // Stem, eight blocks, head.
  const want = {
    "conv1.weight": undefined,
    "bn1.bias": 0.5 ** 9,
    "layer1.0.conv1.weight": 2 * 0.5 ** 8,
    "layer1.0.bn1.bias": 0.5 * 0.5 ** 8,
    "layer4.1.bn2.bias": 0.5,
    "fc.weight": 10,
    "fc.bias": 5,
    "bn1.running_mean": undefined,
  };
  for (const [key, rate] of Object.entries(want)) assertEquals(rates.get(key), rate, key);
});

Deno.test("layersOf() groups the embedding, each block, and the head", async (t) => {
  /** First key of each layer, without its last word. */
  const bottoms = (keys: readonly { name: string; shape: readonly number[] }[]) =>
    layersOf(keys).map(([first]) => first.slice(0, first.lastIndexOf(".")) || first);
  const named = (...keys: string[]) =>
    keys.map((key) => ({ name: key.replace("*", ""), shape: key.endsWith("*") ? [4, 4] : [4] }));
  await t.step("of a ResNet: stem, blocks, fc", () => {
    const learnt = resnet.filter(({ trainable }) => trainable);
    const blocks = [1, 2, 3, 4].flatMap((stage) => [0, 1].map((block) => `layer${stage}.${block}.conv1`));
    assertEquals(bottoms(learnt), ["conv1", ...blocks, "fc"]);
    assertEquals(layersOf(learnt).flat(), learnt.map(({ name }) => name));
  });
  await t.step("of a ViT: embedding 0, blocks 1 to 12, norm and head 13", () => {
    const layers = layersOf(vit);
    assertEquals(layers.length, 14);
    assertEquals(layers[0], ["class_token", "conv_proj.weight", "conv_proj.bias", "encoder.pos_embedding"]);
    assert(layers[7].every((key) => key.startsWith("encoder.layers.encoder_layer_6.")));
    assertEquals(layers[13], ["encoder.ln.weight", "encoder.ln.bias", "heads.head.weight", "heads.head.bias"]);
  });
  await t.step("of a Swin: a merging belongs to the block before it", () => {
    const keys = named(
      ...["features.0.0.weight*", "features.0.2.weight", "features.1.0.norm1.weight", "features.1.0.attn.qkv.weight*"],
      ...["features.1.1.norm1.weight", "features.1.1.mlp.0.weight*", "features.2.norm.weight", "features.2.reduction*"],
      ...["features.3.0.norm1.weight", "features.3.0.mlp.0.weight*", "norm.weight", "head.weight*"],
    );
    assertEquals(layersOf(keys).map((layer) => layer.length), [2, 2, 4, 2, 2]);
  });
  await t.step("of a VGG with norms: each convolution with its norm, each dense layer", () => {
    const keys = named(
      ...["features.0.weight*", "features.0.bias", "features.1.weight", "features.1.bias", "features.3.weight*"],
      ...["features.4.weight", "classifier.0.weight*", "classifier.3.weight*", "classifier.6.weight*"],
    );
    assertEquals(bottoms(keys), ["features.0", "features.3", "classifier.0", "classifier.3", "classifier.6"]);
  });
  await t.step("of a model that numbers nothing: each module, norms with the one before", () => {
    const learnt = createModel("naive-cnn", { classes: 5 }).parameters.filter(({ trainable }) => trainable);
    assertEquals(bottoms(learnt), ["block1.conv", "block2.conv", "block3.conv", "dense", "head"]);
  });
});

Deno.test("learningOf() refuses patterns that fit nothing, factors that are none, and freezing everything", () => {
  const refused: [Partial<LearningOptions>, string][] = [
    [{ freeze: ["layer5.*"] }, "Cannot freeze layer5.*: the model has no such parameter; did you mean layer4?"],
    [{ freeze: ["lyer2.0.conv1"] }, "did you mean layer2.0.conv1?"],
    [{ freeze: ["encoder*"] }, "its modules are conv1, bn1, layer1, layer2, layer3, layer4, fc"],
    [{ freeze: ["layer1.[9-0]*"] }, "Cannot read the pattern layer1.[9-0]*"],
    [{ freeze: ["conv1.weigh"] }, "did you mean conv1.weight?"],
    [{ freeze: ["*"] }, "Cannot freeze *: nothing is left to learn"],
    [{ learningRateScale: { "head": 2 } }, "Cannot scale the learning rate of head"],
    [{ learningRateScale: { "bn1.running_*": 2 } }, "the model has no such parameter"],
    [{ learningRateScale: { "fc": 0 } }, "Cannot multiply the learning rate of fc by 0"],
    [{ learningRateScale: { "fc": NaN } }, "by NaN"],
    [{ layerDecay: 0 }, "Cannot multiply the learning rate from layer to layer by 0"],
  ];
  for (const [options, message] of refused) {
    const error = assertThrows(() => learningOf(resnet, { ...everything, ...options }), UserError, message);
    assertEquals(error.exitCode, 2);
  }
});

function modelOf(layer: Layer, channels: number, imageSize: number): Model {
  return new Model("small", layer, { classes: 3, channels, imageSize, dropout: undefined, stem: "auto" });
}

const optimizers: Record<GroupsCase["rule"], () => Optimizer> = { sgd, adam, adamw: adamW };
const dense = modelOf(
  sequential({ flatten: flatten(), hidden: lazyLinear(5), tanh: tanh(), head: lazyLinear(3) }),
  1,
  2,
);
const key = { keyHi: Float32Array.of(1), keyLo: Float32Array.of(2) };

/** Factors of the fixture's cases, 0 for frozen parameters. */
const groups: Record<string, Record<string, number>> = {
  "SGD": { hidden: 0.1, "head.bias": 10 },
  "Adam": { "hidden.weight": 0.5, "hidden.bias": 0.25, "head.weight": 2 },
  "AdamW": { hidden: 0.75 },
  "AdamW, hidden layer frozen": { hidden: 0, "head.bias": 3 },
  "SGD, weights frozen, clipped by the norm of the rest": { "*.weight": 0 },
};

/** Step options and inputs of each step of a case. */
function runOf(each: GroupsCase) {
  const optimizer = optimizers[each.rule]();
  const factors = Object.entries(groups[each.name]);
  const learning = learningOf(dense.parameters, {
    ...everything,
    freeze: factors.filter(([, factor]) => factor === 0).map(([pattern]) => pattern),
    learningRateScale: Object.fromEntries(factors.filter(([, factor]) => factor > 0)),
    // The layers are two: a decay of 3/4 is a factor of 3/4 on the hidden one.
    ...(each.name === "AdamW" ? { layerDecay: 0.75, learningRateScale: {} } : {}),
  });
  const options: StepOptions = {
    ...{ task: "multiclass", batch: 6, optimizer, learning, labelSmoothing: 0, skipNonFinite: false },
    weightDecay: each.weightDecay,
    clipNorm: each.clipNorm ?? undefined,
  };
  const inputs = each.schedule.map((rate, step) => ({
    ...Object.fromEntries(Object.entries({ ...optimizer.scalars(rate, step), step }).map(([k, v]) => [k, [v]])),
    ...{ ...key, images: each.images, targets: each.targets, weight: new Array<number>(6).fill(1) },
  }));
  return { options, inputs, start: initialState(dense, optimizer, [1, 1, 1], learning) };
}

Deno.test("trainingGraph() takes PyTorch's steps with a group for each parameter", async (t) => {
  for (const each of fixture.groups) {
    await t.step(each.name, () => {
      const { options, inputs, start } = runOf(each);
      const graph = trainingGraph(dense, options);
      let states = new Map<string, ArrayLike<number>>([...start, ...Object.entries(each.before)]);
      for (const step of inputs) {
        // What is frozen is no new state of the step.
        states = new Map([...states, ...runReference(graph, { ...Object.fromEntries(states), ...step }).states]);
      }
      for (const [name, values] of Object.entries(each.after)) {
        values.forEach((want, k) => assertAlmostEquals(states.get(name)![k], want, 1e-11, `${name}[${k}]`));
      }
    });
  }
});

Deno.test("trainingGraph() computes nothing for what is frozen: no gradient, no moments, no new value", () => {
  const learning = learningOf(dense.parameters, { ...everything, freeze: ["hidden"] });
  const options: StepOptions = {
    ...{ task: "multiclass", batch: 6, weightDecay: 0.1, labelSmoothing: 0, skipNonFinite: false },
    optimizer: adam(),
  };
  const sizesOf = (chosen?: Learning) => {
    const graph = trainingGraph(dense, { ...options, learning: chosen });
    const products = liveNodes(graph).filter(({ op }) => op === "matmul").length;
    return { products, assigned: graph.assignments.map(({ state }) => state) };
  };
  const [all, some] = [sizesOf(), sizesOf(learning)];
  // Two forward, one for each weight, and one through the head.
  assertEquals([all.products, some.products], [5, 3]);
  const states = ["hidden.weight", "hidden.bias"].flatMap((
    name,
  ) => [name, momentName("m", name), momentName("v", name)]);
  assertEquals(all.assigned.filter((name) => !some.assigned.includes(name)).sort(), states.sort());
  assertEquals([...initialState(dense, adam(), [1, 1, 1], learning).keys()].filter((name) => /hidden/.test(name)), []);
});

const normed = modelOf(
  sequential({ conv: conv2d(1, 4, 3, { bias: false }), norm: batchNorm2d(4), flatten: flatten(), head: lazyLinear(3) }),
  1,
  4,
);
normed.initialize(1);

/** What a step on two pictures is given besides its states. */
const given = {
  ...key,
  images: Float32Array.from({ length: 32 }, (_, k) => Math.sin(k)),
  targets: Float32Array.of(1, 0, 0, 0, 0, 1),
  weight: Float32Array.of(1, 1),
  step: Float32Array.of(0),
  learningRate: Float32Array.of(0.5),
};

function normedOptions(freeze: string[]) {
  const learning = learningOf(normed.parameters, { ...everything, freeze });
  const options = { task: "multiclass", batch: 2, weightDecay: 0, labelSmoothing: 0, skipNonFinite: false } as const;
  return { ...options, optimizer: sgd({ momentum: 0 }), learning };
}

Deno.test("trainingGraph() has the loss of the evaluation's logits where the norm is frozen, else the batch's", () => {
  const lossWith = (...freeze: string[]) => {
    const options = normedOptions(freeze);
    const start = [...normed.weights, ...initialState(normed, options.optimizer, [1, 1, 1], options.learning)];
    return runReference(trainingGraph(normed, options), { ...Object.fromEntries(start), ...given })
      .states.get(COUNTERS.lossSum)![0];
  };
  const { logits } =
    runReference(evaluationGraph(normed, 2), { ...Object.fromEntries(normed.weights), ...given }).outputs;
  const rows = [[0, logits.subarray(0, 3)], [2, logits.subarray(3)]] as const;
  const want = rows.reduce((sum, [right, row]) => {
    return sum + Math.log(row.reduce((total, logit) => total + Math.exp(logit - row[right]), 0));
  }, 0);
  for (const freeze of [["norm"], ["norm.running_*"], ["norm.running_var"]]) {
    assertAlmostEquals(lossWith(...freeze), want, 1e-12, `${freeze}`);
  }
  for (const freeze of [[], ["norm.weight", "norm.bias"]]) {
    assert(Math.abs(lossWith(...freeze) - want) > 1e-3, `${freeze}`);
  }
});

for (const { name: device, present, open } of devices) {
  Deno.test({
    name: `${device}: parameters move as PyTorch's groups do, frozen ones stay to the bit`,
    ignore: !present,
    async fn(t) {
      await using opened = await open();
      for (const each of fixture.groups) {
        await t.step(each.name, async () => {
          using session = opened.open();
          const { options, inputs, start } = runOf(each);
          const program = session.compile(trainingGraph(dense, options));
          for (const [name, values] of [...start, ...Object.entries(each.before)]) {
            session.write(name, Float32Array.from(values));
          }
          for (const step of inputs) {
            program.run(Object.fromEntries(Object.entries(step).map(([name, of]) => [name, Float32Array.from(of)])));
          }
          const states = await session.read(Object.keys(each.after));
          for (const [name, values] of Object.entries(each.after)) {
            const isFrozen = options.learning!.frozen.has(name);
            values.forEach((want, k) => {
              const got = states.get(name)![k];
              if (isFrozen) assertEquals(got, Math.fround(want), `${name}[${k}]`);
              else assertAlmostEquals(got, want, 1e-5, `${name}[${k}]`);
            });
          }
        });
      }
    },
  });

  Deno.test({
    name: `${device}: a frozen batch norm normalises by its running statistics and keeps them`,
    ignore: !present,
    async fn(t) {
      const statistics = ["norm.running_mean", "norm.running_var"];
      const affine = ["norm.weight", "norm.bias"];
      const cases: [freeze: string[], stays: string[]][] = [
        [["norm"], [...affine, ...statistics]],
        [["norm.running_mean"], statistics],
        [affine, affine],
        [["conv", "norm"], ["conv.weight", ...affine, ...statistics]],
      ];
      await using opened = await open();
      for (const [freeze, stays] of cases) {
        await t.step(freeze.join(" "), async () => {
          using session = opened.open();
          const options = normedOptions(freeze);
          const { optimizer, learning } = options;
          const start = new Map([...normed.weights, ...initialState(normed, optimizer, [1, 1, 1], learning)]);
          const program = session.compile(trainingGraph(normed, options));
          for (const [name, values] of start) session.write(name, values);
          program.run(given);
          const after = await session.read([...normed.weights.keys()]);
          const same = [...after].filter(([name, values]) => `${values}` === `${normed.weights.get(name)}`);
          assertEquals(same.map(([name]) => name).sort(), stays.toSorted());
        });
      }
    },
  });
}
