/**
 * The fault of a device that has no memory left.
 *
 * @module
 */

import { UserError } from "../errors.ts";

/** A device could not take what a session asked for. Once its sessions are closed, `Device.recover` makes it usable again. */
export class OutOfMemoryError extends UserError {
  /** @param message What the device said of it. */
  constructor(message: string) {
    super(`The GPU has no memory left (${message}): give a smaller batch or smaller pictures`);
  }
}
