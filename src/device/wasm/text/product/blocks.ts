/**
 * Sizes of the blocks in which products are computed.
 *
 * @module
 */

import { UserError } from "../../../../errors.ts";
import type { Window } from "../picture/window.ts";

/** The least whole number of units that is no smaller than `size`. */
export const wholes = (size: number, unit: number): number => unit * Math.ceil(size / unit);

/** Size of parts of `size` that are as even as can be, each at most `most`, in whole units. */
export const evenPart = (size: number, most: number, unit = 1): number =>
  wholes(Math.ceil(size / Math.ceil(size / most)), unit);

/** The fault that not even a block of one row of one picture fits. */
export function tooLong({ inWidth }: Window): UserError {
  return new UserError(
    `WebAssembly cannot convolve rows of ${inWidth} numbers: a block takes 1 MiB; give smaller pictures, or another device`,
  );
}
