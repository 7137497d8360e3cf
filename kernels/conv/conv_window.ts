/**
 * What convolution and its two gradients share: attributes, shape rules, cost and the cases they are tested and timed
 * on.
 *
 * Shapes throughout: x [N, C, H, W], weight [O, C / groups, kh, kw], dout [N, O, OH, OW] with
 * OH = ⌊(H + 2 · padding − kh) / stride⌋ + 1.
 *
 * @module
 */

import { type Builder, type Cost, type Shape, shapesText, sizeOf, type Tensor } from "../op.ts";

/** Attributes of a convolution. */
export type ConvAttrs = { readonly stride?: number; readonly padding?: number; readonly groups?: number };

/** How a convolution's window moves, complete. */
export interface ConvWindow {
  /** Step between windows; default 1. */
  readonly stride: number;
  /** Zeros added on every side; default 0. */
  readonly padding: number;
  /** Runs of channels that do not see each other; default 1. */
  readonly groups: number;
}

/** A convolution, or its gradient with respect to the input, as the writers of tiles see it. */
export interface ConvTile {
  /** Shape of the output [N, O, OH, OW]. */
  readonly output: Shape;
  /** Channels of the input in a group, and its columns. */
  readonly inChannels: number;
  readonly inWidth: number;
  /** Runs of channels that do not see each other. */
  readonly groups: number;
  /** [kh, kw]. */
  readonly kernel: readonly [number, number];
  /** Step of the convolution's window, also for its gradient. */
  readonly stride: number;
  /** Zeros on every side of the convolution's input. */
  readonly padding: number;
  /** Convolution: y = i · stride + r − padding. Transposed: y = (i + padding − r) / stride where that is whole. */
  readonly transposed: boolean;
}

/** Larger windows are computed as those of several channels are: the text of their taps would be long. */
const MOST_TAPS = 128;

/** Is each channel convolved by itself, with a window of so many taps that its text is short? */
export const isDepthwise = (inChannels: number, outChannels: number, taps: number): boolean =>
  inChannels === 1 && outChannels === 1 && taps <= MOST_TAPS;

/**
 * The window that attributes `stride`, `padding` and `groups` describe.
 *
 * @throws RangeError when a value cannot be a window's.
 */
export function convWindow(name: string, attrs: ConvAttrs): ConvWindow {
  const { stride = 1, padding = 0, groups = 1 } = attrs;
  const isCount = (value: number, least: number) => Number.isInteger(value) && value >= least;
  if (!isCount(stride, 1) || !isCount(padding, 0) || !isCount(groups, 1)) {
    throw new RangeError(
      `Cannot ${name} with stride ${stride}, padding ${padding}, groups ${groups}: ` +
        "stride and groups are integers from 1, padding from 0",
    );
  }
  return { stride, padding, groups };
}

/**
 * Shape of the convolution of `x` with `weight`: [N, O, OH, OW].
 *
 * @throws TypeError when they do not fit each other.
 */
