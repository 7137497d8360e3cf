/**
 * A plot of lines and bars over two axes of numbers: what the charts of a test have in common.
 *
 * @module
 */
import { BOLD, type Chart, COMMON, headOf, type Json, TITLE, widthOf } from "./chart.ts";
import { printable } from "../printable.ts";
import { shorten } from "./names.ts";
import { ink, line, softInk } from "./palette.ts";

/** A line through points. */
export interface Line {
  /** Its name in the key; without one it is not in it. */
  readonly name?: string;
  /** Where it goes; it is broken where a value is null. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
  /** Its colour. */
  readonly color: string;
  /** How it is broken; default not at all. */
  readonly dash?: "solid" | readonly number[];
  /** Its width in pixels; default 3.5. */
  readonly width?: number;
  /** Are its points marked? */
  readonly dots?: boolean;
  /** Is it pale, behind one that smooths it? */
  readonly isPale?: boolean;
}

/** Bars from the bottom, side by side. */
export interface Bars {
  /** Their name in the key. */
  readonly name?: string;
  /** From where to where each stands, and how high it is. */
  readonly bars: readonly { readonly from: number; readonly to: number; readonly height: number }[];
  /** Their colour. */
  readonly color: string;
  /** Are they outlines alone? Then other bars are seen behind them. */
  readonly hollow?: boolean;
}

/** One axis. */
export interface Axis {
  /** What it measures. */
  readonly name: string;
  /** Where it begins; default 0. */
  readonly min?: number;
  /** Where it ends; default where the values do. */
  readonly max?: number;
  /** Is it drawn by its logarithm, as far as the values go? An axis upwards alone may be. */
  readonly isLog?: boolean;
  /** How whole numbers across are written, such as `1e{value}` where they are logarithms; default as any numbers. */
  readonly label?: string;
}

/** A panel of a plot. */
export interface Panel {
  /** Across. */
  readonly x: Axis;
  /** Upwards. */
  readonly y: Axis;
  /** Height of its frame in pixels. */
  readonly height: number;
  /** What is drawn in it. */
  readonly lines?: readonly Line[];
  /** What is drawn behind that. */
  readonly bars?: readonly Bars[];
}

/** Where things stand, in pixels. */
export interface Layout {
  /** Around everything. */
  readonly margin: number;
  /** Left of a panel's frame, for its axis. */
  readonly left: number;
  /** Above the first panel. */
  readonly head: number;
  /** Width of a panel's frame. */
  readonly frame: number;
  /** Right of it: up to the key, or to the edge. */
  readonly right: number;
  /** Below a panel, for its axis. */
  readonly foot: number;
  /** Is there a key at the right of the first panel? A page may have one of its own. */
  readonly hasKey: boolean;
}

const LABEL = 20;
/** As a file has it. */
const WIDE: Layout = { margin: 40, left: 120, head: 120, frame: 720, right: 24, foot: 96, hasKey: true };
/** Widest name in the key. */
const NAME = 300;
/** Of a line in the key. */
const SAMPLE = 44;

/** A chart of a width in pixels, among others in a page that says which line is what. */
export function narrowLayout(width: number): Layout {
  const [margin, left, right] = [16, 92, 36];
  return { margin, left, head: 64, frame: width - margin - left - right, right, foot: 80, hasKey: false };
}

/**
 * Charts panels below each other, with a key at the right of the first.
 *
 * @param title What is shown.
 * @param subtitle A line that says how it is meant, or the figure that sums it up.
 * @param panels The panels.
 * @param layout Where things stand.
 * @returns The chart.
 */
