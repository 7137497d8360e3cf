/**
 * Ends of CNNs: what makes logits of a feature map, and where in the picture they come from.
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import { constantInit, fanInUniform } from "./init.ts";
import type { Layer } from "./layer.ts";
import { adaptiveAvgPool2d, conv2d, dropout, flatten, globalAvgPool2d, linear, type LinearOptions } from "./layers.ts";

/** How a CNN ends: the model's own way, fully convolutional, or with attention in the place of the mean. */
export type Head = "auto" | "fcn" | "attention-pool";

/**
 * A dense layer over k × k positions as a convolution (Shelhamer et al., "Fully convolutional networks for semantic
 * segmentation", 2015, section 3.1): [N, I, H, W] to [N, O, H − k + 1, W − k + 1]. Parameters are those of the dense
 * layer, `weight` [O, I · k · k] and `bias` [O]: its weights fit as they are.
 *
 * @param inputs Channels I.
 * @param outputs Channels O.
 * @param kernel Side k of the map that the dense layer reads.
 */
export function denseConv2d(inputs: number, outputs: number, kernel: number, options: LinearOptions = {}): Layer {
  const size = inputs * kernel * kernel;
  const { init = fanInUniform(size), biasInit = fanInUniform(size) } = options;
  return (x, scope) => {
    const { b } = scope;
    const weight = b.reshape(scope.parameter("weight", [outputs, size], init), [outputs, inputs, kernel, kernel]);
    const bias = scope.parameter("bias", [outputs], biasInit, { decay: false });
    const y = b.op("conv2d", [x, weight], { stride: 1, padding: 0, groups: 1 });
    return b.add(y, b.reshape(bias, [outputs, 1, 1]));
  };
}

/** What follows a map of logits [N, C, H, W]: it is the output `class_map`, and its mean the logits [N, C]. */
export const meanOfClassMap: Readonly<Record<string, Layer>> = {
  class_map: (x: Tensor): Tensor => x,
  avgpool: globalAvgPool2d(),
  flatten: flatten(),
};

/**
 * Soft attention as a pooling (Xu et al., "Show, attend and tell", 2015, equations 4 to 6 and 13, without the decoder's
 * state): [N, C, H, W] to [N, C, 1, 1], the mean over all positions, weighted by the softmax of v · tanh(W x + b).
 * Parameters `project` [units, C, 1, 1] with bias and `score.weight` [1, units, 1, 1], which starts at 0: at first the
 * pooling is the plain mean. The weights [N, 1, 1, HW] are the output `weights`.
 *
 * @param channels Channels C.
 * @param units Between the two layers; default C, 512 at most.
 */
export function attentionPool2d(channels: number, units: number = Math.min(channels, 512)): Layer {
  return (x, scope) => {
    const { b } = scope;
    const [batch, , height, width] = x.shape;
    const energies = b.tanh(scope.call("project", conv2d(channels, units, 1), x));
    const score = conv2d(units, 1, 1, { bias: false, init: constantInit(0) });
    const scores = b.reshape(scope.call("score", score, energies), [batch, 1, 1, height * width]);
    const weights = scope.call("weights", (scores) => b.op("softmax", [scores]), scores);
    scope.attends({ weights, stitch: (received) => b.reshape(received, [batch, 1, height, width]) });
    return b.sum(b.mul(x, b.reshape(weights, [batch, 1, height, width])), [2, 3]);
  };
}

/** Tensors of {@link attentionPool2d}, as a model has them. */
export const ATTENTION_POOL: readonly string[] = ["project.weight", "project.bias", "score.weight"].map((name) =>
  `attention_pool.${name}`
);

/**
 * The end of a CNN that pools and has one dense layer, `fc`, which keeps its name and shapes with every head.
 *
 * @param channels Channels of the map.
 * @param classes Logits.
 * @param options Head; share of the units that are dropped before the logits.
 */
export function pooledHead(
  channels: number,
  classes: number,
  { head = "auto", dropout: rate = 0 }: { readonly head?: Head; readonly dropout?: number },
): Record<string, Layer> {
  const dropped: Record<string, Layer> = rate > 0 ? { dropout: dropout(rate) } : {};
  if (head === "fcn") return { ...dropped, fc: denseConv2d(channels, classes, 1), ...meanOfClassMap };
  return {
    ...head === "attention-pool" ? { attention_pool: attentionPool2d(channels) } : { avgpool: globalAvgPool2d() },
    flatten: flatten(),
    ...dropped,
    fc: linear(channels, classes),
  };
}

/**
 * What stands before dense layers that read `side` × `side` positions, whose weights fit with every head. Pooled by
 * attention, a picture has one position, which all of them get: as of a picture that is so small.
 *
 * @param channels Channels of the map.
 * @param side Rows and columns that the first dense layer reads.
 */
export function mapForDense(channels: number, side: number, head: Head = "auto"): Record<string, Layer> {
  const resized = adaptiveAvgPool2d(side);
  if (head === "fcn") return { enlarge: ifSmaller(side, resized) };
  return {
    ...head === "attention-pool" && { attention_pool: attentionPool2d(channels) },
    ...{ avgpool: resized, flatten: flatten() },
  };
}

/**
 * A layer for maps that are too small along either axis; others go on as they are.
 *
 * @param side Least rows and columns.
 */
function ifSmaller(side: number, layer: Layer): Layer {
  return (x, scope) => Math.min(x.shape[2], x.shape[3]) < side ? layer(x, scope) : x;
}
