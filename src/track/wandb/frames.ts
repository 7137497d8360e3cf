/**
 * The frame of a `.wandb` file, which is that of LevelDB's logs with another checksum: 7 bytes that say what it is, and
 * blocks of 32 KiB, the first with those 7 bytes in it. A record is cut into chunks that do not cross blocks: CRC-32 of
 * type and data (u32), length of the data (u16), type (u8), data; all in little endian. Where fewer bytes are left in a
 * block than a chunk's head has, they are zero.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { joined } from "../../bytes.ts";

/** `:W&B`, the magic number 0xBEE1, version 0. */
export const MAGIC: readonly number[] = [0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0];

const BLOCK = 32 * 1024;
const HEAD = 7;

/** Where in a record a chunk stands. */
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/**
 * A record as chunks.
 *
 * @param record Its bytes.
 * @param position Bytes of the file before it.
 */
export function chunksOf(record: Uint8Array, position: number): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  let at = position;
  let isFirst = true;
  for (let done = 0, isDone = false; !isDone;) {
    const left = BLOCK - at % BLOCK;
    if (left < HEAD) {
      pieces.push(new Uint8Array(left));
      at += left;
      continue;
    }
    const data = record.subarray(done, done + left - HEAD);
    isDone = done + data.length === record.length;
    const chunk = new Uint8Array(HEAD + data.length);
    // A first chunk may be empty, where a block has room for its head alone.
    chunk[6] = isFirst ? (isDone ? FULL : FIRST) : isDone ? LAST : MIDDLE;
    isFirst = false;
    chunk.set(data, HEAD);
    const view = new DataView(chunk.buffer);
    view.setUint32(0, crc32(chunk.subarray(6)), true);
    view.setUint16(4, data.length, true);
    pieces.push(chunk);
    done += data.length;
    at += chunk.length;
  }
  return joined(pieces);
}

/**
 * The whole records of a file, and where they end. What stands behind the first fault is passed over: a process that
 * was killed leaves a part of a record.
 *
 * @param file Its bytes.
 * @returns Undefined where it is no such file.
 */
export function recordsIn(file: Uint8Array): { records: Uint8Array[]; end: number } | undefined {
  if (MAGIC.some((byte, i) => file[i] !== byte)) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const records: Uint8Array[] = [];
  let pieces: Uint8Array[] = [];
  let end = MAGIC.length;
  for (let at = MAGIC.length; at < file.length;) {
    const left = BLOCK - at % BLOCK;
    if (left < HEAD) {
      at += left;
      continue;
    }
    if (at + HEAD > file.length) break;
    const [crc, length, type] = [view.getUint32(at, true), view.getUint16(at + 4, true), file[at + 6]];
    const next = at + HEAD + length;
    if (next > file.length || HEAD + length > left || crc32(file.subarray(at + 6, next)) !== crc) break;
    if ((type === FULL || type === FIRST) !== (pieces.length === 0)) break;
    pieces.push(file.subarray(at + HEAD, next));
    at = next;
    if (type === FULL || type === LAST) {
      records.push(joined(pieces));
      pieces = [];
      end = at;
    }
  }
  return { records, end };
}

/** A file of records. */
export function fileOf(records: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [new Uint8Array(MAGIC)];
  let length = MAGIC.length;
  for (const record of records) {
    const chunks = chunksOf(record, length);
    pieces.push(chunks);
    length += chunks.length;
  }
  return joined(pieces);
}
