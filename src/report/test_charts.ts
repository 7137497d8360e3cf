/**
 * The charts of a test: ROC and precision–recall curves, reliability, scores, classes.
 *
 * @module
 */
import { column } from "../metrics/column.ts";
import { predictClasses, Ranking, type TestReport } from "../metrics/mod.ts";
import { type Chart, COMMON, headOf, widthOf } from "./chart.ts";
import { printable } from "../printable.ts";
import { shorten } from "./names.ts";
import { blue, ink, line, lines, orange, paleBlue, softInk } from "./palette.ts";
import { type Bars, type Line, plotChart, thinned } from "./plot.ts";

/** What a model said of the pictures of a test, and what was so. */
export interface Answers {
  /** Probabilities `[N, K]`, flat; K is 1 for a binary task. */
  readonly probabilities: ArrayLike<number>;
  /** Was it so? `[N, K]`, flat, 0 or 1. */
  readonly targets: ArrayLike<number>;
}

/** More classes than these are not told apart by their lines. */
const NAMED = lines.length;

/** Curves without a name that are drawn at most: more only make the file larger. */
const PALE = 60;

const decimal = (value: number | null): string => value === null ? "undefined" : value.toFixed(3);

/** A curve of a class, with the area under it. */
interface Curve {
  readonly name: string;
  readonly area: number | null;
  readonly support: number;
  readonly points: readonly (readonly [number, number])[] | undefined;
}

/** Classes whose curves are drawn: of a binary task the positive one. */
function rankingsOf(report: TestReport, { probabilities, targets }: Answers) {
  const rows = report.task === "binary" ? report.perClass.slice(1) : report.perClass;
  return rows.map((row, c) => ({
    row,
    ranking: new Ranking(column(probabilities, c, rows.length), column(targets, c, rows.length)),
  }));
}

/** Lines of many curves: the classes with the most samples by name, the others pale behind them. */
function linesOf(curves: readonly Curve[]): Line[] {
  const drawn = curves.filter(({ points }) => points !== undefined);
  const named = new Set(drawn.toSorted((a, b) => b.support - a.support).slice(0, NAMED));
  const rest = drawn.filter((curve) => !named.has(curve)).toSorted((a, b) => b.support - a.support);
  const some = rest.slice(0, PALE);
  const hint = some.length < rest.length ? `${some.length} of ` : "";
  const pale = some.map(({ points }, i): Line => ({
    ...(i === 0 ? { name: `${hint}${rest.length} smaller classes` } : {}),
    ...{ points: points!, color: line, width: 1.5 },
  }));
  const strong = drawn.filter((curve) => named.has(curve)).map(({ name, area, points }, i): Line => ({
    ...{ name: `${shorten(printable(name), 20)}  ${decimal(area)}`, points: points!, ...lines[i] },
  }));
  return [...pale, ...strong];
}

/** Which curves could not be drawn, as a clause. */
function missingIn(curves: readonly Curve[]): string {
  const missing = curves.filter(({ points }) => points === undefined).length;
  return missing === 0 ? "" : `; undefined for ${missing} ${missing === 1 ? "class" : "classes"}`;
}

/**
 * The ROC curve of each class against the rest, with its area; of a binary task that of the positive class.
 *
 * @param report The test.
 * @param answers What was answered.
 * @returns The chart.
 */
export function rocChart(report: TestReport, answers: Answers): Chart {
  const curves = rankingsOf(report, answers).map(({ row, ranking }): Curve => ({
    ...{ name: row.name, area: row.auroc, support: row.support },
    points: ranking.roc()?.map(({ fpr, tpr }) => [fpr, tpr] as const),
  })).map((curve) => ({ ...curve, points: curve.points && thinned(curve.points) }));
  const what = report.task === "binary" ? "area" : "mean area";
  return plotChart("ROC curves", `${what} ${decimal(report.auroc)}${missingIn(curves)}`, [{
    x: { name: "false positive rate", max: 1 },
    y: { name: "true positive rate", max: 1 },
    height: 720,
    lines: [{ points: [[0, 0], [1, 1]], color: softInk, dash: [4, 8], width: 2 }, ...linesOf(curves)],
  }]);
}

