/**
 * How much a kernel may unroll, in any way that rules or a tuner may choose to write it. What is beyond compiles for
 * many seconds, some drivers give it up, and it spills: a GPU has 255 registers for an invocation at most.
 *
 * On a GPU the bounds are 72 accumulators and 60,000 characters, on a software adapter 576 and 200,000. A convolution
 * whose window is too large for that is computed in tiles of a workgroup.
 *
 * On a software adapter, such as Mesa's llvmpipe, loads and barriers are dear and spilled accumulators cheap. So a
 * processor takes larger tiles, as large as compile time allows, and a reduction has an invocation for each output. On
 * a GPU the accumulators stay in registers.
 *
 * @module
 */

import type { Target } from "../op.ts";

/** The most of one kernel. */
export interface UnrollBounds {
  /** Numbers that an invocation sums up, but for those that hold what finished blocks of a sum add up to. */
  readonly accumulators: number;
  /** Accumulators, and the numbers of a picture that they are summed up from. */
  readonly held: number;
  /**
   * Characters of the text that the kernel itself gives. It follows from the others; `tests/kernels/bounds_test.ts`
   * looks.
   */
  readonly text: number;
}

/** 8 × 8 channels of a 3×3 window; AlexNet's first layer has the longest text that pays, of 184,000 characters. */
const ON_PROCESSOR: UnrollBounds = { accumulators: 576, held: 1000, text: 200_000 };

/** 2 × 4 channels of a 3×3 window. */
const ON_GPU: UnrollBounds = { accumulators: 72, held: 200, text: 60_000 };

/** What kernels for a target keep to. */
export const boundsFor = ({ isSoftware }: Pick<Target, "isSoftware">): UnrollBounds =>
  isSoftware ? ON_PROCESSOR : ON_GPU;
