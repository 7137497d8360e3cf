/**
 * Writes the jobs of a step.
 *
 * @module
 */

import { opNamed } from "../../../kernels/mod.ts";
import { sizeOf } from "../../../kernels/op.ts";
import { callOf, type Node, storageOf } from "../../graph/graph.ts";
import type { FusedStep } from "../../graph/fused_step.ts";
import { writeMap } from "./text/map.ts";
import { writeConvolve } from "./text/product/convolve.ts";
import { writeWeightGrad } from "./text/product/weight_grad.ts";
import { writeMatmul } from "./text/product/matmul.ts";
import { writeFromTiles, writeToTiles, writeWinogradWeight } from "./text/picture/tiles.ts";
import {
  writeAvgPool,
  writeAvgPoolGrad,
  writeMaxPool,
  writeMaxPoolDisjointGrad,
  writeMaxPoolGrad,
  writeMaxPoolPosition,
} from "./text/picture/pool.ts";
import { writeConcat, writePad, writeStrided } from "./text/movement.ts";
import { writeReduce } from "./text/reduce.ts";
import type { WrittenJob, WrittenStep } from "./written.ts";

/** Writers of kernels, by op. */
const writers: Readonly<Record<string, (step: FusedStep, relaxed: boolean) => WrittenStep | undefined>> = {
  toTiles: writeToTiles,
  fromTiles: writeFromTiles,
  winogradWeight: writeWinogradWeight,
  winogradWeightGrad: writeWinogradWeight,
  maxPool2d: writeMaxPool,
  maxPool2dPosition: writeMaxPoolPosition,
  maxPool2dGrad: writeMaxPoolGrad,
  maxPool2dDisjointGrad: writeMaxPoolDisjointGrad,
  avgPool2d: writeAvgPool,
  avgPool2dGrad: writeAvgPoolGrad,
  permute: writeStrided,
  slice: writeStrided,
  pad: writePad,
  concatPair: writeConcat,
  sum: writeReduce,
  max: writeReduce,
  matmul: writeMatmul,
  matmulPartial: writeMatmul,
  convolve: writeConvolve,
  conv2dWeightGradPartial: writeWeightGrad,
};

/** Numbers that a kernel's JavaScript computes in a chunk. */
const IN_SCRIPT = 2 ** 12;

/** The jobs that compute a step. */
export function writeStep(step: FusedStep, relaxed: boolean): WrittenStep {
  if (step.kernels.length === 0) return writeMap(step, relaxed);
  const written = writers[step.kernels[0].kernel.op]?.(step, relaxed);
  return written ?? { jobs: step.kernels.map(({ kernel }, k) => scriptOf(kernel, step.writes[k])) };
}

/** A kernel that has no text: its JavaScript. */
function scriptOf(node: Node, write: Node): WrittenJob {
  const kernel = opNamed(node.op).kernel!;
  const call = callOf(node);
  const operands = node.inputs.map(storageOf);
  const code = {
    source: kernel.gpujs.toString(),
    constants: kernel.params(call),
    table: kernel.table?.(call) ?? [],
    lengths: [...operands, write].map(({ shape }) => sizeOf(shape)),
  };
  const args = [...operands, write].map((tensor) => ({ tensor }));
  return { code, args, chunks: Math.ceil(sizeOf(write.shape) / IN_SCRIPT) };
}
