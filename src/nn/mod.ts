/**
 * Layers and blocks.
 *
 * @module
 */

export { cbam, gateUnits, selfAttention2d } from "./attention2d.ts";
export { inline, residual, sequential, skip } from "./blocks.ts";
export {
  ATTENTION_POOL,
  attentionPool2d,
  denseConv2d,
  type Head,
  mapForDense,
  meanOfClassMap,
  pooledHead,
} from "./heads.ts";
export {
  constantInit,
  fanInUniform,
  type Initializer,
  initialValues,
  kaimingNormalFanIn,
  kaimingNormalFanOut,
  normalInit,
  uniformInit,
  xavierUniform,
} from "./init.ts";
export { type Attention, type Layer, type Parameter, Scope } from "./layer.ts";
export type { Lora } from "./lora.ts";
export {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm2d,
  type BatchNormOptions,
  conv2d,
  type Conv2dOptions,
  coveringMaxPool2d,
  dropout,
  flatten,
  globalAvgPool2d,
  hardSigmoid,
  hardSwish,
  lazyLinear,
  linear,
  type LinearOptions,
  localResponseNorm,
  type LocalResponseNormOptions,
  maxPool2d,
  type PoolOptions,
  relu,
  relu6,
  silu,
  squeezeExcitation,
  type SqueezeExcitationOptions,
  tanh,
} from "./layers.ts";
export {
  attentionStem,
  type AttentionStemOptions,
  localRelation,
  type LocalRelationOptions,
  localSelfAttention2d,
  type LocalSelfAttentionOptions,
} from "./local_attention.ts";
export {
  channelNorm,
  encoderBlock,
  type EncoderBlockOptions,
  gelu,
  layerNorm,
  layerScale,
  mergeHeads,
  mlp,
  type MlpOptions,
  selfAttention,
  type SelfAttentionOptions,
  splitHeads,
  stochasticDepth,
} from "./transformer.ts";
export {
  cosineWindowAttention,
  padToMultiple,
  windowAttention,
  type WindowAttentionOptions,
} from "./window_attention.ts";
