/**
 * The rule by which weights, pictures and labels of the fixtures are made: that of `fixtures/parity/reference.py`. So
 * no fixture stores them.
 *
 * @module
 */

import { randomUniform } from "../../kernels/random.ts";
import { type Shape, sizeOf } from "../../kernels/op.ts";
import { streamOf } from "../../src/nn/stream.ts";

/** Numbers in [0, 1) of the stream called `name`. */
export function uniform(name: string, count: number): Float64Array {
  const stream = streamOf(name);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = randomUniform(i, stream, 1, 7); // a Swin-T takes 28 million
  return values;
}

/** Value of a parameter or running statistic, as `weight` of `reference.py`. */
export function referenceWeight(name: string, shape: Shape): Float32Array {
  const [middle, reach] = rangeOf(name, shape);
  return new Float32Array(uniform(name, sizeOf(shape)).map((u) => middle + reach * (2 * u - 1)));
}

/** The middle of a parameter's values, and how far they are from it at most. */
function rangeOf(name: string, shape: Shape): [middle: number, reach: number] {
  if (name.endsWith("running_var")) return [1, 0.5];
  if (name.endsWith("logit_scale")) return [Math.log(10), 0.1];
  if (["token", "pos_embed", "relative_position_bias_table"].some((part) => name.includes(part))) return [0, 0.5];
  if (shape.length < 2) return name.endsWith("weight") ? [1, 0.2] : [0, 0.1];
  return [0, Math.sqrt((shape.length === 4 ? 6 : 3) / sizeOf(shape.slice(1)))];
}

/** The fixtures' pictures [N, C, S, S]. */
export function pictures(shape: Shape): Float32Array {
  return new Float32Array(uniform("input", sizeOf(shape)).map((u) => 4 * u - 2));
}

/** The fixtures' labels, one-hot [N, classes]. */
export function targets(count: number, classes: number): Float32Array {
  const rows = new Float32Array(count * classes);
  uniform("labels", count).forEach((u, n) => rows[n * classes + Math.floor(u * classes)] = 1);
  return rows;
}
