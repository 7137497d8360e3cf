/**
 * What an item of the bench is.
 *
 * @module
 */

import type { Device } from "../src/device/device.ts";
import { type Backend, openDevice } from "../src/device/open.ts";
import { UserError } from "../src/errors.ts";
import { type Network, networksFor } from "./networks.ts";
import { type Answer, silences } from "./peers.ts";
import type { Cell, Table } from "./table.ts";

/** What an item is given. */
export interface Context {
  /** Which device is asked for. */
  readonly backend: Backend;
  /** It, open. */
  readonly device: Device;
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

/**
 * A row for each network that suits the device, and notes on what was left out: networks that do not fit, and peers
 * that gave no answer. Each network has a device of its own, since one that ran out of memory is good for nothing
 * afterwards.
 */
export async function overNetworks(
  { backend, isGpu }: Pick<Context, "backend" | "isGpu">,
  measure: (network: Network, device: Device) => Promise<Measured>,
): Promise<{ rows: Cell[][]; notes: string[] }> {
  const rows: Cell[][] = [];
  const notes: string[] = [];
  for (const network of networksFor(isGpu)) {
    await using device = await openDevice(backend);
    try {
      const { cells, answers } = await measure(network, device);
      rows.push([`${network.name} ${network.imageSize}², batch ${network.batch}`, ...cells]);
      notes.push(...silences(answers).map((note) => `${network.name}: ${note}`));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      notes.push(`${network.name} is left out: ${error.message}.`);
    }
  }
  return { rows, notes };
}
