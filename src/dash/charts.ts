/**
 * The charts of the chosen runs, a quantity each: the option objects of the static charts, laid out for a page.
 *
 * @module
 */

import { printable } from "../printable.ts";
import type { Chart } from "../report/chart.ts";
import { confusionChart } from "../report/confusion.ts";
import { type Quantity, quantityChart } from "../report/overlay.ts";
import { lines } from "../report/palette.ts";
import { type Line, narrowLayout } from "../report/plot.ts";
import { denseOf, type Live, type LivePicture } from "../track/live.ts";
import { bounded, type Curve, type Curves, smoothed, type XAxis } from "./curves.ts";

/** How curves are looked at. */
export interface View {
  /** What stands across. */
  readonly x: XAxis;
  /** Weight of what came before, from 0 to below 1. */
  readonly smoothing: number;
  /** Of a chart, in its own pixels. */
  readonly width: number;
}

/** A run that was chosen. */
export interface ChosenRun {
  readonly name: string;
  /** Its place among the line styles, which it keeps as long as it is chosen. */
  readonly place: number;
  readonly curves: Curves;
}

/** Points of a line that are sent. */
const MOST_POINTS = 900;

/** Lines of so few points have them marked. */
const MARKED = 30;

const fixed: readonly Quantity[] = [
  { title: "Training loss", type: "train", key: "loss", name: "" },
  { title: "Validation loss", type: "val", key: "loss", name: "" },
  { title: "Validation accuracy", type: "val", key: "accuracy", name: "", max: 1 },
  { title: "Validation F1", type: "val", key: "f1", name: "", max: 1 },
  { title: "Validation auROC", type: "val", key: "auroc", name: "", max: 1 },
];

const last: readonly Quantity[] = [
  { title: "Learning rate", type: "train", key: "learningRate", name: "" },
  { title: "Images per second", type: "train", key: "imagesPerSecond", name: "" },
  { title: "Loss scale", type: "train", key: "lossScale", name: "" },
];

/** What is not smoothed: it is as it was set. */
const EXACT = new Set(["learningRate", "lossScale"]);

/** Charts of all quantities that any of the runs has. */
export function chartsOf(runs: readonly ChosenRun[], view: View): Chart[] {
  const known = new Set([...fixed, ...last].map(({ key }) => key));
  const own = new Set(runs.flatMap(({ curves }) => curves.keys("val").filter((key) => !known.has(key))));
  const quantities: readonly Quantity[] = [
    ...fixed,
    ...[...own].map((key): Quantity => ({
      title: `Validation ${printable(key.slice(4))}`,
      type: "val",
      key,
      name: "",
    })),
    ...last,
  ];
  const kinds = new Set(runs.map(({ curves }) => curves.kind).filter((kind) => kind !== ""));
  const unit = view.x === "time" ? unitOf(runs) : { name: view.x, size: 1 };
  return quantities.flatMap((quantity) => {
    const found = runs.flatMap(({ curves, ...run }) => {
      const curve = curves.curve(quantity.type, quantity.key, view.x);
      return curve ? [{ ...run, curve: { ...curve, unit: curve.unit * unit.size } }] : [];
    });
    if (found.length === 0) return [];
    const weight = EXACT.has(quantity.key) ? 0 : view.smoothing;
    const drawn = found.flatMap((run) => linesOf(run, weight));
    // From 0 to the last value of all.
    const max = found.reduce((most, { curve: { x, unit } }) => Math.max(most, x[x.length - 1] / unit), 0) || 1;
    // Losses of several kinds are not to be compared.
    const isOfKinds = quantity.title === "Training loss" && (kinds.size > 1 || !kinds.has("plain"));
    const title = isOfKinds && kinds.size > 0 ? `${quantity.title} (${kindsText(kinds)})` : quantity.title;
    return [quantityChart({ ...quantity, title }, drawn, { name: unit.name, max }, {
      layout: narrowLayout(view.width),
    })];
  });
}

/** `plain; class weights`, shortened, since it stands in a title. */
function kindsText(kinds: ReadonlySet<string>): string {
  return kinds.size > 1 ? "of different kinds" : printable([...kinds][0]);
}

/** A run with its curve of a quantity. */
type Found = Omit<ChosenRun, "curves"> & { readonly curve: Curve };

/** The line of a run; where it is smoothed, the line as it was pale behind it. */
function linesOf({ name, place, curve }: Found, weight: number): Line[] {
  const { length } = curve.y;
  const line = { ...lines[place % lines.length], name, width: 3, dots: length <= MARKED };
  const few = (y: Curve["y"]) => bounded({ ...curve, y }, MOST_POINTS);
  // So few are seen one by one.
  if (weight === 0 || line.dots) return [{ ...line, points: few(curve.y) }];
  const { name: _, ...pale } = { ...line, width: 2, isPale: true };
  return [{ ...pale, points: few(curve.y) }, { ...line, points: few(smoothed(curve.y, weight)) }];
}

/** Seconds, minutes or hours, by the longest run. */
function unitOf(runs: readonly ChosenRun[]): { readonly name: string; readonly size: number } {
  const longest = runs.reduce((most, { curves }) => Math.max(most, curves.seconds), 0);
  return longest < 180
    ? { name: "seconds of training", size: 1 }
    : longest < 10_800
    ? { name: "minutes of training", size: 60 }
    : { name: "hours of training", size: 3600 };
}

/** The last validation of a run, as the page shows it. */
export interface ShownValidation {
  readonly epoch?: number;
  readonly step?: number;
  readonly confusion?: Chart;
  /** Step of the pictures, and they. */
  readonly worst?: { readonly step: number; readonly pictures: readonly LivePicture[] };
}

/** What is shown of a run's last validation; nothing of one that has none yet. */
export function validationOf({ validation, worst }: Partial<Live> = {}): ShownValidation {
  const pictures = worst?.pictures.map((picture) => ({
    ...picture,
    ...{ file: printable(picture.file), label: printable(picture.label), predicted: printable(picture.predicted) },
  }));
  return {
    ...(validation && {
      ...{ epoch: validation.epoch, step: validation.step },
      confusion: confusionChart(denseOf(validation.confusion), validation.confusion.names),
    }),
    ...(worst && pictures && { worst: { step: worst.step, pictures } }),
  };
}