/**
 * The precision–recall curve of each class against the rest, with its average precision; of a binary task that of the
 * positive class.
 *
 * @param report The test.
 * @param answers What was answered.
 * @returns The chart.
 */
export function precisionRecallChart(report: TestReport, answers: Answers): Chart {
  const curves = rankingsOf(report, answers).map(({ row, ranking }): Curve => {
    const points = ranking.precisionRecall()?.map(({ precision, recall }) => [recall, precision] as const);
    return {
      ...{ name: row.name, area: row.averagePrecision, support: row.support },
      // Average precision is the area below steps: up to its recall, each threshold has its precision.
      points: points && thinned(points.flatMap((point, i) => [[points[i - 1]?.[0] ?? 0, point[1]] as const, point])),
    };
  });
  const what = report.task === "binary" ? "average precision" : "mean average precision";
  return plotChart("Precision–recall curves", `${what} ${decimal(report.averagePrecision)}${missingIn(curves)}`, [{
    x: { name: "recall", max: 1 },
    y: { name: "precision", max: 1 },
    height: 720,
    lines: linesOf(curves),
  }]);
}

/**
 * The reliability diagram: how often what was said with a probability came true, and how often each was said.
 *
 * @param report The test.
 * @returns The chart.
 */
export function reliabilityChart(report: TestReport): Chart {
  const bins = report.reliability.filter(({ count }) => count > 0);
  const of = report.task === "multiclass" ? "the predicted class" : report.task === "binary" ? "a yes" : "each label";
  const cooled = report.temperature === 1 ? "" : `, temperature ${report.temperature.toFixed(3)}`;
  return plotChart(
    "Reliability",
    `probability of ${of}; expected calibration error ${decimal(report.calibrationError)}${cooled}`,
    [{
      x: { name: "probability", max: 1 },
      y: { name: "share that came true", max: 1 },
      height: 560,
      bars: [{
        name: "came true",
        color: blue,
        bars: bins.map(({ from, to, frequency }) => ({ from, to, height: frequency ?? 0 })),
      }],
      lines: [
        { name: "well calibrated", points: [[0, 0], [1, 1]], color: softInk, dash: [4, 8], width: 2 },
        {
          ...{ name: "mean probability", color: orange, dots: true, width: 2.5 },
          points: bins.map(({ confidence, frequency }) => [confidence ?? 0, frequency ?? 0]),
        },
      ],
    }, {
      x: { name: "probability", max: 1 },
      y: { name: "how often" },
      height: 200,
      bars: [{ color: softInk, bars: bins.map(({ from, to, count }) => ({ from, to, height: count })) }],
    }],
  );
}

/** Bins of the histogram of scores. */
const SCORE_BINS = 40;

/** Counts of numbers from 0 to 1. */
function histogram(values: readonly number[]): Bars["bars"] {
  const counts = new Float64Array(SCORE_BINS);
  for (const value of values) counts[Math.min(SCORE_BINS - 1, Math.floor(value * SCORE_BINS))]++;
  return Array.from(counts, (height, b) => ({ from: b / SCORE_BINS, to: (b + 1) / SCORE_BINS, height }));
}

/**
 * The histogram of scores: of a multi-class task the predicted class's probability where it is right and where it is
 * wrong; else the probability of a yes where it is so and where it is not.
 *
 * @param report The test.
 * @param answers What was answered.
 * @returns The chart.
 */
