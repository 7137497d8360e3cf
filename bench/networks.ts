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
  /** Most that a training step may take, as a multiple of PyTorch's on two threads. */
  readonly atMost?: number;
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

/** A model of ours at a size. */
const named = (name: string, imageSize: number, batch: number, atMost?: number): Network => ({
  ...{ name, imageSize, batch, atMost },
  model: () => createModel(name, { classes: 1000, imageSize }),
});

/** What is timed on a software adapter, the smallest first. */
const forProcessor: readonly Network[] = [
  { name: "three-conv", imageSize: 32, batch: 64, atMost: 3.5, model: threeConvolutions },
  {
    ...named("resnet18", 64, 32, 5),
    model: () => createModel("resnet18", { classes: 1000, imageSize: 64, stem: "imagenet" }),
  },
  named("resnet50", 224, 8, 5),
  named("vit-b32", 224, 8, 8),
];

/** What is timed on a GPU. */
const forGpu: readonly Network[] = ["resnet50", "resnet152", "vgg16", "vit-b32"].map((name) => named(name, 224, 64));

/** What is timed, at sizes that suit the device. */
export const networksFor = (isGpu: boolean): readonly Network[] => isGpu ? forGpu : forProcessor;
