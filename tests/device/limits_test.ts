/**
 * Limits as devices report them: what models' training steps are laid out to keeps to all of them. No adapter is
 * needed.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { opNamed } from "../../kernels/mod.ts";
import { inPagesBy, sideBySide } from "../../src/device/state_pages.ts";
import { type DeviceLimits, MOST_STORAGE, usable, webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { dispatchesOf } from "../../src/device/webgpu/dispatches.ts";
import { waysOf } from "../../src/device/questions.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { type Chooser, RULES } from "../../src/graph/choices.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { ALIGNMENT } from "../../src/graph/place.ts";
import { createModel } from "../../src/models/mod.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { trainingGraph } from "../../src/train/step.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Buffers, the uniform one and the one of sizes among them, that Metal takes for a pipeline. */
const METAL_SLOTS = 31;

/** Workgroups along an axis, and bytes of a uniform binding, that WebGPU promises. */
const MOST_WORKGROUPS = 65535;
const MOST_UNIFORM = 65536;

/** What devices report, and a batch for each model. */
const devices: readonly (DeviceLimits & { readonly name: string; readonly large: boolean })[] = [
  { name: "what WebGPU promises", maxTensors: 8, maxBinding: 128 * MiB, maxBuffer: 256 * MiB, large: false },
  { name: "Chrome", maxTensors: 10, maxBinding: 2 * GiB, maxBuffer: 4 * GiB, large: true },
  { name: "28 buffers", maxTensors: 28, maxBinding: 4 * GiB - 4, maxBuffer: 256 * MiB, large: false },
  { name: "wgpu on Metal", maxTensors: 31, maxBinding: 4 * GiB - 4, maxBuffer: 8 * GiB, maxPage: GiB, large: true },
  { name: "44 buffers", maxTensors: 44, maxBinding: 128 * MiB, maxBuffer: 256 * MiB, large: false },
];

const batches = {
  alexnet: { small: 256, large: 2048 },
  vgg16: { small: 32, large: 256 },
  resnet50: { small: 64, large: 512 },
  "vit-b32": { small: 128, large: 1024 },
  "swin-t": { small: 32, large: 256 },
} as const;

const graphs = new Map<string, Graph>();

/** A model's training step. */
function stepOf(name: string, batch: number): Graph {
  const key = `${name} ${batch}`;
  let graph = graphs.get(key);
  if (!graph) {
    const model = createModel(name, { classes: 1000 });
    const options = { batch, optimizer: sgd(), weightDecay: 0.01, labelSmoothing: 0.1, skipNonFinite: false };
    graphs.set(key, graph = trainingGraph(model, { task: "multiclass", ...options }));
  }
  return graph;
}

/** A graph's dispatches, written for a GPU, and the bytes of all buffers. */
function laidOut(graph: Graph, limits: DeviceLimits, choices: Chooser = RULES) {
  const plan = compile(graph, webGpuTarget({ ...limits, alternates: true }), choices);
  const { maxBinding, maxBuffer } = usable(limits);
  const maxStatePage = Math.min(maxBinding, limits.maxPage ?? maxBuffer);
  const { pages, places } = sideBySide(plan.states, { maxStatePage, maxBuffer });
  const inPages = inPagesBy((state) => places.get(state)!);
  const device = { isSoftware: false, readsTextures: false, bindsReadOnly: true, maxBinding };
  const { dispatches } = dispatchesOf(plan, device, choices, inPages);
  return { plan, dispatches, inPages, pages: { arena: plan.pages, statePage: pages } };
}

for (const [name, batch] of Object.entries(batches)) {
  Deno.test(`${name}'s training step keeps to the limits that devices report`, async (t) => {
    for (const { name: reported, large, ...limits } of devices) {
      await t.step(reported, () => {
        const { dispatches, inPages, pages } = laidOut(stepOf(name, batch[large ? "large" : "small"]), limits);
        for (const page of [...pages.arena, ...pages.statePage]) assert(page <= limits.maxBuffer, `a page of ${page}`);
        for (const { bindings, grid, params } of dispatches) {
          assert(
            bindings.length + 2 <= METAL_SLOTS && bindings.length <= limits.maxTensors!,
            `${bindings.length} buffers`,
          );
          assert(grid.every((count) => count >= 1 && count <= MOST_WORKGROUPS), `a grid of ${grid}`);
          assert(params.byteLength <= MOST_UNIFORM, `${params.byteLength} bytes of numbers`);
          for (const bound of bindings) {
            assert(bound.bytes <= limits.maxBinding, `${bound.bytes} bytes of ${limits.maxBinding}`);
            const place = "name" in bound ? inPages(bound) : bound;
            if (!place) continue;
            assertEquals(place.offset % ALIGNMENT, 0);
            assert(place.offset + bound.bytes <= pages[place.in][place.page], "a binding beyond its buffer");
          }
        }
      });
    }
  });
}

