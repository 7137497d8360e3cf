import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { bottleneck, resnetLayers } from "../../src/models/resnet.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { COUNTERS, initialState, type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { devices } from "../kernels/devices.ts";

const options: StepOptions = {
  ...{ task: "multiclass", batch: 4, optimizer: sgd(), weightDecay: 0.01, clipNorm: 1 },
  ...{ labelSmoothing: 0, skipNonFinite: false },
};

const sizes = { classes: 3, channels: 3, imageSize: 16, stem: "small" } as const;
const model = new Model(
  "small",
  resnetLayers(sizes, { block: bottleneck, blocks: [2, 2, 2, 2], scale: (channels) => channels / 16 }),
  sizes,
);
model.initialize(1);

const [held, again] = [false, true].map((checkpointActivations) =>
  trainingGraph(model, { ...options, checkpointActivations })
);
const scalars = { keyHi: [1], keyLo: [2], step: [0], learningRate: [0.1] };
const given = {
  ...Object.fromEntries([...model.weights, ...initialState(model, options.optimizer, [1, 1, 1])]),
  ...Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, Float32Array.from(value)])),
  images: Float32Array.from({ length: 4 * 3 * 16 * 16 }, (_, k) => Math.sin(k)),
  targets: Float32Array.from({ length: 12 }, (_, k) => k % 3 === Math.floor(k / 3) % 3 ? 1 : 0),
  weight: new Float32Array(4).fill(1),
};

Deno.test("a graph that computes activations again gives the very same numbers", () => {
  const [want, got] = [held, again].map((graph) => runReference(graph, given));
  assert(again.nodes.length > held.nodes.length, "nothing is computed again");
  for (const [name, values] of want.states) assertEquals(got.states.get(name), values, name);
});

Deno.test("computing activations again takes less than half of a deep model's memory", () => {
  const limits = { maxBuffer: 2 ** 31, maxBinding: 2 ** 30 };
  const deep = createModel("resnet50", { classes: 10, imageSize: 224 });
  const [whole, less] = [false, true].map((checkpointActivations) => {
    const plan = compile(trainingGraph(deep, { ...options, batch: 8, checkpointActivations }), webGpuTarget(limits));
    return plan.pages.reduce((sum, bytes) => sum + bytes, 0);
  });
  assert(less < whole / 2, `${less} of ${whole} bytes`);
});

for (const { name, present, open } of devices) {
  Deno.test({
    name: `${name}: a step that computes activations again learns the same`,
    ignore: !present,
    async fn() {
      await using device = await open();
      const [want, got] = await Promise.all([held, again].map(async (graph) => {
        using session = device.open();
        const names = [...model.parameters.map(({ name }) => name), COUNTERS.lossSum];
        for (const [state, values] of Object.entries(given)) {
          if (!["images", "targets", "weight"].includes(state) && !(state in scalars)) session.write(state, values);
        }
        session.compile(graph).run(given);
        return await session.read(names);
      }));
      for (const [state, values] of want) {
        values.forEach((value, k) => assertAlmostEquals(got.get(state)![k], value, 1e-5, `${state}[${k}]`));
      }
    },
  });
}
