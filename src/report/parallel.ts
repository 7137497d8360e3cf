/**
 * A parallel-coordinates chart: settings and what they led to, a line a run.
 *
 * @module
 */
import { type Chart, COMMON, headOf, widthOf } from "./chart.ts";
import { NONE } from "./figures.ts";
import { line, shades, softInk } from "./palette.ts";
import { printable } from "../printable.ts";
import { shorten } from "./names.ts";

/** A setting that runs differ in, or what they reached. */
export interface Dimension {
  /** What it is called. */
  readonly name: string;
  /** Its value in each run; null where it has none. */
  readonly values: readonly (number | string | null)[];
  /** Is it drawn by its logarithm? */
  readonly isLog?: boolean;
}

const LABEL = 18;
const PITCH = 190;
const HEIGHT = 460;

/** Is it drawn by its logarithm? Where it is positive and spans more than a factor of twenty. */
export function spansDecades(values: readonly (number | string | null)[]): boolean {
  const numbers = values.filter((value) => typeof value === "number");
  return numbers.length > 0 && Math.min(...numbers) > 0 && Math.max(...numbers) / Math.min(...numbers) > 20;
}

/**
 * Charts runs as lines over the dimensions, darker the more they reached.
 *
 * @param title What is shown.
 * @param subtitle A line below it.
 * @param dimensions The settings, and last what was reached, which colours the lines.
 * @returns The chart.
 */
export function parallelChart(title: string, subtitle: string, dimensions: readonly Dimension[]): Chart {
  const reached = dimensions[dimensions.length - 1].values.map((value) => typeof value === "number" ? value : null);
  const known = reached.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const width = 160 + PITCH * (dimensions.length - 1) + 160;
  const text = { fontSize: LABEL, color: softInk };
  return {
    width: Math.max(width, 640),
    height: HEIGHT + 230,
    option: {
      ...COMMON,
      title: headOf(title, subtitle),
      parallel: { left: 130, right: 130, top: 180, height: HEIGHT },
      parallelAxis: dimensions.map(({ name, values, isLog = spansDecades(values) }, dim) => {
        const isNumber = values.every((value) => value === null || typeof value === "number");
        return {
          ...{ dim, name: shorten(printable(name), PITCH - 20, (part) => widthOf(part, LABEL)), nameTextStyle: text },
          ...isNumber
            ? { type: isLog ? "log" : "value", scale: true }
            : { type: "category", data: [...new Set(values.map((value) => String(value ?? NONE)))] },
          ...{ axisLine: { lineStyle: { color: softInk, width: 2 } }, axisLabel: text, axisTick: { show: false } },
        };
      }),
      series: [{
        ...{ type: "parallel", silent: true, smooth: 0 },
        data: reached.map((value, run) => {
          const share = value === null || high === low ? 1 : (value - low) / (high - low);
          return {
            value: dimensions.map(({ values }) =>
              typeof values[run] === "string" || values[run] === null ? String(values[run] ?? NONE) : values[run]
            ),
            lineStyle: {
              width: 2.5,
              opacity: 1,
              color: value === null ? line : shades[Math.round(4 + share * (shades.length - 5))],
            },
          };
        }),
      }],
    },
  };
}
