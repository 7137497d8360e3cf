/**
 * What the flags of `explain` say to a method.
 *
 * @module
 */

import type { ExplainOptions } from "../explain/explainer.ts";
import type { Options } from "./command.ts";
import type { explain } from "./explain_flags.ts";

/** What the user asked for. */
export type ExplainFlags = Options<typeof explain.flags>;

/** What methods are told: what was given alone, since an option that is not has the method's own default. */
export function methodOptions(options: ExplainFlags, given: ReadonlySet<string>): ExplainOptions {
  const { method, class: name, layer, steps, samples, noise, window, stride, seed } = options;
  return {
    ...{ method, steps, samples, noise, seed },
    ...given.has("class") && { class: name },
    ...layer !== undefined && { layer },
    ...window !== undefined && { window },
    ...stride !== undefined && { stride },
  };
}
