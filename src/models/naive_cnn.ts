/**
 * NaiveCNN, the study's own small network: three blocks of convolution, batch norm, ReLU and pooling, then a dense
 * layer with dropout and the head.
 *
 * @module
 */

import {
  batchNorm2d,
  conv2d,
  denseConv2d,
  dropout,
  flatten,
  inline,
  type Layer,
  lazyLinear,
  maxPool2d,
  meanOfClassMap,
  relu,
  sequential,
} from "../nn/mod.ts";
import type { Family } from "../interop/keys/family.ts";
import type { ModelDefinition } from "./model.ts";
import { scaledBy } from "./width.ts";

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
  takes: ["dropout", "head"],
  heads: ["fcn"],
  build: ({ channels, classes, imageSize, dropout: rate = 0.5, head, width }) => {
    const [c1, c2, c3, hidden] = [32, 64, 128, 128].map(scaledBy(width));
    return sequential({
      block1: block(channels, c1),
      block2: block(c1, c2),
      block3: block(c2, c3),
      ...head === "fcn"
        ? {
          dense: denseConv2d(c3, hidden, Math.floor(imageSize / 8)),
          relu: relu(),
          dropout: dropout(rate),
          head: denseConv2d(hidden, classes, 1),
          ...meanOfClassMap,
        }
        : {
          flatten: flatten(),
          dense: lazyLinear(hidden),
          relu: relu(),
          dropout: dropout(rate),
          head: lazyLinear(classes),
        },
    });
  },
};
