/**
 * Curves of several runs over each other.
 *
 * @module
 */
import { type Chart } from "./chart.ts";
import { lines } from "./palette.ts";
import { type Axis, type Layout, type Line, plotChart, thinned } from "./plot.ts";

/** A run, by its records. */
export interface OverlaidRun {
  /** What the key calls it. */
  readonly name: string;
  /** Records of its `metrics.jsonl`. */
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

/** A quantity of the records. */
export interface Quantity {
  /** Title of the chart. */
  readonly title: string;
  /** Type of the records that have it. */
  readonly type: "train" | "val";
  /** Its key in them. */
  readonly key: string;
  /** Name of its axis. */
  readonly name: string;
  /** Greatest value of the axis; default where the values end. */
  readonly max?: number;
}

/** Losses that span more than such a factor are drawn by their logarithm. */
const LOG_FROM = 100;

/** What runs are compared by. */
export const quantities: readonly Quantity[] = [
  { title: "Validation accuracy", type: "val", key: "accuracy", name: "accuracy", max: 1 },
  { title: "Validation loss", type: "val", key: "loss", name: "loss" },
  { title: "Training loss", type: "train", key: "loss", name: "loss" },
];

/**
 * Charts a quantity of several runs over their steps.
 *
 * @param quantity What is drawn.
 * @param runs The runs; those without it have no line.
 * @param subtitle A line below the title.
 * @returns The chart; undefined where no run has the quantity.
 */
export function overlayChart(quantity: Quantity, runs: readonly OverlaidRun[], subtitle = ""): Chart | undefined {
  const drawn = runs.map(({ name, records }, r) => ({
    ...{ name, ...lines[r % lines.length], width: 3 },
    points: records.flatMap(({ type, step, [quantity.key]: value }): [number, number][] =>
      type === quantity.type && Number.isFinite(step) && Number.isFinite(value)
        ? [[step as number, value as number]]
        : []
    ).toSorted(([a], [b]) => a - b),
  })).filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return undefined;
  const all = drawn.flatMap(({ points }) => points);
  const { max, name, title } = quantity;
  const lastStep = all.reduce((last, [step]) => Math.max(last, step), 1);
  const { least, most, isLog } = rangeOf(all.map(([, value]) => value), max);
  const scale = (max ?? most) || 1;
  const [toShare, fromShare] = isLog
    ? [(v: number) => Math.log(v / least) / Math.log(most / least), (y: number) => least * (most / least) ** y]
    : [(v: number) => v / scale, (y: number) => y * scale];
  const thin = (points: readonly (readonly [number, number])[]) =>
    thinned(points.map(([step, value]) => [step / lastStep, toShare(value)] as const))
      .map(([x, y]) => [Math.round(x * lastStep), Number(fromShare(y).toPrecision(6))] as const);
  const shown = drawn.map((line) => ({ ...line, points: thin(line.points), dots: line.points.length <= 30 }));
  return quantityChart({ title, name, max }, shown, { name: "step", max: lastStep }, { subtitle });
}

/**
 * Least and greatest of some values, and whether they are drawn by their logarithm: a loss may begin at many times its
 * end, which would flatten all else.
 */
function rangeOf(values: readonly number[], max: number | undefined) {
  const most = values.reduce((most, value) => Math.max(most, value), 0);
  const least = values.reduce((least, value) => Math.min(least, value), Infinity);
  return { least, most, isLog: max === undefined && least > 0 && most / least > LOG_FROM };
}

/**
 * Charts lines of a quantity. The axis of accuracies and the like begins a tenth below the lowest, all others at 0.
 *
 * @param quantity What is drawn.
 * @param drawn The lines.
 * @param x The axis across.
 * @param options A line below the title, and where things stand.
 */
export function quantityChart(
  { title, name, max }: Pick<Quantity, "title" | "name" | "max">,
  drawn: readonly Line[],
  x: Axis,
  { subtitle = "", layout }: { readonly subtitle?: string; readonly layout?: Layout } = {},
): Chart {
  const values = drawn.flatMap(({ points }) => points).flatMap(([, y]) => y ?? []);
  const { least, isLog } = rangeOf(values, max);
  const min = max === undefined ? Math.min(0, least) : Math.max(0, Math.floor(10 * least) / 10);
  const y = { name, min, isLog, ...(max === undefined ? {} : { max }) };
  return plotChart(title, subtitle, [{ x, y, height: layout ? 330 : 480, lines: drawn }], layout);
}
