/**
 * Pictures as tiles, two pixels apart, and back. Of picture n, channel c, tile (i, j), which is number p = (n · TH + i) · TW + j of all
 * tiles, a transform with matrix L (m × side) gives m × m numbers:
 *
 * ```text
 * tiles[a, b, c, p] = Σ over r, s < side of L[a, r] · L[b, s] · x[n, c, 2i + r − before, 2j + s − before]
 * ```
 *
 * They are laid out for the products that they go into: by element of the tile, [m², C, P], or by channel, [C, m², P].
 *
 * `toTiles` is this, `fromTiles` its transpose, which gathers what overlapping tiles give a pixel. The transforms are those of
 * Winograd's convolution (`winograd.ts`), and the windows of a convolution at stride 2 as they are (`unfolded.ts`).
 *
 * @module
 */

import { bytesOf, type Cut, type Kernel, type Op, type Shape, shapesText, sizeOf } from "./op.ts";
import { picturesWgsl, tilesWgsl } from "./picture_tiles_wgsl.ts";
import {
  channelAxis,
  tilesOf,
  tilesShape,
  type TileTransform,
  type Transform,
  transformOf,
  transforms,
} from "./tile_transforms.ts";

/** Sizes of both kernels, from the pictures' shape. */
function paramsOf(pictures: Shape, { matrix, side, before, by }: Transform): Record<string, number> {
  const [, channels, height, width] = pictures;
  const { rows, columns, count } = tilesOf(pictures);
  // For gpu.js, which has no tables: a row of the matrix is a number in base 3.
  const digits = (row: readonly number[]) => row.reduceRight((number, value) => number * 3 + value + 1, 0);
  const coded = Object.fromEntries([0, 1, 2, 3].map((a) => [`row${a}`, digits(matrix[a] ?? [])]));
  const size = matrix.length;
  // Rows of tiles from one element, and from one channel, to the next.
  const [elementStep, channelStep] = by === "element" ? [channels, 1] : [1, size ** 2];
  return { channels, height, width, rows, columns, count, side, before, size, elementStep, channelStep, ...coded };
}

const tilesKernel: Kernel = {
  params: ({ inputs: [x], attrs }) => paramsOf(x, transformOf({ attrs })),
  wgsl: tilesWgsl,
  gpujs: function (x) {
    const tile = this.thread.x % this.constants.count;
    const rest = Math.floor(this.thread.x / this.constants.count);
    let c = rest % this.constants.channels;
    let plane = Math.floor(rest / this.constants.channels);
    if (this.constants.channelStep > 1) {
      c = Math.floor(rest / this.constants.channelStep);
      plane = rest % this.constants.channelStep;
    }
    const a = Math.floor(plane / this.constants.size);
    const b = plane % this.constants.size;
    const j = tile % this.constants.columns;
    const line = Math.floor(tile / this.constants.columns);
    const i = line % this.constants.rows;
    const n = Math.floor(line / this.constants.rows);
    let down = this.constants.row0;
    if (a === 1) down = this.constants.row1;
    if (a === 2) down = this.constants.row2;
    if (a === 3) down = this.constants.row3;
    let total = 0;
    for (let r = 0; r < this.constants.side; r++) {
      const y = 2 * i + r - this.constants.before;
      let across = this.constants.row0;
      if (b === 1) across = this.constants.row1;
      if (b === 2) across = this.constants.row2;
      if (b === 3) across = this.constants.row3;
      for (let s = 0; s < this.constants.side; s++) {
        const column = 2 * j + s - this.constants.before;
        const factor = ((down % 3) - 1) * ((across % 3) - 1);
        if (y >= 0 && y < this.constants.height && column >= 0 && column < this.constants.width) {
          total += factor *
            x[((n * this.constants.channels + c) * this.constants.height + y) * this.constants.width + column];
        }
        across = Math.floor(across / 3);
      }
      down = Math.floor(down / 3);
    }
    return total;
  },
};

