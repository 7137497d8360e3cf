/**
 * The networks that are timed, here and by the peers.
 *
 * @module
 */

import { createModel, Model } from "../src/models/mod.ts";
import { conv2d, flatten, inline, lazyLinear, maxPool2d, relu, sequential } from "../src/nn/mod.ts";

/** A network at a size. */
export interface Network {
  /** As the peers know it. */
  readonly name: string;
  readonly imageSize: number;
  readonly batch: number;
  /** Most that a training step may take, as a multiple of PyTorch's. */
  readonly atMost: number;
  readonly model: () => Model;
}

/** Three convolutions with pooling and a dense layer: the smallest that is worth training. */
function threeConvolutions(): Model {
  const block = (inputs: number, outputs: number) =>
    inline(sequential({ conv: conv2d(inputs, outputs, 3, { padding: 1 }) }), relu(), maxPool2d(2));
  const layer = sequential({
    ...{ block1: block(3, 32), block2: block(32, 64), block3: block(64, 128) },
    ...{ flatten: flatten(), head: lazyLinear(10) },
  });
  return new Model("three-conv", layer, { classes: 10, channels: 3, imageSize: 32, stem: "auto" });
}

/** What is timed, the smallest first. */
export const networks: readonly Network[] = [
  { name: "three-conv", imageSize: 32, batch: 64, atMost: 3.5, model: threeConvolutions },
  {
    ...{ name: "resnet18", imageSize: 64, batch: 32, atMost: 5 },
    model: () => createModel("resnet18", { classes: 1000, imageSize: 64, stem: "imagenet" }),
  },
  {
    ...{ name: "resnet50", imageSize: 224, batch: 8, atMost: 5 },
    model: () => createModel("resnet50", { classes: 1000, imageSize: 224 }),
  },
  {
    ...{ name: "vit-b32", imageSize: 224, batch: 8, atMost: 8 },
    model: () => createModel("vit-b32", { classes: 1000, imageSize: 224 }),
  },
];
