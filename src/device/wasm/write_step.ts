/**
 * Writes the jobs of a step.
 *
 * @module
 */

import { opNamed } from "../../../kernels/mod.ts";
import { sizeOf } from "../../../kernels/op.ts";
import { callOf, type Node, storageOf } from "../../graph/graph.ts";
import type { Chooser } from "../../graph/choices.ts";
import type { FusedStep } from "../../graph/fused_step.ts";
import type { Candidates } from "../questions.ts";
import { writeChannelWindow } from "./text/channel_window.ts";
import { writeLocalScores, writeLocalSpread, writeLocalSum } from "./text/local.ts";
import { writeEpilogue, writeMap } from "./text/map.ts";
import { writeConvolve } from "./text/product/convolve.ts";
import { writeDepthwise } from "./text/product/depthwise.ts";
import { writeDepthwiseGrad } from "./text/product/depthwise_grad.ts";
import { writeWeightGrad } from "./text/product/weight_grad.ts";
import { waysOfMatmul, writeMatmul } from "./text/product/matmul.ts";
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
import type { Arg, WrittenJob, WrittenStep } from "./written.ts";

/** Writers of kernels, by op; they are told which way was chosen for the call, if one was. */
const writers: Readonly<
  Record<string, (step: FusedStep, relaxed: boolean, chosen?: string) => WrittenStep | undefined>
> = {
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
  channelWindowSum: writeChannelWindow,
  localScores: writeLocalScores,
  localSum: writeLocalSum,
  localSpread: writeLocalSpread,
  permute: writeStrided,
  slice: writeStrided,
  pad: writePad,
  concatPair: writeConcat,
  sum: writeReduce,
  max: writeReduce,
  matmul: writeMatmul,
  matmulPartial: writeMatmul,
  convolve: (step, relaxed, chosen) => writeDepthwise(step, relaxed) ?? writeConvolve(step, relaxed, chosen),
  conv2dWeightGradPartial: (step, relaxed) => writeDepthwiseGrad(step, relaxed) ?? writeWeightGrad(step, relaxed),
};

/** Numbers that a kernel's JavaScript computes in a chunk. */
const IN_SCRIPT = 2 ** 12;

/** The ops whose kernels are written in several ways, among which the tuner chooses. */
export const hasWays = (op: string): boolean => op === "matmul" || op === "matmulPartial";

/** In which, the heuristic's first. */
export const waysOfKernel: Candidates = (op, call) => hasWays(op) ? waysOfMatmul(opNamed(op).kernel!.params(call)) : [];

/** The jobs that compute a step, as choices say. */
export function writeStep(step: FusedStep, relaxed: boolean, choices: Chooser): WrittenStep {
  if (step.kernels.length === 0) return writeMap(step, relaxed);
  const [{ kernel: { op }, kernel }] = step.kernels;
  const chosen = hasWays(op) || op === "convolve" ? choices.of(op, callOf(kernel)) : undefined;
  const written = writers[op]?.(step, relaxed, chosen);
  return written ?? writeScripts(step, relaxed);
}

/** Kernels that have no text. What is computed on the way to memory is a second job, from where the first wrote. */
function writeScripts(step: FusedStep, relaxed: boolean): WrittenStep {
  if (step.roots.length === 0) {
    return { jobs: step.kernels.map(({ kernel }, k) => scriptOf(kernel, { tensor: step.writes[k] })) };
  }
  const [{ kernel }] = step.kernels;
  return {
    jobs: [scriptOf(kernel, { workspace: 0 }), writeEpilogue(step, relaxed)],
    workspace: 4 * sizeOf(kernel.shape),
  };
}

/** A kernel's JavaScript. */
function scriptOf(node: Node, write: Arg): WrittenJob {
  const kernel = opNamed(node.op).kernel!;
  const call = callOf(node);
  const operands = node.inputs.map(storageOf);
  const code = {
    source: kernel.gpujs.toString(),
    constants: kernel.params(call),
    table: kernel.table?.(call) ?? [],
    lengths: [...operands, node].map(({ shape }) => sizeOf(shape)),
  };
  const args = [...operands.map((tensor) => ({ tensor })), write];
  return { code, args, chunks: Math.ceil(sizeOf(node.shape) / IN_SCRIPT) };
}
