/**
 * Keeps what adapters were measured to do, so that they are measured once.
 *
 * ```text
 * <cache folder>/rates-<adapter>.json   for all runs
 * <run directory>/config.json           `rates`: what this run goes by, and goes on by when it is resumed
 * ```
 *
 * @module
 */

import { join } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import type { Device } from "../device/device.ts";
import type { Rates } from "../device/rates.ts";
import { measureRates } from "../device/self_test.ts";
import { systemCode, systemReason, UserError } from "../errors.ts";
import { makeFolder, refuseLong, writeAtomic } from "../files.ts";
import { adapterFile } from "./adapter_file.ts";
import { readConfig } from "../run/config.ts";

/** Rates of a device, and where they come from. */
export interface KnownRates {
  readonly rates: Rates;
  /** Were they measured just now? */
  readonly isNew: boolean;
  /** Why they could not be kept, for people. */
  readonly notKept?: string;
}

/**
 * Rates of a device: those that were kept, else measured now and kept.
 *
 * @param folder The cache folder.
 * @param again Measures whatever is kept.
 */
export async function ratesOf(device: Device, folder: string, again = false): Promise<KnownRates> {
  const path = join(folder, adapterFile("rates", device.description));
  const made = { adapter: device.description, fovea: manifest.version, isSoftware: device.isSoftware };
  const kept = again ? undefined : await readKept(path, made);
  if (kept) return { rates: kept, isNew: false };
  const rates = await measureRates(device);
  try {
    await makeFolder(folder);
    await writeAtomic(path, `${JSON.stringify({ ...made, rates }, null, 2)}\n`);
  } catch (error) {
    // A run is not worth less where nothing can be kept: it is measured again the next time.
    if (!(error instanceof UserError)) throw error;
    return { rates, isNew: true, notKept: `${path} cannot be written: ${systemReason(error.cause)}` };
  }
  return { rates, isNew: true };
}

/** The rates that a run began with; undefined where the device was not measured. */
export async function ratesOfRun(run: string): Promise<Rates | undefined> {
  const { rates } = await readConfig(run);
  return rates;
}

/**
 * Rates that another version kept, or that were measured by kernels for something else, count for nothing; nor does
 * what is damaged.
 */
async function readKept(path: string, made: Readonly<Record<string, unknown>>): Promise<Rates | undefined> {
  await refuseLong(path);
  try {
    const kept = JSON.parse(await Deno.readTextFile(path));
    const isSame = Object.entries(made).every(([name, value]) => kept?.[name] === value);
    return isSame ? ratesIn(kept.rates) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error)) return undefined;
    throw error;
  }
}

/** What a file holds as rates; undefined for anything else. */
function ratesIn(value: unknown): Rates | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { flops, bytes, readBack, queueDepth, isProcessor } = value as Record<string, unknown>;
  const isAmount = (amount: unknown): amount is number => Number.isFinite(amount) && (amount as number) > 0;
  if (!isAmount(flops) || !isAmount(bytes) || !isAmount(readBack) || !isAmount(queueDepth)) return undefined;
  if (!Number.isInteger(queueDepth) || typeof isProcessor !== "boolean") return undefined;
  return { flops, bytes, readBack, queueDepth, isProcessor };
}

/** `24.1 GFLOP/s in a product, 1.9 GB/s in a copy, 11 ms to read back`. */
export function ratesText({ flops, bytes, readBack }: Rates): string {
  const giga = (rate: number) =>
    rate >= 1e12 ? `${(rate / 1e12).toPrecision(3)} T` : `${(rate / 1e9).toPrecision(3)} G`;
  return `${giga(flops)}FLOP/s in a matrix product, ${giga(bytes)}B/s in a copy, ${
    (1000 * readBack).toPrecision(2)
  } ms to read back`;
}
