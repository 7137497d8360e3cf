/**
 * mixup (Zhang et al., "mixup: Beyond empirical risk minimization", 2018) and CutMix (Yun et al., "CutMix:
 * Regularization strategy to train strong classifiers with localizable features", 2019), as timm's `Mixup`.
 *
 * Both are one computation: inside a box, a share s of another picture takes the place of the same share of the picture
 * itself. The box of mixup is the whole picture, and the share of CutMix is 1. The target takes s times the area. What
 * is drawn comes as two small inputs, which are a function of the seed and the step; pictures are mixed on the device.
 *
 * @module
 */

import type { Builder, Tensor } from "../../../kernels/op.ts";
import { randomBelow, type RandomStream, randomStream } from "../../random.ts";
import { chance, gaussian } from "../host/draws.ts";
import type { PresetMixing } from "../presets.ts";
import type { BatchTensors } from "./transformations.ts";

/** How pictures are mixed: settings of the same names. */
export interface Mixing extends PresetMixing {
  /** Share of what is mixed at all. */
  readonly mixupProb: number;
  /** Share of CutMix, where there are both. */
  readonly mixupSwitchProb: number;
  /** What has a draw of its own: the batch, the pair or the picture. */
  readonly mixupMode: "batch" | "pair" | "elem";
  /** Epochs after which nothing is mixed; 0 is never. */
  readonly mixupOffEpoch: number;
}

/** Inputs [N, S]: share of the other picture in each row of a picture, and 1 or 0 for its columns. */
const INPUTS = { rows: "mixRows", columns: "mixColumns" } as const;

/** Stream of the draws. */
const mixStream = 0x313c5;

/** Does anything mix? */
export function mixes({ mixup, cutmix }: PresetMixing): boolean {
  return mixup > 0 || cutmix > 0;
}

/** Builder of a graph that has inputs. */
export interface InputBuilder extends Builder {
  /** A tensor whose values are given at every run. */
  input(name: string, shape: readonly number[]): Tensor;
}

/** Mixes the pictures and targets of a batch. */
export function mix(b: InputBuilder, batch: BatchTensors): BatchTensors {
  const { pictures, targets } = batch;
  const [count, , height, width] = pictures.shape;
  const rows = b.input(INPUTS.rows, [count, height]);
  const columns = b.input(INPUTS.columns, [count, width]);
  const share = b.mul(b.reshape(rows, [count, 1, height, 1]), b.reshape(columns, [count, 1, 1, width]));
  const area = b.mul(b.mean(rows, [1]), b.mean(columns, [1]));
  return { pictures: blend(b, pictures, share), targets: blend(b, targets, area) };
}

/** (1 − share) · x + share · the other one, each exactly where the share is 0 or 1. */
function blend(b: Builder, x: Tensor, share: Tensor): Tensor {
  return b.add(b.mul(x, b.sub(1, share)), b.mul(others(b, x), share));
}

/** Each picture's partner, which has it as its own: that of half a batch on. Of an odd number the last has itself. */
function others(b: Builder, x: Tensor): Tensor {
  const [count, ...rest] = x.shape;
  const half = Math.floor(count / 2);
  const part = (start: number, rows: number) => b.slice(x, [start, ...rest.map(() => 0)], [rows, ...rest]);
  if (half === 0) return x;
  return b.concat([part(half, half), part(0, half), ...count % 2 ? [part(count - 1, 1)] : []], 0);
}

/**
 * Values of the inputs of {@link mix}.
 *
 * @param mixing How pictures are mixed.
 * @param batch Pictures N.
 * @param size Their side S in pixels.
 * @param seed Of the run.
 * @param step Of the run.
 * @param epoch Of the step, from 0.
 */
export function mixInputs(
  mixing: Mixing,
  batch: number,
  size: number,
  { seed, step, epoch }: { readonly seed: number; readonly step: number; readonly epoch: number },
): Record<string, Float32Array<ArrayBuffer>> {
  const rows = new Float32Array(batch * size);
  const columns = new Float32Array(batch * size);
  const { mixupMode: mode, mixupOffEpoch: off } = mixing;
  if (off === 0 || epoch < off) {
    const next = randomStream(mixStream, seed, step);
    const half = Math.floor(batch / 2);
    const draws = Array.from({ length: mode === "batch" ? 1 : mode === "pair" ? half : batch }, () => {
      return drawMixture(mixing, size, next);
    });
    for (let i = 0; i < batch; i++) {
      const draw = draws[mode === "batch" ? 0 : mode === "elem" || i < half ? i : i - half];
      // Of an odd number the last picture is no pair's.
      if (draw === undefined || (mode === "pair" && i === 2 * half)) continue;
      rows.fill(draw.share, i * size + draw.top, i * size + draw.bottom);
      columns.fill(1, i * size + draw.left, i * size + draw.right);
    }
  }
  return { [INPUTS.rows]: rows, [INPUTS.columns]: columns };
}

/** A part of a picture, and how much of the other picture is in it. */
export interface Mixture {
  readonly share: number;
  readonly top: number;
  /** First row below it. */
  readonly bottom: number;
  readonly left: number;
  /** First column beside it. */
  readonly right: number;
}

/** Draws how a picture is mixed; undefined where it is not. */
function drawMixture(mixing: Mixing, size: number, next: RandomStream): Mixture | undefined {
  const { mixup, cutmix, mixupProb, mixupSwitchProb } = mixing;
  if (!chance(next, mixupProb)) return undefined;
  const cuts = mixup > 0 && cutmix > 0 ? chance(next, mixupSwitchProb) : cutmix > 0;
  const kept = beta(cuts ? cutmix : mixup, next);
  if (!cuts) return { share: 1 - kept, top: 0, bottom: size, left: 0, right: size };
  return cutBox(size, kept, randomBelow(next, size), randomBelow(next, size));
}

/**
 * CutMix's box: a square of 1 − λ of the area around a pixel, as far as it is inside the picture.
 *
 * @param size Side of the picture in pixels.
 * @param kept λ.
 * @param row Row of the pixel.
 * @param column Its column.
 */
export function cutBox(size: number, kept: number, row: number, column: number): Mixture {
  const side = Math.trunc(size * Math.sqrt(1 - kept));
  const [before, after] = [Math.floor(side / 2), Math.floor((side + 1) / 2)];
  return {
    share: 1,
    top: Math.max(0, row - before),
    bottom: Math.min(size, row + after),
    left: Math.max(0, column - before),
    right: Math.min(size, column + after),
  };
}

/** Above 0 and below 1: it has a logarithm. */
const between = (next: RandomStream): number => (next() + 0.5) / 2 ** 32;

/** A number of Beta(α, α): X / (X + Y) of two of Gamma(α), whose logarithms a small α does not bring to 0 / 0. */
function beta(alpha: number, next: RandomStream): number {
  const [x, y] = [logGamma(alpha, next), logGamma(alpha, next)];
  return 1 / (1 + Math.exp(y - x));
}

/**
 * Logarithm of a number of Gamma(α) (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000): one
 * of Gamma(α + 1) times U^(1/α).
 */
function logGamma(alpha: number, next: RandomStream): number {
  const d = alpha + 2 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = gaussian(next);
    const v = (1 + c * normal) ** 3;
    if (v <= 0) continue;
    if (Math.log(between(next)) >= normal ** 2 / 2 + d * (1 - v + Math.log(v))) continue;
    return Math.log(d * v) + Math.log(between(next)) / alpha;
  }
}
