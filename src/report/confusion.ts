/**
 * A chart of the confusion matrix.
 *
 * @module
 */
import { printable } from "../printable.ts";
import { BOLD, type Chart, COMMON, type Json, widthOf } from "./chart.ts";
import { isDrawable } from "./fonts.ts";
import { shorten } from "./names.ts";
import { ink, line, paleInk, shades, softInk, white } from "./palette.ts";

/** A matrix of counts, rows the truth. */
type Matrix = readonly (readonly number[])[];

/** What is charted of a report: a matrix of the classes, or one of 2 × 2 for each label. */
export type Confusion =
  | { readonly task: "multilabel"; readonly confusion: readonly Matrix[] }
  | { readonly task: "binary" | "multiclass"; readonly confusion: Matrix };

/** A class or label. */
interface Label {
  readonly name: string;
  /** `class 3`. */
  readonly number: string;
}

/** Where a matrix stands and how large its cells are, in pixels. */
interface Place {
  readonly left: number;
  readonly top: number;
  readonly cell: number;
}

/** Space around everything, in pixels. */
const MARGIN = 40;

/** Font sizes in pixels. */
const TITLE = 30;
const LABEL = 22;
const SMALL = 18;

/** Height of the title and the line below it. */
const HEAD = 84;

/** Smaller than this, a text in a cell is left out: it could not be read. */
const SMALLEST = 11;

/** Longest name beside a matrix, in pixels. */
const NAME_WIDTH = 280;

/** Width of the key with its texts. */
const KEY = 110;

/**
 * Charts the confusion matrix with counts and row shares: a row share is the part of a class that was predicted so.
 * White is none and blue all. The first percents differ most, since there the mistakes are. Rows are the truth, columns
 * the predictions. A multi-label task gets a 2 × 2 matrix per label.
 *
 * Legible with 2 to 40 classes; with more, cells shrink until their texts no longer fit.
 *
 * @param report The report of any task, or its matrix alone.
 * @param names Names of the classes or labels. A name gets its number in front where no font here can spell it.
 * @returns The chart.
 * @throws {TypeError} If there is not a name for each class.
 */
export function confusionChart(report: Confusion, names: readonly string[]): Chart {
  if (names.length !== report.confusion.length) {
    throw new TypeError(
      `A confusion matrix of ${report.confusion.length} classes needs as many names, got ${names.length}`,
    );
  }
  const noun = report.task === "multilabel" ? "label" : "class";
  const labels = names.map((name, c) => ({ name, number: `${noun} ${c + 1}` }));
  return report.task === "multilabel" ? chartLabels(report.confusion, labels) : chartClasses(report.confusion, labels);
}

/** One matrix with names along both axes. */
function chartClasses(matrix: Matrix, classes: readonly Label[]): Chart {
  const labels = classes.map((label) => nameOf(label, NAME_WIDTH, LABEL));
  const cell = cellFor(matrix.length, Math.max(...labels.map((label) => widthOf(label, LABEL))));
  const side = cell * matrix.length;
  const size = Math.min(LABEL, Math.floor(cell * 0.6));
  const named = size >= SMALLEST;
  const longest = named ? Math.max(...labels.map((label) => widthOf(label, size))) : 0;
  // Names stand level below their columns where they fit, and aslant where they do not.
  const level = longest <= cell - 8;
  const slant = longest * Math.SQRT1_2;
  const beside = named ? longest + 16 : 10;
  const below = !named ? 10 : level ? size * 1.4 + 12 : slant + size + 12;
  const left = Math.ceil(MARGIN + Math.max(LABEL * 1.6 + beside, level ? 0 : slant - cell / 2));
  const top = MARGIN + HEAD;
  const summary = summaryOf(matrix);
  const headWidth = Math.max(widthOf("Confusion matrix", TITLE) * BOLD, widthOf(summary, LABEL));
  const width = Math.ceil(Math.max(left + side + KEY, MARGIN + headWidth) + MARGIN);
  const height = Math.ceil(top + Math.max(side, 240) + below + LABEL * 1.6 + MARGIN);
  const axis = {
    ...cellAxis(labels, cell),
    nameTextStyle: { fontSize: LABEL, color: softInk },
  };
  const labelStyle = { show: named, interval: 0, fontSize: size, color: ink };
  return {
    width,
    height,
    option: {
      ...COMMON,
      title: titleOf("Confusion matrix", summary, Math.min(left, width - MARGIN - headWidth)),
      grid: { left, top, width: side, height: side, outerBoundsMode: "none" },
      xAxis: {
        ...axis,
        ...{ position: "bottom", name: "predicted", nameGap: below },
        axisLabel: { ...labelStyle, margin: 12, ...(level ? {} : { rotate: 45 }) },
      },
      yAxis: {
        ...axis,
        ...{ inverse: true, name: "true", nameRotate: 90, nameGap: beside + LABEL * 0.4 },
        axisLabel: { ...labelStyle, margin: 14 },
      },
      visualMap: keyOf({ left: left + side + 32, top }, Math.min(Math.max(side, 240), 420)),
      series: [heatmapOf(matrix, cell)],
    },
  };
}

