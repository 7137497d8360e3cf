/**
 * The block of MobileNetV3 and EfficientNet: MobileNetV2's inverted residual with squeeze and excitation, as
 * torchvision and timm call its tensors.
 *
 * @module
 */

import type { KeyRow } from "../interop/keys/family.ts";
import {
  batchNorm2d,
  type BatchNormOptions,
  constantInit,
  conv2d,
  kaimingNormalFanOut,
  type Layer,
  sequential,
  skip,
  squeezeExcitation,
  type SqueezeExcitationOptions,
  stochasticDepth,
} from "../nn/mod.ts";

/** A convolution without bias, with batch norm and perhaps an activation after it. */
export interface ConvNormOptions {
  /** Side of the window; default 1. */
  readonly kernel?: number;
  /** Step between windows; default 1. */
  readonly stride?: number;
  /** Groups; default 1. */
  readonly groups?: number;
  /** What follows; default nothing. */
  readonly activation?: Layer;
  /** The batch norm's numbers; default PyTorch's. */
  readonly norm?: BatchNormOptions;
}

/**
 * Convolution, batch norm and activation: parameters `0` and `1`.
 *
 * @param inputs Channels that come in.
 * @param outputs Channels that go out.
 */
export function convNorm(inputs: number, outputs: number, options: ConvNormOptions = {}): Layer {
  const { kernel = 1, stride = 1, groups = 1, activation, norm } = options;
  const conv = conv2d(inputs, outputs, kernel, {
    ...{ stride, padding: (kernel - 1) / 2, groups, bias: false },
    init: kaimingNormalFanOut(),
  });
  return sequential([conv, batchNorm2d(outputs, norm), ...activation ? [activation] : []]);
}

/** How an inverted residual differs from others. */
export interface InvertedResidualOptions extends ConvNormOptions {
  /** Channels of the convolution of each channel by itself. */
  readonly wide: number;
  /** Whether a 1×1 convolution makes so many of those that come in. */
  readonly expands: boolean;
  /** Hidden units of its squeeze and excitation; default none. */
  readonly squeezed?: number;
  /** Activation and gate of the squeeze and excitation. */
  readonly excitation?: SqueezeExcitationOptions;
  /** Share of the pictures for which it is left out in training, where its input is added; default 0. */
  readonly depthRate?: number;
}

/** 1×1 to wider, k×k of each channel by itself, squeeze and excitation, 1×1 to narrow again. */
export function invertedResidual(inputs: number, outputs: number, options: InvertedResidualOptions): Layer {
  const { wide, expands, squeezed, excitation, depthRate = 0, stride = 1, kernel, activation, norm } = options;
  const start = { init: kaimingNormalFanOut(), biasInit: constantInit(0) };
  const block = sequential([
    ...expands ? [convNorm(inputs, wide, { activation, norm })] : [],
    convNorm(wide, wide, { kernel, stride, groups: wide, activation, norm }),
    ...squeezed === undefined ? [] : [squeezeExcitation(wide, squeezed, { ...start, ...excitation })],
    convNorm(wide, outputs, { norm }),
  ]);
  if (stride !== 1 || inputs !== outputs) return sequential({ block });
  return skip(sequential({ block, ...depthRate > 0 && { drop_path: stochasticDepth(depthRate) } }));
}

/**
 * The rows of a block's tensors. torchvision counts its layers, timm names them.
 *
 * @param ours Beginning of Fovea's names, and torchvision's.
 * @param theirs Beginning of timm's.
 * @param has Whether a 1×1 convolution precedes, and whether there is squeeze and excitation.
 */
export function invertedResidualRows(
  ours: string,
  theirs: string,
  has: { readonly expansion: boolean; readonly excitation: boolean },
): readonly KeyRow[] {
  const convolutions = has.expansion ? ["conv_pw", "conv_dw", "conv_pwl"] : ["conv_dw", "conv_pw"];
  const last = convolutions.length - 1;
  return [
    ...convolutions.flatMap((conv, k) => {
      const place = `${ours}.block.${k === last && has.excitation ? k + 1 : k}`;
      return [
        { ours: `${place}.0.*`, timm: `${theirs}.${conv}.*` },
        { ours: `${place}.1.*`, timm: `${theirs}.bn${k + 1}.*` },
      ];
    }),
    ...has.excitation
      ? [
        { ours: `${ours}.block.${last}.fc1.*`, timm: `${theirs}.se.conv_reduce.*` },
        { ours: `${ours}.block.${last}.fc2.*`, timm: `${theirs}.se.conv_expand.*` },
      ]
      : [],
  ];
}
