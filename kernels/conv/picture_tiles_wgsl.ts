/**
 * Writes the WGSL of `toTiles` and `fromTiles` (see `picture_tiles.ts`).
 *
 * @module
 */

import { linearMap, type Matrix } from "./linear_map.ts";
import type { Call, Shape, Target, Wgsl } from "../op.ts";
import { plus, range, readRow, type Row, tiledMain, tileGrid } from "../writing/tile.ts";
import { type TilesAttrs, tilesOf, type Transform, transformOf } from "./tile_transforms.ts";
import { block, bool } from "../writing/block.ts";

/**
 * How an invocation shares the work: it takes `lanes` tiles of a channel, which lie in runs of one row of the picture.
 * On a GPU large tiles are taken one by one, since four would not fit its registers.
 */
function lanesOf(pictures: Shape, { step }: Transform, { isSoftware }: Target): { lanes: 1 | 4; run: 1 | 4 } {
  const { columns, count } = tilesOf(pictures, step);
  const lanes = count % 4 === 0 && (isSoftware || step === 2) ? 4 : 1;
  return { lanes, run: lanes === 4 && columns % 4 === 0 ? 4 : 1 };
}

/** Pictures, their transform and what an invocation takes of them. */
interface Tiling {
  readonly pictures: Shape;
  readonly transform: Transform;
  readonly lanes: 1 | 4;
  readonly run: 1 | 4;
}

/** The entry point: `body` for each channel `c` and group of tiles from `p0` on. */
const entry = (tiling: Tiling, body: readonly string[]): string =>
  tiledMain([["group", `(p.count / ${tiling.lanes}u)`], ["c", "p.channels"]], [
    `let p0 = group * ${tiling.lanes}u;`,
    ...runsWgsl(tiling),
    ...body,
  ]);

/** WGSL of where each run begins: its picture `n<k>` and the row `i<k>` and column `j<k>` of its first tile. */
const runsWgsl = ({ lanes, run }: Tiling): string[] =>
  range(lanes / run).flatMap((k) => [
    `let line${k} = quotient(${plus("p0", k * run)}, p.columns);`,
    `let j${k} = ${plus("p0", k * run)} - line${k} * p.columns;`,
    `let n${k} = quotient(line${k}, p.rows);`,
    `let i${k} = line${k} - n${k} * p.rows;`,
  ]);

const gridOf = ({ pictures, transform, lanes }: Tiling): [number, number, number] =>
  tileGrid(pictures[1] * tilesOf(pictures, transform.step).count / lanes);

/**
 * Pictures to tiles. An invocation reads the rows under a run of tiles once, transforms their columns, then each tile's
 * rows.
 *
 * Layouts: x [N, C, H, W], out by element or by channel. Grid: one invocation a channel and 4 tiles, or 1 where they
 * are no whole fours.
 */
export function tilesWgsl({ inputs: [x], attrs }: Call<TilesAttrs>, target: Target): Wgsl {
  const transform = transformOf({ attrs });
  const { matrix, side, before, step } = transform;
  const [, , height, width] = x;
  const tiling = { pictures: x, transform, ...lanesOf(x, transform, target) };
  const { lanes, run } = tiling;
  const size = matrix.length;
  /** Columns under a run. */
  const span = side + step * (run - 1);
  // Pictures of whole tiles end where a tile's own pixels do.
  const isInside = (k: number, of: number, size: number) => size % step === 0 && k >= before && k < before + step * of;
  const phase = (run * step) % 4 === 0 && width % 4 === 0 ? -before & 3 : undefined;
  const body = range(lanes / run).flatMap((k) => {
    const columns = range(span).map((s) => linearMap(`t${k}_${s}`, matrix, range(side).map((r) => `x${k}_${r}_${s}`)));
    const tiles = range(run).map((u) =>
      range(size).map((a) =>
        linearMap(`v${k * run + u}_${a}`, matrix, range(side).map((s) => columns[step * u + s].results[a]))
      )
    );
    return [
      ...range(span).filter((s) => !isInside(s, run, width)).map((s) =>
        `let hasX${k}_${s} = ${plus(`${step}u * j${k}`, s - before)} < p.width;`
      ),
      ...range(side).flatMap((r) => {
        const y = `y${k}_${r}`;
        const row = readRow(`r${k}_${r}`, "load0", `at${k}_${r}`, range(span), phase);
        const masks = (s: number) => [
          ...isInside(r, 1, height) ? [] : [`has${y}`],
          ...isInside(s, run, width) ? [] : [`hasX${k}_${s}`],
        ];
        const line = `((n${k} * p.channels + c) * p.height + ${y}) * p.width`;
        return [
          // Before the picture a position wraps to a huge number: one comparison covers both sides.
          `let ${y} = ${plus(`${step}u * i${k}`, r - before)};`,
          ...isInside(r, 1, height) ? [] : [`let has${y} = ${y} < p.height;`],
          `let at${k}_${r} = ${plus(`${line} + ${step}u * j${k}`, -before)};`,
          ...row.lines,
          ...range(span).map((s) => {
            const conditions = masks(s);
            const value = conditions.length === 0 ? row.at(s) : `select(0.0, ${row.at(s)}, ${conditions.join(" && ")})`;
            return `let x${k}_${r}_${s} = ${value};`;
          }),
        ];
      }),
      ...columns.flatMap(({ lines }) => lines),
      ...tiles.flat().flatMap(({ lines }) => lines),
    ];
  });
  const writes = range(size ** 2).map((plane) => {
    const values = range(lanes).map((lane) => `v${lane}_${Math.floor(plane / size)}r${plane % size}`);
    return `emit(((${plane}u * p.elementStep + c * p.channelStep) * p.count + p0) / ${lanes}u, ${
      lanes === 4 ? `vec4f(${values.join(", ")})` : values[0]
    });`;
  });
  return {
    code: entry(tiling, [...body, ...writes]),
    reads: ["vec4f"],
    writes: lanes === 4 ? "vec4f" : "f32",
    grid: gridOf(tiling),
  };
}

