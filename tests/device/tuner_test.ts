import { assert, assertEquals } from "@std/assert";
import { openWasm } from "../../src/device/wasm/device.ts";
import { waysOfKernel } from "../../src/device/wasm/write_step.ts";
import { WebGpuContext } from "../../src/device/webgpu/context.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { questionsIn, waysOf } from "../../src/device/questions.ts";
import { tunable } from "../../src/device/webgpu/tunable.ts";
import { storedChoices, storedChoicesFor } from "../../src/device/webgpu/stored_choices.ts";
import { Tuner } from "../../src/device/tuner.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { RULES } from "../../src/graph/choices.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { createModel } from "../../src/models/mod.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { trainingGraph } from "../../src/train/step.ts";

const adapter = await navigator.gpu?.requestAdapter();

/** A test of a context with these features, perhaps one that binds no more than some bytes. */
function test(
  name: string,
  requiredFeatures: GPUFeatureName[],
  fn: (context: WebGpuContext) => Promise<void>,
  maxBinding?: number,
): void {
  Deno.test({
    name: `tuner: ${name}`,
    ignore: !adapter || requiredFeatures.some((feature) => !adapter.features.has(feature)),
    async fn() {
      const fresh = (await navigator.gpu.requestAdapter())!;
      const context = new WebGpuContext(
        await fresh.requestDevice({ requiredFeatures }),
        fresh.info,
        maxBinding,
      );
      try {
        await fn(context);
      } finally {
        context.close();
      }
    },
  });
}

/** A product with a long sum, a mean that is little work beside it, and a second product. */
function network(): Graph {
  const b = new GraphBuilder();
  const hidden = b.matmul(b.state("x", [24, 2048]), b.state("w", [2048, 40]));
  b.output("y", b.matmul(b.relu(hidden), b.state("v", [40, 600])));
  b.output("mean", b.mean(b.state("few", [6])));
  return b.graph;
}

const LONG = "matmul 24x2048 2048x40 24x40";
const WIDE = "matmul 24x40 40x640 24x640";

/** Ways that are timed for each call of the network. */
const waysIn = (context: WebGpuContext): Map<string, string[]> =>
  new Map(
    [...questionsIn((chooser) => context.compile(network(), chooser), RULES)].map(([bucket, question]) => {
      const { rules, candidates, others } = waysOf(question, context);
      return [bucket, [rules, ...candidates, ...others]];
    }),
  );

test(
  "chooses among the ways of each call that is worth it, and times none again",
  ["timestamp-query"],
  async (context) => {
    const told: string[] = [];
    const graphs = [network()];
    const onProgress = (bucket: string) => told.push(bucket);
    const { choices, learnt } = await new Tuner(tunable(context), { effort: "quick", known: {}, onProgress }).tune(
      graphs,
    );
    assertEquals(Object.keys(choices.entries).filter((bucket) => bucket.startsWith("matmul ")), [LONG, WIDE].sort());
    assert(!("sum 6 1" in learnt), "a sum of six numbers was timed");
    for (const [bucket, ways] of waysIn(context)) {
      if (bucket in choices.entries) {
        assert(
          ways.includes(choices.entries[bucket]),
          `${bucket}: ${choices.entries[bucket]}`,
        );
      }
    }
    // What the sums of a split product are computed by was timed within it.
    assert(Object.keys(learnt).some((bucket) => bucket.startsWith("matmulPartial")));
    assert(told.includes(LONG) && told.includes(WIDE));

    const again = await new Tuner(tunable(context), { effort: "quick", known: learnt }).tune(graphs);
    assertEquals(again.learnt, {});
    assertEquals(again.choices.entries, choices.entries);
  },
);

test("tunes a product whose weight is larger than a binding, part by part", ["timestamp-query"], async (context) => {
  const { choices } = await new Tuner(tunable(context), { effort: "quick", known: {} }).tune([network()]);
  assert("matmul 24x1024 1024x40 24x40" in choices.entries, JSON.stringify(choices.entries));
  assert(!(LONG in choices.entries), "the whole is never computed");
}, 2 ** 18);

test("times by the wall's clock where the device has none", [], async (context) => {
  const b = new GraphBuilder();
  b.output("y", b.sum(b.state("x", [64, 5000]), [1]));
  const { learnt } = await new Tuner(tunable(context), { effort: "quick", known: {} }).tune([b.graph]);
  assertEquals(Object.keys(learnt), ["sum 64x5120 64x1"]);
});

test("leaves everything to the heuristic once it is stopped", ["timestamp-query"], async (context) => {
  const signal = AbortSignal.abort();
  const { choices, learnt } = await new Tuner(tunable(context), { effort: "full", known: {}, signal }).tune([
    network(),
  ]);
  assertEquals([choices.entries, learnt], [{}, {}]);
});

Deno.test("tuner: WebAssembly is timed in its own ways, and computes as it was told", async () => {
  await using device = await openWasm({ threads: 2 });
  const { choices, learnt } = await device.tune([network()], { effort: "full", known: {} });
  assertEquals(Object.keys(choices.entries).filter((bucket) => bucket.startsWith("matmul ")), [LONG, WIDE].sort());
  const product = { inputs: [[24, 40], [40, 600]], output: [24, 600], attrs: {} };
  const { candidates, rules, others } = waysOf(
    { op: "matmul", call: product, work: 1 },
    { isSoftware: true },
    waysOfKernel,
  );
  assert([rules, ...candidates, ...others].includes(choices.entries[WIDE]), choices.entries[WIDE]);
  const again = await device.tune([network()], { effort: "full", known: learnt });
  assertEquals([again.learnt, again.choices.entries], [{}, choices.entries]);
});

Deno.test("stored choices are ways that there are", () => {
  const graph = trainingGraph(createModel("naive-cnn", { classes: 5, imageSize: 64 }), {
    ...{ task: "multiclass", batch: 32, optimizer: sgd(), weightDecay: 0, labelSmoothing: 0, skipNonFinite: false },
  });
  const choices = storedChoicesFor("llvmpipe");
  const limits = { maxBuffer: 2 ** 31, maxBinding: 2 ** 27 };
  const questions = questionsIn((chooser) => compile(graph, webGpuTarget(limits), chooser), choices);
  const answered = [...questions].filter(([bucket]) => bucket in choices.entries);
  assert(answered.length > 4, `${answered.length} of the step's calls are stored: run bench/store_choices.ts`);
  for (const [bucket, question] of answered) {
    const { rules, candidates, others } = waysOf(question, { isSoftware: true });
    assert(
      [rules, ...candidates, ...others].includes(choices.entries[bucket]),
      `${bucket}: ${choices.entries[bucket]}`,
    );
  }
});

Deno.test("stored choices are those of the adapter by its name without versions", () => {
  assertEquals(storedChoicesFor("an adapter that nobody has").entries, {});
  for (const { adapter, choices } of storedChoices) {
    assertEquals(storedChoicesFor(`${adapter} (LLVM 99)`).entries, Object.fromEntries(Object.entries(choices).sort()));
  }
});
