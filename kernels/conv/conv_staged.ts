/**
 * Convolution and both of its gradients as matrix products whose operands are staged through workgroup memory
 * (`staged_tile.ts`), for GPUs. The product is implicit: the picture is not unrolled in memory, its numbers are found
 * as they are staged.
 *
 * ```text
 * convolve           rows: output channels   columns: pixels of all outputs          k: input channel, window row, col
 * weight's gradient  rows: output channels   columns: input channel, window row, col k: pixels of dout in a run
 * ```
 *
 * Layouts: as in `conv_tile.ts` and `conv2d_weight_grad.ts`.
 *
 * @module
 */

import type { ConvTile } from "./conv_window.ts";
import type { Wgsl } from "../op.ts";
import { stagedMatrix } from "../matmul/matmul_staged.ts";
import { stagedGrid, type StagedOperand, stagedProduct, stagedTile } from "../writing/staged_tile.ts";
import { plus, range } from "../writing/tile.ts";
import { block, bool } from "../writing/block.ts";

/**
 * Lines that name where window element `name` is: input channel, row and column, of the window elements' number
 * `index`.
 */
function windowElement(name: string, index: string, [kh, kw]: readonly [number, number]): string[] {
  return [
    `let ${name}c = (${index}) / ${kh * kw}u;`,
    `let ${name}tap = (${index}) - ${name}c * ${kh * kw}u;`,
    `let ${name}r = ${name}tap / ${kw}u;`,
    `let ${name}s = ${name}tap - ${name}r * ${kw}u;`,
  ];
}

/**
 * Lines that name where output pixel `name` is: image, place in the plane, row and column, of the pixels' number
 * `index`.
 */
function pixel(name: string, index: string): string[] {
  return [
    `let ${name}n = quotient(${index}, p.outHeight * p.outWidth);`,
    `let ${name}ij = ${index} - ${name}n * p.outHeight * p.outWidth;`,
    `let ${name}i = quotient(${name}ij, p.outWidth);`,
    `let ${name}j = ${name}ij - ${name}i * p.outWidth;`,
  ];
}

/**
 * Lines that define `value`: the input under window element `w` of output pixel `o`, or 0 outside of the picture and
 * where not `has`.
 */
function input(
  value: string,
  o: string,
  w: string,
  has: string,
  { stride, padding, transposed }: Pick<ConvTile, "stride" | "padding" | "transposed">,
): string[] {
  // Before the picture a position wraps to a huge number: one comparison covers both sides.
  const position = (axis: string, out: string, tap: string): string[] =>
    transposed
      ? [
        `let ${value}${axis}Below = ${out} + ${padding}u - ${tap};`,
        `let ${value}${axis} = ${value}${axis}Below / ${stride}u;`,
      ]
      : [`let ${value}${axis} = ${out} * ${stride}u + ${tap} - ${padding}u;`];
  const isWhole = (axis: string) => ` && ${value}${axis} * ${stride}u == ${value}${axis}Below`;
  const whole = transposed && stride > 1 ? isWhole("y") + isWhole("x") : "";
  return [
    ...position("y", `${o}i`, `${w}r`),
    ...position("x", `${o}j`, `${w}s`),
    `let ${value}has = ${has} && ${value}y < p.inHeight && ${value}x < p.inWidth${whole};`,
    `let ${value}plane = (${o}n * p.groups + group) * p.inChannels + ${w}c;`,
    `let ${value} = select(0.0, load0((${value}plane * p.inHeight + ${value}y) * p.inWidth + ${value}x), ${value}has);`,
  ];
}

/** The lines of `load` that gather the four rows by four k of which `at` defines one. */
function gathered(name: string, at: (value: string, row: number, q: number) => readonly string[]): string[] {
  return range(4).flatMap((q) => [
    ...range(4).flatMap((row) => at(`${name}v${q}_${row}`, row, q)),
    `let ${name}${q} = vec4f(${range(4).map((row) => `${name}v${q}_${row}`).join(", ")});`,
  ]);
}

/** Values of k in a sum that is added up in blocks. */
const LONG = 512;

