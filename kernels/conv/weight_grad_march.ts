/**
 * Writes how an invocation goes down a strip of a convolution's gradient with respect to its weight. At each row it
 * loads that row of dout, a few columns of it, and the rows of x that the window has newly come to; those it still
 * covers stay in registers. A 3×3 window over 4 columns, 8 × 8 channels, is 2,304 products for 24 loads of four numbers
 * where rows are whole fours.
 *
 * @module
 */

import type { Shape } from "../op.ts";
import type { Block } from "../writing/block.ts";
import { evenTile, fmaChain, plus, range, readRow } from "../writing/tile.ts";

/**
 * Columns of dout in a strip. Where rows are whole fours, twice as many are no faster on llvmpipe, and take half as
 * long again to compile. Elsewhere a row with fewer strips costs fewer shifts.
 */
export const stripOf = (outWidth: number): number => outWidth % 4 === 0 ? 4 : evenTile(outWidth, 7);

/** Columns of x under a strip of `width` columns of dout, from the strip's first on. */
export const columnsOf = (width: number, stride: number, kw: number): number[] => [
  ...new Set(range(width).flatMap((j) => range(kw).map((s) => j * stride + s))),
];

/** A tile of the weight that one invocation computes. */
export interface MarchTile {
  /** Shapes of x and dout. */
  readonly x: Shape;
  readonly dout: Shape;
  /** Output and input channels of the tile. */
  readonly outs: number;
  readonly ins: number;
  /** [kh, kw]. */
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly padding: number;
}

/** One number of a tile: output channel, input channel, row and column of the window, and its accumulator. */
export interface MarchWeight {
  readonly o: number;
  readonly c: number;
  readonly r: number;
  readonly s: number;
  readonly name: string;
}

/** The text of a march. It takes `group`, `n`, `o0`, `c0`, `j0`, and `plane0`, …, where x's pictures begin. */
export interface March {
  readonly weights: readonly MarchWeight[];
  /** Columns of dout in a strip. */
  readonly width: number;
  /** Lines that come before a strip's rows: where the columns are, and `dout0`, …, the strip's first row of dout. */
  readonly setup: readonly string[];
  /** Writes what loads the rows of x that the row of windows before the first, at `start` in x, has seen. */
  readonly before: (w: Block, start: string) => void;
  /** Lines of row `i`. */
  readonly row: readonly string[];
}

/** How an invocation goes down a strip. */
export function marchOf({ x, dout, outs, ins, kernel: [kh, kw], stride, padding }: MarchTile): March {
  /** Rows of x that the next row of windows sees again. */
  const kept = Math.max(0, kh - stride);
  const width = stripOf(dout[3]);
  const columns = columnsOf(width, stride, kw);
  const weights = range(outs).flatMap((o) =>
    range(ins).flatMap((c) =>
      range(kh).flatMap((r) => range(kw).map((s) => ({ o, c, r, s, name: `c${o}_${c}_${r}_${s}` })))
    )
  );
  /** Index of a strip's first number modulo 4, where it is the same in every row. */
  const phase = {
    x: x[3] % 4 === 0 && (width * stride) % 4 === 0 ? -padding & 3 : undefined,
    dout: dout[3] % 4 === 0 ? 0 : undefined,
  };
  const loadRow = (r: number, y: string): string[] => [
    `let y${r} = ${y};`,
    `let hasY${r} = y${r} < p.inHeight;`,
    ...range(ins).flatMap((c) => {
      const row = readRow(`r${c}_${r}`, "load0", `plane${c} + y${r} * p.inWidth + column0`, columns, phase.x);
      return [
        ...row.lines,
        ...columns.map((k) => `x${c}_${r}_${k} = select(0.0, ${row.at(k)}, hasY${r} && has${k});`),
      ];
    }),
  ];
  const isRagged = dout[3] % width !== 0;
  const loadStrip = (o: number): string[] => {
    const row = readRow(`s${o}`, "load1", `dout${o}`, range(width), phase.dout);
    return [
      ...row.lines,
      ...range(width).map((j) =>
        `let d${o}_${j} = ${isRagged ? `select(0.0, ${row.at(j)}, ${plus("j0", j)} < p.outWidth)` : row.at(j)};`
      ),
    ];
  };
  /** What is known of a strip of a row of dout before its rows are gone through. */
  const setup = [
    // Before the picture a position wraps to a huge number: one comparison covers both sides.
    ...columns.flatMap((k) => [
      `let column${k} = ${plus(`j0 * ${stride}u`, k - padding)};`,
      `let has${k} = column${k} < p.inWidth;`,
    ]),
    ...range(outs).map((o) =>
      `var dout${o} = ((n * p.groups + group) * p.outChannels + min(${
        plus("o0", o)
      }, p.outChannels - 1u)) * p.outHeight * p.outWidth + j0;`
    ),
    ...range(ins).flatMap((c) => range(kh).flatMap((r) => columns.map((k) => `var x${c}_${r}_${k} = 0.0;`))),
  ];
  const row = [
    ...range(ins).flatMap((c) =>
      range(kept).flatMap((r) => columns.map((k) => `x${c}_${r}_${k} = x${c}_${r + stride}_${k};`))
    ),
    ...range(kh - kept).flatMap((k) => loadRow(kept + k, plus(`i * ${stride}u`, kept + k - padding))),
    ...range(outs).flatMap((o) => [
      ...loadStrip(o),
      ...weights.filter((weight) => weight.o === o).map(({ c, r, s, name }) =>
        `${name} = ${fmaChain(name, range(width).map((j) => [`x${c}_${r}_${j * stride + s}`, `d${o}_${j}`]))};`
      ),
      `dout${o} += p.outWidth;`,
    ]),
  ];
  const before = (w: Block, start: string) => {
    if (kept === 0) return;
    w.scope(() => w.line(...range(kept).flatMap((r) => loadRow(r + stride, plus(start, r - padding)))));
  };
  return { weights, width, setup, before, row };
}
