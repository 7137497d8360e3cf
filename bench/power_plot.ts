/**
 * A chart of times that grow as powers: a panel for each series, both axes logarithmic, with the fitted line.
 *
 * @module
 */

import { type Chart, COMMON } from "../src/report/chart.ts";
import { blue, ink, line, orange, softInk } from "../src/report/palette.ts";

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

/** Of a panel, in pixels. */
const [WIDTH, HEIGHT] = [420, 380];
const [LEFT, TOP, GAP, BELOW] = [120, 100, 50, 100];
const LABEL = 20;

/** Charts the series side by side, over one axis of time. */
export function powerChart(series: readonly PowerSeries[]): Chart {
  const exponents = series.flatMap(({ points }) => points.map(([, seconds]) => Math.log10(seconds)));
  const [min, max] = [10 ** Math.floor(Math.min(...exponents)), 10 ** Math.ceil(Math.max(...exponents))];
  const left = (k: number) => LEFT + k * (WIDTH + GAP);
  const text = { fontSize: LABEL, color: softInk };
  const grey = { show: true, lineStyle: { color: line } };
  return {
    width: left(series.length),
    height: TOP + HEIGHT + BELOW,
    option: {
      ...COMMON,
      title: series.map(({ of, at, fit }, k) => ({
        ...{ text: `time over ${of}: exponent ${fit.exponent.toFixed(2)}`, subtext: at, left: left(k), top: 24 },
        ...{ padding: 0, textStyle: { fontSize: 19, color: ink }, subtextStyle: text },
      })),
      grid: series.map((_, k) => ({ left: left(k), top: TOP, width: WIDTH, height: HEIGHT, outerBoundsMode: "none" })),
      xAxis: series.map(({ of, points }, k) => {
        const values = points.map(([value]) => value);
        const margin = (values.at(-1)! / values[0]) ** 0.1;
        return {
          ...{ type: "log", gridIndex: k, min: values[0] / margin, max: values.at(-1)! * margin },
          ...{
            axisLabel: { ...text, margin: 12, customValues: values },
            axisTick: { show: false, customValues: values },
          },
          ...{ axisLine: { lineStyle: { color: softInk, width: 2 } }, splitLine: grey },
          ...{ name: of, nameLocation: "middle", nameGap: 46, nameMoveOverlap: false, nameTextStyle: text },
        };
      }),
      yAxis: series.map((_, k) => ({
        ...{
          type: "log",
          gridIndex: k,
          min,
          max,
          axisLine: { show: false },
          axisTick: { show: false },
          splitLine: grey,
        },
        axisLabel: { show: k === 0, formatter: "{value} s", ...text, margin: 14 },
      })),
      series: series.flatMap(({ points, fit }, k) => {
        const panel = { xAxisIndex: k, yAxisIndex: k, silent: true };
        const fitted = [points[0], points.at(-1)!].map(([value]) => [value, fit.factor * value ** fit.exponent]);
        return [
          { ...panel, type: "line", data: fitted, symbol: "none", lineStyle: { color: orange, width: 2.5 } },
          { ...panel, type: "scatter", z: 3, data: points, symbolSize: 12, itemStyle: { color: blue, opacity: 1 } },
        ];
      }),
    },
  };
}
