/**
 * Whole steps on Dawn's null backend, which computes nothing and checks every command: layouts, bind groups, how a
 * dispatch may use parts of one buffer, sizes of grids, copies.
 */

import { WebGpuDevice } from "../../src/device/webgpu/device.ts";
import { type Graph, isScalarInput, liveNodes, stateSizes, wholeSize } from "../../src/graph/graph.ts";
import { createModel } from "../../src/models/mod.ts";
import { sgd } from "../../src/train/optimizers/mod.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { trainingGraph } from "../../src/train/step.ts";
import { dawn, openNullDevice } from "./tint.ts";

/** Numbers for every input. */
function zeros(graph: Graph): Record<string, Float32Array> {
  const inputs = liveNodes(graph).filter(({ op }) => op === "input");
  return Object.fromEntries(
    inputs.map((node) => [node.attrs.name, new Float32Array(isScalarInput(node) ? 1 : wholeSize(node))]),
  );
}

/** Steps of these models; small bindings cut the larger tensors. */
const cases = [
  { name: "naive-cnn", maxBinding: 2 ** 27, isSoftware: true },
  { name: "naive-cnn", maxBinding: 2 ** 20, isSoftware: false },
  { name: "resnet18", maxBinding: 2 ** 27, isSoftware: false },
  { name: "vit-ti16", maxBinding: 2 ** 20, isSoftware: true },
  { name: "swin-v2-t", maxBinding: 2 ** 27, isSoftware: false },
];

for (const { name, maxBinding, isSoftware } of cases) {
  Deno.test({
    name: `Dawn takes all commands of ${name} on ${
      isSoftware ? "a processor" : "a GPU"
    } with bindings of ${maxBinding} bytes`,
    ignore: typeof dawn === "string",
    async fn() {
      const model = createModel(name, { classes: 5, imageSize: 32 });
      const step = { task: "multiclass", batch: 4, optimizer: sgd({ momentum: 0 }), weightDecay: 0.1 } as const;
      const graphs = [
        trainingGraph(model, { ...step, clipNorm: 1, labelSmoothing: 0, skipNonFinite: false }),
        evaluationGraph(model, step.batch),
      ];
      const { gpu, info } = await openNullDevice(isSoftware);
      await using device = new WebGpuDevice(gpu, info, maxBinding);
      using session = device.open();
      const programs = graphs.map((graph) => session.compile(graph));
      for (const [state, size] of graphs.flatMap((graph) => [...stateSizes(graph)])) {
        session.write(state, new Float32Array(size));
      }
      for (const [k, program] of programs.entries()) {
        program.run(zeros(graphs[k]));
        await program.outputs();
      }
      await session.settle();
    },
  });
}
