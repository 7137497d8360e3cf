/**
 * The loss scale of training in half precision.
 *
 * Gradients are often smaller than what half precision holds (6e-8). So the loss is multiplied before it is
 * differentiated. The gradients of the weights, which are float32, are divided by the same number. The scale finds
 * itself, as in PyTorch's `GradScaler` (Micikevicius et al., 2018, "Mixed Precision Training", section 3.2). A step
 * whose gradient overflows is left out and halves it. Many good steps in a row double it. All of it happens on the
 * device; the host reads it when it logs.
 *
 * The scale is State, from 2¹⁶ on, between 1 and 2²⁴: half after a step that is not finite, twice after 2,000 that are.
 * The chain (`update_chain.ts`) divides it out. A step that is not finite while the scale is above 1 is skipped and
 * counted as an overflow; at 1 it is a fault like any other. `last` carries scale and counts, and `config.json` the
 * precision, which a resumed run keeps.
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { LossScale } from "../track/tracker.ts";

/** States of the loss scale, each one number. */
export const LOSS_SCALE = {
  /** What the loss is multiplied by: a power of 2, so that nothing is rounded. */
  scale: "lossScale.scale",
  /** Steps since it changed. */
  steady: "lossScale.steady",
  /** Steps that were left out because their gradient overflowed. */
  overflows: "lossScale.overflows",
} as const;

/** The scale that a run starts with: PyTorch's. */
const FIRST = 2 ** 16;

/** Good steps in a row after which the scale doubles: PyTorch's. */
const STEADY = 2000;

/** The scale stops here: gradients that vanish would double it until it is infinite. */
const MOST = 2 ** 24;

/** The smallest scale: what overflows here would do so without one. */
const LEAST = 1;

/** What the states start from. */
export function initialLossScale(): Map<string, Float32Array> {
  return new Map([
    [LOSS_SCALE.scale, Float32Array.of(FIRST)],
    [LOSS_SCALE.steady, Float32Array.of(0)],
    [LOSS_SCALE.overflows, Float32Array.of(0)],
  ]);
}

/** The loss scale among values of states; undefined where there is none. */
export function lossScaleIn(states: ReadonlyMap<string, Float32Array>): LossScale | undefined {
  const [scale, overflows] = [LOSS_SCALE.scale, LOSS_SCALE.overflows].map((name) => states.get(name)?.[0]);
  return scale === undefined || overflows === undefined ? undefined : { scale, overflows };
}

/** The scale of a step, a scalar. */
export function lossScale(b: GraphBuilder): Tensor {
  return b.state(LOSS_SCALE.scale, []);
}

/**
 * Ends a step with the scale of the next one.
 *
 * @param finite 1 where loss and gradient are finite, else 0.
 * @returns 1 where the step overflowed and a smaller scale may help, else 0: where it is not finite and this is 0, it
 *   is a fault.
 */
export function adjustLossScale(b: GraphBuilder, finite: Tensor): Tensor {
  const scale = lossScale(b);
  const steady = b.add(b.state(LOSS_SCALE.steady, []), 1);
  const overflows = b.state(LOSS_SCALE.overflows, []);
  const grows = b.greater(steady, STEADY - 0.5);
  const grown = b.where(grows, b.minimum(b.mul(scale, 2), MOST), scale);
  const fallen = b.maximum(b.mul(scale, 0.5), LEAST);
  const overflowed = b.mul(b.sub(1, finite), b.greater(scale, LEAST));
  b.assign(LOSS_SCALE.scale, b.where(finite, grown, fallen));
  b.assign(LOSS_SCALE.steady, b.where(b.mul(finite, b.sub(1, grows)), steady, 0));
  b.assign(LOSS_SCALE.overflows, b.add(overflows, overflowed));
  return overflowed;
}
