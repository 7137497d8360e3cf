/**
 * The fault of a device that is gone: unplugged, reset by its driver, or taken by the system.
 *
 * @module
 */

import { UserError } from "../errors.ts";

/** A device is gone. Nothing that it says afterwards is to be believed. */
export class DeviceLostError extends UserError {
  /** What the system said of it. */
  readonly reason: string;

  /**
   * @param reason What the system said of it.
   * @param advice What to do.
   */
  constructor(reason: string, advice = "begin again, on this device or another") {
    super(`The GPU was lost (${reason}): what it said after that is not kept; ${advice}`);
    this.reason = reason;
  }
}
