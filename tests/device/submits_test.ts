import { assert, assertEquals } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { inPagesBy, sideBySide } from "../../src/device/state_pages.ts";
import { dispatchesOf, type PlannedDispatch } from "../../src/device/webgpu/dispatches.ts";
import { commandBuffersOf, secondsOf, splitDispatch } from "../../src/device/webgpu/submits.ts";
import { RULES } from "../../src/graph/choices.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { createModel } from "../../src/models/mod.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { trainingGraph } from "../../src/train/step.ts";
import { isSoftware, openAsGpu } from "../kernels/devices.ts";
import { assertNear, graphOf, inputsOf, resultsOf, samplesOf } from "../kernels/trials.ts";
import { registry } from "../../kernels/mod.ts";

/** Dispatches as a GPU gets them. */
function dispatchesIn(graph: Graph): readonly PlannedDispatch[] {
  const limits = { maxBuffer: 2 ** 30, maxBinding: 2 ** 30 };
  const plan = compile(graph, webGpuTarget(limits));
  const { places } = sideBySide(plan.states, { ...limits, maxStatePage: limits.maxBinding });
  const device = { ...limits, isSoftware: false, readsTextures: false, bindsReadOnly: true };
  return dispatchesOf(plan, device, RULES, inPagesBy((state) => places.get(state)!)).dispatches;
}

const vgg = dispatchesIn(
  trainingGraph(createModel("vgg16", { classes: 10, imageSize: 224 }), {
    ...{ task: "multiclass", batch: 64, optimizer: sgd() },
    ...{ weightDecay: 0, labelSmoothing: 0, skipNonFinite: false },
  }),
);

/** A slow integrated GPU, and a fast card. */
const SLOW = { flops: 3e11, bytes: 3e10, readBack: 0, queueDepth: 16, isProcessor: false };
const FAST = { ...SLOW, flops: 4e13, bytes: 2e12 };

Deno.test("no command buffer takes over 200 ms on a slow GPU and no dispatch over 100, by estimate", () => {
  const buffers = commandBuffersOf(vgg, { isSoftware: false, rates: SLOW });
  const parts = new Map<PlannedDispatch["steps"], number>();
  for (const { steps } of buffers.flat()) parts.set(steps, (parts.get(steps) ?? 0) + 1);
  const secondsIn = (dispatch: PlannedDispatch) => secondsOf(dispatch, SLOW) / parts.get(dispatch.steps)!;
  assert([...parts.values()].some((count) => count > 3), "some dispatches are split");
  for (const buffer of buffers) {
    assert(buffer.reduce((sum, dispatch) => sum + secondsIn(dispatch), 0) <= 0.2 + 1e-9);
    // Joined updates are one table, which is not split.
    for (const dispatch of buffer) if (dispatch.steps.length === 1) assert(secondsIn(dispatch) <= 0.1 + 1e-9);
  }
  assertEquals(buffers.flat().filter(({ steps }, k, all) => steps !== all[k - 1]?.steps).map(({ steps }) => steps), [
    ...vgg.map(({ steps }) => steps),
  ], "in the same order");
});

Deno.test("a fast GPU gets whole dispatches in fewer command buffers, and a software adapter one", () => {
  const [slow, fast] = [SLOW, FAST].map((rates) => commandBuffersOf(vgg, { isSoftware: false, rates }));
  assert(fast.length < slow.length / 20, `${fast.length} and ${slow.length}`);
  assertEquals(fast.flat(), [...vgg]);
  assertEquals(commandBuffersOf(vgg, { isSoftware: true, rates: SLOW }), [vgg]);
});

Deno.test("the parts of a dispatch have all of its workgroups, each once, in grids that WebGPU takes", () => {
  for (const dispatch of vgg) {
    const [width, height] = dispatch.grid;
    for (const parts of [2, 3, 7, 1000]) {
      const split = splitDispatch(dispatch, parts);
      if (split.length === 1) continue;
      assert(split.length <= parts);
      let nextRow = 0;
      for (const { grid: [columns, rows], params, code, scalars } of split) {
        assertEquals(params[0], nextRow);
        assertEquals(params.slice(1), dispatch.params);
        assertEquals(scalars, dispatch.scalars.map(({ name, at }) => ({ name, at: at + 1 })));
        assertEquals(code, split[0].code);
        assert(columns <= 65535 && rows <= 65535 && rows > 0);
        nextRow += rows;
      }
      assert(nextRow * split[0].grid[0] >= width * height);
      assert((nextRow - 1) * split[0].grid[0] < width * height, "no part is past the end");
    }
  }
});

Deno.test({
  name: "what is split in many parts gives the numbers of the whole, for every kernel",
  ignore: !isSoftware,
  async fn(t) {
    await using device = await openAsGpu();
    // So slow that every dispatch has as many parts as it has workgroups.
    device.rates = { ...SLOW, flops: 1, bytes: 1 };
    for (const op of registry.values()) {
      if (!op.kernel) continue;
      await t.step(op.name, async () => {
        const trials = samplesOf(op).slice(0, 1);
        const graph = graphOf(trials);
        using session = device.open();
        const program = session.compile(graph);
        program.run(inputsOf(trials));
        const outputs = await program.outputs();
        const reference = runReference(graph, inputsOf(trials)).outputs;
        trials.forEach((trial, at) => assertNear(trial, resultsOf(outputs, at), resultsOf(reference, at), "split"));
      });
    }
  },
});
