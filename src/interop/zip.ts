/**
 * The central directory of a zip file (PKWARE's APPNOTE, sections 4.3 and 4.4), as `torch.save` writes it. Entries are
 * stored, not compressed, and aligned, so that a tensor is a range of the file.
 *
 * No library is used. Those that are kept well read or inflate whole entries, where an entry here may have gigabytes of
 * which a part is wanted. Nor do they refuse what must be refused: two names for one place, overlaps, an entry twice.
 * What remains without compression, encryption and many disks is this page. A compressed entry is refused by name. So
 * nothing is ever inflated, and no entry can be larger than the file. Checksums are not compared: PyTorch can be told
 * to write none (`torch.serialization.set_crc32_options`).
 *
 * @module
 */

import { type ByteSource, quote } from "./byte_source.ts";

/** Where an entry's bytes are in the file. */
export interface ZipEntry {
  /** First byte. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** What begins a zip file that has entries: the signature of a local header. */
export const ZIP_SIGNATURE = 0x04034b50;

const CENTRAL = { signature: 0x02014b50, size: 46 };
const LOCAL = { signature: ZIP_SIGNATURE, size: 30 };
const END = { signature: 0x06054b50, size: 22 };
const LOCATOR64 = { signature: 0x07064b50, size: 20 };
const END64 = { signature: 0x06064b50, size: 56 };

/** Stands in a field of 32 bits whose value is in the zip64 field of 64. */
const IN_ZIP64 = 0xffffffff;

/** Longest comment at the end. */
const MAX_COMMENT = 0xffff;

/** Longest directory that is read: a hundred thousand entries. */
const MAX_DIRECTORY = 16 * 2 ** 20;

/** An entry as the directory has it. */
interface Listed {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  /** Where its local header is. */
  readonly header: number;
  readonly size: number;
}

/**
 * Reads the directory and the local headers, and checks that the entries lie in the file without overlap.
 *
 * @param source The file.
 * @returns The entries by name.
 * @throws {SyntaxError} That says what is wrong, as a clause about the file.
 */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const { offset, size, count } = await findDirectory(source);
  const listed = readListing(await source.read(offset, size), count).sort((a, b) => a.header - b.header);
  const entries = new Map<string, ZipEntry>();
  let end = 0;
  let before = "";
  for (const entry of listed) {
    if (entries.has(entry.name)) throw new SyntaxError(`its entry ${quote(entry.name)} is there twice`);
    if (entry.header < end) {
      throw new SyntaxError(`its entries ${quote(before)} and ${quote(entry.name)} overlap`);
    }
    const place = await placeOf(source, entry, offset);
    entries.set(entry.name, place);
    [end, before] = [place.offset + place.size, entry.name];
  }
  return entries;
}

/** The numbers in bytes, which are little-endian throughout. */
function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads an unsigned 64-bit number; one above 2^53 lies in no file. */
function u64(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new SyntaxError(`its directory claims a place at byte ${value}`);
  return Number(value);
}

/** Finds the directory from the end of the file. */
async function findDirectory(source: ByteSource): Promise<{ offset: number; size: number; count: number }> {
  const tailSize = Math.min(source.size, END.size + MAX_COMMENT);
  const tailStart = source.size - tailSize;
  const tail = viewOf(await source.read(tailStart, tailSize));
  let at = tailSize - END.size;
  // The comment of the right record reaches the end of the file.
  while (
    at >= 0 &&
    !(tail.getUint32(at, true) === END.signature && at + END.size + tail.getUint16(at + 20, true) === tailSize)
  ) {
    at--;
  }
  if (at < 0) throw new SyntaxError("it is cut: a zip file ends with its directory, and this one does not");
  const [disk, directoryDisk, here, total] = [4, 6, 8, 10].map((field) => tail.getUint16(at + field, true));
  let found = { count: total, size: tail.getUint32(at + 12, true), offset: tail.getUint32(at + 16, true) };
  let end = tailStart + at;
  const hasLocator = at >= LOCATOR64.size && tail.getUint32(at - LOCATOR64.size, true) === LOCATOR64.signature;
  if (hasLocator) {
    end = u64(tail, at - LOCATOR64.size + 8);
    found = await readEnd64(source, end);
  } else if (disk !== 0 || directoryDisk !== 0 || here !== total) {
    throw new SyntaxError("it is a part of a zip file of several");
  }
  if (found.offset + found.size > end) {
    throw new SyntaxError(
      `its directory of ${found.size} bytes at ${found.offset} passes its own end at ${end} of ${source.size} bytes`,
    );
  }
  if (found.size > MAX_DIRECTORY) {
    throw new SyntaxError(`its directory has ${found.size} bytes; at most ${MAX_DIRECTORY} are read`);
  }
  return found;
}

