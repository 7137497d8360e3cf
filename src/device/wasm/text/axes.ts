/**
 * The axes of a map, as few as its operands allow: neighbouring axes that every operand has, or lacks, alike are one.
 *
 * @module
 */

import { type Shape, sizeOf } from "../../../../kernels/op.ts";

/** One axis, and which of the operands have it: the others are broadcast over it. */
export interface Axis {
  readonly size: number;
  readonly kept: readonly boolean[];
}

/** The axes of `shape` under operands of these shapes; at least one. */
export function mergedAxes(shape: Shape, operands: readonly Shape[]): Axis[] {
  const merged: Axis[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const kept = operands.map((operand) => (operand[axis - shape.length + operand.length] ?? 1) !== 1);
    const last = merged.at(-1);
    if (last && `${last.kept}` === `${kept}`) merged[merged.length - 1] = { kept, size: last.size * size };
    else merged.push({ size, kept });
  });
  return merged.length > 0 ? merged : [{ size: 1, kept: operands.map((operand) => sizeOf(operand) === 1) }];
}
