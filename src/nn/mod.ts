/**
 * Layers and blocks.
 *
 * @module
 */

export { inline, residual, sequential } from "./blocks.ts";
export {
  constantInit,
  fanInUniform,
  type Initializer,
  initialValues,
  kaimingNormalFanOut,
  normalInit,
  uniformInit,
} from "./init.ts";
export { type Layer, type Parameter, Scope } from "./layer.ts";
export {
  avgPool2d,
  batchNorm2d,
  type BatchNormOptions,
  conv2d,
  type Conv2dOptions,
  dropout,
  flatten,
  globalAvgPool2d,
  lazyLinear,
  linear,
  maxPool2d,
  type PoolOptions,
  relu,
  tanh,
} from "./layers.ts";
