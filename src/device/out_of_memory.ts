/**
 * The fault of a device that has no memory left.
 *
 * A plan may fit and the device run out of memory all the same. Once its sessions are closed, `Device.recover` waits
 * until all that used the missing buffers has been refused; then the device is usable again.
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
