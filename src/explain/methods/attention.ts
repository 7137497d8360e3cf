/**
 * Attention as it is: the weights of one layer, a map for each head.
 *
 * @module
 */

import { type Anatomy, type AttentionLayer, layerNamed } from "../anatomy.ts";
import type { Method } from "../method.ts";
import { tokensToPatches } from "./rollout.ts";

/**
 * A map for each head of a layer, by default the last: how the class token attends to the patches (ViT's figure 6, by
 * head). Over a map of features there is no class token: how much a position gets on average from those that look at
 * it, with windows in their places. With a class, a weight counts by its gradient: ReLU(∂y/∂A · A).
 */
export const attention: Method = {
  name: "attention",
  summary: "attention of one layer, a map for each head; Swin's windows in their places",
  uses: ["layer"],
  isSigned: false,
  lacks: ({ attentions }) => attentions.length === 0 ? "it has no attention" : undefined,
  layerOf: attentionOf,
  explain: async (probe, { image, select, isClassAsked, layer: asked }) => {
    const { covered } = probe.anatomy;
    const layer = attentionOf(probe.anatomy, asked);
    const { map } = await probe.ask(
      `attention ${layer.name} ${isClassAsked}`,
      image,
      isClassAsked ? select : undefined,
      ({ b, scope, gradients }) => {
        const { weights, stitch } = scope.attentions.get(layer.name)!;
        const counted = isClassAsked ? b.relu(b.mul(gradients([weights])[0], weights)) : weights;
        b.output(
          "map",
          stitch ? stitch(b.mean(counted, [counted.shape.length - 2], false)) : tokensToPatches(b, counted, layer.side),
        );
      },
    );
    return {
      ...{ values: map, side: layer.side, layer: layer.name },
      ...!layer.isOverMap && { covered },
    };
  },
};

/** A layer that attends: that of a name, or the last. */
function attentionOf({ model, attentions }: Anatomy, name: string | undefined): AttentionLayer {
  return name === undefined ? attentions.at(-1)! : layerNamed(name, attentions, `${model} does not attend in a layer`);
}
