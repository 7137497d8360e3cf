/**
 * Choices among the variants of a call: kernels written with another tile, or compositions of other ops. Lowering and
 * the device ask for them by op and call; where there is none, the heuristic decides. They are data, so that what was
 * measured once can be kept, shipped and used again to the same bytes.
 *
 * A kernel's `candidates` name its variants for a call (`16x8` is a tile by its sides), the heuristic's first. An op's
 * `alternatives` name compositions that may take its place (`split 4` is a product whose sum is cut into four,
 * `kernels/matmul/split_k.ts`).
 *
 * A bucket is the op, its shapes with sizes above 16 rounded to three significant bits, and its scalar attributes. So
 * every variant must be right for every call of its bucket: a tile is cut at the edges whatever the sizes.
 *
 * @module
 */

import type { Call } from "../../kernels/op.ts";

/** Where lowering and devices ask. */
export interface Chooser {
  /** Name of one of the kernel's `candidates` or of the op's `alternatives`; undefined where the heuristic decides. */
  of(op: string, call: Call): string | undefined;
}

/** The heuristic everywhere. */
export const RULES: Chooser = { of: () => undefined };

/** Names of the variants of calls, by their buckets. */
export class Choices implements Chooser {
  /** By {@link bucketOf}, in alphabetical order. */
  readonly entries: Readonly<Record<string, string>>;

  /** Later lists win over earlier ones. */
  constructor(...lists: readonly Readonly<Record<string, string>>[]) {
    const merged: Record<string, string> = Object.assign({}, ...lists);
    this.entries = Object.fromEntries(Object.entries(merged).sort(([a], [b]) => a < b ? -1 : 1));
  }

  of(op: string, call: Call): string | undefined {
    return this.entries[bucketOf(op, call)];
  }
}

/**
 * The bucket of a call, for which one choice is made: `matmul 400x768 768x2304`. Sizes to 16 count exactly, since
 * kernels differ by them. Larger ones, of which batches and pictures have many, are rounded up to three significant
 * bits. Attributes that are lists are sizes that stand in the shapes too.
 */
export function bucketOf(op: string, { inputs, output, attrs }: Call): string {
  const shapes = [...inputs, output].map((shape) => shape.map(rounded).join("x") || "1");
  const scalars = Object.entries(attrs).filter(([, value]) =>
    value !== false && value !== undefined && typeof value !== "object"
  );
  return [op, ...shapes, ...scalars.map(([name, value]) => value === true ? name : `${name}=${value}`).sort()].join(
    " ",
  );
}

function rounded(size: number): number {
  if (size <= 16) return size;
  const unit = 2 ** (Math.floor(Math.log2(size)) - 2);
  return unit * Math.ceil(size / unit);
}
