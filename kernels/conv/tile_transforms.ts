/**
 * The transforms that make tiles of pictures: see `picture_tiles.ts`.
 *
 * @module
 */

import type { Matrix } from "./linear_map.ts";
import type { Call, Shape } from "../op.ts";

/** Attributes of what makes tiles, and of its transpose: which transform. `again` keeps equal calls apart. */
export type TilesAttrs = { readonly of: TileTransform; readonly again?: boolean };

/** How tiles are made. */
export interface Transform {
  /** m × side. */
  readonly matrix: Matrix;
  /** Rows and columns of the picture under a tile. */
  readonly side: number;
  /** Rows and columns by which the first tile begins before the picture. */
  readonly before: number;
  /** Rows and columns from one tile to the next. */
  readonly step: number;
  /** Which comes first in the layout. */
  readonly by: "element" | "channel";
}

/** Winograd's minimal filtering F(m, 3) in one dimension: out = Aᵀ [(G w) ⊙ (Bᵀ x)] of n = m + 2 numbers x. */
export interface Filtering {
  /** m. */
  readonly tile: 2 | 4;
  /** n × m. */
  readonly a: Matrix;
  /** n × 3. */
  readonly g: Matrix;
  /** Bᵀ: n × n. */
  readonly bt: Matrix;
}

/** The points of F(4, 3) besides 0 and ∞ are ±P and ±Q: each with the square of the other pair's. */
const [P, Q] = [3 / 4, 3 / 2];
const POINTS = [[P, Q ** 2], [-P, Q ** 2], [Q, P ** 2], [-Q, P ** 2]] as const;

/**
 * Cook and Toom's algorithm with the points 0, ±1, ∞ for m = 2, and 0, ±3/4, ±3/2, ∞ for m = 4. These cost what the
 * usual 0, ±1, ±2, ∞ cost, are exact in binary too, and round half as much. Barabasz and others (2020, "Error Analysis
 * and Improving the Accuracy of Winograd Convolution for Deep Neural Networks") choose theirs so. Over 64 channels the
 * error is 7e-7 of the result, where adding up one by one gives 4e-7 and m = 2 gives 3e-7.
 */
export const filterings: Readonly<Record<2 | 4, Filtering>> = {
  2: {
    tile: 2,
    a: [[1, 0], [1, 1], [1, -1], [0, -1]],
    g: [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
    bt: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
  },
  4: {
    tile: 4,
    a: [[1, 0, 0, 0], ...POINTS.map(([p]) => [1, p, p ** 2, p ** 3]), [0, 0, 0, 1]],
    g: [
      [1 / (P * Q) ** 2, 0, 0],
      ...POINTS.map(([p, other]) => [1, p, p ** 2].map((power) => power / (2 * p ** 2 * (p ** 2 - other)))),
      [0, 0, 1],
    ],
    bt: [
      [(P * Q) ** 2, 0, -(P ** 2) - Q ** 2, 0, 1, 0],
      ...POINTS.map(([p, other]) => [0, -p * other, -other, p, 1, 0]),
      [0, (P * Q) ** 2, 0, -(P ** 2) - Q ** 2, 0, 1],
    ],
  },
};

const input = ({ tile, bt }: Filtering): Transform => ({
  ...{ matrix: bt, side: tile + 2, before: 1, step: tile, by: "element" },
});
const output = ({ tile, a }: Filtering): Transform => ({
  ...{ matrix: a, side: tile, before: 0, step: tile, by: "element" },
});

/** Transforms by name. */
export const transforms = {
  /** Bᵀ of F(2×2, 3×3) and F(4×4, 3×3). */
  winogradInput2: input(filterings[2]),
  winogradInput4: input(filterings[4]),
  /** A. */
  winogradOutput2: output(filterings[2]),
  winogradOutput4: output(filterings[4]),
  /** Windows 3 × 3 with padding 1, at stride 2. */
  window3: { matrix: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], side: 3, before: 1, step: 2, by: "channel" },
  /** Every second pixel. */
  window1: { matrix: [[1]], side: 1, before: 0, step: 2, by: "channel" },
} satisfies Record<string, Transform>;

/** Name of a transform: the attribute `of`. */
export type TileTransform = keyof typeof transforms;

/** The transform that a call asks for. */
export const transformOf = ({ attrs }: Pick<Call<TilesAttrs>, "attrs">): Transform => transforms[attrs.of];

/** Shape of the tiles of pictures with `channels` channels. */
export function tilesShape({ matrix, by }: Transform, channels: number, count: number): Shape {
  const elements = matrix.length ** 2;
  return by === "element" ? [elements, channels, count] : [channels, elements, count];
}

/** Axis of tiles that is the channels'. */
export const channelAxis = ({ by }: Transform): 0 | 1 => by === "element" ? 1 : 0;

/** Number of tiles of pictures [N, C, H, W], `step` pixels apart: in a column, in a row, in all. */
export function tilesOf([n, , height, width]: Shape, step: number): { rows: number; columns: number; count: number } {
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  return { rows, columns, count: n * rows * columns };
}
