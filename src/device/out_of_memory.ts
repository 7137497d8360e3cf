/**
 * The fault of a device that has no memory left.
 *
 * @module
 */

import { UserError } from "../errors.ts";

/** A device had no memory for a session. Once all its sessions are closed, `Device.recover` makes it usable again. */
export class OutOfMemoryError extends UserError {
  /** @param message What the device said of it. */
  constructor(message: string) {
    super(`The GPU has no memory left (${message}): give a smaller batch or smaller pictures`);
  }
}
