/**
 * How a training step grows with batch, picture size and depth.
 *
 * @module
 */

import type { Device } from "../../src/device/device.ts";
import { createModel, type ModelOptions } from "../../src/models/mod.ts";
import { draw } from "../../src/report/draw.ts";
import type { Item } from "../item.ts";
import { powerChart, powerLaw, type PowerSeries } from "../power_plot.ts";
import { prepare, trainingStep } from "../programs.ts";
import { median } from "../table.ts";

/** What is varied, and the step of each value. */
interface Series extends Pick<PowerSeries, "of" | "at"> {
  readonly values: readonly number[];
  readonly step: (value: number) => {
    readonly model: string;
    readonly imageSize: number;
    readonly batch: number;
    readonly stem?: ModelOptions["stem"];
  };
}

// One stem for all, since the one that suits small pictures is another network.
const stem = "imagenet";

const series: readonly Series[] = [
  {
    of: "batch",
    at: "naive-cnn at 64 pixels",
    values: [1, 2, 4, 8, 16, 32, 64],
    step: (batch) => ({ model: "naive-cnn", imageSize: 64, batch }),
  },
  {
    of: "picture size",
    at: "resnet18, batch 4",
    values: [32, 64, 128, 256],
    step: (imageSize) => ({ model: "resnet18", imageSize, batch: 4, stem }),
  },
  {
    of: "depth",
    at: "resnets at 64 pixels, batch 8",
    values: [18, 34, 50, 101, 152],
    step: (depth) => ({ model: `resnet${depth}`, imageSize: 64, batch: 8, stem }),
  },
];

/** Seconds in which steps are run one after the other before they are waited for: waiting itself costs milliseconds. */
const TOGETHER = 0.5;

async function secondsOf(device: Device, { step }: Series, value: number): Promise<number> {
  const { model, batch, ...options } = step(value);
  const graph = trainingStep(createModel(model, { classes: 10, ...options }), batch);
  using prepared = await prepare(device, graph, 0.02);
  const { session, program, inputs } = prepared;
  const time = async (runs: number) => {
    const start = performance.now();
    for (let k = 0; k < runs; k++) program.run(inputs);
    await session.settle();
    return (performance.now() - start) / 1000 / runs;
  };
  const runs = Math.max(1, Math.round(TOGETHER / await time(1)));
  return median([await time(runs), await time(runs), await time(runs)]);
}

/** The picture, in this folder. */
const PLOT = new URL("../growth.png", import.meta.url);

export const growth: Item = {
  name: "growth",
  async run({ device }) {
    const measured: PowerSeries[] = [];
    for (const one of series) {
      const points: [number, number][] = [];
      for (const value of one.values) points.push([value, await secondsOf(device, one, value)]);
      measured.push({ of: one.of, at: one.at, points, fit: powerLaw(points) });
    }
    await Deno.writeFile(PLOT, (await draw(powerChart(measured))).png);
    return {
      title: "Growth of a training step",
      columns: ["over", "of", "ms at each value", "fitted exponent"],
      rows: measured.map(({ of, at, points, fit }) => [
        ...[of, at, points.map(([value, seconds]) => `${value}: ${(1000 * seconds).toFixed(0)}`).join(", ")],
        fit.exponent.toFixed(2),
      ]),
      notes: [
        "The plot is in bench/growth.png. Work alone would give the exponents 1, 2 and about 1; every step also passes " +
        "over all weights, and a dispatch costs what it costs.",
      ],
    };
  },
};
