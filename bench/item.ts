/**
 * What an item of the bench is.
 *
 * @module
 */

import type { Device } from "../src/device/device.ts";
import type { Rates } from "./programs.ts";
import type { Table } from "./table.ts";

/** What an item is given. */
export interface Context {
  /** WebGPU where there is an adapter. */
  readonly device: Device;
  /** The device's rates, measured in this run. */
  readonly rates: Rates;
  /** Sizes for a GPU instead of those for a processor. */
  readonly isGpu: boolean;
}

/** One table of the bench. */
export interface Item {
  /** Word that chooses it. */
  readonly name: string;
  run(context: Context): Promise<Table>;
}