/**
 * Side of a cell: a few wide ones where that lets the names stand level, at least 48 pixels up to 40 classes, and a
 * picture of about 2400 pixels beyond.
 */
function cellFor(classes: number, longestName: number): number {
  if (classes <= 6) return Math.min(240, Math.max(150, Math.ceil(longestName) + 16));
  return Math.max(2, Math.floor(900 / classes), Math.min(48, Math.floor(2400 / classes)));
}

/** A small matrix per label. */
function chartLabels(matrices: readonly Matrix[], labels: readonly Label[]): Chart {
  const cell = 96;
  const [width, height] = [2 * cell + 120, 2 * cell + 130];
  const columns = Math.min(matrices.length, Math.ceil(Math.sqrt(matrices.length * 1.3)));
  const rows = Math.ceil(matrices.length / columns);
  const top = MARGIN + HEAD;
  const places = matrices.map((_, l): Place => ({
    left: MARGIN + (l % columns) * width + 72,
    top: top + Math.floor(l / columns) * height + 44,
    cell,
  }));
  const axis = { ...cellAxis(["no", "yes"], cell), nameTextStyle: { fontSize: SMALL, color: softInk } };
  const axisLabel = { interval: 0, fontSize: SMALL, color: softInk, margin: 10 };
  const titles = labels.map((label, l) => ({
    text: nameOf(label, width - 84, LABEL * BOLD),
    ...{ left: places[l].left, top: places[l].top - 34, padding: 0 },
    textStyle: { fontSize: LABEL, fontWeight: "bold", color: ink },
  }));
  return {
    width: Math.max(620, MARGIN * 2 + columns * width + KEY),
    height: top + rows * height + MARGIN,
    option: {
      ...COMMON,
      title: [titleOf("Confusion matrices", "true against predicted, a label each", MARGIN), ...titles],
      grid: places.map(({ left, top }) => ({ left, top, width: 2 * cell, height: 2 * cell, outerBoundsMode: "none" })),
      xAxis: places.map((_, l) => ({
        ...{ ...axis, gridIndex: l, position: "bottom", name: "predicted", nameGap: SMALL + 22, axisLabel },
      })),
      yAxis: places.map((_, l) => ({
        ...{ ...axis, gridIndex: l, inverse: true, name: "true", nameRotate: 90, nameGap: 48, axisLabel },
      })),
      visualMap: keyOf({ left: MARGIN + columns * width + 20, top: top + 44 }, 2 * cell),
      series: matrices.map((matrix, l) => ({ ...heatmapOf(matrix, cell), xAxisIndex: l, yAxisIndex: l })),
    },
  };
}

