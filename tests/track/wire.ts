/**
 * Reads the formats that trackers write, without anything of theirs: the wire format of protocol buffers, event files
 * of TensorBoard and the records of W&B. Checksums are computed bit by bit.
 */

import { assert, assertEquals } from "@std/assert";

/** A field of a message: its number and what it holds, bytes of what is longer than a number. */
export interface WireField {
  readonly number: number;
  readonly value: bigint | number | Uint8Array;
}

/** The fields of a message, in order. */
export function fieldsOf(bytes: Uint8Array): WireField[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fields: WireField[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const [number, type] = [key >> 3, key & 7];
    if (type === 0) fields.push({ number, value: BigInt.asIntN(64, varint()) });
    else if (type === 1) fields.push({ number, value: view.getFloat64((at += 8) - 8, true) });
    else if (type === 5) fields.push({ number, value: view.getFloat32((at += 4) - 4, true) });
    else {
      assertEquals(type, 2);
      const length = Number(varint());
      assert(at + length <= bytes.length, "a field ends behind its message");
      fields.push({ number, value: bytes.subarray(at, at += length) });
    }
  }
  return fields;
}

/** Everything in a message at a path of field numbers. */
export function at(bytes: Uint8Array, ...path: readonly number[]): (bigint | number | Uint8Array)[] {
  const found = fieldsOf(bytes).filter(({ number }) => number === path[0]).map(({ value }) => value);
  return path.length === 1 ? found : found.flatMap((value) => at(value as Uint8Array, ...path.slice(1)));
}

/** The texts in a message at a path. */
export const texts = (bytes: Uint8Array, ...path: readonly number[]): string[] =>
  at(bytes, ...path).map((value) => new TextDecoder().decode(value as Uint8Array));

/** The whole numbers in a message at a path. */
export const integers = (bytes: Uint8Array, ...path: readonly number[]): number[] => at(bytes, ...path).map(Number);

/** A CRC-32 of a reflected polynomial. */
export function crc(polynomial: number, bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? polynomial : 0);
  }
  return ~value >>> 0;
}

/** The masked CRC-32C of TFRecord. */
function masked(bytes: Uint8Array): number {
  const value = BigInt(crc(0x82f63b78, bytes));
  return Number(BigInt.asUintN(32, (value >> 15n | value << 17n & 0xffffffffn) + 0xa282ead8n));
}

/** The events of a file, each of whose checksums is right. */
export function eventsIn(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const events: Uint8Array[] = [];
  for (let from = 0; from < bytes.length;) {
    const length = Number(view.getBigUint64(from, true));
    assertEquals(view.getUint32(from + 8, true), masked(bytes.subarray(from, from + 8)), "checksum of a length");
    const data = bytes.subarray(from + 12, from + 12 + length);
    assertEquals(view.getUint32(from + 12 + length, true), masked(data), "checksum of an event");
    events.push(data);
    from += 16 + length;
  }
  return events;
}

/** The records of a `.wandb` file, each of whose chunks is right; its last block may not be full. */
export function wandbRecordsIn(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  assertEquals([...bytes.subarray(0, 7)], [58, 87, 38, 66, 0xe1, 0xbe, 0]);
  const records: Uint8Array[] = [];
  let parts: number[] | undefined;
  for (let from = 7; from < bytes.length;) {
    const left = 32768 - from % 32768;
    if (left < 7) {
      assert(bytes.subarray(from, from + left).every((byte) => byte === 0), "what fills a block is zero");
      from += left;
      continue;
    }
    const [length, type] = [view.getUint16(from + 4, true), bytes[from + 6]];
    assert(7 + length <= left && from + 7 + length <= bytes.length, "a chunk crosses no block");
    const checked = bytes.subarray(from + 6, from + 7 + length);
    assertEquals(view.getUint32(from, true), crc(0xedb88320, checked), "checksum of a chunk");
    assertEquals(parts === undefined, type === 1 || type === 2, "a record begins with its first chunk");
    parts = [...parts ?? [], ...checked.subarray(1)];
    if (type === 1 || type === 4) {
      records.push(new Uint8Array(parts));
      parts = undefined;
    }
    from += 7 + length;
  }
  assertEquals(parts, undefined, "the last record is whole");
  return records;
}
