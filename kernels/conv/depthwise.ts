/**
 * Writes the WGSL of `convolve` where each channel is convolved by itself (see `convolve.ts`):
 *
 *     out[n, g, i, j] = Σ over r, s of in[n, g, y(i, r), x(j, s)] · taps[g, r, s]
 *
 * There is no sum over channels that would use a number of the picture again: each meets a few taps, and what counts
 * is how often it is read. One invocation goes down a strip of the picture, a few columns wide. It holds the taps, and
 * the sums of those rows of the output that the window has begun. A row of the picture is read once, four numbers at a
 * time, and added to all of them. The row of the output that is whole then is written, and the others move up. The text
 * has the products of one row, whatever the height of the strip.
 *
 * Of a convolution a step reads `stride` rows of the picture, and ends one of the output. Of its gradient it is the
 * other way round.
 *
 * Layouts: in [N, groups, inHeight, inWidth], taps [groups, 1, kh, kw, 1], out [N, groups, outHeight, outWidth].
 * Grid: one invocation a strip; column of strips fastest, then row, group, image. Neighbours read neighbouring fours.
 *
 * @module
 */

import { boundsFor } from "../writing/bounds.ts";
import { sidesOf } from "../writing/candidates.ts";
import { block, bool, f32, u32 } from "../writing/block.ts";
import { evenTile, fmaChain, plus, range, readRow, tiledMain, tileGrid, tilesIn } from "../writing/tile.ts";
import type { Target, Wgsl } from "../op.ts";
import { axisOf, phaseOf, stepOf } from "./conv_axis.ts";
import { type ConvTile, isDepthwise } from "./conv_window.ts";

/** Goes before the rows and columns of a strip in the names of candidates. */
const STRIP = "strip ";

/** Is this the name of a strip? */
export const isStrip = (candidate: string): boolean => candidate.startsWith(STRIP);

/** Rows of the output, after the newest, that a row of the picture is added to. */
const lagOf = ({ kernel: [kh], stride }: ConvTile): number => Math.ceil(kh / stride) - 1;

/** Rows of the picture that a step reads, and rows of the output that it ends. */
const rowsOfStep = ({ stride, transposed }: ConvTile): [read: number, ended: number] =>
  transposed ? [1, stride] : [stride, 1];

/**
 * Most columns of a strip, where rows are whole fours and where they are not. A software adapter does best with few
 * strips, as wide as the sums are still quick to reach; on a GPU neighbours read next to each other.
 */
const MOST_COLUMNS = { processor: [8, 14], gpu: [4, 7] } as const;

/** Strips worth having: with fewer, cores of a device are idle. */
const ENOUGH_STRIPS = { processor: 1024, gpu: 32_768 } as const;

/** Into how many strips a column may be cut. Each cut reads rows again, and computes sums that it does not end. */
const PARTS = [1, 2, 4, 8];

/** Shorter strips, but for whole columns, would mostly begin and end. */
const leastRows = (conv: ConvTile): number => Math.max(4, 2 * rowsOfStep(conv)[1] * lagOf(conv));

/**
 * Names of the strips worth timing by rows and columns, `strip 28x8`, the heuristic's first: the longest of which there
 * are enough. None where a group has several channels, or the window is too large to be held.
 */
export function stripCandidates(conv: ConvTile, target: Target): string[] {
  const { output: [images, o, height, width], groups, inChannels, kernel: [kh, kw] } = conv;
  if (!isDepthwise(inChannels, o / groups, kh * kw)) return [];
  const kind = target.isSoftware ? "processor" : "gpu";
  const [inFours, others] = MOST_COLUMNS[kind];
  const columnsOf = (times: number) =>
    width % 4 === 0 ? 4 * evenTile(width / 4, times * inFours / 4) : evenTile(width, Math.ceil(times * others));
  const bounds = boundsFor(target);
  const [read, ended] = rowsOfStep(conv);
  const isAble = (columns: number) => {
    const whole = stepOf(conv) * Math.ceil(columns / stepOf(conv));
    const sums = (lagOf(conv) + 1) * ended * whole;
    const held = sums + kh * kw + read * axisOf(conv, whole, kw).positions.length;
    return sums <= bounds.accumulators && held <= bounds.held;
  };
  const strips = [1, target.isSoftware ? 0.5 : 2].map(columnsOf).filter(isAble).flatMap((columns) =>
    PARTS.map((parts) => Math.ceil(height / parts)).filter((rows) => rows === height || rows >= leastRows(conv))
      .map((rows) => ({
        name: `${STRIP}${rows}x${columns}`,
        columns,
        count: images * groups * Math.ceil(height / rows) * Math.ceil(width / columns),
      }))
  );
  if (strips.length === 0) return [];
  const likely = strips.filter(({ columns }) => columns === strips[0].columns);
  const byRules = likely.find(({ count }) => count >= ENOUGH_STRIPS[kind]) ?? likely.at(-1)!;
  return [...new Set([byRules, ...strips].map(({ name }) => name))];
}

