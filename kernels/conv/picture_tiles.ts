/**
 * Pictures as tiles, `step` pixels apart, and back. Of picture n, channel c, tile (i, j), which is number p = (n · TH +
 * i) · TW + j of all tiles, a transform with matrix L (m × side) gives m × m numbers:
 *
 * ```text
 * tiles[a, b, c, p] = Σ over r, s < side of L[a, r] · L[b, s] · x[n, c, step · i + r − before, step · j + s − before]
 * ```
 *
 * They are laid out for the products that they go into: by element of the tile, [m², C, P], or by channel, [C, m², P].
 *
 * `toTiles` is this, `fromTiles` its transpose, which gathers what overlapping tiles give a pixel. The transforms are
 * those of Winograd's convolution (`winograd.ts`), and the windows of a convolution at stride 2 as they are
 * (`unfolded.ts`).
 *
 * @module
 */

import {
  bytesOf,
  type Call,
  type Cut,
  defineOp,
  type Kernel,
  type KernelOp,
  type Shape,
  shapesText,
  sizeOf,
} from "../op.ts";
import { picturesWgsl, tilesWgsl } from "./picture_tiles_wgsl.ts";
import {
  channelAxis,
  type TilesAttrs,
  tilesOf,
  tilesShape,
  type TileTransform,
  type Transform,
  transformOf,
  transforms,
} from "./tile_transforms.ts";

/** Sizes of both kernels, from the pictures' shape. */
function paramsOf(pictures: Shape, { matrix, side, before, step, by }: Transform): Record<string, number> {
  const [, channels, height, width] = pictures;
  const { rows, columns, count } = tilesOf(pictures, step);
  const size = matrix.length;
  // Rows of tiles from one element, and from one channel, to the next.
  const [elementStep, channelStep] = by === "element" ? [channels, 1] : [1, size ** 2];
  return { channels, height, width, rows, columns, count, side, before, step, size, elementStep, channelStep };
}

const table = (call: Call<TilesAttrs>) => transformOf(call).matrix.flat();

const tilesKernel: Kernel<TilesAttrs> = {
  params: ({ inputs: [x], attrs }) => paramsOf(x, transformOf({ attrs })),
  wgsl: tilesWgsl,
  table,
  gpujs: function (x, matrix) {
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
    let total = 0;
    for (let r = 0; r < this.constants.side; r++) {
      const y = this.constants.step * i + r - this.constants.before;
      for (let s = 0; s < this.constants.side; s++) {
        const column = this.constants.step * j + s - this.constants.before;
        if (y >= 0 && y < this.constants.height && column >= 0 && column < this.constants.width) {
          total += matrix[a * this.constants.side + r] * matrix[b * this.constants.side + s] *
            x[((n * this.constants.channels + c) * this.constants.height + y) * this.constants.width + column];
        }
      }
    }
    return total;
  },
};

const picturesKernel: Kernel<TilesAttrs> = {
  params: ({ output, attrs }) => paramsOf(output, transformOf({ attrs })),
  wgsl: picturesWgsl,
  table,
  gpujs: function (tiles, matrix) {
    const column = this.thread.x % this.constants.width;
    const line = Math.floor(this.thread.x / this.constants.width);
    const y = line % this.constants.height;
    const plane = Math.floor(line / this.constants.height);
    const c = plane % this.constants.channels;
    const n = Math.floor(plane / this.constants.channels);
    let total = 0;
    for (let down = -1; down < 2; down++) {
      const i = Math.floor(y / this.constants.step) + down;
      const r = (y % this.constants.step) + this.constants.before - this.constants.step * down;
      for (let across = -1; across < 2; across++) {
        const j = Math.floor(column / this.constants.step) + across;
        const s = (column % this.constants.step) + this.constants.before - this.constants.step * across;
        if (
          i >= 0 && i < this.constants.rows && j >= 0 && j < this.constants.columns && r >= 0 &&
          r < this.constants.side && s >= 0 && s < this.constants.side
        ) {
          const tile = (n * this.constants.rows + i) * this.constants.columns + j;
          for (let a = 0; a < this.constants.size; a++) {
            for (let b = 0; b < this.constants.size; b++) {
              total += matrix[a * this.constants.side + r] * matrix[b * this.constants.side + s] *
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
const cases: readonly Shape[] = [
  [1, 2, 8, 16],
  [2, 3, 8, 8],
  [4, 2, 6, 6],
  [1, 3, 5, 7],
  [4, 2, 1, 3],
  [2, 1, 7, 15],
  [1, 2, 9, 14],
];
const BENCH: Shape = [8, 128, 28, 28];

const names = Object.keys(transforms) as TileTransform[];

/**
 * Pictures x [N, C, H, W] as tiles [m², C, P] or [C, m², P], P = N · ⌈H / step⌉ · ⌈W / step⌉. Attributes: `of`, a
 * {@link TileTransform}; `again`, which keeps the same tiles of two passes apart. VJP: `fromTiles`.
 */
export const toTiles: KernelOp = defineOp<TilesAttrs>({
  kind: "kernel",
  name: "toTiles",
  shape([x], attrs) {
    if (x.length !== 4) throw new TypeError(`Cannot toTiles ${shapesText([x])}: it takes [N, C, H, W]`);
    const transform = transformOf({ attrs });
    return tilesShape(transform, x[1], tilesOf(x, transform.step).count);
  },
  vjp: ({ b, inputs: [x], attrs, grad }) => [b.op("fromTiles", [grad], { of: attrs.of, imageSize: x.shape.slice(2) })],
  cost: (call) => ({ flops: 2 * sizeOf(call.output), bytes: bytesOf(call) }),
  cuts: (call): readonly Cut[] => [
    { inputs: [1], output: channelAxis(transformOf(call)) },
    { inputs: [0], output: 2 },
  ],
  precision: { result: ({ of }) => transforms[of].step > 2 ? "full" : "half" },
  kernel: tilesKernel,
  samples: [...cases, BENCH].flatMap((shape) =>
    names.map((of) => ({ inputs: [{ shape }], attrs: { of, again: false }, bench: shape === BENCH }))
  ),
});

/**
 * The transpose of {@link toTiles}: tiles [m², C, P] or [C, m², P] give pictures [N, C, H, W]. Attributes: `of`, and
 * `imageSize` [H, W]. VJP: `toTiles`.
 */
export const fromTiles: KernelOp = defineOp<TilesAttrs & { readonly imageSize: readonly number[] }>({
  kind: "kernel",
  name: "fromTiles",
  shape([tiles], attrs) {
    const [height, width] = attrs.imageSize;
    const transform = transformOf({ attrs });
    const axis = channelAxis(transform);
    const { count } = tilesOf([1, 1, height, width], transform.step);
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
  precision: { result: "half", operands: "full" },
  kernel: picturesKernel,
  samples: [...cases, BENCH].flatMap((shape) =>
    names.map((of) => ({
      inputs: [{ shape: tilesShape(transforms[of], shape[1], tilesOf(shape, transforms[of].step).count) }],
      attrs: { of, imageSize: shape.slice(2) },
      bench: shape === BENCH,
    }))
  ),
});
