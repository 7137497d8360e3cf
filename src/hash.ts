/**
 * A hash of what is at hand at once. What comes in pieces, or is hashed in a page: `src/interop/`.
 *
 * @module
 */

import { createHash } from "node:crypto";

/**
 * SHA-256.
 *
 * @param data Bytes, or a text, of which it is the bytes in UTF-8.
 * @returns Hexadecimal.
 */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
