/**
 * NaiveCNN, the study's own small network: three blocks of convolution, batch norm, ReLU and pooling, then a dense
 * layer with dropout and the head.
 *
 * @module
 */

import {
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  inline,
  type Layer,
  lazyLinear,
  maxPool2d,
  relu,
  sequential,
} from "../nn/mod.ts";
import type { Family } from "../interop/keys/family.ts";
import type { ModelDefinition } from "./model.ts";

const block = (inputs: number, outputs: number): Layer =>
  inline(
    sequential({
      conv: conv2d(inputs, outputs, 3, { padding: 1, bias: false }),
      norm: batchNorm2d(outputs),
    }),
    relu(),
    maxPool2d(2),
  );

/** No library has it: files of its weights are Fovea's. */
const family: Family = {
  name: "naive-cnn",
  own: true,
  heads: ["head"],
  stem: "block1.conv",
  rows: ["block{i}.conv.*", "block{i}.norm.*", "dense.*", "head.*"].map((ours) => ({ ours })),
};

/** `naive-cnn`. */
export const naiveCnn: ModelDefinition = {
  name: "naive-cnn",
  summary: "three 3×3 convolutions with batch norm and pooling, a dense layer of 128",
  imageSize: 64,
  minImageSize: 8,
  family,
  takes: ["dropout"],
  build: ({ channels, classes, dropout: rate = 0.5 }) =>
    sequential({
      block1: block(channels, 32),
      block2: block(32, 64),
      block3: block(64, 128),
      flatten: flatten(),
      dense: lazyLinear(128),
      relu: relu(),
      dropout: dropout(rate),
      head: lazyLinear(classes),
    }),
};
