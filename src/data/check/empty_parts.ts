/**
 * Parts of a split that must not be empty.
 *
 * @module
 */

import { option } from "../../errors.ts";
import type { Dataset } from "../dataset.ts";

/** Parts as a run takes them. */
export interface TakenParts {
  /** What is trained on. */
  readonly train: Pick<Dataset, "size">;
  /** What the best epoch is chosen on. */
  readonly val: Pick<Dataset, "size">;
  /** What is tested on, where something is. */
  readonly test?: Pick<Dataset, "size">;
}

/**
 * The parts that are empty and must not be, a line each.
 *
 * @param parts The parts of a split.
 */
export function emptyParts({ train, val, test }: TakenParts): string[] {
  const share = `give it a share with ${option("split")} 8:1:1`;
  return [
    ...train.size === 0 ? [`The train part has no pictures: nothing can be learnt; ${share}`] : [],
    ...val.size === 0 ? [`The val part has no pictures: it is to choose the best epoch; ${share}`] : [],
    ...test?.size === 0
      ? [`The test part has no pictures: ${share}, or test on the val part with ${option("testOn")} val`]
      : [],
  ];
}
