/**
 * SHA-256 where there is no more than the web's own cryptography: in a page.
 *
 * @module
 */

import { joined } from "../bytes.ts";

/** A hash that takes its bytes in pieces; `node:crypto` has one of this form. */
export interface Sha256 {
  /** Takes more bytes. They must stay as they are until the digest. */
  update(bytes: Uint8Array<ArrayBuffer>): unknown;
  /** The hash of all of them. */
  digest(encoding: "hex"): string | Promise<string>;
}

/** Begins a hash by Web Crypto, which takes all bytes at once: they are kept until then, and copied. */
export function webSha256(): Sha256 {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  return {
    update: (bytes) => pieces.push(bytes),
    async digest() {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", joined(pieces)));
      return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
  };
}
