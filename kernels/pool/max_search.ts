/**
 * What the kernels of max pooling share: the search of windows in WGSL, and the calls that they are tried on.
 *
 * @module
 */

import { bytesOf, type Call, type OpSample, type Shape, sizeOf } from "../op.ts";
import { type PoolAttrs, type PoolWindow, poolWindow } from "./pooling.ts";
import { plus, range, readRow, type Row } from "../writing/tile.ts";

/** Parameters of the kernels, for pictures x and what is pooled from them. */
export function poolParams(x: Shape, pooled: Shape, attrs: PoolAttrs): Record<string, number> {
  const window = poolWindow("maxPool2d", attrs);
  const [n, c, height, width] = x;
  return { planes: n * c, height, width, outHeight: pooled[2], outWidth: pooled[3], ...window };
}

/** Windows side by side that one invocation handles: they are read and written four at a time. */
export const RUN = 4;

/** Can planes [.., H, W] be read in fours, each within a plane? */
export const inFours = ([, , height, width]: Shape): boolean => (height * width) % 4 === 0;

/** A row of planes read in fours, or number by number where a four would lie in two planes. */
export function readPlane(
  name: string,
  load: string,
  first: string,
  places: readonly number[],
  shape: Shape,
  phase: number,
): Row {
  if (!inFours(shape)) return { lines: [], at: (k) => `${load}(${plus(first, k)})` };
  return readRow(name, load, first, places, shape[3] % 4 === 0 ? phase : undefined);
}

/** WGSL that writes neighbours of a row of `width`: in fours where rows are, else those within the row. */
export function writeRun(
  line: string,
  column: string,
  width: string,
  isWide: boolean,
  values: readonly string[],
): string[] {
  if (!isWide) {
    return values.map((value, q) =>
      `if (${plus(column, q)} < ${width}) { emit(${line} * ${width} + ${plus(column, q)}, ${value}); }`
    );
  }
  return range(values.length / 4).map((q) => {
    const first = plus(column, 4 * q);
    const four = values.slice(4 * q, 4 * q + 4).join(", ");
    return `if (${first} < ${width}) { emit((${line} * ${width} + ${first}) / 4u, vec4f(${four})); }`;
  });
}

/**
 * Is a value the new maximum? NaN is known by its bits: compilers take `x != x` for false, and a comparison with NaN
 * for what they like.
 */
export const WINS = `fn isNaN(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
fn wins(value: f32, best: f32) -> bool {
  return isNaN(value) || (value > best && !isNaN(best));
}
`;

/**
 * Lines that find the maximum of window q of a run: `best<q>` and its place `at<q>`, among the patch `x<row>_<column>`.
 */
export function findMaximum(q: number, { kernel, stride, padding }: PoolWindow): string[] {
  const taps = range(kernel ** 2).map((at) => ({ at, row: Math.floor(at / kernel), column: q * stride + at % kernel }));
  const take = (at: number, value: string, condition: string) => [
    `let better${q}_${at} = ${condition};`,
    `best${q} = select(best${q}, ${value}, better${q}_${at});`,
    `at${q} = select(at${q}, ${at}.0, better${q}_${at});`,
  ];
  if (padding === 0) {
    // The window of every output that is written lies in the picture.
    const [first, ...others] = taps.map(({ at, row, column }) => ({ at, value: `x${row}_${column}` }));
    return [
      `var best${q} = ${first.value};`,
      `var at${q} = 0.0;`,
      ...others.flatMap(({ at, value }) => take(at, value, `wins(${value}, best${q})`)),
    ];
  }
  return [
    `var best${q} = 0.0;`,
    `var at${q} = 0.0;`,
    `var none${q} = true;`,
    ...taps.flatMap(({ at, row, column }) => {
      const [value, has] = [`x${row}_${column}`, `hasY${row} && hasX${column}`];
      return [
        ...take(at, value, `${has} && (none${q} || wins(${value}, best${q}))`),
        `none${q} = none${q} && !(${has});`,
      ];
    }),
  ];
}

/** Work of a search. */
export const searchCost = (call: Call<PoolAttrs>) => ({
  flops: sizeOf(call.output) * call.attrs.kernel ** 2,
  bytes: bytesOf(call),
});

/** Windows that do not overlap, that overlap, that leave a border or gaps uncovered, with and without padding. */
const cases = [
  { shape: [2, 3, 4, 6], kernel: 2, stride: 2, padding: 0 },
  { shape: [1, 2, 5, 7], kernel: 2, stride: 2, padding: 0 },
  { shape: [1, 2, 7, 6], kernel: 3, stride: 2, padding: 1 },
  { shape: [1, 2, 7, 7], kernel: 3, stride: 2, padding: 0 },
  { shape: [1, 1, 5, 5], kernel: 3, stride: 1, padding: 1 },
  { shape: [1, 1, 8, 9], kernel: 2, stride: 3, padding: 1 },
  // Rows that are read or written in fours, and more than one run of them.
  { shape: [2, 3, 8, 24], kernel: 2, stride: 2, padding: 0 },
  { shape: [2, 2, 10, 20], kernel: 3, stride: 2, padding: 1 },
  { shape: [2, 2, 6, 14], kernel: 2, stride: 2, padding: 0 },
  { shape: [1, 2, 12, 12], kernel: 3, stride: 3, padding: 0 },
] as const;

/** Calls of a search: every branch of the kernels. */
export const forwardSamples: readonly OpSample<PoolAttrs>[] = [
  ...cases.map(({ shape, ...attrs }): OpSample<PoolAttrs> => ({ inputs: [{ shape, values: "distinct" }], attrs })),
  { inputs: [{ shape: [32, 32, 64, 64] }], attrs: { kernel: 2, stride: 2, padding: 0 }, bench: true },
  { inputs: [{ shape: [4, 64, 112, 112] }], attrs: { kernel: 3, stride: 2, padding: 1 }, bench: true },
];
