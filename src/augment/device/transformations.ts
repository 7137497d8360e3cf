/**
 * Transformations on the device: nodes of the training step between its inputs and the model, for what mixes the
 * pictures of a batch or costs a processor much.
 *
 * @module
 */

import type { Builder, Tensor } from "../../../kernels/op.ts";
import type { Augment } from "../augmentations.ts";

/** A batch in the graph of a training step. */
export interface BatchTensors {
  /** Normalised pictures [N, C, S, S]. */
  readonly pictures: Tensor;
  /** Target rows [N, K]. */
  readonly targets: Tensor;
}

/**
 * A random change to a batch: the same shapes come out. It draws by the op `random` with the step's key, as dropout
 * does, from a stream of its own.
 *
 * @param b Builder of the step's graph.
 * @param batch What the loader gave, or the transformation before.
 * @param key Halves of the step's random key, scalars.
 */
export type DeviceTransformation = (
  b: Builder,
  batch: BatchTensors,
  key: readonly [hi: Tensor, lo: Tensor],
) => BatchTensors;

/** By what the setting is, in the order in which they are applied. Today's augmentations are all the host's. */
const table: Readonly<Record<Augment, readonly DeviceTransformation[] | undefined>> = {};

/** The transformations on the device that an augmentation is made of. */
export function deviceTransformations(augment: Augment): readonly DeviceTransformation[] {
  return table[augment] ?? [];
}
