/**
 * What every device refuses, in the same words.
 *
 * @module
 */

import { ifGiven, option, UserError } from "../errors.ts";
import type { Precision } from "../graph/graph.ts";
import type { Device, Values } from "./device.ts";

/** Throws UserError unless a device can hold tensors so; one that is not open yet has no description. */
export function checkPrecision(
  { name, description, precisions }: Pick<Device, "name"> & Partial<Pick<Device, "description" | "precisions">>,
  precision: Precision,
): void {
  if (precisions?.includes(precision)) return;
  throw new UserError(
    `Cannot use ${precision} on ${name}${
      description ? `, ${description}` : ""
    }: it takes a WebGPU adapter with shader-f16 (the command doctor ` +
      `says whether there is one)${ifGiven("precision", `; give ${option("precision")} f32`)}`,
  );
}

/**
 * The values of an input.
 *
 * @throws TypeError when they are missing or not `length` numbers.
 */
export function inputValues(inputs: Values, name: string, length: number): Float32Array {
  const values = inputs[name];
  if (values?.length === length) return values;
  throw new TypeError(`Input ${name} takes ${length} numbers: given ${values ? values.length : "none"}`);
}

/**
 * Throws TypeError unless a state has the `wanted` numbers that a program takes; `length` is undefined where none was
 * written.
 */
export function checkState(name: string, length: number | undefined, wanted: number): void {
  if (length === undefined) throw missingState(name);
  if (length !== wanted) {
    throw new TypeError(`State ${name} has ${length} numbers and the program takes ${wanted}: write it in that size`);
  }
}

/** Throws TypeError when a state that has `length` numbers is given another count. */
export function checkWrite(name: string, length: number, given: number): void {
  if (length !== given) {
    throw new TypeError(`Cannot write ${given} numbers to ${name}: it has ${length}`);
  }
}

/** Of a state that was never written. */
export function missingState(name: string): TypeError {
  return new TypeError(`No state is called ${name}: write it before a program uses it`);
}

/** Of outputs that are no longer there. */
export function staleOutputs(): Error {
  return new Error(
    "These outputs cannot be read: the program has not run, or another was compiled or run since; read them right after the run",
  );
}