Deno.test("dispatches of a training step are few where a device binds many buffers, and no more than Metal's", () => {
  const counts = Object.fromEntries(
    ["resnet50", "vit-b32", "swin-t"].map((name) => [
      name,
      [10, 28, 44].map((maxTensors) =>
        laidOut(stepOf(name, 32), { maxTensors, maxBinding: 2 * GiB, maxBuffer: 2 * GiB }).dispatches.length
      ),
    ]),
  );
  for (const [name, [at10, at28, at44]] of Object.entries(counts)) {
    assert(at10 > at28 && at28 === at44, `${name}: ${at10}, ${at28}, ${at44}`);
  }
});

Deno.test("whichever way is chosen, weights larger than a binding are computed in parts", async (t) => {
  for (const name of ["alexnet", "vgg16"] as const) {
    for (const maxBinding of [128 * MiB, 32 * MiB]) {
      await t.step(`${name}, ${maxBinding / MiB} MiB`, () => {
        for (const isSoftware of [true, false]) {
          let most = 1;
          for (let k = 0; k < most; k++) {
            const last: Chooser = {
              of(op, call) {
                const { others } = waysOf({ op, call, work: 0 }, { isSoftware });
                most = Math.max(most, others.length);
                return others[Math.min(k, others.length - 1)];
              },
            };
            const plan = compile(
              stepOf(name, 8),
              webGpuTarget({ maxBinding, maxBuffer: 256 * MiB, maxTensors: 10 }),
              last,
            );
            assert(plan.largest <= maxBinding);
          }
          assert(most > 4, `${most} ways at most`);
        }
      });
    }
  }
});

Deno.test("a product whose operand is cut is asked for part by part", () => {
  const b = new GraphBuilder();
  b.output("y", b.matmul(b.state("x", [8, 4096]), b.state("w", [512, 4096]), { transposeB: true }));
  const asked: string[] = [];
  const halves: Chooser = {
    of(op, { inputs, output, attrs }) {
      asked.push(`${op} ${inputs.map((shape) => shape.join("x")).join(" ")}`);
      return opNamed(op).alternatives!.names({ inputs, output, attrs }, { isSoftware: false })[0];
    },
  };
  const { graph } = compile(b.graph, webGpuTarget({ maxBinding: 4 * MiB, maxBuffer: 256 * MiB }), halves);
  assertEquals([...new Set(asked)], ["matmul 8x4096 256x4096"]);
  assertEquals(graph.nodes.filter(({ op }) => op === "matmulPartial").length, 2);
});

Deno.test("a state that is larger than a buffer lies in several, and its parts in one each", () => {
  const limits = { maxTensors: 8, maxBinding: 128 * MiB, maxBuffer: 256 * MiB };
  const { plan, inPages, pages } = laidOut(stepOf("vgg16", 8), limits);
  const parts = [...plan.places.values()].filter((place) =>
    place.in === "state" && place.name === "classifier.0.weight"
  );
  const byPlace = new Map(parts.map((part) => [part.offset, inPages(part)!]));
  const places = [...byPlace.values()].sort((a, b) => a.page - b.page || a.offset - b.offset);
  const each = 4 * 4096 * 25088 / 4;
  const [first, second] = [...new Set(places.map(({ page }) => page))];
  assertEquals(places.map(({ page, offset }) => [page, offset]), [[first, 0], [first, each], [second, 0], [
    second,
    each,
  ]]);
  assertEquals([pages.statePage[first], pages.statePage[second]], [2 * each, 2 * each]);
});

Deno.test("limits that are no whole units are rounded down, and a binding is no larger than a buffer", () => {
  assertEquals(usable({ maxBinding: 4 * GiB - 4, maxBuffer: 8 * GiB }).maxBinding, 4 * GiB - 256);
  assertEquals(usable({ maxBinding: 4 * GiB - 4, maxBuffer: 256 * MiB }).maxBinding, 256 * MiB);
  // 4 GiB - 4 bytes could be bound, and take 4 GiB.
  const b = new GraphBuilder();
  b.output("y", b.neg(b.input("x", [1, 2 ** 30 - 1])));
  assertThrows(
    () => compile(b.graph, webGpuTarget({ maxBinding: 4 * GiB - 4, maxBuffer: 8 * GiB })),
    RangeError,
    "cannot be cut",
  );
});

Deno.test("an input that is larger than a buffer is refused", () => {
  assertThrows(
    () => compile(stepOf("alexnet", 512), webGpuTarget({ maxBinding: 128 * MiB, maxBuffer: 256 * MiB })),
    RangeError,
    "the input images of [512, 3, 224, 224] takes 308281344 bytes, and a buffer at most 268435456",
  );
});

Deno.test("no more storage buffers are used than Metal has slots for", () => {
  assert(MOST_STORAGE + 2 <= METAL_SLOTS);
});
