/**
 * What programs are compiled to for WebAssembly.
 *
 * @module
 */

import type { CompileTarget } from "../../graph/compile.ts";

/** Nothing is cut, all temporaries lie in one page. */
export const TARGET: CompileTarget = {
  fusion: {
    prologues: new Set(["sum", "max"]),
    epilogues: new Set([
      "sum",
      "max",
      "matmul",
      "matmulPartial",
      "convolve",
      "conv2dWeightGradPartial",
      "fromTiles",
      "channelWindowSum",
      "maxPool2d",
      "maxPool2dPosition",
      "maxPool2dGrad",
      "maxPool2dDisjointGrad",
      "avgPool2d",
      "avgPool2dGrad",
    ]),
    manyWrites: true,
    maxBindings: 16,
    maxJoined: 28,
  },
  maxTensor: Infinity,
  maxBuffer: Infinity,
  arena: { maxPage: Infinity },
};
