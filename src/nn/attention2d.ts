/**
 * Attention on feature maps [N, C, H, W], for what stands between a CNN's convolutions: over positions (SAGAN), and
 * over channels and positions one after the other (CBAM).
 *
 * @module
 */

import { sequential } from "./blocks.ts";
import { constantInit } from "./init.ts";
import type { Layer } from "./layer.ts";
import { batchNorm2d, conv2d } from "./layers.ts";

/** So many channels, a 1-in-`share` of C, and one at least. */
const narrowed = (channels: number, share: number) => Math.max(1, Math.floor(channels / share));

/** Units between the two layers of a gate over channels: a 16th of the channels, as in squeeze and excitation. */
export const gateUnits = (channels: number): number => narrowed(channels, 16);

/**
 * SAGAN's self-attention (Zhang et al., "Self-attention generative adversarial networks", 2018, equations 1 to 3): x +
 * γ · o, where o of position j is the mean of h(xᵢ) over all positions i, weighted by the softmax of f(xᵢ) · g(xⱼ). f,
 * g and h are 1×1 convolutions, f and g to an eighth of the channels. γ starts at 0, so that the layer starts as the
 * identity. Parameters `f.weight`, `g.weight`, `h.weight` and `gamma` [1]. The weights [N, 1, HW, HW], a row for each
 * j, are the output `weights`.
 *
 * @param channels Channels C.
 */
export function selfAttention2d(channels: number): Layer {
  const narrow = narrowed(channels, 8);
  const project = (outputs: number): Layer => conv2d(channels, outputs, 1, { bias: false });
  return (x, scope) => {
    const { b } = scope;
    const [batch, , height, width] = x.shape;
    const positions = height * width;
    const flat = (name: string, outputs: number) =>
      b.reshape(scope.call(name, project(outputs), x), [batch, 1, outputs, positions]);
    const [f, g, h] = [flat("f", narrow), flat("g", narrow), flat("h", channels)];
    const scores = b.matmul(g, f, { transposeA: true });
    const weights = scope.call("weights", (scores) => b.op("softmax", [scores]), scores);
    scope.attends({ weights, stitch: (received) => b.reshape(received, [batch, 1, height, width]) });
    const attended = b.matmul(h, weights, { transposeB: true });
    const gamma = scope.parameter("gamma", [1], constantInit(0), { decay: false });
    return b.add(x, b.mul(b.reshape(attended, x.shape), gamma));
  };
}

/** The two layers of a gate over channels: [N, C, 1, 1] to the same shape. Parameters `fc1` and `fc2`. */
function bottleneckGate(channels: number, bias: boolean): Layer {
  const units = gateUnits(channels);
  return sequential({
    fc1: conv2d(channels, units, 1, { bias }),
    activation: (x, { b }) => b.relu(x),
    fc2: conv2d(units, channels, 1, { bias }),
  });
}

/**
 * CBAM (Woo et al., "CBAM: convolutional block attention module", 2018): first each channel times a factor, by the same
 * two layers of its mean and of its maximum; then each position times a factor, by a 7×7 convolution with batch norm of
 * the mean and the maximum over channels. Parameters and order as timm's `CbamModule`: `channel.fc1`, `channel.fc2`,
 * `spatial.conv.conv`, `spatial.conv.bn`.
 *
 * @param channels Channels C.
 */
export function cbam(channels: number): Layer {
  const layers = bottleneckGate(channels, false);
  const norm = sequential({
    conv: conv2d(2, 1, 7, { padding: 3, bias: false }),
    bn: batchNorm2d(1),
  });
  return sequential({
    channel: (x, scope) => {
      const { b } = scope;
      const excited = b.add(layers(b.mean(x, [2, 3]), scope), layers(b.max(x, [2, 3]), scope));
      return b.mul(x, scope.call("gate", (y, { b }) => b.sigmoid(y), excited));
    },
    spatial: (x, scope) => {
      const { b } = scope;
      const pooled = b.concat([b.mean(x, [1]), b.max(x, [1])], 1);
      const excited = scope.call("conv", norm, pooled);
      return b.mul(x, scope.call("gate", (y, { b }) => b.sigmoid(y), excited));
    },
  });
}
