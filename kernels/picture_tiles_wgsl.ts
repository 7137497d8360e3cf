/**
 * Writes the WGSL of `toTiles` and `fromTiles` (see `picture_tiles.ts`).
 *
 * @module
 */

import type { Call, Shape, Wgsl } from "./op.ts";
import { plus, range, readRow, type Row, tiledMain, tileGrid } from "./tile.ts";
import { tilesOf, type Transform, transformOf } from "./tile_transforms.ts";

/** How an invocation shares the work: it takes `lanes` tiles of a channel, which lie in runs of one row of the picture. */
function lanesOf(pictures: Shape): { lanes: 1 | 4; run: 1 | 4 } {
  const { columns, count } = tilesOf(pictures);
  const lanes = count % 4 === 0 ? 4 : 1;
  return { lanes, run: lanes === 4 && columns % 4 === 0 ? 4 : 1 };
}

/** WGSL of Σ factor · value, of factors −1, 0 and 1. */
function signedSum(terms: readonly (readonly [factor: number, value: string])[]): string {
  const [first, ...rest] = terms.filter(([factor]) => factor !== 0).sort(([a], [b]) => b - a);
  if (!first) return "0.0";
  const start = first[0] < 0 ? `-${first[1]}` : first[1];
  return rest.reduce((sum, [factor, value]) => `${sum} ${factor < 0 ? "-" : "+"} ${value}`, start);
}

/** The entry point: `body` for each channel `c` and group of tiles from `p0` on. */
const entry = (pictures: Shape, lanes: number, body: readonly string[]): string =>
  tiledMain([["group", `(p.count / ${lanes}u)`], ["c", "p.channels"]], [
    `let p0 = group * ${lanes}u;`,
    ...runsWgsl(pictures),
    ...body,
  ]);

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
  tileGrid(pictures[1] * tilesOf(pictures).count / lanesOf(pictures).lanes);

/**
 * Pictures to tiles. An invocation reads the rows under a run of tiles once, transforms their columns, then each tile's rows.
 *
 * Layouts: x [N, C, H, W], out by element or by channel. Grid: one invocation a channel and 4 tiles, or 1 where they are no whole fours.
 */
export function tilesWgsl({ inputs: [x], attrs }: Call): Wgsl {
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
export function picturesWgsl({ output, attrs }: Call): Wgsl {
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
