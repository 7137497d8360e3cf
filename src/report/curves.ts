/**
 * A picture of a run's training loss and validation accuracy.
 *
 * @module
 */
import { Canvas, type Color, type Point } from "./canvas.ts";
import { textWidth } from "./font.ts";
import { blue, ink, line as gridColor, orange, paleBlue, red, softInk } from "./palette.ts";
import { linearScale, type Scale } from "./scale.ts";

/** A value at a step; null where it was not finite. */
type Sample = readonly [step: number, value: number | null];

/** A frame for one chart. */
interface Panel {
  readonly canvas: Canvas;
  readonly top: number;
  readonly x: Scale;
  readonly y: Scale;
}

const WIDTH = 1400;
/** Height of a chart. */
const HEIGHT = 380;
const LEFT = 110;
const RIGHT = 40;
/** Tops of the two charts. */
const TOPS = [80, 560] as const;
const LABEL = 20;

/** Fewer losses than these are drawn as they are. */
const SMOOTHED_FROM = 50;

/**
 * Draws the loss of each logged step of training (thin), the same smoothed (thick) and the validation's loss above the
 * validation accuracy, over the steps of the run. Few steps are not smoothed, and drawn thick. Where a value was not
 * finite the line is broken; where that, or a step left out for it, is in the training records, a red mark stands on
 * the axis.
 *
 * @param records The records of `metrics.jsonl`: those of type `train` have `step`, `loss` and `skipped`, those of
 * type `val` `step`, `accuracy` and `loss`. Others are passed over.
 * @returns A PNG file; the same records give the same bytes.
 */
export function curvesPng(records: readonly unknown[]): Promise<Uint8Array> {
  const train = samplesOf(records, "train", "loss");
  const valLoss = samplesOf(records, "val", "loss");
  const accuracy = samplesOf(records, "val", "accuracy");
  const steps = [...train, ...valLoss, ...accuracy].map(([step]) => step);
  const lastStep = Math.max(1, most(steps));
  const x = linearScale(0, lastStep, Math.min(8, lastStep));
  const canvas = new Canvas(WIDTH, TOPS[1] + HEIGHT + 100);

  const losses = finite([...train, ...valLoss]);
  const lossPanel = { canvas, top: TOPS[0], x, y: linearScale(0, most(losses), 5) };
  drawFrame(lossPanel, "Loss");
  const isSmoothed = train.length >= SMOOTHED_FROM;
  if (isSmoothed) plot(lossPanel, train, 1.5, paleBlue);
  plot(lossPanel, smoothed(train), 4, blue);
  plot(lossPanel, valLoss, 3, orange, true);
  const faults = faultySteps(records);
  mark(lossPanel, faults);
  drawLegend(lossPanel, [
    ...(isSmoothed ? [["training", paleBlue], ["training, smoothed", blue]] as const : [["training", blue]] as const),
    ["validation", orange],
    ...(faults.length > 0 ? [["not finite", red] as const] : []),
  ]);

  const mistakes = finite(accuracy).map((value) => 1 - value);
  // From the least accuracy to 1, or all there can be where there is none.
  const depth = mistakes.length > 0 ? Math.max(0.01, most(mistakes)) : 1;
  const accuracyPanel = { canvas, top: TOPS[1], x, y: linearScale(1 - depth, 1, 5) };
  drawFrame(accuracyPanel, "Validation accuracy");
  plot(accuracyPanel, accuracy, 4, blue, true);
  canvas.text("step", [(LEFT + WIDTH - RIGHT) / 2, TOPS[1] + HEIGHT + 66], {
    size: LABEL,
    color: softInk,
    align: "middle",
  });
  return canvas.encode();
}

/** What records of a type say under `key`, by step. */
function samplesOf(records: readonly unknown[], type: string, key: string): Sample[] {
  const samples = records.flatMap((record): Sample[] => {
    if (typeof record !== "object" || record === null) return [];
    const { type: own, step, [key]: value } = record as Record<string, unknown>;
    if (own !== type || typeof step !== "number" || !Number.isFinite(step)) return [];
    // A number that was not finite is stored as text, since JSON has none.
    return [[step, typeof value === "number" && Number.isFinite(value) ? value : null]];
  });
  return samples.sort(([a], [b]) => a - b);
}

