/**
 * How a training step grows with batch, picture size and depth.
 *
 * @module
 */

import { createModel } from "../../src/models/mod.ts";
import type { Item } from "../item.ts";
import { prepare, secondsOf, trainingStep } from "../programs.ts";
import type { Cell } from "../table.ts";

/** One series: what is varied, and the model, picture size and batch of each value. */
interface Series {
  readonly of: string;
  readonly points: readonly {
    readonly value: number;
    readonly model: string;
    readonly size: number;
    readonly batch: number;
  }[];
}

const series: readonly Series[] = [
  {
    of: "batch (naive-cnn at 64²)",
    points: [1, 4, 16, 64].map((batch) => ({ value: batch, model: "naive-cnn", size: 64, batch })),
  },
  {
    of: "picture size (resnet18, batch 4)",
    points: [32, 64, 128, 256].map((size) => ({ value: size, model: "resnet18", size, batch: 4 })),
  },
  {
    of: "depth (resnets at 64², batch 8)",
    points: [18, 34, 50, 101, 152].map((depth) => ({ value: depth, model: `resnet${depth}`, size: 64, batch: 8 })),
  },
];

/** Slope of log y over log x by least squares. */
function exponent(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)]);
  const mean = (k: number) => logs.reduce((sum, point) => sum + point[k], 0) / logs.length;
  const [x0, y0] = [mean(0), mean(1)];
  const over = logs.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0);
  return over / logs.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
}

export const growth: Item = {
  name: "growth",
  async run({ device }) {
    const rows: Cell[][] = [];
    for (const { of, points } of series) {
      const measured: [number, number][] = [];
      for (const { value, model, size, batch } of points) {
        const graph = trainingStep(createModel(model, { classes: 10, imageSize: size, stem: undefined }), batch);
        using prepared = await prepare(device, graph, 0.02);
        measured.push([value, await secondsOf(prepared, 3)]);
      }
      const times = measured.map(([value, seconds]) => `${value}: ${(1000 * seconds).toFixed(0)}`).join(", ");
      rows.push([of, times, exponent(measured).toFixed(2)]);
    }
    return { title: "Growth of a training step", columns: ["over", "ms at each value", "fitted exponent"], rows };
  },
};
