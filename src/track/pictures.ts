/**
 * What trackers show of a validation as pictures: the confusion matrix, and the pictures with the highest loss.
 *
 * @module
 */

import type { Report } from "../metrics/mod.ts";
import { confusionChart } from "../report/confusion.ts";
import { draw } from "../report/draw.ts";

/** How many of the worst pictures are shown. */
export const WORST = 12;

/** A PNG file and its size. */
export interface Png {
  readonly png: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/** Draws the confusion matrix of a report. */
export async function confusionPicture(report: Report): Promise<Png> {
  const names = report.perClass.map(({ name }) => name);
  return withSize((await draw(confusionChart(report, names))).png);
}

/** A PNG file with the size that its header states. */
export function withSize(png: Uint8Array<ArrayBuffer>): Png {
  // Signature, length and name of the header come first.
  const view = new DataView(png.buffer, png.byteOffset + 16);
  return { png, width: view.getUint32(0), height: view.getUint32(4) };
}