export function convShape(name: string, x: Shape, weight: Shape, { stride, padding, groups }: ConvWindow): Shape {
  const fail = (why: string): never => {
    throw new TypeError(`Cannot ${name} ${shapesText([x, weight])} in ${groups} groups: ${why}`);
  };
  if (x.length !== 4 || weight.length !== 4) fail("it takes [N, C, H, W] and [O, C / groups, kh, kw]");
  const [n, c, h, w] = x;
  const [o, perGroup, kh, kw] = weight;
  if (c % groups !== 0) fail(`${c} channels cannot be cut into ${groups} equal groups`);
  if (o % groups !== 0) fail(`${o} output channels cannot be cut into ${groups} equal groups`);
  if (c / groups !== perGroup) fail(`the weight should be [${o}, ${c / groups}, ${kh}, ${kw}]`);
  if (h + 2 * padding < kh || w + 2 * padding < kw) {
    fail(`a ${kh}×${kw} window does not fit in ${h}×${w} with padding ${padding}`);
  }
  const out = (size: number, kernel: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return [n, o, out(h, kh), out(w, kw)];
}

/**
 * Checks the operands of a gradient: convolving `x` with `weight` must give the shape of `dout`.
 *
 * @throws TypeError when it does not.
 */
export function checkConvGrad(name: string, x: Shape, weight: Shape, dout: Shape, window: ConvWindow): void {
  const out = convShape(name, x, weight, window);
  if (shapesText([out]) !== shapesText([dout])) {
    throw new TypeError(
      `Cannot ${name} from dout [${dout.join(", ")}]: ${shapesText([x, weight])} with stride ${window.stride} and ` +
        `padding ${window.padding} convolve to [${out.join(", ")}]`,
    );
  }
}

/**
 * A pair of sizes among the attributes.
 *
 * @throws TypeError when `value` is not two positive integers.
 */
export function sizePair(name: string, key: string, value: readonly number[] | undefined): readonly [number, number] {
  const isPair = Array.isArray(value) && value.length === 2 &&
    value.every((size) => Number.isInteger(size) && size > 0);
  if (!isPair) throw new TypeError(`Cannot ${name} with ${key} ${value}: ${key} is two positive integers`);
  return value as unknown as readonly [number, number];
}

/** A composition that computes convolutions and both their gradients, where it is faster than the kernels. */
export interface ConvForm {
  /** For people, and for the tuner. */
  readonly name: string;
  /** Can a convolution of `x` [N, C, H, W] with `weight` [O, C / groups, kh, kw] be computed this way? */
  can(limits: Pick<Builder, "maxBytes">, x: Shape, weight: Shape, window: ConvWindow): boolean;
  /** Is this faster than the kernels, of those that it can compute? Without it, always. */
  pays?(x: Shape, weight: Shape): boolean;
  /** The convolution: [N, O, OH, OW]. */
  forward(b: Builder, x: Tensor, weight: Tensor): Tensor;
  /** Its gradient with respect to an input of shape `x`, from dout [N, O, OH, OW]. */
  inputGrad(b: Builder, weight: Tensor, dout: Tensor, x: Shape): Tensor;
  /** Its gradient with respect to a weight of shape `weight`. */
  weightGrad(b: Builder, x: Tensor, dout: Tensor, weight: Shape): Tensor;
}

/** Cost of the convolution, or of one of its gradients: they multiply the same pairs of numbers. */
export function convCost(x: Shape, weight: Shape, out: Shape): Cost {
  const [, perGroup, kh, kw] = weight;
  return {
    flops: 2 * sizeOf(out) * perGroup * kh * kw,
    bytes: 4 * (sizeOf(x) + sizeOf(weight) + sizeOf(out)),
  };
}

/** A convolution to test or time. */
export interface ConvCase {
  /** [N, C, H, W]. */
  readonly x: Shape;
  /** [O, C / groups, kh, kw]. */
  readonly weight: Shape;
  /** How the window moves. */
  readonly window: ConvWindow;
  /** Absolute part of the tolerance. */
  readonly abs: number;
  /** Timed, not tested. */
  readonly bench?: boolean;
}

const convCase = (x: Shape, weight: Shape, stride = 1, padding = 0, groups = 1): ConvCase => ({
  x,
  weight,
  window: { stride, padding, groups },
  abs: 1e-4,
});
/** One that Winograd's tiles compute: its sums are longer, and may be off by 1e-5 of what normal products add up to. */
const winogradCase = (x: Shape, weight: Shape): ConvCase => ({
  ...convCase(x, weight, 1, 1),
  abs: 1e-5 * Math.sqrt(9 * Math.max(weight[0], weight[1])),
});
const bench = (x: Shape, weight: Shape, stride = 1, padding = 1): ConvCase => ({
  ...convCase(x, weight, stride, padding),
  bench: true,
});

/** What the three ops are tested on, and after it what they are timed on: naive-cnn's layers, then ResNet-18's. */
export const convCases: readonly ConvCase[] = [
  convCase([2, 3, 9, 10], [9, 3, 3, 3], 1, 1),
  convCase([1, 10, 8, 16], [17, 10, 3, 3], 1, 1),
  convCase([3, 2, 7, 7], [5, 2, 3, 3], 1, 0),
  // Rows and columns that the stride leaves over.
  convCase([2, 3, 8, 9], [4, 3, 3, 3], 2, 1),
  convCase([1, 2, 11, 10], [3, 2, 3, 2], 3, 1),
  convCase([1, 2, 10, 9], [2, 2, 7, 7], 2, 3),
  convCase([1, 2, 6, 5], [2, 2, 5, 5], 1, 2),
  convCase([1, 2, 7, 6], [3, 2, 2, 2], 1, 0),
  convCase([1, 2, 8, 7], [3, 2, 4, 4], 2, 1),
  // 1×1, also strided; one product an output.
  convCase([2, 5, 6, 7], [6, 5, 1, 1]),
  convCase([2, 3, 7, 8], [4, 3, 1, 1], 2),
  convCase([1, 1, 5, 5], [1, 1, 1, 1]),
  convCase([2, 5, 8, 9], [6, 5, 1, 1]),
  convCase([2, 3, 16, 15], [4, 3, 1, 1], 2),
  // Padding wider than the kernel.
  convCase([1, 1, 3, 4], [2, 1, 2, 2], 1, 3),
  // A row and a column kernel, and one as large as the picture.
  convCase([1, 2, 6, 9], [3, 2, 1, 3], 1, 1),
  convCase([1, 2, 9, 6], [3, 2, 3, 1], 1, 1),
  convCase([2, 3, 4, 4], [2, 3, 4, 4]),
  // A tile that is cut to whole fours of channels, and a window whose rows are looped over.
  convCase([1, 2, 5, 6], [12, 2, 3, 3], 1, 1),
  convCase([2, 3, 13, 15], [4, 3, 11, 11], 4, 2),
  // Windows side by side: a matrix product over patches.
  convCase([2, 3, 8, 12], [5, 3, 4, 4], 4),
  convCase([3, 2, 6, 6], [4, 2, 3, 3], 3),
  // Groups, and depthwise.
  convCase([2, 6, 7, 8], [4, 3, 3, 3], 1, 1, 2),
  convCase([1, 4, 9, 9], [4, 1, 3, 3], 2, 1, 4),
  convCase([2, 3, 6, 6], [6, 1, 3, 3], 1, 1, 3),
  // Depthwise: one tile a row, several, rows of several pictures, and strides.
  convCase([2, 3, 9, 21], [3, 1, 3, 3], 1, 1, 3),
  convCase([1, 3, 7, 7], [3, 1, 7, 7], 1, 3, 3),
  convCase([2, 2, 13, 12], [2, 1, 5, 5], 2, 2, 2),
  // Enough channels for Winograd's transforms, in tiles of 4×4 and of 2×2.
  winogradCase([2, 96, 11, 13], [72, 96, 3, 3]),
  winogradCase([2, 96, 2, 60], [96, 96, 3, 3]),
  bench([32, 3, 64, 64], [32, 3, 3, 3]),
  bench([32, 32, 32, 32], [64, 32, 3, 3]),
  bench([32, 64, 16, 16], [128, 64, 3, 3]),
  bench([64, 1, 28, 28], [32, 1, 3, 3]),
  bench([64, 32, 14, 14], [64, 32, 3, 3]),
  bench([64, 64, 7, 7], [128, 64, 3, 3]),
  bench([4, 3, 224, 224], [64, 3, 7, 7], 2, 3),
  bench([4, 3, 224, 224], [64, 3, 11, 11], 4, 2),
  bench([4, 3, 224, 224], [768, 3, 32, 32], 32, 0),
  bench([4, 64, 56, 56], [64, 64, 3, 3]),
  bench([4, 64, 56, 56], [128, 64, 3, 3], 2),
  bench([4, 64, 56, 56], [128, 64, 1, 1], 2, 0),
  bench([4, 128, 28, 28], [128, 128, 3, 3]),
  bench([4, 256, 14, 14], [256, 256, 3, 3]),
  bench([4, 512, 7, 7], [512, 512, 3, 3]),
];
