/**
 * A chart of a run's losses and validation accuracy.
 *
 * @module
 */
import { type Monitor, monitored } from "../metrics/monitored.ts";
import { printable } from "../printable.ts";
import { BOLD, type Chart, COMMON, type Json, widthOf } from "./chart.ts";
import { blue, ink, line, orange, paleBlue, red, softInk } from "./palette.ts";

/** A value at a step; null where it was not finite. */
type Sample = readonly [step: number, value: number | null];

/** A mark by its outline, which keeps its proportions in a legend. */
const TRIANGLE = "path://M7 0L14 18H0Z";
/** What stands in a legend for a symbol, where that is not the line with the symbol on it. */
const icons: Readonly<Record<string, string>> = { none: "path://M0 0H44V5H0Z", [TRIANGLE]: TRIANGLE };

/** One axis of values over the steps. */
interface Panel {
  readonly title: string;
  readonly axis: { readonly [key: string]: Json };
  readonly series: readonly Series[];
}

/** What is drawn in a panel. */
interface Series {
  readonly name: string;
  readonly symbol: string;
  readonly [key: string]: Json;
}

const WIDTH = 1400;
/** Height of a panel's frame, and from one to the next. */
const HEIGHT = 380;
const PITCH = 500;
const TOP = 80;
const LEFT = 110;
const RIGHT = 60;
const LABEL = 20;
const TITLE = 28;

/** Width of a mark in a legend, and the space between two of them. */
const ICON = 44;
const GAP = 28;

/** Fewer losses than these are drawn as they are. */
const SMOOTHED_FROM = 50;

/** More points than these have no dots. */
const DOTTED_TO = 100;

/**
 * Charts the loss of each logged step of training (thin), the same smoothed (thick), the validation's loss, its
 * accuracy and the metric by which the best epoch is chosen, and the learning rate, over the steps of the run. That
 * metric shares an axis with the accuracy where it, too, is best at 1 and never below 0. Few steps are not smoothed,
 * and drawn thick. Where a value was not finite the line is broken. Where that, or a step left out for it, is in the
 * training records, a red mark stands on the axis. That a run has ended before its last epoch stands in the title of
 * the accuracy.
 *
 * Losses of training and validation share an axis only where the records say that they are of one kind. Where classes
 * are weighted, targets smoothed or a teacher takes part, one axis would compare what cannot be compared.
 *
 * @param records The records of `metrics.jsonl`: those of type `train` have `step`, `loss`, `lossKind`, `learningRate`
 * and `skipped`, those of type `val` `step`, `accuracy`, `loss` and `lossKind`, one of type `early` `epoch`, `best`,
 * `monitor` and `patience`. Others are passed over.
 * @param monitor The metric that chooses the best epoch; default the accuracy.
 * @returns The chart.
 */
export function curvesChart(records: readonly unknown[], monitor: Monitor = "accuracy"): Chart {
  const train = samplesOf(records, "train", "loss");
  const valLoss = samplesOf(records, "val", "loss");
  const accuracy = samplesOf(records, "val", "accuracy");
  const lastStep = [...train, ...valLoss, ...accuracy].reduce((last, [step]) => Math.max(last, step), 1);
  const training = trainingSeries(train);
  const validation = lineOf("validation", valLoss, orange, { dots: "diamond" });
  const faults = faultySeries(faultySteps(records));
  const fromZero = { min: 0 };
  const [trained, validated] = [kindsOf(records, "train"), kindsOf(records, "val")];
  const losses: Panel[] = trained.union(validated).size <= 1
    ? [{ title: "Loss", axis: fromZero, series: [...training, validation, ...faults] }]
    : [
      { title: titleOf("Training loss", trained), axis: fromZero, series: [...training, ...faults] },
      { title: titleOf("Validation loss", validated), axis: fromZero, series: [validation] },
    ];
  const rates = samplesOf(records, "train", "learningRate");
  return chartOf(lastStep, [
    ...losses,
    ...metricPanels(accuracy, records, monitor),
    ...rates.every(([, rate]) => rate === null)
      ? []
      : [{ title: "Learning rate", axis: fromZero, series: [lineOf("rate", rates, blue)] }],
  ]);
}