/** The convolution, or its gradient with respect to the input, with the tile called `candidate`. */
export function stagedConvolve(conv: ConvTile, candidate: string): Wgsl {
  const { output: [images, o, height, width], inChannels, groups, kernel } = conv;
  const tile = stagedTile(candidate);
  const sum = inChannels * kernel[0] * kernel[1];
  const pixels = images * height * width;
  const lanes = (height * width) % 4 === 0 ? 4 : 1;
  const picture: StagedOperand = {
    prepare: (name, first) => range(4).flatMap((j) => pixel(`${name}p${j}`, `(${plus(first, j)})`)),
    load: (name, _, k) => [
      ...range(4).flatMap((q) => [
        ...windowElement(`${name}w${q}`, plus(k, q), kernel),
        `let ${name}has${q} = ${sum % tile.depth === 0 ? "true" : `${plus(k, q)} < end`};`,
      ]),
      ...gathered(name, (value, j, q) => input(value, `${name}p${j}`, `${name}w${q}`, `${name}has${q}`, conv)),
    ],
  };
  const code = stagedProduct({
    tile,
    a: stagedMatrix({
      ...{ load: "load1", start: "tapsStart", rows: "p.outChannels", lead: "p.outChannels", alongK: false },
      isAligned: (o / groups) % 4 === 0,
      isRagged: sum % tile.depth !== 0,
    }),
    b: picture,
    rows: "p.outChannels",
    columns: "(p.images * p.outHeight * p.outWidth)",
    counts: [["group", "p.groups"]],
    setup: [
      `let end = p.inChannels * ${kernel[0] * kernel[1]}u;`,
      "let tapsStart = group * end * p.outChannels;",
    ],
    inBlocks: sum >= LONG,
    from: "0u",
    to: "end",
    write: (row, column, value) => {
      const at = (name: string) =>
        `((${name}n * p.groups + group) * p.outChannels + ${row}) * p.outHeight * p.outWidth + ${name}ij`;
      if (lanes === 4) return [...pixel("out", column), `emit((${at("out")}) / 4u, ${value});`].join("\n");
      return range(4).map((j) =>
        block((w) =>
          w.if(bool(`${plus(column, j)} < p.images * p.outHeight * p.outWidth`), () => {
            w.line(...pixel(`out${j}`, `(${plus(column, j)})`), `emit(${at(`out${j}`)}, ${value}[${j}]);`);
          })
        ).join("\n")
      ).join("\n");
    },
  });
  return {
    code,
    reads: ["f32", "vec4f"],
    writes: lanes === 4 ? "vec4f" : "f32",
    grid: stagedGrid(tile, o / groups, pixels, groups),
  };
}

/** A weight's gradient to be written. */
export interface StagedWeightGrad {
  /** Channels of a group. */
  readonly outChannels: number;
  readonly inChannels: number;
  readonly kernel: readonly [number, number];
  readonly outHeight: number;
  readonly outWidth: number;
  readonly groups: number;
  readonly splits: number;
  readonly stride: number;
  readonly padding: number;
}

/** The weight's gradient over each run of images, with the tile called `candidate`. */
export function stagedWeightGrad(grad: StagedWeightGrad, candidate: string): Wgsl {
  const { outChannels, inChannels, kernel, groups, splits } = grad;
  const tile = stagedTile(candidate);
  const area = kernel[0] * kernel[1];
  const lanes = (inChannels * area) % 4 === 0 ? 4 : 1;
  // Then the four pixels of a block are of one image, and stand in one four.
  const inFours = (grad.outHeight * grad.outWidth) % 4 === 0;
  const channel = (first: string, i: number) => `min(${plus(first, i)}, p.outChannels - 1u)`;
  const plane = (o: string, row: string) => `((${o}n * p.groups + group) * p.outChannels + ${row})`;
  const dout: StagedOperand = {
    load: (name, first, k) =>
      inFours
        ? [
          ...pixel(`${name}p`, k),
          ...range(4).map((i) =>
            `let ${name}v${i} = load1((${
              plane(`${name}p`, channel(first, i))
            } * p.outHeight * p.outWidth + ${name}pij) / 4u);`
          ),
          ...range(4).map((q) =>
            `let ${name}${q} = select(vec4f(), vec4f(${range(4).map((i) => `${name}v${i}[${q}]`).join(", ")}), ${
              plus(k, q)
            } < end);`
          ),
        ]
        : [
          ...range(4).flatMap((q) => pixel(`${name}p${q}`, `(${plus(k, q)})`)),
          ...gathered(name, (value, i, q) => [
            `let ${value} = select(0.0, load1(${
              plane(`${name}p${q}`, channel(first, i))
            } * p.outHeight * p.outWidth + ${name}p${q}ij), ${plus(k, q)} < end);`,
          ]),
        ],
  };
  const picture: StagedOperand = {
    prepare: (name, first) => range(4).flatMap((j) => windowElement(`${name}w${j}`, plus(first, j), kernel)),
    load: (name, _, k) => [
      ...range(4).flatMap((q) => pixel(`${name}p${q}`, `(${plus(k, q)})`)),
      ...gathered(
        name,
        (value, j, q) =>
          input(value, `${name}p${q}`, `${name}w${j}`, `${plus(k, q)} < end`, { ...grad, transposed: false }),
      ),
    ],
  };
  const code = stagedProduct({
    tile,
    a: dout,
    b: picture,
    rows: "p.outChannels",
    columns: `(p.inChannels * ${area}u)`,
    counts: [["group", "p.groups"], ["split", "p.splits"]],
    setup: [
      "let pixels = p.outHeight * p.outWidth;",
      "let end = min((split + 1u) * p.perSplit, p.images) * pixels;",
    ],
    inBlocks: true,
    from: "split * p.perSplit * pixels",
    to: "end",
    write: (row, column, value) => {
      const at = `((split * p.groups + group) * p.outChannels + ${row}) * p.inChannels * ${area}u + ${column}`;
      if (lanes === 4) return `emit((${at}) / 4u, ${value});`;
      return range(4).map((j) =>
        `if (${plus(column, j)} < p.inChannels * ${area}u) { emit(${plus(at, j)}, ${value}[${j}]); }`
      ).join("\n");
    },
  });
  return {
    code,
    reads: ["f32", inFours ? "vec4f" : "f32"],
    writes: lanes === 4 ? "vec4f" : "f32",
    grid: stagedGrid(tile, outChannels, inChannels * area, groups * splits),
  };
}
