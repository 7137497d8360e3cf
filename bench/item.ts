/**
 * What an item of the bench is.
 *
 * @module
 */

import type { Device } from "../src/device/device.ts";
import { type Network, networksFor } from "./networks.ts";
import { type Answer, silences } from "./peers.ts";
import type { Rates } from "./programs.ts";
import type { Cell, Table } from "./table.ts";

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

/** What is measured of a network: its cells, and the peers' answers by their names. */
export interface Measured {
  readonly cells: readonly Cell[];
  readonly answers: Readonly<Record<string, Answer>>;
}

/** A row for each network that suits the device, and notes on the peers that gave no answer. */
export async function overNetworks(
  isGpu: boolean,
  measure: (network: Network) => Promise<Measured>,
): Promise<{ rows: Cell[][]; notes: string[] }> {
  const rows: Cell[][] = [];
  const notes: string[] = [];
  for (const network of networksFor(isGpu)) {
    const { cells, answers } = await measure(network);
    rows.push([`${network.name} ${network.imageSize}², batch ${network.batch}`, ...cells]);
    notes.push(...silences(answers).map((note) => `${network.name}: ${note}`));
  }
  return { rows, notes };
}
