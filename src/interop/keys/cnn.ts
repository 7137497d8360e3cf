/**
 * Key names of convolutional networks.
 *
 * @module
 */

import type { Family } from "./family.ts";

/** torchvision's and timm's ResNets are called alike. */
export const resnet: Family = {
  name: "a ResNet",
  models: /^resnet\d+$/,
  heads: ["fc"],
  stem: "conv1",
  advice: { "conv1.weight": "give --stem imagenet for weights of 7×7, --stem small for those of 3×3" },
  rows: [
    "conv1.*",
    "bn1.*",
    "layer{i}.{i}.conv{i}.*",
    "layer{i}.{i}.bn{i}.*",
    "layer{i}.{i}.downsample.{i}.*",
    "fc.*",
  ].map((ours) => ({ ours, timm: ours })),
};

/** VGG and torchvision's AlexNet. In timm VGG's first two dense layers are convolutions over the whole picture. */
export const vgg: Family = {
  name: "a VGG or AlexNet",
  models: /^(vgg.*|alexnet)$/,
  heads: ["classifier.6"],
  stem: "features.0",
  rows: [
    { ours: "features.{i}.*", timm: "features.{i}.*" },
    { ours: "classifier.0.*", timm: { conv: "pre_logits.fc1.*", kernel: 7 } },
    { ours: "classifier.3.*", timm: { conv: "pre_logits.fc2.*", kernel: 1 } },
    { ours: "classifier.6.*", timm: "head.fc.*" },
    // AlexNet's, which timm has not.
    { ours: "classifier.1.*" },
    { ours: "classifier.4.*" },
  ],
};

/** The models that no library has: their files are Fovea's checkpoints. */
export const own: readonly Family[] = [
  {
    name: "lenet",
    models: /^lenet$/,
    own: true,
    heads: ["output"],
    stem: "c1",
    rows: ["c1.*", "c3.*", "c5.*", "f6.*", "output.*"].map((ours) => ({ ours })),
  },
  {
    name: "naive-cnn",
    models: /^naive-cnn$/,
    own: true,
    heads: ["head"],
    stem: "block1.conv",
    rows: ["block{i}.conv.*", "block{i}.norm.*", "dense.*", "head.*"].map((ours) => ({ ours })),
  },
  {
    name: "alexnet-2012",
    models: /^alexnet-2012$/,
    own: true,
    heads: ["fc8"],
    stem: "conv1",
    rows: ["conv{i}.*", "fc{i}.*"].map((ours) => ({ ours })),
  },
];