/** Title and the line below it. */
function titleOf(text: string, subtext: string, left: number): Json {
  return {
    ...{ text, subtext, left, top: MARGIN - 4, padding: 0, itemGap: 10 },
    textStyle: { fontSize: TITLE, fontWeight: "bold", color: ink },
    subtextStyle: { fontSize: LABEL, color: softInk },
  };
}

/** An axis of classes, with thin lines between the cells where those do not hide them. */
function cellAxis(labels: readonly string[], cell: number) {
  return {
    ...{ type: "category", data: labels, nameLocation: "middle", nameMoveOverlap: false },
    axisLine: { show: true, onZero: false, lineStyle: { color: line } },
    axisTick: { show: false },
    splitLine: { show: cell >= 16, interval: 0, lineStyle: { color: line } },
  };
}

/**
 * The cells with their counts and shares. Where no count can be read, cells of nothing are left out: there are a
 * million of 1000 classes.
 */
function heatmapOf(matrix: Matrix, cell: number) {
  const nothing = labelOf(0, 0, cell);
  return {
    ...{ type: "heatmap", silent: true, animation: false, emphasis: { disabled: true } },
    label: { show: true, fontSize: SMALLEST },
    itemStyle: { borderColor: line, borderWidth: cell >= 16 ? 1 : 0 },
    data: matrix.flatMap((row, r) => {
      const support = row.reduce((sum, count) => sum + count, 0);
      return row.flatMap((count, c): Json[] => {
        const share = support > 0 ? count / support : 0;
        if (count > 0) return [{ value: [c, r, share], label: labelOf(count, share, cell) }];
        return nothing.show ? [{ value: [c, r, share], label: nothing }] : [];
      });
    }),
  };
}

/** The count with its share of the row below it, as large as the cell allows. */
function labelOf(count: number, share: number, cell: number) {
  const text = String(count);
  const room = cell - 8;
  const size = Math.floor(Math.min(30, cell * 0.32, room / (widthOf(text, BOLD))));
  if (size < SMALLEST) return { show: false };
  if (count === 0) return { show: true, formatter: text, fontSize: Math.floor(size * 0.8), color: paleInk };
  const color = share > 0.55 ? white : ink;
  const percent = `${(100 * share).toFixed(cell < 80 ? 0 : 1)} %`;
  const small = Math.floor(Math.min(size * 0.72, room / widthOf(percent, 1)));
  const bold = { fontSize: size, fontWeight: "bold", color };
  if (small < SMALLEST * 0.9) return { show: true, formatter: text, ...bold };
  const rich = { n: { ...bold, lineHeight: size * 1.15 }, p: { fontSize: small, color, lineHeight: small * 1.25 } };
  return { show: true, formatter: `{n|${text}}\n{p|${percent}}`, rich };
}

/** What the colours mean. */
function keyOf(place: { readonly left: number; readonly top: number }, height: number): Json {
  return {
    ...{
      type: "continuous",
      min: 0,
      max: 1,
      dimension: 2,
      calculable: false,
      orient: "vertical",
      ...place,
      padding: 0,
    },
    ...{ itemWidth: SMALL, itemHeight: height - 2 * SMALL - 16, text: ["100 %", "0 %"], textGap: 8 },
    inRange: { color: [...shades] },
    textStyle: { fontSize: SMALL, color: softInk },
  };
}

function summaryOf(matrix: Matrix): string {
  const total = matrix.flat().reduce((sum, count) => sum + count, 0);
  const right = matrix.reduce((sum, row, c) => sum + row[c], 0);
  return total === 0 ? "no samples" : `${right} of ${total} right (${(100 * right / total).toFixed(1)} %)`;
}

/** A name that fits, without control codes; one that a PNG cannot spell has its number in front. */
function nameOf({ name, number }: Label, width: number, size: number): string {
  const plain = printable(name).normalize("NFC");
  const prefix = isDrawable(plain) ? "" : `${number}: `;
  return prefix + shorten(plain, width - widthOf(prefix, size), (text) => widthOf(text, size));
}
