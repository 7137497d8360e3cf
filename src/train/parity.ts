/**
 * Parity: how near a model's numbers come to a reference's in float64 (PyTorch's, in Fovea's fixtures).
 *
 * Logits are computed with running statistics, loss and gradients with those of the batch. The loss is the mean
 * cross-entropy. Nothing is dropped out. A gradient g of a parameter may be off by ‖g − g64‖ ≤ max(1e-3, 3 · tol) ·
 * max(‖g64‖, 1e-6 · ‖all gradients‖), where tol is what PyTorch's own float32 gradient is off by: kinks of ReLU and max
 * pooling flip, the more the deeper a network is.
 *
 * @module
 */

import { DIRECT } from "../../kernels/conv/conv_forms.ts";
import { COMPENSATED } from "../../kernels/conv/conv_tile.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Chooser } from "../graph/choices.ts";
import { differentiate } from "../graph/differentiate.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";

/**
 * Convolutions of the forward pass by the kernel, with compensated sums. A single ReLU or maximum that falls on the
 * other side than in float64 puts the gradients of a deep network past their limits. Where one does is luck. With a
 * quarter of the rounding few do, and what is left tells of faults.
 */
export const LEAST_ROUNDING: Chooser = {
  of(op, { attrs }) {
    if (op === "conv2d") return DIRECT;
    return op === "convolve" && !attrs.transposed ? COMPENSATED : undefined;
  },
};

/** Most that logits and loss may be off by, relative to their norm. */
export const VALUE_LIMIT = 1e-4;

/** Least that a gradient may always be off by, relative to its norm. */
const GRADIENT_LIMIT = 1e-3;

/** Gradients below this share of all gradients are measured against the whole: float32 has nothing left of them. */
const NEGLIGIBLE = 1e-6;

/**
 * Gradients below this share of all are zero but for rounding, such as that of a bias that only a batch norm sees. They
 * have to be negligible here, too.
 */
const ZERO = 1e-12;
const ZERO_LIMIT = 1;

/** How far one tensor is off, and how far it may be. */
export interface Deviation {
  /** `logits`, `loss` or `grad.` and a parameter's name. */
  readonly name: string;
  /** Norm of the difference over the norm of the reference. */
  readonly error: number;
  /** Most that it may be. */
  readonly limit: number;
}

/** Does it pass? A NaN does not. */
export function isWithin({ error, limit }: Deviation): boolean {
  return error <= limit;
}

/** Euclidean norm. */
export function normOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new TypeError(`Cannot compare ${a.length} numbers with ${b.length}`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/** How far logits, a loss or a block's output are off. */
export function valueDeviation(name: string, got: ArrayLike<number>, want: ArrayLike<number>): Deviation {
  return { name, error: distance(got, want) / Math.max(normOf(want), Number.MIN_VALUE), limit: VALUE_LIMIT };
}

/**
 * How far a gradient is off.
 *
 * @param tol What PyTorch's own float32 gradient is off by, relative.
 * @param total Norm of all gradients together.
 */
export function gradientDeviation(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tol: number,
  total: number,
): Deviation {
  const norm = normOf(want);
  const least = norm < ZERO * total ? ZERO_LIMIT : GRADIENT_LIMIT;
  return { name, error: distance(got, want) / Math.max(norm, NEGLIGIBLE * total), limit: Math.max(least, 3 * tol) };
}

/**
 * The graph that parity is computed by: input `images` [N, C, S, S] and one-hot `targets` [N, classes]; outputs `loss`
 * and `grad.<parameter>`, with the statistics of the batch. Logits come from the evaluation's graph.
 */
export function gradientGraph(model: Model, batch: number): Graph {
  const b = new GraphBuilder();
  const { logits } = model.trace(b, batch, true);
  const loss = b.mean(b.op("crossEntropy", [logits, b.input("targets", logits.shape)]), undefined, false);
  const learnt = model.parameters.filter(({ trainable }) => trainable);
  const grads = differentiate(b, loss, learnt.map(({ name, shape }) => b.state(name, shape)));
  b.output("loss", loss);
  learnt.forEach(({ name }, k) => b.output(`grad.${name}`, grads[k]));
  return b.graph;
}
