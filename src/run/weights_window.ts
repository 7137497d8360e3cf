/**
 * The windows that Swin's weights were made with, as far as a file tells them.
 *
 * @module
 */

import { printable } from "../data/names.ts";
import type { NamedWeights } from "../interop/named_weights.ts";

/** What a file tells of windows. */
export interface Windows {
  /** Side, where it is another than the model's, or cut to smaller maps. */
  readonly window?: number;
  /** Side of the pictures, where it follows. */
  readonly imageSize?: number;
  /** Whether the file tells the side at all. */
  readonly isTold: boolean;
}

/** Largest side that is believed. */
const MAX_SIDE = 256;

/** What a file tells of its windows; undefined for a family that has none. */
export function windowsIn(weights: NamedWeights): Windows | undefined {
  const { windows } = weights.family;
  if (!windows) return undefined;
  const sides = stageSides(weights);
  const [window] = sides;
  if (window === undefined) return { isTold: false };
  const stages = windows.stages.length;
  // A window is cut where the map is smaller, which is the picture's side over that of a position.
  const cut = sides.findIndex((side) => side < window);
  const masked = maskedSide(weights, window);
  const imageSize = masked !== undefined
    ? masked * windows.patch
    : cut > 0
    ? sides[cut] * windows.patch * 2 ** cut
    : window * windows.patch * 2 ** (stages - 1);
  const isUsual = window === windows.side && cut < 0;
  return { isTold: true, ...isUsual && masked === undefined ? {} : { imageSize }, ...isUsual ? {} : { window } };
}

/** Side of the windows of each stage's first block, as the tables' sizes tell it. */
function stageSides(weights: NamedWeights): number[] {
  const { windows, grid } = weights.family;
  const table = windows!.table;
  if (table !== undefined) {
    return windows!.stages.flatMap((stage) => {
      const shape = weights.shapes.get(`${stage}0.${table}`);
      return shape ? sideOf((Math.sqrt(shape[grid!.axis]) + 1) / 2) : [];
    });
  }
  const ordered = (ending: string) =>
    weights.bookkeeping(ending).filter(({ name }) => /blocks\.0\.|features\.\d+\.0\./.test(name))
      .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  // [1, 2w − 1, 2w − 1, 2].
  const coords = ordered("relative_coords_table").flatMap(({ shape }) => sideOf(((shape[1] ?? 0) + 1) / 2));
  if (coords.length > 0) return coords;
  // [w⁴] or [w², w²].
  return ordered("relative_position_index").flatMap(({ shape }) =>
    sideOf(Math.sqrt(shape.length === 2 ? shape[0] : Math.sqrt(shape[0] ?? 0)))
  );
}

/** A side, if it is one. */
function sideOf(side: number): number[] {
  return Number.isInteger(side) && side >= 1 && side <= MAX_SIDE ? [side] : [];
}

/** Side of the first stage's map, from the mask of its shifted windows: [windows, w², w²]. */
function maskedSide(weights: NamedWeights, window: number): number | undefined {
  const [mask] = weights.bookkeeping("layers.0.blocks.1.attn_mask");
  const [side] = sideOf(Math.sqrt(mask?.shape[0] ?? 0));
  return side === undefined ? undefined : side * window;
}

/** Largest offset on Swin V2's logarithmic scale, where it is scaled by the window that it is in. */
const LARGEST_OFFSET = Math.log2(9) / 3;

/**
 * Why a file's windows cannot be the model's: offsets that are scaled by the side of another window, from which the
 * weights were fine-tuned, or stages whose windows are of several sides.
 *
 * @returns Undefined where nothing speaks against it.
 */
export async function windowProblem(weights: NamedWeights): Promise<string | undefined> {
  const { windows } = weights.family;
  if (!windows) return undefined;
  const sides = stageSides(weights);
  if (sides.some((side, k) => k > 0 && side > sides[k - 1])) {
    return `its stages have windows of ${sides.join(", ")}: Swin-S3, which is not known here`;
  }
  for (const { name, shape, read } of weights.bookkeeping("relative_coords_table")) {
    const { values } = await read();
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (shape[1] > 1 && largest > 0 && Math.abs(largest - LARGEST_OFFSET) > 1e-3) {
      return `its ${
        printable(name)
      } is scaled by another window than its own, from which it was fine-tuned (such as 12 to 16), ` +
        "and that is not known here";
    }
  }
  return undefined;
}
