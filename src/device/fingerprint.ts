/**
 * A fingerprint of a device's kernels: runs with the same one compute the same way. It is kept, since all kernels in
 * all their variants take a third of a second to write; `tests/device/fingerprints_test.ts` holds it to them, and
 * `deno task fingerprints` writes it anew.
 *
 * @module
 */

import type { Device } from "./device.ts";
import fingerprints from "./fingerprints.json" with { type: "json" };

/** SHA-256, in hexadecimal, over the kernels of a device's kind; undefined of a device of the user's own. */
export const fingerprintOf = ({ kind }: Pick<Device, "kind">): string | undefined =>
  (fingerprints as Readonly<Record<string, string>>)[kind];