/** The kernel that goes down strips called `candidate`. */
export function stripConvolve(conv: ConvTile, candidate: string): Wgsl {
  const { output: [images, groups, height, width], kernel: [kh, kw], stride, padding, transposed } = conv;
  const whole = (side: number) => stepOf(conv) * Math.ceil(side / stepOf(conv));
  const [rows, columns] = sidesOf(candidate.slice(STRIP.length), 2).map(whole);
  const lag = lagOf(conv);
  const [read, ended] = rowsOfStep(conv);
  /** Rows of the output by age: those of the last are whole after this step. */
  const tapOf = (age: number, q: number, b: number) => transposed ? b + stride * (lag - age) : q + stride * age;
  const x = axisOf(conv, columns, kw);
  const phase = phaseOf(conv, columns);
  const lanes = width % 4 === 0 && columns % 4 === 0 ? 4 : 1;
  const late = transposed ? padding % stride : 0;
  const steps = lag + Math.ceil((rows + late) / ended);
  const sums = (age: number, name = "c") =>
    range(ended).flatMap((b) => range(columns).map((j) => ({ b, j, name: `${name}${age}_${b}_${j}` })));
  const window = readRow("w", "load1", `group * ${kh * kw}u`, range(kh * kw), (kh * kw) % 4 === 0 ? 0 : undefined);
  const body = block((w) => {
    w.let("i0", u32(`iTile * ${rows}u`));
    w.let("j0", u32(`jTile * ${columns}u`));
    w.let("plane", u32("n * p.groups + group"));
    w.line(...window.lines);
    for (const tap of range(kh * kw)) w.let(`w${tap}`, f32(window.at(tap)));
    const origin = transposed ? `/ ${stride}u` : `* ${stride}u`;
    w.let("xStart", u32(`j0 ${origin}`));
    // Before the picture a position wraps to a huge number: one comparison covers both sides.
    x.positions.forEach((position, b) => {
      w.let(`hasX${b}`, bool(`${plus("xStart", position)} < p.inWidth`));
    });
    for (const age of range(lag)) for (const { name } of sums(age)) w.var(name, f32("0.0"));
    // The topmost strip has no rows above the picture to read.
    const above = transposed ? lag - Math.floor(padding / stride) : Math.floor(padding / stride);
    const from = w.let("begin", u32(`select(0u, ${Math.min(Math.max(0, above), lag)}u, iTile == 0u)`));
    w.for("v", { from, to: u32(steps) }, () => {
      const first = transposed
        ? plus(`i0 / ${stride}u + v`, Math.floor(padding / stride) - lag)
        : plus(`(i0 + v) * ${stride}u`, -padding);
      w.let("yStart", u32(first));
      for (const q of range(read)) {
        w.let(`y${q}`, u32(plus("yStart", q)));
        w.let(`hasY${q}`, bool(`y${q} < p.inHeight`));
        const first = plus(`(plane * p.inHeight + y${q}) * p.inWidth + xStart`, x.positions[0]);
        const row = readRow(`r${q}`, "load0", first, x.positions.map((at) => at - x.positions[0]), phase);
        w.line(...row.lines);
        x.positions.forEach((at, b) =>
          w.let(`x${q}_${b}`, f32(`select(0.0, ${row.at(at - x.positions[0])}, hasY${q} && hasX${b})`))
        );
      }
      for (const age of range(lag + 1).reverse()) {
        for (const { b, j, name } of sums(age, "n")) {
          const products = range(read).flatMap((q) =>
            range(kw).flatMap((s): [string, string][] => {
              const [r, at] = [tapOf(age, q, b), x.meet(j, s)];
              return r < kh && at >= 0 ? [[`x${q}_${at}`, `w${r * kw + s}`]] : [];
            })
          );
          w.let(name, f32(fmaChain(age > 0 ? `c${age - 1}_${b}_${j}` : "0.0", products)));
        }
      }
      for (const b of range(ended)) {
        const names = sums(lag, "n").filter((sum) => sum.b === b).map(({ name }) => name);
        w.let(`row${b}`, u32(plus(`i0 + v * ${ended}u`, b - lag * ended - late)));
        w.if(bool(`row${b} - i0 < ${rows}u && row${b} < p.outHeight`), () => {
          w.let("at", u32(`(plane * p.outHeight + row${b}) * p.outWidth + j0`));
          for (const j of range(columns / lanes)) {
            w.if(bool(`${plus("j0", j * lanes)} < p.outWidth`), () => {
              const four = names.slice(j * lanes, (j + 1) * lanes);
              w.line(
                lanes === 4
                  ? `emit(${plus("at / 4u", j)}, vec4f(${four.join(", ")}));`
                  : `emit(${plus("at", j)}, ${four[0]});`,
              );
            });
          }
        });
      }
      for (const age of range(lag)) {
        for (const { b, j, name } of sums(age)) w.set(f32(name), f32(`n${age}_${b}_${j}`));
      }
    });
  });
  const strips = images * groups * Math.ceil(height / rows) * Math.ceil(width / columns);
  return {
    code: tiledMain([
      ["jTile", tilesIn("p.outWidth", columns)],
      ["iTile", tilesIn("p.outHeight", rows)],
      ["group", "p.groups"],
      ["n", "p.images"],
    ], body),
    reads: ["vec4f", "vec4f"],
    writes: lanes === 4 ? "vec4f" : "f32",
    grid: tileGrid(strips),
  };
}
