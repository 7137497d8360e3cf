/**
 * What programs are compiled to for WebAssembly.
 *
 * @module
 */

import type { CompileTarget } from "../../graph/compile.ts";

/** Nothing is cut, all temporaries lie in one page. */
export const TARGET: CompileTarget = {
  fusion: { prologues: false, epilogues: false, manyWrites: true, maxBindings: 16, maxJoined: 28 },
  maxTensor: Infinity,
  maxBuffer: Infinity,
  arena: { maxPage: Infinity },
};
