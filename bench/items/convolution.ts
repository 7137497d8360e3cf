/**
 * Every distinct convolution of ResNet-50 and VGG16 at 224 pixels, and its two gradients.
 *
 * @module
 */

import type { Shape } from "../../kernels/op.ts";
import type { Device } from "../../src/device/device.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { liveNodes, type Node } from "../../src/graph/graph.ts";
import { createModel } from "../../src/models/mod.ts";
import { opNamed } from "../../kernels/mod.ts";
import type { Item } from "../item.ts";
import { deviceSecondsOf, prepare, squareProduct, squareSide, trainingStep } from "../programs.ts";
import { median, percent } from "../table.ts";

const OPS = ["conv2d", "conv2dInputGrad", "conv2dWeightGrad"];

/** Distinct convolutions and gradients of a model's training step. */
function callsOf(name: string, batch: number): Node[] {
  const found = new Map<string, Node>();
  for (const node of liveNodes(trainingStep(createModel(name, { classes: 1000, imageSize: 224 }), batch))) {
    if (!OPS.includes(node.op)) continue;
    found.set(`${node.op} ${JSON.stringify([node.inputs.map(({ shape }) => shape), node.attrs])}`, node);
  }
  return [...found.values()];
}

/** Seconds of a call, what it is lowered to included. */
async function time(device: Device, { op, inputs, attrs }: Node): Promise<number> {
  const b = new GraphBuilder();
  b.output("y", b.op(op, inputs.map(({ shape }, k) => b.state(`x${k}`, shape)), attrs));
  using prepared = await prepare(device, b.graph);
  return await deviceSecondsOf(prepared, 3);
}

export const convolution: Item = {
  name: "convolution",
  async run({ device, isGpu }) {
    const batch = isGpu ? 64 : 8;
    const side = squareSide(isGpu);
    using product = await prepare(device, squareProduct(side));
    const rows: (readonly [op: string, model: string, shapes: string, ms: number, rate: number, share: number])[] = [];
    for (const model of ["resnet50", "vgg16"]) {
      for (const call of callsOf(model, batch)) {
        const inputs = call.inputs.map(({ shape }): Shape => shape);
        const { flops } = opNamed(call.op).cost({ inputs, output: call.shape, attrs: call.attrs });
        const seconds = await time(device, call);
        // Beside each call, since the machine's speed drifts.
        const peak = 2 * side ** 3 / await deviceSecondsOf(product, 3);
        const shapes = inputs.map((shape) => shape.join("×")).join(", ");
        rows.push([call.op, model, shapes, 1000 * seconds, flops / seconds / 1e9, flops / seconds / peak]);
      }
    }
    const summary = OPS.map((op) => {
      const shares = rows.filter(([own]) => own === op).map(([, , , , , share]) => share);
      return `${op}: median ${percent(median(shares))}, worst ${percent(Math.min(...shares))} of the matmul rate.`;
    });
    return {
      title: `Convolutions of ResNet-50 and VGG16 at 224, batch ${batch}`,
      columns: ["op", "model", "operands", "ms", "GFLOP/s", "of the matmul rate"],
      rows: rows.toSorted((a, b) => a[5] - b[5]).map(([...row]) => [...row.slice(0, 5), percent(row[5])]),
      notes: ["Wanted of each op: median 80%, worst 40%.", ...summary],
    };
  },
};
