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

import {
  bytesOf,
  type Call,
  type Cut,
  type Kernel,
  linearGrid,
  type Op,
  type Shape,
  shapesText,
  sizeOf,
  type Wgsl,
} from "./op.ts";
import { plus, range, readRow, type Row } from "./tile.ts";

/** How tiles are made. */
interface Transform {
  /** m × side, of −1, 0 and 1. */
  readonly matrix: readonly (readonly number[])[];
  /** Rows and columns of the picture under a tile. */
  readonly side: number;
  /** Rows and columns by which the first tile begins before the picture. */
  readonly before: number;
  /** Which comes first in the layout. */
  readonly by: "element" | "channel";
}

const transforms = {
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

const transformOf = ({ attrs }: Pick<Call, "attrs">): Transform => transforms[attrs.of as TileTransform];

/** Shape of the tiles of pictures with `channels` channels. */
function tilesShape({ matrix, by }: Transform, channels: number, count: number): Shape {
  const elements = matrix.length ** 2;
  return by === "element" ? [elements, channels, count] : [channels, elements, count];
}

const channelAxis = ({ by }: Transform): 0 | 1 => by === "element" ? 1 : 0;

/** Number of tiles of pictures [N, C, H, W]: in a column, in a row, in all. */
export function tilesOf([n, , height, width]: Shape): { rows: number; columns: number; count: number } {
  const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  return { rows, columns, count: n * rows * columns };
}

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

/** How an invocation shares the work: it takes `lanes` tiles of a channel, which lie in runs of one row of the picture. */
function lanesOf(pictures: Shape): { lanes: 1 | 4; run: 1 | 4 } {
  const { columns, count } = tilesOf(pictures);
  const lanes = count % 4 === 0 ? 4 : 1;
  return { lanes, run: lanes === 4 && columns % 4 === 0 ? 4 : 1 };
}

/** WGSL of Σ factor · value, of factors −1, 0 and 1. */
export function signedSum(terms: readonly (readonly [factor: number, value: string])[]): string {
  const [first, ...rest] = terms.filter(([factor]) => factor !== 0).sort(([a], [b]) => b - a);
  if (!first) return "0.0";
  const start = first[0] < 0 ? `-${first[1]}` : first[1];
  return rest.reduce((sum, [factor, value]) => `${sum} ${factor < 0 ? "-" : "+"} ${value}`, start);
}

/** The entry point: `body` for each channel `c` and group of tiles from `p0` on. */
const entry = (pictures: Shape, lanes: number, body: readonly string[]): string =>
  `@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let index = (wid.y * num.x + wid.x) * 64u + l;
  let groups = p.count / ${lanes}u;
  if (index >= p.channels * groups) {
    return;
  }
  let c = quotient(index, groups);
  let p0 = (index - c * groups) * ${lanes}u;
  ${runsWgsl(pictures).join("\n  ")}
  ${body.join("\n  ")}
}
`;

/** WGSL of where each run begins: its picture `n<k>` and the row `i<k>` and column `j<k>` of its first tile. */
function runsWgsl(pictures: Shape): string[] {
  const { lanes, run } = lanesOf(pictures);
  return range(lanes / run).flatMap((k) => [
    `let line${k} = quotient(${plus("p0", k * run)}, p.columns);`,
    `let j${k} = ${plus("p0", k * run)} - line${k} * p.columns;`,
    `let n${k} = quotient(line${k}, p.rows);`,
    `let i${k} = line${k} - n${k} * p.rows;`,
  ]);
}

const gridOf = (pictures: Shape): [number, number, number] =>
  linearGrid(pictures[1] * tilesOf(pictures).count / lanesOf(pictures).lanes, 64);

/**
 * Pictures to tiles. An invocation reads the rows under a run of tiles once, transforms their columns, then each tile's rows.
 *
 * Layouts: x [N, C, H, W], out by element or by channel. Grid: one invocation a channel and 4 tiles, or 1 where they are no whole fours.
 */
function tilesWgsl({ inputs: [x], attrs }: Call): Wgsl {
  const transform = transformOf({ attrs });
  const { matrix, side, before } = transform;
  const [, , height, width] = x;
  const { lanes, run } = lanesOf(x);
  const size = matrix.length;
  /** Columns under a run. */
  const span = side + 2 * (run - 1);
  // Even pictures end where a tile's own pixels do.
  const isInside = (k: number, of: number, size: number) => size % 2 === 0 && k >= before && k < before + 2 * of;
  const phase = run === 4 && width % 4 === 0 ? -before & 3 : undefined;
  const body = range(lanes / run).flatMap((k) => [
    ...range(span).filter((s) => !isInside(s, run, width)).map((s) =>
      `let hasX${k}_${s} = ${plus(`2u * j${k}`, s - before)} < p.width;`
    ),
    ...range(side).flatMap((r) => {
      const y = `y${k}_${r}`;
      const row = readRow(`r${k}_${r}`, "load0", `at${k}_${r}`, range(span), phase);
      const masks = (s: number) => [
        ...isInside(r, 1, height) ? [] : [`has${y}`],
        ...isInside(s, run, width) ? [] : [`hasX${k}_${s}`],
      ];
      return [
        // Before the picture a position wraps to a huge number: one comparison covers both sides.
        `let ${y} = ${plus(`2u * i${k}`, r - before)};`,
        ...isInside(r, 1, height) ? [] : [`let has${y} = ${y} < p.height;`],
        `let at${k}_${r} = ${plus(`((n${k} * p.channels + c) * p.height + ${y}) * p.width + 2u * j${k}`, -before)};`,
        ...row.lines,
        ...range(span).map((s) => {
          const conditions = masks(s);
          const value = conditions.length === 0 ? row.at(s) : `select(0.0, ${row.at(s)}, ${conditions.join(" && ")})`;
          return `let x${k}_${r}_${s} = ${value};`;
        }),
      ];
    }),
    ...range(size).flatMap((a) =>
      range(span).map((s) =>
        `let t${k}_${a}_${s} = ${signedSum(range(side).map((r) => [matrix[a][r], `x${k}_${r}_${s}`]))};`
      )
    ),
  ]);
  const valueOf = (a: number, b: number, lane: number) => {
    const [k, u] = [Math.floor(lane / run), lane % run];
    return signedSum(range(side).map((s) => [matrix[b][s], `t${k}_${a}_${2 * u + s}`]));
  };
  const writes = range(size ** 2).map((plane) => {
    const values = range(lanes).map((lane) => valueOf(Math.floor(plane / size), plane % size, lane));
    return `emit(((${plane}u * p.elementStep + c * p.channelStep) * p.count + p0) / ${lanes}u, ${
      lanes === 4 ? `vec4f(${values.join(", ")})` : values[0]
    });`;
  });
  return {
    code: entry(x, lanes, [...body, ...writes]),
    reads: ["vec4f"],
    writes: lanes === 4 ? "vec4f" : "f32",
    grid: gridOf(x),
  };
}

/** Tiles before, at and after a pixel's own. */
const NEIGHBOURS = [-1, 0, 1];

/** Which elements of which tiles row (or column) `e` of a tile's pixels is the sum of: tile `d` further, element `a`, factor. */
function sourcesOf({ matrix, side, before }: Transform, e: number) {
  return NEIGHBOURS.flatMap((d) => {
    const r = e + before - 2 * d;
    return r < 0 || r >= side ? [] : range(matrix.length).map((a) => ({ d, a, factor: matrix[a][r] }));
  }).filter(({ factor }) => factor !== 0);
}

/**
 * Tiles to pictures. An invocation reads the elements that give its tiles' pixels, adds up those of a column of tiles, then
 * across.
 *
 * Layouts: tiles by element or by channel, out [N, C, H, W]. Grid: as that of {@link tilesWgsl}.
 */
function picturesWgsl({ output, attrs }: Call): Wgsl {
  const transform = transformOf({ attrs });
  const [, , height, width] = output;
  const { lanes, run } = lanesOf(output);
  const size = transform.matrix.length;
  const rows = [0, 1].map((e) => sourcesOf(transform, e));
  /** Every (tile, element) that a row or column needs. */
  const needed = range(NEIGHBOURS.length).flatMap((k) =>
    range(size).map((a) => ({ d: NEIGHBOURS[k], a, name: `${k}${a}` }))
  ).filter(({ d, a }) => rows.flat().some((source) => source.d === d && source.a === a));
  const tileAt = (lane: number) => ({ k: Math.floor(lane / run), u: lane % run });
  const has = (axis: "i" | "j", d: number, lane: number): string[] => {
    if (d === 0) return [];
    const { k, u } = tileAt(lane);
    const at = axis === "i" ? plus(`i${k}`, d) : plus(`j${k}`, u + d);
    return [`${at} < ${axis === "i" ? "p.rows" : "p.columns"}`];
  };
  const elements = (name: string, start: string, d: number): Row => {
    if (lanes === 1) return { lines: [], at: () => `load0(${start})` };
    return readRow(name, "load0", start, range(4), run === 4 ? d & 3 : undefined);
  };
  const body = needed.flatMap(({ d: across, a: b, name: column }) => [
    // Of this column of elements: what each row of pixels takes of it, tile by tile.
    ...needed.flatMap(({ d: down, a, name }) => {
      const rowOffset = down === 0 ? "" : down < 0 ? " - p.columns" : " + p.columns";
      const start = plus(`(${size * a + b}u * p.elementStep + c * p.channelStep) * p.count + p0${rowOffset}`, across);
      const row = elements(`e${column}_${name}`, `at${column}_${name}`, across);
      return [
        `let at${column}_${name} = ${start};`,
        ...row.lines,
        ...range(lanes).map((lane) => {
          const conditions = [...has("i", down, lane), ...has("j", across, lane)];
          const value = row.at(lane);
          return `let v${column}_${name}_${lane} = ${
            conditions.length === 0 ? value : `select(0.0, ${value}, ${conditions.join(" && ")})`
          };`;
        }),
      ];
    }),
    ...[0, 1].flatMap((e) =>
      range(lanes).map((lane) =>
        `let s${column}_${e}_${lane} = ${
          signedSum(
            rows[e].map(({ d, a, factor }) => [factor, `v${column}_${NEIGHBOURS.indexOf(d)}${a}_${lane}`]),
          )
        };`
      )
    ),
  ]);
  const pixel = (e: number, f: number, lane: number) =>
    signedSum(rows[f].map(({ d, a, factor }) => [factor, `s${NEIGHBOURS.indexOf(d)}${a}_${e}_${lane}`]));
  const written = run === 4 && width % 4 === 0 ? 4 : 1;
  const writes = range(lanes / run).flatMap((k) =>
    [0, 1].flatMap((e) => {
      const values = range(2 * run).map((x) => pixel(e, x & 1, k * run + (x >> 1)));
      const start = `((n${k} * p.channels + c) * p.height + 2u * i${k} + ${e}u) * p.width + 2u * j${k}`;
      const isRowInside = e === 0 || height % 2 === 0;
      const lines = range(2 * run / written).map((q) => {
        const value = written === 4 ? `vec4f(${values.slice(4 * q, 4 * q + 4).join(", ")})` : values[q];
        const line = `emit((${plus(start, q * written)}) / ${written}u, ${value});`;
        const isInside = written === 4 || width % 2 === 0 || q % 2 === 0;
        return isInside ? line : `if (${plus(`2u * j${k}`, q)} < p.width) { ${line} }`;
      });
      return isRowInside ? lines : [`if (2u * i${k} + ${e}u < p.height) {`, ...lines, "}"];
    })
  );
  return {
    code: entry(output, lanes, [...body, ...writes]),
    reads: [lanes === 4 ? "vec4f" : "f32"],
    writes: written === 4 ? "vec4f" : "f32",
    grid: gridOf(output),
  };
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
