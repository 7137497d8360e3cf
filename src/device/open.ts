/**
 * Chooses a device.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import type { Device } from "./device.ts";
import { type DeviceKind, deviceKind, deviceKinds, type DeviceName, type Found, type Missing } from "./registry.ts";

/** `auto` takes the first kind of `registry.ts` that is there. */
export type Backend = "auto" | DeviceName;

/** A kind of device that is there, and those that were tried before it. */
export interface Choice extends Found {
  readonly entry: DeviceKind;
  readonly passedOver: readonly Missing[];
}

/**
 * Looks for the device that is asked for, and opens nothing.
 *
 * @throws UserError when it is asked for by name and is not there.
 */
export async function findDevice(backend: Backend = "auto"): Promise<Choice> {
  const passedOver: Missing[] = [];
  for (const entry of backend === "auto" ? deviceKinds : [deviceKind(backend)]) {
    const found = await entry.find(backend !== "auto");
    if ("open" in found) return { entry, passedOver, ...found };
    passedOver.push(found);
    if (entry.kind === backend) throw new UserError(`${entry.name} was asked for and ${textOf(found, entry)}`);
  }
  throw new UserError(`No device can be opened: ${passedOver.map((missing) => textOf(missing)).join("; ")}`);
}

/** What is missing, what to do, and which other kinds there are. */
function textOf({ missing, remedy }: Missing, asked?: DeviceKind): string {
  const others = deviceKinds.filter((entry) => entry !== asked).map(({ kind }) => kind);
  return `${missing}: ${remedy}${asked ? `, or use ${option("backend")} ${others.join(" or ")}` : ""}`;
}

/**
 * Opens a device.
 *
 * @throws UserError when one is asked for by name and is not there.
 * @example
 * ```ts
 * import { openDevice } from "@fovea/fovea";
 * await using device = await openDevice();
 * console.log(device.kind, device.description);
 * ```
 */
export async function openDevice(backend: Backend = "auto"): Promise<Device> {
  const choice = await findDevice(backend);
  return await choice.open();
}