export function plotChart(title: string, subtitle: string, panels: readonly Panel[], layout: Layout = WIDE): Chart {
  const { margin, left, frame, right, foot, hasKey } = layout;
  const drawn = panels.map(({ lines = [], bars = [] }) => [...bars.map(barsSeries), ...lines.map(lineSeries)]);
  const entries = !hasKey ? [] : panels.flatMap(({ lines = [], bars = [] }) => [...bars, ...lines])
    .flatMap(({ name }) => name === undefined ? [] : [shown(name)]);
  const key = entries.length === 0 ? 0 : Math.max(...entries.map((name) => widthOf(name, LABEL))) + SAMPLE + 40;
  const tops = panels.map((_, p) =>
    margin + layout.head + panels.slice(0, p).reduce((sum, { height }) => sum + height + foot, 0)
  );
  const head = Math.max(widthOf(title, TITLE) * BOLD, widthOf(subtitle, LABEL));
  const text = { fontSize: LABEL, color: softInk };
  const grey = { show: true, lineStyle: { color: line } };
  return {
    width: hasKey ? Math.ceil(margin + Math.max(left + frame + key, head) + margin) : margin + left + frame + right,
    height: tops[panels.length - 1] + panels[panels.length - 1].height + foot,
    option: {
      ...COMMON,
      title: headOf(title, subtitle, margin),
      legend: {
        ...{
          show: entries.length > 0,
          orient: "vertical",
          left: margin + left + frame + right,
          top: tops[0],
          padding: 0,
        },
        ...{ itemWidth: SAMPLE, itemGap: 16, textStyle: { fontSize: LABEL, color: ink }, data: entries },
      },
      grid: panels.map(({ height }, p) => ({
        ...{ left: margin + left, width: frame, top: tops[p], height, outerBoundsMode: "none" },
      })),
      xAxis: panels.map(({ x }, p) => ({
        ...{ type: "value", gridIndex: p, min: x.min ?? 0, max: x.max, name: x.name, nameLocation: "middle" },
        ...{
          nameGap: 44,
          nameMoveOverlap: false,
          nameTextStyle: text,
          ...(x.label === undefined
            ? {}
            : { minInterval: 1, maxInterval: Math.ceil(((x.max ?? 1) - (x.min ?? 0)) / 10) }),
          axisLabel: { ...text, margin: 12, formatter: x.label, ...(hasKey ? {} : { alignMaxLabel: "right" }) },
        },
        ...{ axisLine: { onZero: false, lineStyle: { color: softInk, width: 2 } }, axisTick: { show: false } },
        splitLine: grey,
      })),
      yAxis: panels.map(({ y }, p) => ({
        ...(y.isLog ? { type: "log" } : { type: "value", min: y.min ?? 0, max: y.max }),
        ...{ gridIndex: p, name: y.name, nameLocation: "middle" },
        ...{ nameGap: 84, nameRotate: 90, nameMoveOverlap: false, nameTextStyle: text },
        ...{ axisLabel: { ...text, margin: 14 }, axisLine: { show: false }, axisTick: { show: false } },
        splitLine: grey,
      })),
      series: drawn.flatMap((series, p) => series.map((one) => ({ ...one, xAxisIndex: p, yAxisIndex: p }))),
    },
  };
}

/** A name as the key has it. */
function shown(name: string): string {
  return shorten(printable(name), NAME, (text) => widthOf(text, LABEL));
}

function lineSeries({ name, points, color, dash = "solid", width = 3.5, dots = false, isPale = false }: Line) {
  return {
    ...{ ...(name === undefined ? {} : { name: shown(name) }), type: "line", silent: true, z: 3 },
    ...{ showSymbol: dots, symbol: dots ? "circle" : "none", symbolSize: 3 * width, emphasis: { disabled: true } },
    lineStyle: {
      ...{ width, color, type: dash, join: "round", cap: dash === "solid" ? "round" : "butt" },
      ...(isPale ? { opacity: 0.3 } : {}),
    },
    ...(isPale ? { tooltip: { show: false } } : {}),
    itemStyle: { color },
    data: points as Json,
  };
}

/** Bars as the outline of their tops, filled down to the axis: their edges are numbers, which a bar's place is not. */
function barsSeries({ name, bars, color, hollow = false }: Bars) {
  const corners = bars.flatMap(({ from, to, height }): Json[] => [[from, 0], [from, height], [to, height], [to, 0]]);
  return {
    ...{ ...(name === undefined ? {} : { name: shown(name) }), type: "line", silent: true, z: hollow ? 2 : 1 },
    ...{ symbol: hollow ? "emptyRect" : "rect", showSymbol: false, emphasis: { disabled: true } },
    lineStyle: { width: hollow ? 3 : 1, color },
    itemStyle: { color },
    ...(hollow ? {} : { areaStyle: { color, opacity: 0.55 } }),
    data: corners,
  };
}

/**
 * Leaves out points that lie within a five-hundredth of both axes of the one before: nobody sees them, and a curve over
 * many pictures has thousands.
 *
 * @param points From (0, 0) to (1, 1), or what is as large.
 */
export function thinned(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const kept: (readonly [number, number])[] = [];
  points.forEach((point, i) => {
    const last = kept[kept.length - 1];
    const isNear = last && Math.abs(point[0] - last[0]) < 0.002 && Math.abs(point[1] - last[1]) < 0.002;
    const isEnd = i === points.length - 1 && (point[0] !== last?.[0] || point[1] !== last?.[1]);
    if (!isNear || isEnd) kept.push(point);
  });
  return kept;
}
