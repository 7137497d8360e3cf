/**
 * A chart of a search for a learning rate.
 *
 * @module
 */
import type { Chart } from "./chart.ts";
import { blue, orange, red } from "./palette.ts";
import { type Line, plotChart } from "./plot.ts";

/** What is drawn of a search. */
export interface RatesFound {
  /** Losses, as they were and smoothed, at rates that rise. */
  readonly points: readonly { readonly learningRate: number; readonly loss: number; readonly smoothed: number }[];
  /** Rates that are worth a try. */
  readonly proposal?: { readonly steepest: number; readonly minimum: number };
}

/** The chart shows losses up to so many times the first: beyond that they diverge. */
const MOST = 1.5;

/** A rate as people write it: `0.0031`, `1.5e-7`. */
export function rateText(rate: number): string {
  const rounded = Number(rate.toPrecision(2));
  return rounded >= 1e-4 ? String(rounded) : rounded.toExponential();
}

/**
 * Charts the loss of each update over its learning rate (pale), the same smoothed, and the rates that are proposed.
 *
 * @param title What was searched for.
 * @param found At least one point.
 */
export function ratesChart(title: string, { points, proposal }: RatesFound): Chart {
  const half = points.slice(0, Math.ceil(points.length / 2));
  const most = Number((MOST * Math.max(...half.map(({ smoothed }) => smoothed))).toPrecision(1));
  const upright = (name: string, rate: number, color: string): Line => ({
    ...{ name: `${name}: ${rateText(rate)}`, color, dash: [8, 6], width: 2.5 },
    points: [[Math.log10(rate), 0], [Math.log10(rate), most]],
  });
  const through = (valueOf: (point: RatesFound["points"][number]) => number) =>
    points.map((point) => [Math.log10(point.learningRate), valueOf(point)] as const);
  const [min, max] = [points[0], points[points.length - 1]].map(({ learningRate }) => Math.log10(learningRate));
  const lines: readonly Line[] = [
    { points: through(({ loss }) => loss), color: blue, isPale: true, width: 2 },
    { name: "loss, smoothed", points: through(({ smoothed }) => smoothed), color: blue },
    ...proposal ? [upright("steepest fall", proposal.steepest, red)] : [],
    ...proposal ? [upright("minimum / 10", proposal.minimum, orange)] : [],
  ];
  const panel = {
    x: {
      name: "learning rate",
      label: "1e{value}",
      min: Math.floor(min),
      max: Math.max(Math.ceil(max), Math.floor(min) + 1),
    },
    y: { name: "loss", max: most },
    height: 440,
    lines,
  };
  return plotChart(title, "the loss of a step while the learning rate rises", [panel]);
}
