/**
 * What the class activation maps have in common: a layer's output and the gradient of a class's logit with respect to
 * it are put together, in the same graph.
 *
 * @module
 */

import type { Builder, Tensor } from "../../../kernels/op.ts";
import { type Anatomy, asMap, lastStage, layerNamed, type MapLayer } from "../anatomy.ts";
import type { Method } from "../method.ts";
import type { MethodName } from "../method_names.ts";

/** Activation A and gradient ∂y/∂A, both [N, C, H, W], to a map [N, 1, H, W]. */
export type Combine = (b: Builder, activation: Tensor, gradient: Tensor) => Tensor;

/** A layer with a map: that of a name, or the last stage. */
function mapLayerOf(anatomy: Anatomy, name: string | undefined): MapLayer {
  const { model, layers } = anatomy;
  return name === undefined ? lastStage(anatomy)! : layerNamed(name, layers, `${model} has no map from a layer`);
}

/**
 * A method that makes a map of a layer's output and its gradient.
 *
 * @param name What users call it.
 * @param summary What it draws, in one line.
 * @param combine Its formula.
 */
export function classActivation(name: MethodName, summary: string, combine: Combine): Method {
  return {
    ...{ name, summary, uses: ["layer"], isSigned: false },
    lacks: (anatomy) => lastStage(anatomy) ? undefined : "it has no layer whose output is a map of the picture",
    layerOf: mapLayerOf,
    explain: async (probe, { image, select, layer: asked }) => {
      const { anatomy } = probe;
      const layer = mapLayerOf(anatomy, asked);
      const { map } = await probe.ask(`${name} ${layer.name}`, image, select, ({ b, scope, gradients }) => {
        const output = scope.outputs.get(layer.name)!;
        const [gradient] = gradients([output]);
        b.output("map", combine(b, asMap(b, output, layer), asMap(b, gradient, layer)));
      });
      return {
        ...{ values: map, side: layer.side, layer: layer.name },
        ...layer.layout === "tokens" && { covered: anatomy.covered },
      };
    },
  };
}
