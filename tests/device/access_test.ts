import { assert, assertEquals } from "@std/assert";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { inPagesBy, sideBySide } from "../../src/device/state_pages.ts";
import { dispatchesOf, type PlannedDispatch } from "../../src/device/webgpu/dispatches.ts";
import { RULES } from "../../src/graph/choices.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Place } from "../../src/graph/place.ts";
import { createModel } from "../../src/models/mod.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { trainingGraph } from "../../src/train/step.ts";
import { randomGraph } from "./random_graphs.ts";

const LIMITS = { maxBuffer: 2 ** 30, maxBinding: 2 ** 30 };

/** Dispatches as a GPU gets them, and the plan's bytes. */
function laidOut(graph: Graph, bindsReadOnly: boolean, maxBuffer = LIMITS.maxBuffer) {
  const plan = compile(graph, webGpuTarget({ ...LIMITS, maxBuffer, alternates: bindsReadOnly }));
  const { places } = sideBySide(plan.states, { ...LIMITS, maxStatePage: LIMITS.maxBinding });
  const inPages = inPagesBy((state) => places.get(state)!);
  const device = { ...LIMITS, isSoftware: !bindsReadOnly, readsTextures: false, bindsReadOnly };
  /** States count as one buffer. */
  const bufferOf = (place: Place | PlannedDispatch["bindings"][number]): string =>
    place.in === "arena" ? `arena ${place.page}` : place.in === "input" ? place.name : "states";
  const bytes = plan.pages.reduce((sum, bytes) => sum + bytes, 0);
  return { plan, bufferOf, bytes, ...dispatchesOf(plan, device, RULES, inPages) };
}

Deno.test("a buffer is bound for reading alone where a dispatch writes nothing in it, and alike throughout a dispatch", () => {
  const counts = { read: 0, read_write: 0 };
  for (let seed = 1; seed <= 60; seed++) {
    // Small buffers, so that there are many.
    const { dispatches, bufferOf, plan } = laidOut(randomGraph(seed).graph, true, seed % 2 === 0 ? 4096 : 2 ** 30);
    for (const { steps, bindings, code } of dispatches) {
      const declared = [...code.matchAll(/var<storage, (\w+)> b\d+:/g)].map(([, access]) => access);
      assertEquals(declared, bindings.map(({ access }) => access));
      const written = new Set(
        steps.flatMap(({ writes }) => writes).map((node) => bufferOf(plan.places.get(node)!)),
      );
      for (const binding of bindings) {
        assertEquals(binding.access, written.has(bufferOf(binding)) ? "read_write" : "read", `seed ${seed}`);
        counts[binding.access]++;
      }
    }
  }
  assert(counts.read > 200 && counts.read_write > 200, JSON.stringify(counts));
});

Deno.test("software adapters bind everything for reading and writing: no text is compiled twice", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { dispatches } = laidOut(randomGraph(seed).graph, false);
    for (const { bindings } of dispatches) assert(bindings.every(({ access }) => access === "read_write"));
  }
});

Deno.test("with two arenas most of what a training step reads is bound for reading alone, in a tenth more memory", () => {
  for (const [name, imageSize] of [["resnet18", 64], ["vit-ti16", 64], ["vgg11", 64], ["swin-t", 64]] as const) {
    const model = createModel(name, { classes: 10, imageSize });
    const graph = trainingGraph(model, {
      ...{ task: "multiclass", batch: 64, optimizer: sgd() },
      ...{ weightDecay: 0, labelSmoothing: 0, skipNonFinite: false },
    });
    const [one, two] = [laidOut(graph, false), laidOut(graph, true)];
    const sums = { read: 0, read_write: 0 };
    for (const { bindings } of two.dispatches) for (const { access, bytes } of bindings) sums[access] += bytes;
    const written = two.plan.steps.flatMap(({ writes }) => writes).reduce(
      (sum, node) => sum + two.plan.places.get(node)!.bytes,
      0,
    );
    const share = sums.read / (sums.read + sums.read_write - written);
    assert(share > 0.75, `${name}: ${share}`);
    assert(two.bytes <= 1.1 * one.bytes + 2 ** 24, `${name}: ${two.bytes} of ${one.bytes}`);
  }
});
