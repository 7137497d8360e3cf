/**
 * Ways to put layers together.
 *
 * @module
 */

import type { Layer } from "./layer.ts";

/** Layers one after the other; their names become parts of the parameters' keys. */
export function sequential(layers: Readonly<Record<string, Layer>> | readonly Layer[]): Layer {
  const entries: [string, Layer][] = Object.entries(layers);
  return (x, scope) => entries.reduce((y, [name, layer]) => scope.call(name, layer, y), x);
}

/**
 * Layers that add no name of their own: what belongs to one step of a `sequential` whose keys are numbered or
 * inherited.
 */
export function inline(...layers: readonly Layer[]): Layer {
  return (x, scope) => layers.reduce((y, layer) => layer(y, scope), x);
}

/** x + body(x), as in transformers. The body adds no name of its own. */
export function skip(body: Layer): Layer {
  return (x, scope) => scope.b.add(x, body(x, scope));
}

/**
 * activation(body(x) + shortcut(x)) (He et al., 2015). The body adds no name of its own, so that a block's keys are the
 * body's.
 *
 * @param shortcut Fits x to the body's shape; it is called `downsample`. Default: x itself.
 */
export function residual(body: Layer, activation: Layer, shortcut?: Layer): Layer {
  return (x, scope) => {
    const y = body(x, scope);
    return activation(scope.b.add(y, shortcut ? scope.call("downsample", shortcut, x) : x), scope);
  };
}
