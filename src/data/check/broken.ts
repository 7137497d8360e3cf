/**
 * Finds the pictures of a data set that cannot be used, all at once.
 *
 * @module
 */

import type { Dataset } from "../dataset.ts";
import { type OnProgress, scanDecoding } from "../store/scan.ts";

/** A picture that cannot be used. */
export interface BrokenPicture {
  /** Its place in the data set. */
  readonly index: number;
  /** Path relative to the data folder. */
  readonly file: string;
  /** Why, in words that follow the path: `is empty (0 bytes)`. */
  readonly reason: string;
}

/**
 * Reads and decodes every picture of a data set, once, and lists those that cannot be used. IDX pictures are always
 * whole.
 *
 * @param data The data set.
 * @param onProgress Is told how far it is.
 * @returns The broken pictures, in the order of the data set.
 */
export async function findBroken(data: Dataset, onProgress?: OnProgress): Promise<BrokenPicture[]> {
  const { source } = data;
  if (source.form === "pixels") return [];
  const problems = await scanDecoding(source, data.positions, onProgress);
  return data.samples.flatMap(({ file }, index) => {
    const reason = problems.get(data.positions[index]);
    return reason === undefined ? [] : [{ index, file, reason }];
  });
}

/**
 * The data set without its broken pictures, for those who ask to skip them.
 *
 * @param data The data set.
 * @param onProgress Is told how far it is.
 * @returns The rest, and what was left out, to be counted and shown.
 */
export async function skipBroken(
  data: Dataset,
  onProgress?: OnProgress,
): Promise<{ data: Dataset; skipped: BrokenPicture[] }> {
  const skipped = await findBroken(data, onProgress);
  const broken = new Set(skipped.map(({ index }) => index));
  return { data: data.subset(data.samples.map((_, i) => i).filter((i) => !broken.has(i))), skipped };
}