/** The end record with 64-bit fields. */
async function readEnd64(source: ByteSource, at: number): Promise<{ count: number; size: number; offset: number }> {
  if (at + END64.size > source.size) {
    throw new SyntaxError(`its directory ends at byte ${at}, past the file's ${source.size}`);
  }
  const view = viewOf(await source.read(at, END64.size));
  if (view.getUint32(0, true) !== END64.signature) throw new SyntaxError(`its directory does not end at byte ${at}`);
  if (view.getUint32(16, true) !== 0 || view.getUint32(20, true) !== 0) {
    throw new SyntaxError("it is a part of a zip file of several");
  }
  return { count: u64(view, 32), size: u64(view, 40), offset: u64(view, 48) };
}

/** The directory's records. */
function readListing(bytes: Uint8Array, count: number): Listed[] {
  const view = viewOf(bytes);
  const listed: Listed[] = [];
  let at = 0;
  while (at < bytes.length) {
    const cut = () => new SyntaxError(`its directory is wrong at byte ${at} of ${bytes.length}`);
    if (at + CENTRAL.size > bytes.length || view.getUint32(at, true) !== CENTRAL.signature) throw cut();
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const nameEnd = at + CENTRAL.size + nameSize;
    const next = nameEnd + extraSize + commentSize;
    if (next > bytes.length) throw cut();
    const nameBytes = bytes.subarray(at + CENTRAL.size, nameEnd);
    const name = new TextDecoder().decode(nameBytes);
    refuseCoded(name, view.getUint16(at + 8, true), view.getUint16(at + 10, true));
    const sizes = {
      size: view.getUint32(at + 24, true),
      compressed: view.getUint32(at + 20, true),
      header: view.getUint32(at + 42, true),
    };
    const { size, compressed, header } = withZip64(sizes, bytes.subarray(nameEnd, nameEnd + extraSize), name);
    if (size !== compressed) {
      throw new SyntaxError(`its entry ${quote(name)} is stored in ${compressed} bytes and claims ${size}`);
    }
    listed.push({ name, nameBytes, header, size });
    at = next;
  }
  if (listed.length !== count) throw new SyntaxError(`its directory has ${listed.length} entries and claims ${count}`);
  return listed;
}

/** Refuses an entry that is not stored as it is. */
function refuseCoded(name: string, flags: number, method: number): void {
  if (flags & 1) throw new SyntaxError(`its entry ${quote(name)} is encrypted`);
  if (method !== 0) {
    throw new SyntaxError(
      `its entry ${
        quote(name)
      } is compressed (method ${method}): torch.save stores entries as they are; save the state_dict with it`,
    );
  }
}

type Sizes = Readonly<Record<"size" | "compressed" | "header", number>>;

/** Sizes with those that stand in the zip64 field, which has them in this order. */
function withZip64(sizes: Sizes, extra: Uint8Array, name: string): Sizes {
  const missing = (["size", "compressed", "header"] as const).filter((field) => sizes[field] === IN_ZIP64);
  if (missing.length === 0) return sizes;
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length;) {
    const [id, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (id === 1 && length >= 8 * missing.length && at + 4 + length <= extra.length) {
      const found = missing.map((field, i) => [field, u64(view, at + 4 + 8 * i)]);
      return { ...sizes, ...Object.fromEntries(found) };
    }
    at += 4 + length;
  }
  throw new SyntaxError(`its entry ${quote(name)} has no zip64 field for its sizes`);
}

/** The place of an entry's bytes, behind its local header. */
async function placeOf(source: ByteSource, { name, nameBytes, header, size }: Listed, end: number): Promise<ZipEntry> {
  const outside = () => new SyntaxError(`its entry ${quote(name)} of ${size} bytes at ${header} passes byte ${end}`);
  const minimum = LOCAL.size + nameBytes.length;
  if (header + minimum + size > end) throw outside();
  const local = await source.read(header, minimum);
  const view = viewOf(local);
  const sameName = view.getUint16(26, true) === nameBytes.length &&
    nameBytes.every((byte, i) => byte === local[LOCAL.size + i]);
  if (view.getUint32(0, true) !== LOCAL.signature || !sameName) {
    throw new SyntaxError(`its entry ${quote(name)} is not at byte ${header}, where the directory has it`);
  }
  const offset = header + minimum + view.getUint16(28, true);
  if (offset + size > end) throw outside();
  return { offset, size };
}
