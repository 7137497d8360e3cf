/**
 * The frame of TensorBoard's event files, which is that of TFRecord: length (u64), masked CRC of the length (u32),
 * data, masked CRC of the data (u32), all in little endian.
 *
 * @module
 */

/**
 * The remainders of CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), byte by byte. That is all there is to it: a
 * package for it would bring more of its own machinery than these lines, and node:zlib has only the other CRC-32.
 */
const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  return remainder;
});

/** CRC-32C of bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ remainders[(crc ^ byte) & 255];
  return (crc ^ 0xffffffff) >>> 0;
}

/** A CRC that may itself be among the data that another one is of. */
export function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A record with its frame. */
export function framed(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(12 + data.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** `events.out.tfevents.1700000000.fovea.123.0`: files are read in the order of their names. */
export function eventFileName(seconds: number): string {
  return `events.out.tfevents.${String(seconds).padStart(10, "0")}.fovea.${Deno.pid}.0`;
}

/** The second in the name of an event file; undefined of another file. */
export function secondOf(name: string): number | undefined {
  const [, second] = /^events\.out\.tfevents\.(\d+)\./.exec(name) ?? [];
  return second === undefined ? undefined : Number(second);
}
