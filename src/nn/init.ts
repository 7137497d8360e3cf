/**
 * Initial values of parameters: functions of (seed, key, shape) alone, so that a model starts the same whatever
 * else it holds.
 *
 * @module
 */

import { randomKey, uniformsOf } from "../../kernels/random.ts";
import { type Shape, sizeOf } from "../../kernels/op.ts";
import { streamOf } from "./stream.ts";

/** Gives the values of a parameter of `shape`. `uniform(i)` is the i-th number in [0, 1) of the parameter's stream. */
export type Initializer = (shape: Shape, uniform: (index: number) => number) => Float32Array;

/** The same value everywhere. */
export function constantInit(value: number): Initializer {
  return (shape) => new Float32Array(sizeOf(shape)).fill(value);
}

/** Uniform in [−bound, bound). */
export function uniformInit(bound: number): Initializer {
  return (shape, uniform) => filled(shape, (i) => (2 * uniform(i) - 1) * bound);
}

/** Normal with mean 0, by Box and Muller's transform. */
export function normalInit(std: number): Initializer {
  return (shape, uniform) =>
    filled(shape, (i) => {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform(2 * i)));
      return std * radius * Math.cos(2 * Math.PI * uniform(2 * i + 1));
    });
}

/** PyTorch's default for convolutions and dense layers: Kaiming uniform with a = √5, which is ±1/√fanIn. */
export function fanInUniform(fanIn: number): Initializer {
  return uniformInit(1 / Math.sqrt(fanIn));
}

/** Kaiming normal by fan-out for ReLU (He et al., 2015), as torchvision's ResNets start. Shape [O, I, kh, kw]. */
export function kaimingNormalFanOut(): Initializer {
  return (shape, uniform) => {
    const [out, , ...kernel] = shape;
    return normalInit(Math.sqrt(2 / (out * sizeOf(kernel))))(shape, uniform);
  };
}

/** Kaiming normal by fan-in for ReLU (He et al., 2015). Shape [O, I, kh, kw]. */
export function kaimingNormalFanIn(): Initializer {
  return (shape, uniform) => normalInit(Math.sqrt(2 / sizeOf(shape.slice(1))))(shape, uniform);
}

/** Xavier uniform (Glorot and Bengio, 2010): ±√(6 / (fanIn + fanOut)). Shape [O, I, …]. */
export function xavierUniform(): Initializer {
  return (shape, uniform) => {
    const [out, inputs, ...kernel] = shape;
    return uniformInit(Math.sqrt(6 / ((inputs + out) * sizeOf(kernel))))(shape, uniform);
  };
}

/** The values of a function of the index. A loop: `Float32Array.from` would take five times as long. */
function filled(shape: Shape, value: (index: number) => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = value(i);
  return values;
}

/** Values of the parameter `name` for a run's seed. */
export function initialValues(seed: number, name: string, shape: Shape, init: Initializer): Float32Array {
  const stream = streamOf(name);
  // Step −1, so to speak: training steps use the keys from 0 on.
  const [hi, lo] = randomKey(seed, 2 ** 32 - 1);
  return init(shape, uniformsOf(stream, hi, lo));
}
