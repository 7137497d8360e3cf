/**
 * How the demo faces are learnt where nothing else is asked for: the hair colours, of which one is rare.
 *
 * @module
 */

import type { Given } from "../run/resolve.ts";

/** Settings of the recipe, as `fixtures/recipes/faces.json` has them. */
export const DEMO_RECIPE = {
  epochs: 6,
  augment: "flip,translate-a0.08",
  logitAdjustment: 1.5,
  dropout: 0.25,
} as const satisfies Given;

/** Flags that ask for other classes or pictures, for other weights to begin with, or for another balance of classes. */
const GIVES_WAY: readonly string[] = [
  ...["data", "task", "target", "others", "pretrained", "resume", "config"],
  ...["loss", "sampling", "classWeights"],
];

/** The recipe, where the flags that were given leave it room. */
export function demoRecipe(given: ReadonlySet<unknown>): Given {
  return GIVES_WAY.some((name) => given.has(name)) ? {} : DEMO_RECIPE;
}
