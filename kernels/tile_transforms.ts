/**
 * The transforms that make tiles of pictures: see `picture_tiles.ts`.
 *
 * @module
 */

import type { Call, Shape } from "./op.ts";

/** How tiles are made. */
export interface Transform {
  /** m × side, of −1, 0 and 1. */
  readonly matrix: readonly (readonly number[])[];
  /** Rows and columns of the picture under a tile. */
  readonly side: number;
  /** Rows and columns by which the first tile begins before the picture. */
  readonly before: number;
  /** Which comes first in the layout. */
  readonly by: "element" | "channel";
}

/** Transforms by name. */
export const transforms = {
  /** Bᵀ of F(2×2, 3×3). */
  winogradInput: {
    matrix: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    side: 4,
    before: 1,
    by: "element",
  },
  /** A. */
  winogradOutput: { matrix: [[1, 0], [1, 1], [1, -1], [0, -1]], side: 2, before: 0, by: "element" },
  /** Windows 3 × 3 with padding 1. */
  window3: { matrix: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], side: 3, before: 1, by: "channel" },
  /** Every second pixel. */
  window1: { matrix: [[1]], side: 1, before: 0, by: "channel" },
} satisfies Record<string, Transform>;

/** Name of a transform: the attribute `of`. */
export type TileTransform = keyof typeof transforms;

/** The transform that a call asks for. */
export const transformOf = ({ attrs }: Pick<Call, "attrs">): Transform => transforms[attrs.of as TileTransform];

/** Shape of the tiles of pictures with `channels` channels. */
export function tilesShape({ matrix, by }: Transform, channels: number, count: number): Shape {
  const elements = matrix.length ** 2;
  return by === "element" ? [elements, channels, count] : [channels, elements, count];
}

/** Axis of tiles that is the channels'. */
export const channelAxis = ({ by }: Transform): 0 | 1 => by === "element" ? 1 : 0;

/** Number of tiles of pictures [N, C, H, W]: in a column, in a row, in all. */
export function tilesOf([n, , height, width]: Shape): { rows: number; columns: number; count: number } {
  const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  return { rows, columns, count: n * rows * columns };
}