/** The validation's accuracy and the monitored metric: in one panel where an axis fits both. */
function metricPanels(accuracy: readonly Sample[], records: readonly unknown[], monitor: Monitor): Panel[] {
  const { title, isLower } = monitored[monitor];
  const usual = lineOf("accuracy", accuracy, blue, { dots: "circle" });
  const panelOf = (what: string, values: readonly Sample[], series: readonly Series[]): Panel => ({
    title: `Validation ${what}${endOf(records)}`,
    axis: accuracyAxis(values),
    series,
  });
  const values = samplesOf(records, "val", monitor);
  // The loss has its panel.
  if (monitor === "accuracy" || monitor === "loss" || values.every(([, value]) => value === null)) {
    return [panelOf("accuracy", accuracy, [usual])];
  }
  const own = lineOf(title, values, orange, { dots: "diamond" });
  if (!isLower && values.every(([, value]) => (value ?? 0) >= 0)) {
    return [panelOf(`accuracy and ${title}`, [...accuracy, ...values], [usual, own])];
  }
  return [
    panelOf("accuracy", accuracy, [usual]),
    { title: `Validation ${title}`, axis: isLower ? { min: 0 } : { max: 1 }, series: [own] },
  ];
}

/** What is said of a run that has ended before its last epoch, behind a title. */
function endOf(records: readonly unknown[]): string {
  for (const record of records) {
    const { type, epoch, best, monitor, patience } = Object(record) as Record<string, unknown>;
    if (type !== "early") continue;
    return printable(`; ended early after epoch ${epoch}: no better ${monitor} in ${patience} since epoch ${best}`);
  }
  return "";
}

/** What the losses of records of a type are; records of older runs do not say, and are of a kind each. */
function kindsOf(records: readonly unknown[], type: string): Set<string> {
  return new Set(records.flatMap((record) => {
    const { type: own, lossKind = `unknown in ${type}` } = Object(record) as Record<string, unknown>;
    return own === type && typeof lossKind === "string" ? [printable(lossKind)] : [];
  }));
}

/** `Training loss (class weights)`. */
function titleOf(name: string, kinds: ReadonlySet<string>): string {
  const said = [...kinds].filter((kind) => !kind.startsWith("unknown"));
  return said.length === 0 ? name : `${name} (${said.join("; ")})`;
}

/** Font size of a panel's title: a long one, which names what its loss is of, leaves room for the legend beside it. */
function titleSize({ title, series }: Panel): number {
  const legend = series.length > 1 ? series.reduce((sum, { name }) => sum + ICON + GAP + widthOf(name, LABEL), 0) : 0;
  const room = WIDTH - LEFT - RIGHT - legend - GAP;
  return Math.min(TITLE, Math.floor(room / (widthOf(title, 1) * BOLD)));
}