function finite(samples: readonly Sample[]): number[] {
  return samples.flatMap(([, value]) => value === null ? [] : [value]);
}

/** The largest of values that are not negative. */
function most(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), 0);
}

/** The mean over about a 25th of the samples around each; values that are not finite do not count. */
function smoothed(samples: readonly Sample[]): Sample[] {
  const reach = Math.floor(samples.length / SMOOTHED_FROM);
  const sums = [0];
  const counts = [0];
  for (const [i, [, value]] of samples.entries()) {
    sums.push(sums[i] + (value ?? 0));
    counts.push(counts[i] + (value === null ? 0 : 1));
  }
  return samples.map(([step, value], i) => {
    if (value === null) return [step, null];
    // As far ahead as back, so that the steep beginning is not drawn too low; at the flat end back alone.
    const side = Math.min(reach, i);
    const [from, to] = [i - side, Math.min(i + side + 1, samples.length)];
    return [step, (sums[to] - sums[from]) / (counts[to] - counts[from])];
  });
}

/** Steps at whose log a loss was not finite, or steps had been left out because they were not. */
function faultySteps(records: readonly unknown[]): number[] {
  const skipped = samplesOf(records, "train", "skipped").map(([, count]) => count ?? 0);
  return samplesOf(records, "train", "loss")
    .filter(([, loss], i) => loss === null || skipped[i] > (skipped[i - 1] ?? 0))
    .map(([step]) => step);
}

/** Title, grid and the numbers along both axes. */
function drawFrame(panel: Panel, title: string): void {
  const { canvas, top, y } = panel;
  canvas.text(title, [LEFT, top - 24], { size: 28, color: ink, bold: true });
  for (const tick of y.ticks) {
    const at = top + HEIGHT * (1 - y.place(tick));
    canvas.fill(LEFT, at, WIDTH - RIGHT - LEFT, 1, gridColor);
    canvas.text(tick.toFixed(y.digits), [LEFT - 14, at + 7], { size: LABEL, color: softInk, align: "end" });
  }
  for (const tick of panel.x.ticks) {
    const at = across(panel, tick);
    canvas.fill(at, top, 1, HEIGHT, gridColor);
    const text = tick.toLocaleString("en-US");
    canvas.text(text, [at, top + HEIGHT + 30], { size: LABEL, color: softInk, align: "middle" });
  }
  canvas.fill(LEFT, top + HEIGHT, WIDTH - RIGHT - LEFT, 2, softInk);
}

/** A line through the values, broken where one is not finite. */
function plot(panel: Panel, samples: readonly Sample[], thickness: number, color: Color, dots = false): void {
  const lines: Point[][] = [[]];
  for (const [step, value] of samples) {
    if (value === null) lines.push([]);
    else lines[lines.length - 1].push([across(panel, step), panel.top + HEIGHT * (1 - panel.y.place(value))]);
  }
  panel.canvas.stroke(lines, thickness, color);
  if (dots) panel.canvas.stroke(lines.flat().map((point) => [point]), thickness * 2.6, color);
}

/** Marks on the axis. */
function mark(panel: Panel, steps: readonly number[]): void {
  const base = panel.top + HEIGHT;
  panel.canvas.stroke(steps.map((step) => [[across(panel, step), base - 8], [across(panel, step), base + 8]]), 4, red);
}

function across({ x }: Panel, step: number): number {
  return LEFT + (WIDTH - RIGHT - LEFT) * x.place(step);
}

function drawLegend({ canvas, top }: Panel, entries: readonly (readonly [string, Color])[]): void {
  let right = WIDTH - RIGHT;
  for (const [text, color] of entries.toReversed()) {
    canvas.text(text, [right, top - 24], { size: LABEL, color: ink, align: "end" });
    right -= textWidth(text, LABEL) + 12;
    canvas.stroke([[[right - 32, top - 30], [right, top - 30]]], 4, color);
    right -= 32 + 28;
  }
}
