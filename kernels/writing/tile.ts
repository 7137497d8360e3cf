/**
 * What the generators of tiled kernels share. Each invocation owns a tile of the output and keeps it in named scalars.
 * The accumulators `c…` live in registers, or in the first-level cache on a software adapter. Every operand that is
 * loaded is used for a whole row of the tile. Indices into the tile are constants and the loops over it are unrolled,
 * since neither bounds checks nor spilled indices may stand in the innermost product.
 *
 * Large tiles are what counts. On Mesa's llvmpipe a load costs as much as 8 to 100 multiply-adds (a scalar load per
 * lane, whatever the address), and workgroup memory costs the same as storage.
 *
 * @module
 */

import { linearGrid } from "../op.ts";
import { block, f32, u32 } from "./block.ts";

/** Invocations of a workgroup: a whole warp, and few enough that small outputs still occupy each core. */
export const WORKGROUP = 32;

/**
 * Multiply-adds that one unrolled product must save over a call to be worth compiling. On llvmpipe it takes a
 * millisecond to compile, in which five million are computed. A program runs some thousand times. This keeps the tiles
 * of small layers small.
 */
export const COMPILE_COST = 5000;

/** Multiply-adds that a load is taken to cost: between a GPU's first-level cache and llvmpipe. */
export const LOAD_COST = 16;

/** Grid for one invocation a tile. */
export const tileGrid = (tiles: number): [number, number, number] => linearGrid(tiles, WORKGROUP);

/** `[0, 1, …, count - 1]`. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, k) => k);

/** Side of the equal tiles, each at most `most`, that cover `size` with the least waste. */
export const evenTile = (size: number, most: number): number => Math.ceil(size / Math.ceil(size / most));

/** WGSL of `name` plus a constant; u32 wraps, so a negative one needs no other type. */
export const plus = (name: string, constant: number): string =>
  constant === 0 ? name : `${name} ${constant < 0 ? "-" : "+"} ${Math.abs(constant)}u`;

/** Numbers of a row, as {@link readRow} leaves them. */
export interface Row {
  /** WGSL that loads them. */
  readonly lines: readonly string[];
  /** WGSL of the number at `first` + k. */
  readonly at: (k: number) => string;
}

/**
 * Reads numbers of a row four at a time, wherever the row begins. Whole fours are loaded from the one that holds the
 * first, and shifted into place by one and by two. That costs a tenth of loading each number. What lies outside of the
 * tensor is any number: mask it.
 *
 * @param name Goes before the names of the row's variables.
 * @param load WGSL function that loads the four numbers at an index in fours.
 * @param first WGSL of the index of the first number, u32; one before the tensor may wrap.
 * @param places Which numbers are needed, counted from the first.
 * @param phase The first number's index modulo 4, where it is the same for every tile: nothing is shifted then.
 */
export function readRow(name: string, load: string, first: string, places: readonly number[], phase?: number): Row {
  const most = Math.max(...places) + (phase ?? 3);
  const fours = range(Math.floor(most / 4) + 1);
  const loads = [
    // An arithmetic shift: the four before the tensor's first is −1, so that the next is 0.
    `let ${name}first = bitcast<u32>(bitcast<i32>(${first}) >> 2u);`,
    ...fours.map((q) => `let ${name}f${q} = ${load}(${plus(`${name}first`, q)});`),
  ];
  const loaded = (k: number): string => `${name}f${Math.floor(k / 4)}[${k % 4}]`;
  if (phase !== undefined) return { lines: loads, at: (k) => loaded(phase + k) };
  const halves = [...new Set(places.flatMap((k) => [k, k + 1]))];
  return {
    lines: [
      ...loads,
      `let ${name}by1 = ((${first}) & 1u) != 0u;`,
      `let ${name}by2 = ((${first}) & 2u) != 0u;`,
      ...halves.map((k) => `let ${name}h${k} = select(${loaded(k)}, ${loaded(k + 2)}, ${name}by2);`),
    ],
    at: (k) => `select(${name}h${k}, ${name}h${k + 1}, ${name}by1)`,
  };
}

/** WGSL of Σ aₖ · bₖ + `sum` as a chain of fused multiply-adds. */
export const fmaChain = (sum: string, products: readonly (readonly [string, string])[]): string =>
  products.reduce((value, [a, b]) => `fma(${a}, ${b}, ${value})`, sum);

/**
 * WGSL of the same, the products added up before they meet the sum. That rounds once at the sum's size instead of once
 * a product. Over a long sum it leaves √n of the error.
 */
export const blockedChain = (sum: string, products: readonly (readonly [string, string])[]): string => {
  if (products.length < 2) return fmaChain(sum, products);
  const [[a, b], ...rest] = products;
  return `${sum} + ${fmaChain(`${a} * ${b}`, rest)}`;
};

