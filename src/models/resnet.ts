/**
 * ResNet (He et al., "Deep residual learning for image recognition", 2015), with torchvision's key names.
 *
 * @module
 */

import {
  batchNorm2d,
  conv2d,
  flatten,
  globalAvgPool2d,
  kaimingNormalFanOut,
  type Layer,
  linear,
  maxPool2d,
  relu,
  residual,
  sequential,
} from "../nn/mod.ts";
import type { ModelDefinition } from "./model.ts";

/** Convolution without bias: batch norm follows and has one. */
const conv = (inputs: number, outputs: number, kernel: number, stride = 1): Layer =>
  conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias: false, init: kaimingNormalFanOut() });

/** Two 3×3 convolutions around which the input is added (figure 2); a 1×1 convolution fits it where sizes differ. */
function basicBlock(inputs: number, outputs: number, stride: number): Layer {
  const body = sequential({
    conv1: conv(inputs, outputs, 3, stride),
    bn1: batchNorm2d(outputs),
    relu: relu(),
    conv2: conv(outputs, outputs, 3),
    bn2: batchNorm2d(outputs),
  });
  const fits = stride === 1 && inputs === outputs;
  return residual(
    body,
    relu(),
    fits ? undefined : sequential([conv(inputs, outputs, 1, stride), batchNorm2d(outputs)]),
  );
}

/** Blocks of one width; the first changes width and resolution. */
function stage(inputs: number, outputs: number, blocks: number, stride: number): Layer {
  return sequential(
    Array.from(
      { length: blocks },
      (_, k) => k === 0 ? basicBlock(inputs, outputs, stride) : basicBlock(outputs, outputs, 1),
    ),
  );
}

/** Table 1's first rows for ImageNet; section 4.2's single 3×3 convolution for small pictures. */
function stem(channels: number, small: boolean): Record<string, Layer> {
  return small ? { conv1: conv(channels, 64, 3), bn1: batchNorm2d(64), relu: relu() } : {
    conv1: conv(channels, 64, 7, 2),
    bn1: batchNorm2d(64),
    relu: relu(),
    maxpool: maxPool2d(3, { stride: 2, padding: 1 }),
  };
}

/** Below this side, in pixels, the `auto` stem is the small one: ImageNet's would leave one pixel for the last stage. */
const SMALL_PICTURE = 64;

function resnet(name: string, blocks: readonly [number, number, number, number]): ModelDefinition {
  return {
    name,
    summary: `ResNet-${name.slice(6)} (He 2015): four stages of ${blocks.join(", ")} basic blocks`,
    imageSize: 224,
    minImageSize: 8,
    keys: "torchvision",
    build: ({ channels, classes, imageSize, stem: chosen }) =>
      sequential({
        ...stem(channels, chosen === "small" || (chosen === "auto" && imageSize < SMALL_PICTURE)),
        layer1: stage(64, 64, blocks[0], 1),
        layer2: stage(64, 128, blocks[1], 2),
        layer3: stage(128, 256, blocks[2], 2),
        layer4: stage(256, 512, blocks[3], 2),
        avgpool: globalAvgPool2d(),
        flatten: flatten(),
        fc: linear(512, classes),
      }),
  };
}

/** `resnet18`. */
export const resnet18: ModelDefinition = resnet("resnet18", [2, 2, 2, 2]);
