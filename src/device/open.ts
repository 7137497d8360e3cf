/**
 * Chooses a device.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import type { Precision } from "../graph/graph.ts";
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
 * Looks for the device that is asked for, and opens nothing. Where `auto` finds one that cannot be opened after all,
 * the next is opened in its place.
 *
 * @param precision How it is to hold what a program stores: `auto` takes a kind that can where there is one.
 * @throws UserError when it is asked for by name and is not there.
 */
export async function findDevice(backend: Backend = "auto", precision: Precision = "f32"): Promise<Choice> {
  if (backend === "auto") return await firstOf(inOrderFor(precision), []);
  const entry = deviceKind(backend);
  const found = await entry.find(true);
  if ("open" in found) return { entry, passedOver: [], ...found };
  throw new UserError(`${entry.name} was asked for and ${textOf(found, entry)}`);
}

/** A kind to try. */
interface Candidate {
  readonly entry: DeviceKind;
  /** Is it taken wherever it is? */
  readonly anywhere: boolean;
}

/** What `auto` tries: what holds half precision comes first where that is asked for, on whatever runs it. */
function inOrderFor(precision: Precision): Candidate[] {
  const kinds = deviceKinds.map((entry) => ({ entry, anywhere: false }));
  if (precision === "f32") return kinds;
  const able = deviceKinds.filter(({ precisions = [precision] }) => precisions.includes(precision));
  return [...able.map((entry) => ({ entry, anywhere: true })), ...kinds];
}

async function firstOf([candidate, ...others]: readonly Candidate[], passedOver: readonly Missing[]): Promise<Choice> {
  if (!candidate) {
    throw new UserError(`No device can be opened: ${passedOver.map((missing) => textOf(missing)).join("; ")}`);
  }
  const { entry, anywhere } = candidate;
  const found = await entry.find(anywhere);
  if ("missing" in found) return await firstOf(others, [...passedOver, found]);
  const open = async () => {
    try {
      return await found.open();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const fault = { missing: error.message, remedy: `name another with ${option("backend")}` };
      return await (await firstOf(others, [...passedOver, fault])).open();
    }
  };
  return { entry, passedOver, open };
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
export async function openDevice(backend: Backend = "auto", precision: Precision = "f32"): Promise<Device> {
  const choice = await findDevice(backend, precision);
  return await choice.open();
}
