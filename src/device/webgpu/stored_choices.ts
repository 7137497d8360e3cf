/**
 * Choices that were measured before and come with Fovea: the first ones on an adapter, so that a run has not to wait
 * for any. `deno run -A bench/store_choices.ts` measures them and writes `stored_choices.json`.
 *
 * So far they are those of `naive-cnn`, `resnet18` and the bench's `three-conv` on llvmpipe.
 *
 * @module
 */

import { Choices } from "../../graph/choices.ts";
import stored from "./stored_choices.json" with { type: "json" };

/** Choices by bucket, for the adapters whose description begins with `adapter`. */
export interface StoredChoices {
  /** Such as `llvmpipe`, without versions. */
  readonly adapter: string;
  /** Names of candidates and alternatives by bucket. */
  readonly choices: Readonly<Record<string, string>>;
}

/** All that is stored. */
export const storedChoices: readonly StoredChoices[] = stored;

/** Choices for an adapter; none for one of which nothing is stored. */
export function storedChoicesFor(description: string): Choices {
  return new Choices(
    ...storedChoices.filter(({ adapter }) => description.startsWith(adapter)).map(({ choices }) => choices),
  );
}