/** The panels below each other, over one axis of steps. */
function chartOf(lastStep: number, panels: readonly Panel[]): Chart {
  const text = { fontSize: LABEL, color: softInk };
  const grey = { show: true, lineStyle: { color: line } };
  const top = (p: number) => TOP + p * PITCH;
  return {
    width: WIDTH,
    height: top(panels.length - 1) + HEIGHT + 100,
    option: {
      ...COMMON,
      title: panels.map(({ title }, p) => ({
        ...{ text: title, left: LEFT, top: top(p) - 50, padding: 0 },
        textStyle: { fontSize: titleSize(panels[p]), fontWeight: "bold", color: ink },
      })),
      legend: panels.map(({ series }, p) => ({
        ...{ show: series.length > 1, top: top(p) - 50, right: RIGHT, padding: 0 },
        ...{ itemWidth: ICON, itemGap: GAP, textStyle: { fontSize: LABEL, color: ink } },
        data: series.map(({ name, symbol }) => ({ name, icon: icons[symbol] ?? "inherit" })),
      })),
      grid: panels.map((_, p) => ({
        ...{ left: LEFT, right: RIGHT, top: top(p), height: HEIGHT, outerBoundsMode: "none" },
      })),
      xAxis: panels.map((_, p) => ({
        ...{ type: "value", gridIndex: p, min: 0, max: lastStep, minInterval: 1, axisLabel: { ...text, margin: 12 } },
        ...{ axisLine: { onZero: false, lineStyle: { color: softInk, width: 2 } }, axisTick: { show: false } },
        ...{ splitLine: grey, name: p === panels.length - 1 ? "step" : "" },
        ...{ nameLocation: "middle", nameGap: 46, nameMoveOverlap: false, nameTextStyle: text },
      })),
      yAxis: panels.map(({ axis }, p) => ({
        ...{ type: "value", gridIndex: p, ...axis, axisLabel: { ...text, margin: 14 }, splitLine: grey },
        ...{ axisLine: { show: false }, axisTick: { show: false } },
      })),
      series: panels.flatMap(({ series }, p) => series.map((one) => ({ ...one, xAxisIndex: p, yAxisIndex: p }))),
    },
  };
}

/** What was logged of the training: as it was, and smoothed where it is much. */
function trainingSeries(train: readonly Sample[]): Series[] {
  if (train.length < SMOOTHED_FROM) return [lineOf("training", train, blue)];
  return [
    lineOf("training", train, paleBlue, { width: 1.5 }),
    lineOf("training, smoothed", smoothed(train), blue),
  ];
}

/** Marks on the axis of steps, where there are any. */
function faultySeries(steps: readonly number[]): Series[] {
  if (steps.length === 0) return [];
  return [{
    ...{ name: "not finite", type: "scatter", silent: true, clip: false, z: 5 },
    ...{ symbol: TRIANGLE, symbolSize: [14, 18], itemStyle: { color: red, opacity: 1 } },
    data: steps.map((step) => [step, 0]),
  }];
}

/** A line through the values, broken where one is not finite; a value alone is a dot. */
function lineOf(
  name: string,
  samples: readonly Sample[],
  color: string,
  { width = 4, dots }: { readonly width?: number; readonly dots?: string } = {},
): Series {
  const dotted = dots !== undefined && samples.length <= DOTTED_TO;
  const isAlone = (i: number) => (samples[i - 1]?.[1] ?? null) === null && (samples[i + 1]?.[1] ?? null) === null;
  return {
    ...{ name, type: "line", silent: true, connectNulls: false, emphasis: { disabled: true } },
    ...{ showSymbol: true, symbol: dotted ? dots : "none", symbolSize: 3 * width },
    ...{ lineStyle: { width, color, join: "round", cap: "round" }, itemStyle: { color } },
    data: samples.map(([step, value], i) =>
      value !== null && isAlone(i) ? { value: [step, value], symbol: dots ?? "circle" } : [step, value]
    ),
  };
}

/** The axis of accuracies: it begins at a round number at or below the least, and its ticks are round, too. */
function accuracyAxis(accuracy: readonly Sample[]): { min: number; max: number; interval: number } {
  const least = accuracy.reduce((least, [, value]) => Math.min(least, value ?? 1), accuracy.length > 0 ? 0.99 : 0);
  const step = 10 ** Math.floor(Math.log10(1 - least) + 1e-9);
  const steps = Math.ceil((1 - least) / step - 1e-9);
  // Four to six ticks: one step or two are divided, and more than five come in twos.
  const count = steps > 5 ? steps + steps % 2 : steps;
  const interval = step * (steps > 5 ? 2 : [0.2, 0.5][steps - 1] ?? 1);
  return { min: Math.max(0, Number((1 - count * step).toFixed(6))), max: 1, interval: Number(interval.toFixed(6)) };
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
