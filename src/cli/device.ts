/**
 * Opens the device that the flags ask for and says which it is.
 *
 * @module
 */

import { cacheFolder } from "../data/store/cache_folder.ts";
import type { Device } from "../device/device.ts";
import { type Backend, type Choice, findDevice } from "../device/open.ts";
import { deviceKinds } from "../device/registry.ts";
import type { Precision } from "../graph/graph.ts";
import type { RunConfig } from "../run/config.ts";
import { ratesOf, ratesText } from "../train/rates.ts";

/** Opens a device; `say` gets a line that names the choice and the adapter. */
export async function chooseDevice(
  backend: Backend,
  say: (line: string) => void,
  precision?: Precision,
): Promise<Device> {
  return await openChoice(await chooseKind(backend, say, precision), say);
}

/**
 * Looks for a device. Where a slow one is the best there is, `say` gets a line that says what to install, before
 * anything is fetched.
 */
export async function chooseKind(
  backend: Backend,
  say: (line: string) => void,
  precision?: Precision,
): Promise<Choice> {
  const choice = await findDevice(backend, precision);
  const { entry, passedOver: [first] } = choice;
  if (first && entry.slowRate !== undefined) {
    say(`note   ${first.missing}, and ${entry.name} is many times slower: ${first.remedy}`);
  }
  return choice;
}

/** What `auto` means for a run that goes on: the kind of device that it began on, which gives the same bytes. */
export function backendOf(backend: Backend, { device }: Pick<RunConfig, "device"> = {}): Backend {
  const began = deviceKinds.find(({ kind }) => kind === device?.kind);
  return backend === "auto" && began ? began.kind : backend;
}

/**
 * Opens what was chosen; `say` gets a line that names it, before what it fetches is fetched, and says why no other was
 * taken before it.
 */
export async function openChoice(
  { entry, open, passedOver: [first] }: Choice,
  say: (line: string) => void,
): Promise<Device> {
  if (entry.fetches !== undefined) say(`device ${entry.name} (${entry.fetches})`);
  const device = await open();
  const why = first && entry.slowRate === undefined ? `; ${first.missing}` : "";
  if (entry.fetches === undefined) say(`device ${device.name}: ${device.description}${why}`);
  return device;
}

/**
 * How long a slow device takes for a run, as far as that can be told beforehand.
 *
 * @param rate Operations of a training step that it does in a second.
 * @param multiplyAdds Of a picture in the forward pass.
 * @param pictures That are trained on, all epochs together.
 * @param validated That are validated and tested on.
 */
export function slowTime(rate: number, multiplyAdds: number, pictures: number, validated: number): string {
  // The backward pass takes twice as long as the forward one.
  const seconds = multiplyAdds * (3 * pictures + validated) / rate;
  if (seconds < 10) return "a few seconds";
  return seconds < 90
    ? `${Math.round(seconds)} seconds`
    : seconds < 5400
    ? `${Math.round(seconds / 60)} minutes`
    : `${Math.round(seconds / 3600)} hours`;
}

/** Gives a device that is tuned its rates; `say` gets a line where they were measured just now. */
export async function measureDevice(device: Device, say: (line: string) => void): Promise<void> {
  // What has one way to everything, and no queue, has no use for them.
  if (!device.tune) return;
  const { rates, isNew, notKept } = await ratesOf(device, cacheFolder());
  if (isNew) say(`rates  ${ratesText(rates)}`);
  if (notKept) say(`note   the rates are not kept: ${notKept}`);
  device.rates = rates;
  if (rates.isProcessor && device.isSoftware) {
    say(`note   ${device.description} is as fast as a processor, and is treated as one`);
  }
}