const picturesKernel: Kernel = {
  params: ({ output, attrs }) => paramsOf(output, transformOf({ attrs })),
  wgsl: picturesWgsl,
  gpujs: function (tiles) {
    const column = this.thread.x % this.constants.width;
    const line = Math.floor(this.thread.x / this.constants.width);
    const y = line % this.constants.height;
    const plane = Math.floor(line / this.constants.height);
    const c = plane % this.constants.channels;
    const n = Math.floor(plane / this.constants.channels);
    let total = 0;
    for (let down = -1; down < 2; down++) {
      const i = Math.floor(y / 2) + down;
      const r = (y % 2) + this.constants.before - 2 * down;
      for (let across = -1; across < 2; across++) {
        const j = Math.floor(column / 2) + across;
        const s = (column % 2) + this.constants.before - 2 * across;
        if (
          i >= 0 && i < this.constants.rows && j >= 0 && j < this.constants.columns && r >= 0 &&
          r < this.constants.side && s >= 0 && s < this.constants.side
        ) {
          const tile = (n * this.constants.rows + i) * this.constants.columns + j;
          for (let a = 0; a < this.constants.size; a++) {
            let codeA = this.constants.row0;
            if (a === 1) codeA = this.constants.row1;
            if (a === 2) codeA = this.constants.row2;
            if (a === 3) codeA = this.constants.row3;
            const factorA = (Math.floor(codeA / Math.pow(3, r)) % 3) - 1;
            for (let b = 0; b < this.constants.size; b++) {
              let codeB = this.constants.row0;
              if (b === 1) codeB = this.constants.row1;
              if (b === 2) codeB = this.constants.row2;
              if (b === 3) codeB = this.constants.row3;
              const factorB = (Math.floor(codeB / Math.pow(3, s)) % 3) - 1;
              total += factorA * factorB *
                tiles[
                  ((this.constants.size * a + b) * this.constants.elementStep + c * this.constants.channelStep) *
                    this.constants.count + tile
                ];
            }
          }
        }
      }
    }
    return total;
  },
};

/** Shapes of pictures that reach every branch: whole fours of tiles or not, rows of whole fours or not, odd sizes. */
const cases: readonly Shape[] = [[1, 2, 8, 16], [2, 3, 8, 8], [4, 2, 6, 6], [1, 3, 5, 7], [4, 2, 1, 3], [2, 1, 7, 15]];
const BENCH: Shape = [8, 128, 28, 28];

const names = Object.keys(transforms) as TileTransform[];

/**
 * Pictures x [N, C, H, W] as tiles [m², C, P] or [C, m², P], P = N · ⌈H / 2⌉ · ⌈W / 2⌉. Attributes: `of`, a {@link TileTransform}; `again`, which keeps
 * the same tiles of two passes apart. VJP: `fromTiles`.
 */
export const toTiles: Op = {
  name: "toTiles",
  shape([x], attrs) {
    if (x.length !== 4) throw new TypeError(`Cannot toTiles ${shapesText([x])}: it takes [N, C, H, W]`);
    return tilesShape(transformOf({ attrs }), x[1], tilesOf(x).count);
  },
  vjp: ({ b, inputs: [x], attrs, grad }) => [b.op("fromTiles", [grad], { of: attrs.of, imageSize: x.shape.slice(2) })],
  cost: (call) => ({ flops: 2 * sizeOf(call.output), bytes: bytesOf(call) }),
  cuts: (call): readonly Cut[] => [
    { inputs: [1], output: channelAxis(transformOf(call)) },
    { inputs: [0], output: 2 },
  ],
  kernel: tilesKernel,
  samples: [...cases, BENCH].flatMap((shape) =>
    names.map((of) => ({ inputs: [{ shape }], attrs: { of, again: false }, bench: shape === BENCH }))
  ),
};

/** The transpose of {@link toTiles}: tiles [m², C, P] or [C, m², P] give pictures [N, C, H, W]. Attributes: `of`, and `imageSize` [H, W]. VJP: `toTiles`. */
export const fromTiles: Op = {
  name: "fromTiles",
  shape([tiles], attrs) {
    const [height, width] = attrs.imageSize as readonly number[];
    const transform = transformOf({ attrs });
    const axis = channelAxis(transform);
    const { count } = tilesOf([1, 1, height, width]);
    const elements = transform.matrix.length ** 2;
    if (tiles.length !== 3 || tiles[1 - axis] !== elements || tiles[2] % count !== 0) {
      const wanted = [0, 1, 2].map((k) => k === 2 ? `N · ${count}` : k === axis ? "C" : elements);
      throw new TypeError(
        `Cannot fromTiles ${shapesText([tiles])} to ${height}×${width}: it takes [${wanted.join(", ")}]`,
      );
    }
    return [tiles[2] / count, tiles[axis], height, width];
  },
  vjp: ({ b, attrs, grad }) => [b.op("toTiles", [grad], { of: attrs.of, again: false })],
  cost: (call) => ({ flops: 2 * sizeOf(call.inputs[0]), bytes: bytesOf(call) }),
  cuts: (call): readonly Cut[] => [
    { inputs: [channelAxis(transformOf(call))], output: 1 },
    { inputs: [2], output: 0 },
  ],
  kernel: picturesKernel,
  samples: [...cases, BENCH].flatMap((shape) =>
    names.map((of) => ({
      inputs: [{ shape: tilesShape(transforms[of], shape[1], tilesOf(shape).count) }],
      attrs: { of, imageSize: shape.slice(2) },
      bench: shape === BENCH,
    }))
  ),
};
