/**
 * What a run may take of a device's memory, and the error where that is not enough.
 *
 * @module
 */

import type { Device } from "../device/device.ts";
import { type NameOption, option, UserError } from "../errors.ts";

/** A run that does not fit a device. */
export class MemoryError extends UserError {
  /**
   * Makes the error.
   *
   * @param text Says it in one line, with names of options.
   */
  constructor(text: (name: NameOption) => string) {
    super(text(option));
  }
}

/** What a run may take. */
export interface Budget {
  /** So many. */
  readonly bytes: number;
  /** Said by the user, told by the device, or a guess. */
  readonly from: "given" | "free" | "assumed";
}

/** What a run may take; undefined where nothing is known. */
export function budgetOf(
  { memoryBytes, memoryIsAssumed }: Pick<Device, "memoryBytes" | "memoryIsAssumed">,
  memory?: number,
): Budget | undefined {
  if (memory !== undefined) return { bytes: memory, from: "given" };
  return memoryBytes === undefined ? undefined : { bytes: memoryBytes, from: memoryIsAssumed ? "assumed" : "free" };
}

/** `2 GiB are free`. */
export function budgetText({ bytes, from }: Budget, name: NameOption): string {
  const size = formatBytes(bytes);
  switch (from) {
    case "given":
      return `${name("memory")} is ${size}`;
    case "free":
      return `${size} are free`;
    case "assumed":
      return `${size} are assumed, since WebGPU does not tell how much a GPU has`;
  }
}

/** `1.5 GiB`: three digits at most. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toPrecision(2)} ${units[unit]}`;
}
