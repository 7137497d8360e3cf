import { GraphBuilder } from "../../src/graph/builder.ts";
import { type Layer, Scope } from "../../src/nn/mod.ts";

/** Calls a layer on an input `x` of some shape. */
export function trace(layer: Layer, shape: readonly number[], training = true) {
  const b = new GraphBuilder();
  const scope = Scope.root(b, training);
  const x = b.input("x", shape);
  return { b, scope, x, y: layer(x, scope) };
}
