/**
 * Raw maps as files.
 *
 * @module
 */

import { joined } from "../bytes.ts";
import type { Explanation } from "./explainer.ts";

/** Bytes before an array's values are a multiple of this (NumPy's format, version 1.0). */
const ALIGNMENT = 64;

/**
 * Values as a `.npy` file, which NumPy's `load` reads.
 *
 * @param values The values by rows.
 * @param shape Their axes.
 */
export function npyOf(values: Float32Array, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const axes = `${shape.join(", ")}${shape.length === 1 ? "," : ""}`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${axes}), }`;
  const magic = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0];
  const size = Math.ceil((magic.length + 2 + text.length + 1) / ALIGNMENT) * ALIGNMENT - magic.length - 2;
  const header = new TextEncoder().encode(`${text.padEnd(size - 1)}\n`);
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return joined([new Uint8Array([...magic, size & 255, size >> 8]), header, bytes]);
}

/** Axes of a map: [side, side], of several heads [heads, side, side]. */
export function mapShape({ heads, side }: Pick<Explanation, "heads" | "side">): number[] {
  return heads === 1 ? [side, side] : [heads, side, side];
}

/** What is known of a picture as JSON: the map by rows, and what the model says. */
export function jsonOf(file: string, explanation: Explanation): string {
  const { method, layer = null, class: name, prediction: { probabilities }, heads, side, covered, picture, values } =
    explanation;
  const rows = Array.from({ length: heads * side }, (_, y) => [...values.subarray(y * side, (y + 1) * side)]);
  const maps = Array.from({ length: heads }, (_, head) => rows.slice(head * side, (head + 1) * side));
  const facts = { file, method, layer, class: name, probabilities, pictureSide: picture.width, covered };
  return `${JSON.stringify({ ...facts, shape: mapShape(explanation), map: heads === 1 ? maps[0] : maps })}\n`;
}
