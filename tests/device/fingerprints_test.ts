import { assertEquals, assertNotEquals } from "@std/assert";
import { fingerprintOf } from "../../src/device/fingerprint.ts";
import { deviceKinds } from "../../src/device/registry.ts";
import { fingerprints } from "./fingerprints.ts";

Deno.test("the fingerprints that are kept are those of the kernels", () => {
  const kept = Object.fromEntries(deviceKinds.map(({ kind }) => [kind, fingerprintOf({ kind })]));
  assertEquals(kept, fingerprints(), "kernels have changed: run deno task fingerprints");
});

Deno.test("a fingerprint is of one kind of device", () => {
  assertNotEquals(fingerprintOf({ kind: "webgpu" }), fingerprintOf({ kind: "wasm" }));
  assertEquals(fingerprintOf({ kind: "a user's own" }), undefined);
});
