/**
 * A picture of times that grow as powers: a chart for each series, both axes logarithmic, with the fitted line.
 *
 * @module
 */

import { Canvas, type Color, type Point } from "../src/report/canvas.ts";
import { blue, ink, line as gridColor, orange, softInk } from "../src/report/palette.ts";

/** Times over one quantity. */
export interface PowerSeries {
  /** What is varied. */
  readonly of: string;
  /** What stays as it is. */
  readonly at: string;
  readonly points: readonly (readonly [value: number, seconds: number])[];
  readonly fit: PowerLaw;
}

/** seconds = factor · value ^ exponent. */
export interface PowerLaw {
  readonly factor: number;
  readonly exponent: number;
}

/** The power law through points, by least squares of the logarithms. */
export function powerLaw(points: readonly (readonly [value: number, seconds: number])[]): PowerLaw {
  const logs = points.map(([value, seconds]) => [Math.log(value), Math.log(seconds)]);
  const mean = (k: number) => logs.reduce((sum, point) => sum + point[k], 0) / logs.length;
  const [x0, y0] = [mean(0), mean(1)];
  const over = logs.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0);
  const exponent = over / logs.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
  return { factor: Math.exp(y0 - exponent * x0), exponent };
}

/** Of a chart, in pixels. */
const [WIDTH, HEIGHT] = [420, 380];
const [LEFT, TOP, GAP, BELOW] = [120, 100, 50, 100];
const LABEL = 20;

/** Where values stand along an axis, 0 to 1. */
type Place = (value: number) => number;

/** A logarithmic axis, with `margin` of its length free at both ends. */
function logarithmic(low: number, high: number, margin: number): Place {
  const length = Math.log(high / low);
  return (value) => margin + (1 - 2 * margin) * Math.log(value / low) / length;
}

/** Powers of ten from the one at or below the least to the one at or above the greatest. */
function decades(values: readonly number[]): number[] {
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  return Array.from({ length: high - low + 1 }, (_, k) => 10 ** (low + k));
}

/** A time for people. */
const timeText = (seconds: number): string => seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds} s`;

/** Draws the series side by side, over one axis of time. */
export function powerPlot(series: readonly PowerSeries[]): Promise<Uint8Array<ArrayBuffer>> {
  const ticks = decades(series.flatMap(({ points }) => points.map(([, seconds]) => seconds)));
  const y = logarithmic(ticks[0], ticks.at(-1)!, 0);
  const canvas = new Canvas(LEFT + series.length * (WIDTH + GAP), TOP + HEIGHT + BELOW);
  for (const tick of ticks) {
    const at: Point = [LEFT - 14, TOP + HEIGHT * (1 - y(tick)) + 7];
    canvas.text(timeText(tick), at, { size: LABEL, color: softInk, align: "end" });
  }
  series.forEach((one, k) => drawChart(canvas, LEFT + k * (WIDTH + GAP), one, y, ticks));
  return canvas.encode();
}

function drawChart(
  canvas: Canvas,
  left: number,
  { of, at, points, fit }: PowerSeries,
  y: Place,
  ticks: number[],
): void {
  const values = points.map(([value]) => value);
  const x = logarithmic(values[0], values.at(-1)!, 0.08);
  const place = ([value, seconds]: readonly [number, number]): Point => [
    left + WIDTH * x(value),
    TOP + HEIGHT * (1 - y(seconds)),
  ];
  const middle = left + WIDTH / 2;
  canvas.text(`time over ${of}: exponent ${fit.exponent.toFixed(2)}`, [left, TOP - 54], {
    size: 24,
    color: ink,
    bold: true,
  });
  canvas.text(at, [left, TOP - 22], { size: LABEL, color: softInk });
  const across = (top: number, height: number, color: Color) => canvas.fill(left, top, WIDTH, height, color);
  for (const tick of ticks) across(TOP + HEIGHT * (1 - y(tick)), 1, gridColor);
  for (const value of values) {
    const column = left + WIDTH * x(value);
    canvas.fill(column, TOP, 1, HEIGHT, gridColor);
    canvas.text(`${value}`, [column, TOP + HEIGHT + 30], { size: LABEL, color: softInk, align: "middle" });
  }
  across(TOP + HEIGHT, 2, softInk);
  canvas.text(of, [middle, TOP + HEIGHT + 66], { size: LABEL, color: softInk, align: "middle" });
  const ends = [values[0], values.at(-1)!].map((value) => place([value, fit.factor * value ** fit.exponent]));
  canvas.stroke([ends], 2.5, orange);
  canvas.stroke(points.map((point) => [place(point)]), 12, blue);
}