export function scoreChart(report: TestReport, { probabilities, targets }: Answers): Chart {
  const width = report.task === "binary" ? 1 : report.perClass.length;
  const [yes, no]: [number[], number[]] = [[], []];
  if (report.task === "multiclass") {
    predictClasses(probabilities, width).forEach((best, i) => {
      const at = i * width + best;
      (targets[at] === 1 ? yes : no).push(probabilities[at]);
    });
  } else {
    for (let i = 0; i < targets.length; i++) (targets[i] === 1 ? yes : no).push(probabilities[i]);
  }
  const [positive, negative] = report.task === "multiclass"
    ? ["right", "wrong"]
    : report.task === "binary"
    ? [report.perClass[1].name, report.perClass[0].name]
    : ["labels that hold", "labels that do not"];
  const of = report.task === "multiclass" ? "of the predicted class" : "of a yes";
  return plotChart("Scores", `${yes.length} ${positive}, ${no.length} ${negative}`, [{
    x: { name: `probability ${of}`, max: 1 },
    y: { name: "how often" },
    height: 480,
    bars: [
      { name: positive, color: blue, bars: histogram(yes) },
      { name: negative, color: orange, bars: histogram(no), hollow: true },
    ],
  }]);
}

/** Classes that have bars; of more, those with the lowest F1. */
const MOST_BARS = 40;

/**
 * Precision, recall and F1 of each class or label as bars, the best F1 first.
 *
 * @param report The test.
 * @returns The chart.
 */
export function classChart(report: TestReport): Chart {
  const LABEL = 20;
  const sorted = report.perClass.toSorted((a, b) => (b.f1 ?? -1) - (a.f1 ?? -1));
  const rows = sorted.slice(-MOST_BARS);
  const names = rows.map(({ name, support }) =>
    `${shorten(printable(name), 300, (text) => widthOf(text, LABEL))}  (${support})`
  );
  const left = 40 + Math.ceil(Math.max(...names.map((name) => widthOf(name, LABEL)))) + 24;
  const height = rows.length * 66;
  const noun = report.task === "multilabel" ? "labels" : "classes";
  const subtext = rows.length < sorted.length
    ? `the ${rows.length} of ${sorted.length} ${noun} with the lowest F1; in brackets: samples`
    : `sorted by F1; in brackets: samples`;
  const text = { fontSize: LABEL, color: softInk };
  const series = ([["precision", paleBlue], ["recall", orange], ["F1", blue]] as const).map(([name, color]) => ({
    ...{ name, type: "bar", silent: true, barGap: "10%", barCategoryGap: "28%", itemStyle: { color } },
    data: rows.map((row) => row[name === "F1" ? "f1" : name] ?? "-"),
  }));
  return {
    width: left + 720 + 200,
    height: 160 + height + 90,
    option: {
      ...COMMON,
      title: headOf(report.task === "multilabel" ? "Labels" : "Classes", subtext),
      legend: {
        ...{ orient: "vertical", left: left + 744, top: 160, padding: 0, itemWidth: 36, itemGap: 16 },
        ...{ textStyle: { fontSize: LABEL, color: ink }, data: series.map(({ name }) => name) },
      },
      grid: { left, top: 160, width: 720, height, outerBoundsMode: "none" },
      xAxis: {
        ...{ type: "value", min: 0, max: 1, axisLabel: { ...text, margin: 12 } },
        splitLine: { show: true, lineStyle: { color: line } },
      },
      yAxis: {
        ...{ type: "category", inverse: true, data: names, axisTick: { show: false } },
        ...{ axisLine: { lineStyle: { color: softInk } }, axisLabel: { interval: 0, fontSize: LABEL, color: ink } },
      },
      series,
    },
  };
}

/** All charts of a test but the confusion matrix, by the names of their files. */
export function testCharts(report: TestReport, answers: Answers): ReadonlyMap<string, Chart> {
  return new Map([
    ["roc", rocChart(report, answers)],
    ["precision-recall", precisionRecallChart(report, answers)],
    ["reliability", reliabilityChart(report)],
    ["scores", scoreChart(report, answers)],
    ["classes", classChart(report)],
  ]);
}
