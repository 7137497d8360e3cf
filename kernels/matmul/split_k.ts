/**
 * Split-K: a matrix product whose sum over k is cut into runs, each a product of its own, which are added up
 * afterwards. A long sum with a small result (a weight's gradient) so occupies more invocations. The order of all sums
 * is fixed.
 *
 * @module
 */

import { type Lowering, type Op, runsThatFit, type Shape, sizeOf } from "../op.ts";

/** In how many runs a sum may be cut. */
const SPLITS = [2, 4, 8, 16, 32] as const;

/** Results that occupy any device by themselves. */
const MANY_RESULTS = 2 ** 18;

/** Least values of k in a run that pay for storing its sums. */
const LEAST_RUN = 32;

/** Ways worth timing to compute a `matmul` of `output` that sums over `k` values: `split 8`. */
export function splitKNames(output: Shape, k: number): string[] {
  const splits = sizeOf(output) < MANY_RESULTS ? SPLITS.filter((count) => k >= count * LEAST_RUN) : [];
  return splits.map((count) => `split ${count}`);
}

/**
 * The composition called so; undefined for other names.
 *
 * @param shapeOf Shape of the product.
 */
export function splitLowering<A>(name: string, shapeOf: Op<A>["shape"]): Lowering<A> | undefined {
  const [, count] = /^split ([1-9]\d*)$/.exec(name) ?? [];
  if (count === undefined) return undefined;
  return (b, inputs, attrs) => {
    const splits = runsThatFit(b, Number(count), shapeOf(inputs.map(({ shape }) => shape), attrs));
    return b.sum(b.op("matmulPartial", inputs, { ...attrs, splits }), [0], false);
  };
}
