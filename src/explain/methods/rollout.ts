/**
 * Attention rollout (Abnar and Zuidema, "Quantifying attention flow in transformers", 2020), and for a class its form
 * that is weighted by gradients (Chefer, Gur and Wolf, "Generic attention-model explainability", 2021).
 *
 * @module
 */

import type { Builder, Tensor } from "../../../kernels/op.ts";
import type { Anatomy } from "../anatomy.ts";
import type { Method } from "../method.ts";

/**
 * How much of each patch is in the class token at the end. Without a class: the product over the blocks of ½A + ½I,
 * where A is the mean over the heads (section 3 of Abnar). With a class: R ← R + Ā·R from R = I on, where Ā is the mean
 * over the heads of ReLU(∂y/∂A · A) (Chefer, equations 5 and 6). With two tokens beside the patches it is their mean.
 */
export const rollout: Method = {
  name: "rollout",
  summary: "attention of all blocks, multiplied through (Abnar 2020); with a class weighted by gradients (Chefer 2021)",
  uses: [],
  isSigned: false,
  lacks: lacksTokens,
  explain: async (probe, { image, select, isClassAsked }) => {
    const { covered } = probe.anatomy;
    const side = probe.anatomy.attentions.findLast(({ isOverMap }) => !isOverMap)!.side;
    const { map } = await probe.ask(
      `rollout ${isClassAsked}`,
      image,
      isClassAsked ? select : undefined,
      ({ b, scope, gradients }) => {
        const weights = [...scope.attentions.values()].map(({ weights }) => weights);
        const steps = isClassAsked
          ? gradients(weights).map((gradient, k) => b.relu(b.mul(gradient, weights[k])))
          : weights;
        const [batch, , tokens] = weights[0].shape;
        let rolled = identity(b, tokens);
        for (const step of steps) {
          const mean = b.reshape(b.mean(step, [1]), [batch, tokens, tokens]);
          const moved = b.matmul(mean, b.broadcastTo(rolled, [batch, tokens, tokens]));
          rolled = isClassAsked ? b.add(moved, rolled) : b.mul(b.add(moved, rolled), 0.5);
        }
        b.output("map", tokensToPatches(b, b.broadcastTo(rolled, [batch, tokens, tokens]), side));
      },
    );
    return { values: map, side, covered };
  },
};

/** Why a model has no attention of a class token over patches. */
export function lacksTokens({ attentions, extraTokens }: Anatomy): string | undefined {
  if (attentions.length === 0) return "it has no attention";
  if (attentions.some(({ isOverMap }) => isOverMap)) return "it attends over maps of features, not over tokens";
  return extraTokens === 0 ? "it has no class token" : undefined;
}

/** The unit matrix [1, T, T]. */
function identity(b: Builder, tokens: number): Tensor {
  const at = (shape: readonly number[]) => b.op("iota", [], { shape });
  return b.reshape(b.equal(at([tokens, 1]), at([1, tokens])), [1, tokens, tokens]);
}

/** From weights [.., T, T] the rows of what are no patches, and of these the patches, as a mean: [.., side · side]. */
export function tokensToPatches(b: Builder, weights: Tensor, side: number): Tensor {
  const { shape } = weights;
  const [queries, keys] = [shape.length - 2, shape.length - 1];
  const patches = side * side;
  const extra = shape[keys] - patches;
  const start = shape.map((_, axis) => axis === keys ? extra : 0);
  const size = shape.map((count, axis) => axis === keys ? patches : axis === queries ? extra : count);
  return b.mean(b.slice(weights, start, size), [queries], false);
}