/**
 * Products that {@link compensatedChain} adds up before what they round off is kept: three are off by less than one
 * rounding of the sum.
 */
const COMPENSATED = 3;

/**
 * WGSL that adds Σ aₖ · bₖ to `sum`, and to `rest` what the additions to `sum` round off (Knuth's exact sum of two
 * floats). So sum + rest is off by a rounding or two, however long the sum is. Compilers may not see that a subtraction
 * takes back an addition: they are multiply-adds by `one`, which is 1 and which they do not know.
 */
export const compensatedChain = (
  sum: string,
  rest: string,
  products: readonly (readonly [string, string])[],
  one: string,
): string[] =>
  range(Math.ceil(products.length / COMPENSATED)).map((k) => {
    const [[a, b], ...others] = products.slice(k * COMPENSATED, (k + 1) * COMPENSATED);
    return `{
      let t = ${fmaChain(`${a} * ${b}`, others)};
      let s = fma(t, ${one}, ${sum});
      let u = fma(${sum}, -${one}, s);
      ${rest} += fma(fma(u, -${one}, s), -${one}, ${sum}) + fma(u, -${one}, t);
      ${sum} = s;
    }`;
  });

/** Names of a tile's coordinates and WGSL of their number, the fastest first: each becomes a `let`. */
export type TileCounts = readonly (readonly [name: string, count: string])[];

/** The entry point of a kernel whose tiles are numbered: `tile` is WGSL of the number of the invocation's. */
function entryPoint(workgroup: number, tile: string, counts: TileCounts, body: readonly string[]): string {
  const digits = counts.map(([name, count], k) =>
    k + 1 < counts.length ? `let ${name} = rest % (${count});\n  rest /= ${count};` : `let ${name} = rest;`
  );
  const total = counts.map(([, count]) => `(${count})`).join(" * ");
  return `@compute @workgroup_size(${workgroup})
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  var rest = ${tile};
  if (rest >= ${total}) {
    return;
  }
  ${digits.join("\n  ")}
  ${body.join("\n  ")}
}
`;
}

/**
 * The entry point of a kernel with a tile for each invocation; `body` are WGSL lines that compute the tile and write
 * it.
 */
export function tiledMain(counts: TileCounts, body: readonly string[]): string {
  return entryPoint(WORKGROUP, `(wid.y * num.x + wid.x) * ${WORKGROUP}u + l`, counts, body);
}

/** The entry point of a kernel with a tile for each workgroup of `size` invocations, which may wait for each other. */
export function workgroupMain(size: number, counts: TileCounts, body: readonly string[]): string {
  return entryPoint(size, "wid.y * num.x + wid.x", counts, body);
}

/** WGSL of ⌈size / tile⌉. */
export const tilesIn = (size: string, tile: number): string => `((${size} + ${tile - 1}u) / ${tile}u)`;

/**
 * Writes a tile out. Loops over the accumulators cannot index them. A write for each of hundreds, with a fused epilogue
 * in it, would take seconds to compile. So each turn of a loop writes the first few and shifts the others to their
 * places.
 *
 * @param names Accumulators, all of one tile.
 * @param widths How many a turn of each loop handles, from the outermost loop in; each divides the one before.
 * @param lanes How many are written at once; divides the last width.
 * @param write WGSL that writes `value`, one accumulator or four; `index` is WGSL of the first one's position in
 *   `names`.
 */
export function writeOut(
  names: readonly string[],
  widths: readonly number[],
  lanes: 1 | 4,
  write: (index: string, value: string) => string,
): string[] {
  const loop = (names: readonly string[], depth: number, start: string): string[] => {
    if (depth === widths.length) {
      return range(names.length / lanes).map((k) => {
        const values = names.slice(k * lanes, (k + 1) * lanes);
        return write(plus(start, k * lanes), lanes === 4 ? `vec4f(${values.join(", ")})` : values[0]);
      });
    }
    const width = widths[depth];
    const turn = `turn${depth}`;
    const isInnermost = depth + 1 === widths.length;
    const first = names.slice(0, width).map((name, k) => isInnermost ? name : `t${depth}_${k}`);
    return block((w) => {
      w.for(turn, { to: u32(names.length / width) }, (at) => {
        if (!isInnermost) first.forEach((name, k) => w.var(name, f32(names[k])));
        w.line(...loop(first, depth + 1, `${start} + ${at} * ${width}u`));
        names.slice(width).forEach((name, k) => w.set(f32(names[k]), f32(name)));
      });
    });
  };
  return loop(names, 0, "0u");
}
