/**
 * What the setting `augment` can be, and which transformations each is made of. A transformation on the host is a file
 * in `host/` and stands in a row here. One on the device is a file in `device/` and stands in the table there.
 *
 * Workers load this file: what it imports is of the host.
 *
 * @module
 */

import { crop } from "./host/crop.ts";
import { mirror } from "./host/mirror.ts";
import { views } from "./host/views.ts";
import type { HostTransformation } from "./host/transformation.ts";

/** Random changes to training pictures: none; mirrored; a random crop of a larger square, and mirrored. */
export type Augment = "none" | "flip" | "crop-flip";

/** What a loader may do with pictures: an augmentation, or what a test averages over, a view an epoch. */
export type Views = Augment | "views";

/** The transformations on the host, in the order in which they are applied. */
const table: Readonly<Record<Views, readonly HostTransformation[]>> = {
  "none": [],
  "flip": [mirror],
  "crop-flip": [crop, mirror],
  "views": [views],
};

/** All that the setting can be. */
export const augmentNames: readonly Augment[] = (Object.keys(table) as Views[]).filter((name) => name !== "views");

/**
 * The transformations on the host that an augmentation is made of, in the order in which they are applied.
 *
 * @param augment Its name.
 * @throws {RangeError} If there is none of this name.
 */
export function hostTransformations(augment: Views): readonly HostTransformation[] {
  if (!Object.hasOwn(table, augment)) {
    throw new RangeError(`There is no augmentation ${augment}: give one of ${augmentNames.join(", ")}`);
  }
  return table[augment];
}

/** Does an augmentation take its pictures out of larger squares? */
export function cropsAtRandom(augment: Views): boolean {
  return hostTransformations(augment).some(({ crops = false }) => crops);
}
