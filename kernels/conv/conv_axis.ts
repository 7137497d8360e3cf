/**
 * Where the numbers of a convolution's output find those of its input, along one axis of a tile that is written.
 *
 * @module
 */

import type { ConvTile } from "./conv_window.ts";
import { range } from "../writing/tile.ts";

/** A transposed tile starts at a multiple of the stride, so that the pattern of whole quotients is the same in each. */
export const stepOf = ({ transposed, stride }: ConvTile): number => transposed ? stride : 1;

/** One axis of the tile: which positions of the input it reads, relative to the tile's origin there. */
export function axisOf({ stride, padding, transposed }: ConvTile, side: number, kernel: number) {
  const at = (out: number, tap: number): number =>
    transposed ? (out + padding - tap) / stride : out * stride + tap - padding;
  const pairs = range(side).flatMap((out) => range(kernel).map((tap) => at(out, tap)));
  const positions = [...new Set(pairs.filter(Number.isInteger))].sort((a, b) => a - b);
  return {
    positions,
    /** Index into `positions` of what output `out` multiplies by `tap`; −1 where they do not meet. */
    meet: (out: number, tap: number): number => positions.indexOf(at(out, tap)),
  };
}

/** Index of a patch's first column modulo 4, where it is the same in every tile. */
export function phaseOf(conv: ConvTile, columns: number): number | undefined {
  const { inWidth, kernel: [, kw], stride, transposed } = conv;
  if (inWidth % 4 !== 0 || (transposed ? columns / stride : columns * stride) % 4 !== 0) return undefined;
  return axisOf(conv, columns, kw).positions[0] & 3;
}
