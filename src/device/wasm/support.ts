/**
 * What of WebAssembly the host has, asked by modules of a few bytes.
 *
 * @module
 */

/** A module with one function of a v128 and a body. */
function moduleOf(...body: number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 0x0b];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    // Type: () → v128; function 0 is of it.
    ...[1, 5, 1, 0x60, 0, 1, 0x7b],
    ...[3, 2, 1, 0],
    ...[10, code.length + 2, 1, code.length, ...code],
  ]);
}

const zeros = [0xfd, 0x0c, ...Array<number>(16).fill(0)];

/** Are there vectors of four numbers? */
export const hasSimd = (): boolean => WebAssembly.validate(moduleOf(...zeros));

/** Can a product and a sum be one instruction (`f32x4.relaxed_madd`)? */
export const hasRelaxedSimd = (): boolean =>
  WebAssembly.validate(moduleOf(...zeros, ...zeros, ...zeros, 0xfd, 0x85, 0x02));

/** What is missing here for the device, for people; undefined where all is there. */
export function missingPart(): string | undefined {
  if (typeof SharedArrayBuffer !== "function") return "there is no memory that threads share (SharedArrayBuffer)";
  return hasSimd() ? undefined : "WebAssembly has no SIMD here";
}
