/**
 * The partial sums of a matrix product, for `split_k.ts`: the kernels of `matmul.ts` over runs of k.
 *
 * @module
 */

import { matmul, type MatmulAttrs, matmulCandidates, matmulParams, matmulWgsl, STEP } from "./matmul.ts";
import { bytesOf, type Call, defineOp, type Kernel, type KernelOp, type OpSample, type Shape } from "../op.ts";

/** Attributes: the product's, and in how many parts its sum is cut. */
type PartialAttrs = MatmulAttrs & { readonly splits: number };

/** Values of k in a run: whole steps of the loop. */
const runOf = (k: number, splits: number): number => STEP * Math.ceil(k / STEP / splits);

const kernel: Kernel<PartialAttrs> = {
  params(call: Call<PartialAttrs>) {
    const sizes = matmulParams(call);
    const splits = call.attrs.splits;
    return { ...sizes, splits, perSplit: runOf(sizes.k, splits) };
  },
  candidates: matmulCandidates,
  wgsl: matmulWgsl,
  gpujs: function (a, b) {
    const n = this.thread.x % this.constants.n;
    const m = Math.floor(this.thread.x / this.constants.n) % this.constants.m;
    const run = Math.floor(this.thread.x / (this.constants.n * this.constants.m));
    const batch = run % this.constants.batches;
    const split = Math.floor(run / this.constants.batches);
    const aStart = batch * this.constants.aBatch + m * this.constants.aM;
    const bStart = batch * this.constants.bBatch + n * this.constants.bN;
    const end = Math.min((split + 1) * this.constants.perSplit, this.constants.k);
    let total = 0;
    for (let k = split * this.constants.perSplit; k < end; k++) {
      total += a[aStart + k * this.constants.aK] * b[bStart + k * this.constants.bK];
    }
    return total;
  },
};

const sample = (a: Shape, b: Shape, attrs: PartialAttrs): OpSample<PartialAttrs> => ({
  ...{ inputs: [{ shape: a }, { shape: b }], attrs, abs: 1e-4, noGrad: [0, 1] },
});

/**
 * The sums of `matmul` over each of `splits` runs of k: [splits, ..., M, N]. Attributes: those of the whole, and
 * `splits`. Made by lowering, after differentiation: no VJP.
 */
export const matmulPartial: KernelOp = defineOp<PartialAttrs>({
  kind: "kernel",
  name: "matmulPartial",
  shape: (inputs, attrs) => [attrs.splits, ...matmul.shape(inputs, attrs)],
  cost: (call) => ({ flops: matmul.cost({ ...call, output: call.output.slice(1) }).flops, bytes: bytesOf(call) }),
  precision: { result: "full" },
  kernel,
  samples: [
    sample([5, 18], [18, 7], { splits: 2 }),
    sample([12, 40], [8, 40], { splits: 4, transposeB: true }),
    sample([2, 9, 6], [2, 9, 8], { splits: 2, transposeA: true }),
    // The last run has nothing left.
    sample([3, 17], [17, 5], { splits: 4 }),
    sample([4, 3, 16], [16, 8], { splits: 2 }),
  ],
});
