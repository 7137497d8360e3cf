/**
 * The values that a model gets from a file's weights: as they are, interpolated, adapted, or mapped by classes' names.
 *
 * @module
 */

import { sizeOf } from "../../kernels/op.ts";
import { printable } from "../data/names.ts";
import { UserError } from "../errors.ts";
import type { LoadedTensor } from "../interop/safetensors.ts";
import type { NamedWeights } from "../interop/named_weights.ts";
import { resampleGrid } from "../interop/resample.ts";
import { initialValues } from "../nn/init.ts";
import type { Parameter } from "../nn/layer.ts";
import { gridsOf, type Matching, type RowMap } from "./weights_fit.ts";

/**
 * The values of all parameters that do not start afresh.
 *
 * @param path For the error.
 * @param seed Of the rows of classes that the file has not.
 * @throws {UserError} With the first tensor that holds no parameters: whole numbers, or what is not finite.
 */
export async function valuesFor(
  path: string,
  { fates, rows }: Matching,
  weights: NamedWeights,
  seed: number,
): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const { parameter, fate } of fates) {
    if (fate === "fresh") continue;
    const { name } = parameter;
    const read = await readSound(path, weights, sourceOf(name, weights));
    values.set(
      name,
      fate === "interpolated"
        ? interpolated(parameter, read, weights)
        : fate === "mapped"
        ? mapped(parameter, read, rows!, seed)
        : fate === "adapted"
        ? adapted(parameter, read, weights)
        : read.values,
    );
  }
  return values;
}

/** Whose values a parameter gets: a second head's are made from the first one's. */
function sourceOf(name: string, { family: { heads: [head], secondHead }, shapes }: NamedWeights): string {
  const isSecond = secondHead !== undefined && name.startsWith(`${secondHead.name}.`) && !shapes.has(name);
  return isSecond ? head + name.slice(secondHead.name.length) : name;
}

/** Reads a tensor that must hold parameters. */
async function readSound(path: string, weights: NamedWeights, name: string): Promise<LoadedTensor> {
  const refuse = (what: string) => new UserError(`Cannot load ${path}: its ${printable(weights.nameOf(name))} ${what}`);
  const type = weights.refusedType(name);
  if (type) throw refuse(`has whole numbers (${type}), as of quantised weights: give them as float32`);
  const read = await weights.read(name);
  const bad = read.values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw refuse(`has values that are not finite (${read.values[bad]} at ${bad}): the training that made it failed`);
  }
  return read;
}

function interpolated(parameter: Parameter, { shape, values }: LoadedTensor, weights: NamedWeights): Float32Array {
  const { from, to, before } = gridsOf(parameter, shape, weights)!;
  const kept = before * parameter.shape.at(-1)!;
  const out = new Float32Array(sizeOf(parameter.shape));
  out.set(values.subarray(0, kept));
  out.set(resampleGrid(values.subarray(kept), from, to), kept);
  return out;
}

/**
 * Of the first convolution, another number of channels. Of two heads of which the file has one, twice the first and
 * nothing of the second: the mean of their logits is what the one gives.
 */
function adapted(parameter: Parameter, read: LoadedTensor, { family: { stem, heads } }: NamedWeights): Float32Array {
  if (parameter.name === `${stem}.weight`) return withChannels(read, parameter.shape[1]);
  return read.values.map((value) => parameter.name.startsWith(`${heads[0]}.`) ? 2 * value : 0);
}

/**
 * A convolution's weights for other channels, timm's way (`adapt_input_conv`): for one channel the sum over all; for
 * more, those of the file over and over, less in proportion.
 */
function withChannels({ shape, values }: LoadedTensor, to: number): Float32Array {
  const [outputs, from, height, width] = shape;
  const window = height * width;
  const out = new Float32Array(outputs * to * window);
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < (to === 1 ? from : to); c++) {
      for (let i = 0; i < window; i++) {
        const value = values[(o * from + c % from) * window + i];
        if (to === 1) out[o * window + i] += value;
        else out[(o * to + c) * window + i] = value * from / to;
      }
    }
  }
  return out;
}

/** Rows of a head for other classes; those of classes that the file has not are as they would start. */
function mapped({ name, shape, init }: Parameter, { values }: LoadedTensor, rows: RowMap, seed: number): Float32Array {
  const out = initialValues(seed, name, shape, init);
  const width = out.length / shape[0];
  rows.forEach((row, i) => row >= 0 && out.set(values.subarray(row * width, (row + 1) * width), i * width));
  return out;
}
