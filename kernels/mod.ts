/**
 * The registry: every op by its name. To add an op, write its file and add it here; the tests and the bench find it
 * by themselves.
 *
 * `kernels/<folder>/<op>.ts` holds an op, made by `defineOp`, with a `<op>.wgsl` beside it where the text does not
 * depend on a tile. It has either `lower` (a composition: the first choice) or `kernel`, with typed attributes, and
 * samples for every branch and odd size. A kernel says how half precision holds its result. No test code is needed:
 * `tests/kernels` check each sample forward and backward on each device, fused and unfused, against float64
 * and finite differences; `deno bench -A` times those marked `bench`. Where a kernel has `candidates` or an op
 * `alternatives`, list it in `tests/kernels/candidates_test.ts`, which tries each of them. Add a line to
 * `tests/kernels/shape_test.ts` for what it refuses, and a case to `fixtures/kernels/make.py` where PyTorch has the
 * op.
 *
 * The folders: `conv`, `matmul`, `pool`, `reduce`, `local` and `movement` hold kernels with what they alone share;
 * `composed` what is made of other ops; `writing` what writes texts of several, block by block (`block.ts`).
 * Compositions that are another way to an op's kernel stand beside it.
 *
 * `b.op("name", …)` calls an op; a method of `Builder` is for what VJPs and layers use all the time.
 *
 * @module
 */

import { avgPool2d, avgPool2dGrad } from "./pool/avg_pool2d.ts";
import { batchNorm } from "./composed/batch_norm.ts";
import { channelWindowSum } from "./reduce/channel_window_sum.ts";
import { concat, concatPair } from "./movement/concat.ts";
import { conv2d } from "./conv/conv2d.ts";
import { conv2dInputGrad } from "./conv/conv2d_input_grad.ts";
import { conv2dWeightGrad, conv2dWeightGradPartial } from "./conv/conv2d_weight_grad.ts";
import { convolve } from "./conv/convolve.ts";
import { crossEntropy } from "./composed/cross_entropy.ts";
import { dropout } from "./composed/dropout.ts";
import { elementwise } from "./elementwise.ts";
import { layerNorm } from "./composed/layer_norm.ts";
import { localScores, localSpread, localSum } from "./local/local.ts";
import { logSoftmax } from "./composed/log_softmax.ts";
import { matmul } from "./matmul/matmul.ts";
import { matmulPartial } from "./matmul/matmul_partial.ts";
import { maxPool2d, maxPool2dGrad, maxPool2dPosition } from "./pool/max_pool2d.ts";
import { maxPool2dDisjointGrad } from "./pool/max_pool2d_disjoint_grad.ts";
import type { Op } from "./op.ts";
import { pad } from "./movement/pad.ts";
import { fromTiles, toTiles } from "./conv/picture_tiles.ts";
import { permute } from "./movement/permute.ts";
import { max, sum } from "./reduce/reduce.ts";
import { relativeBias, relativeBiasGrad } from "./movement/relative_bias.ts";
import { roll } from "./movement/roll.ts";
import { sigmoidCrossEntropy } from "./composed/sigmoid_cross_entropy.ts";
import { slice } from "./movement/slice.ts";
import { softmax } from "./composed/softmax.ts";
import { winogradWeight, winogradWeightGrad } from "./conv/winograd_weight.ts";

const others: readonly Op[] = [
  sum,
  max,
  matmul,
  matmulPartial,
  convolve,
  conv2d,
  conv2dInputGrad,
  conv2dWeightGrad,
  conv2dWeightGradPartial,
  toTiles,
  fromTiles,
  winogradWeight,
  winogradWeightGrad,
  maxPool2d,
  maxPool2dPosition,
  maxPool2dGrad,
  maxPool2dDisjointGrad,
  avgPool2d,
  avgPool2dGrad,
  channelWindowSum,
  localScores,
  localSum,
  localSpread,
  permute,
  slice,
  pad,
  concat,
  concatPair,
  roll,
  relativeBias,
  relativeBiasGrad,
  batchNorm,
  layerNorm,
  softmax,
  logSoftmax,
  crossEntropy,
  sigmoidCrossEntropy,
  dropout,
];

/** Every op by name. */
export const registry: ReadonlyMap<string, Op> = new Map<string, Op>([
  ...elementwise,
  ...others.map((op): [string, Op] => [op.name, op]),
]);

/** The op called `name`. Throws TypeError when there is none. */
export function opNamed(name: string): Op {
  const op = registry.get(name);
  if (!op) throw new TypeError(`No op is called ${name}: kernels/mod.ts lists those there are`);
  return op;
}
