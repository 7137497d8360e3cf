/**
 * Writes the WGSL of `conv2dWeightGradPartial` where each channel is convolved by itself (see
 * `conv2d_weight_grad.ts`), for GPUs:
 *
 *     dw[g, r, s] = Σ over n, i, j of dout[n, g, i, j] · x[n, g, i · stride + r − padding, j · stride + s − padding]
 *
 * A channel has few numbers and a long sum. In tiles of one invocation, a kernel of 32 channels over 32 pictures has
 * 1,024 invocations for 25 million numbers, each in a plane of its own: a card would be idle, and no two neighbours
 * would read next to each other. Here a workgroup has a channel's pictures of a split. They are cut into strips, some
 * columns by some rows, which its invocations take in turn, neighbours side by side (`weight_grad_march.ts`). What they
 * summed up is added in workgroup memory, an invocation a tap, in a fixed order.
 *
 * On a software adapter, where a barrier costs thousands of products, an invocation for each channel and split stays.
 *
 * Layouts: x [N, groups, inHeight, inWidth], dout [N, groups, outHeight, outWidth], out [splits, groups, 1, kh, kw].
 * Grid: one workgroup a channel and split, channel fastest.
 *
 * @module
 */

import { type ConvWindow, isDepthwise } from "./conv_window.ts";
import { columnsOf, marchOf, stripOf } from "./weight_grad_march.ts";
import { linearGrid, type Shape, type Target, type Wgsl } from "../op.ts";
import { block, f32, u32 } from "../writing/block.ts";
import { boundsFor } from "../writing/bounds.ts";
import { sidesOf } from "../writing/candidates.ts";
import { LOAD_COST, range, tilesIn, workgroupMain } from "../writing/tile.ts";

/** A gradient to be written. */
export interface DepthwiseGrad {
  /** Shapes of x, dout and the weight. */
  readonly x: Shape;
  readonly dout: Shape;
  readonly dw: Shape;
  readonly window: ConvWindow;
  readonly splits: number;
}

/** Goes before the rows of a strip and the invocations of a workgroup in the names of candidates. */
const STRIP = "strip ";

/** Is this the name of a way to sum up in a workgroup? */
export const isSummed = (candidate: string): boolean => candidate.startsWith(STRIP);

/** Invocations of a workgroup, the heuristic's first: two warps hide each other's loads, and leave few strips idle. */
const INVOCATIONS = [64, 32, 128];

/** Numbers of the 16 KiB of workgroup memory that WebGPU promises. */
const MOST_SUMS = 4096;

/** Longest side of a window. A stored choice holds for windows of its bucket, which are all alike up to this size. */
const MOST_SIDE = 16;

/** From a tap's sums to the next one's: an odd number, so that taps lie in other banks of the memory. */
const leadOf = (size: number): number => size + 1;

/**
 * Names of the ways worth timing by the rows of a strip and the invocations of a workgroup, `strip 28x64`, the
 * heuristic's first. None on a software adapter, where a group has several channels, or where the window is too large.
 */
export function summedCandidates({ dout, dw, window, splits }: Omit<DepthwiseGrad, "x">, target: Target): string[] {
  const [images, , height, outWidth] = dout;
  const [o, perGroup, kh, kw] = dw;
  const { stride, groups } = window;
  const taps = kh * kw;
  const width = stripOf(outWidth);
  const columns = columnsOf(width, stride, kw).length;
  const { accumulators, held } = boundsFor(target);
  const isAble = !target.isSoftware && isDepthwise(perGroup, o / groups, taps) && Math.max(kh, kw) <= MOST_SIDE &&
    taps <= accumulators && taps + kh * columns <= held;
  if (!isAble) return [];
  const strips = Math.ceil(images / splits) * Math.ceil(outWidth / width);
  const loads = LOAD_COST * (width + stride * columns) / 4;
  /** What an invocation that has most of the strips does, in products. */
  const costOf = (rows: number, size: number) =>
    Math.ceil(strips * Math.ceil(height / rows) / size) *
    (rows * (taps * width + loads) + Math.max(0, kh / stride - 1) * loads);
  const heights = [...new Set(range(height).map((parts) => Math.ceil(height / (parts + 1))))];
  return INVOCATIONS.filter((size) => taps * leadOf(size) <= MOST_SUMS).map((size) => {
    const [rows] = heights.toSorted((a, b) => costOf(a, size) - costOf(b, size));
    return `${STRIP}${rows}x${size}`;
  });
}

/** The kernel whose workgroups sum up as `candidate` says. */
export function summedWeightGrad({ x, dout, dw, window, splits }: DepthwiseGrad, candidate: string): Wgsl {
  const [rows, size] = sidesOf(candidate.slice(STRIP.length), 2);
  const [, , kh, kw] = dw;
  const { stride, padding, groups } = window;
  const taps = kh * kw;
  const lead = leadOf(size);
  const march = marchOf({ x, dout, outs: 1, ins: 1, kernel: [kh, kw], stride, padding });
  const body = block((w) => {
    w.let("o0", u32(0));
    for (const { name } of march.weights) w.var(name, f32("0.0"));
    const last = w.let("last", u32("min((split + 1u) * p.perSplit, p.images)"));
    const first = w.let("first", u32(`min(split * p.perSplit, ${last})`));
    const across = w.let("across", u32(tilesIn("p.outWidth", march.width)));
    const down = w.let("down", u32(tilesIn("p.outHeight", rows)));
    const strips = w.let("strips", u32(`(${last} - ${first}) * ${down} * ${across}`));
    w.for("strip", { from: u32("l"), to: strips, by: size }, (strip) => {
      w.let("j0", u32(`remainder(${strip}, ${across}) * ${march.width}u`));
      const rest = w.let("rest", u32(`quotient(${strip}, ${across})`));
      const i0 = w.let("i0", u32(`remainder(${rest}, ${down}) * ${rows}u`));
      const n = w.let("n", u32(`${first} + quotient(${rest}, ${down})`));
      w.let("plane0", u32(`(${n} * p.groups + group) * p.inHeight * p.inWidth`));
      w.line(...march.setup, `dout0 += ${i0} * p.outWidth;`);
      march.before(w, `${i0} * ${stride}u`);
      w.for("i", { from: i0, to: u32(`min(${i0} + ${rows}u, p.outHeight)`) }, () => w.line(...march.row));
    });
    march.weights.forEach(({ name }, tap) => w.set(f32(`sums[${tap * lead}u + l]`), f32(name)));
    w.line("workgroupBarrier();");
    w.for("tap", { from: u32("l"), to: u32(taps), by: size }, (tap) => {
      const sum = w.var("sum", f32("0.0"));
      w.for("k", { to: u32(size) }, (k) => w.add(sum, f32(`sums[${tap} * ${lead}u + ${k}]`)));
      w.line(`emit((split * p.groups + group) * ${taps}u + ${tap}, ${sum});`);
    });
  });
  const memory = `var<workgroup> sums: array<f32, ${taps * lead}>;\n`;
  return {
    code: memory + workgroupMain(size, [["group", "p.groups"], ["split", "p.splits"]], body),
    reads: ["vec4f", "vec4f"],
    writes: "f32",
    grid: linearGrid(groups * splits, 1),
  };
}