/** Tiles before, at and after a pixel's own. */
const NEIGHBOURS = [-1, 0, 1];

/** Element `a` of the tile `d` further. */
interface Source {
  readonly d: number;
  readonly a: number;
  /** For variables. */
  readonly name: string;
}

/**
 * The elements that a row (or column) of a tile's pixels is made of, and by which numbers: a row of `matrix` for each
 * pixel.
 */
function sourcesOf({ matrix, side, before, step }: Transform): { sources: Source[]; matrix: Matrix } {
  const factorOf = (pixel: number, { d, a }: Source): number => {
    const row = pixel + before - step * d;
    return row < 0 || row >= side ? 0 : matrix[a][row];
  };
  const sources = NEIGHBOURS.flatMap((d, k) => range(matrix.length).map((a) => ({ d, a, name: `${k}${a}` })))
    .filter((source) => range(step).some((pixel) => factorOf(pixel, source) !== 0));
  return { sources, matrix: range(step).map((pixel) => sources.map((source) => factorOf(pixel, source))) };
}

/**
 * Tiles to pictures. An invocation reads the elements that give its tiles' pixels, adds up those of a column of tiles,
 * then across.
 *
 * Layouts: tiles by element or by channel, out [N, C, H, W]. Grid: as that of {@link tilesWgsl}.
 */
export function picturesWgsl({ output, attrs }: Call<TilesAttrs>, target: Target): Wgsl {
  const transform = transformOf({ attrs });
  const { step } = transform;
  const [, , height, width] = output;
  const tiling = { pictures: output, transform, ...lanesOf(output, transform, target) };
  const { lanes, run } = tiling;
  const size = transform.matrix.length;
  const { sources, matrix } = sourcesOf(transform);
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
  /** What each row of a tile's pixels takes of each column of elements. */
  const columns = sources.map(({ name: column }) =>
    range(lanes).map((lane) =>
      linearMap(`s${column}_${lane}`, matrix, sources.map(({ name }) => `v${column}_${name}_${lane}`))
    )
  );
  const body = sources.flatMap(({ d: across, a: b, name: column }, at) => [
    ...sources.flatMap(({ d: down, a, name }) => {
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
    ...columns[at].flatMap(({ lines }) => lines),
  ]);
  /** The pixels of each tile, row by row. */
  const pixels = range(lanes).map((lane) =>
    range(step).map((e) => linearMap(`o${lane}_${e}`, matrix, columns.map((column) => column[lane].results[e])))
  );
  const isWide = (run * step) % 4 === 0 && width % 4 === 0;
  const written = isWide ? 4 : 1;
  const writes = range(lanes / run).flatMap((k) =>
    range(step).flatMap((e) => {
      const values = range(run).flatMap((u) => pixels[k * run + u][e].results);
      const start = `((n${k} * p.channels + c) * p.height + ${step}u * i${k} + ${e}u) * p.width + ${step}u * j${k}`;
      const isRowInside = e === 0 || height % step === 0;
      const lines = range(values.length / written).map((q) => {
        const value = isWide ? `vec4f(${values.slice(4 * q, 4 * q + 4).join(", ")})` : values[q];
        const line = `emit((${plus(start, q * written)}) / ${written}u, ${value});`;
        const isInside = isWide || width % step === 0 || q % step === 0;
        return isInside ? line : `if (${plus(`${step}u * j${k}`, q)} < p.width) { ${line} }`;
      });
      const isInPicture = isRowInside || bool(`${step}u * i${k} + ${e}u < p.height`);
      return block((w) => w.ifNeeded(isInPicture, () => w.line(...lines)));
    })
  );
  return {
    code: entry(tiling, [...body, ...pixels.flat().flatMap(({ lines }) => lines), ...writes]),
    reads: [lanes === 4 ? "vec4f" : "f32"],
    writes: isWide ? "vec4f" : "f32",
    grid: gridOf(tiling),
  };
}
