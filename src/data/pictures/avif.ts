/**
 * The header of an AVIF file: boxes of ISO/IEC 23008-12, as far as they say the size, the depth and the turning of the
 * primary picture.
 *
 * libavif as WebAssembly (`@jsquash/avif`) decodes: within 2 of Pillow's values for 5 files, and it rejected every cut
 * and nearly every mutant. Its memory cannot grow beyond 2 GiB, whatever a file asks for.
 *
 * @module
 */

import { printable } from "../names.ts";
import { ascii, PictureError, type PictureHeader } from "./picture_error.ts";

/** A box: its content without the header. */
interface Box {
  readonly type: string;
  readonly at: number;
  readonly end: number;
}

function* boxesOf(view: DataView, at: number, end: number): Generator<Box, void> {
  while (at + 8 <= end) {
    let length = view.getUint32(at);
    let head = 8;
    if (length === 1) {
      length = Number(view.getBigUint64(at + 8));
      head = 16;
    } else if (length === 0) length = end - at;
    if (length < head) throw new PictureError(`is damaged: a box of ${length} bytes at byte ${at}`);
    yield { type: ascii(view, at + 4, 4), at: at + head, end: at + length };
    at += length;
  }
}

/** Finds a box by its path; the first parts of it lie one in the other. */
function find(view: DataView, from: Box, type: string): Box {
  // A meta box has four bytes of version and flags first.
  const found = boxesOf(view, from.type === "meta" ? from.at + 4 : from.at, Math.min(from.end, view.byteLength))
    .find((box) => box.type === type);
  if (found === undefined) throw new PictureError(`is damaged: it has no ${printable(type)} box`);
  if (found.end > view.byteLength) throw new RangeError("the box ends outside");
  return found;
}

/**
 * Reads the header.
 *
 * @param view The file, or its beginning.
 * @param isWhole Whether it is the whole file: every box must then be there.
 * @returns The header.
 */
export function readAvif(view: DataView, isWhole: boolean): PictureHeader {
  if (isWhole) {
    for (const { type, end } of boxesOf(view, 0, view.byteLength)) {
      if (end > view.byteLength) throw new PictureError(`is cut short: its ${printable(type)} box ends outside`);
    }
  }
  const meta = find(view, { type: "", at: 0, end: view.byteLength }, "meta");
  const primary = readPrimary(view, find(view, meta, "pitm"));
  const properties = find(view, meta, "iprp");
  const all = [...boxesIn(view, find(view, properties, "ipco"))];
  let size: { width: number; height: number } | undefined;
  let bits = 8;
  let turns = 0;
  let mirror: number | undefined;
  for (const index of readAssociations(view, find(view, properties, "ipma"), primary)) {
    const box = all[index - 1];
    if (box?.type === "ispe") size = { width: view.getUint32(box.at + 4), height: view.getUint32(box.at + 8) };
    if (box?.type === "irot") turns = view.getUint8(box.at) & 3;
    if (box?.type === "imir") mirror = view.getUint8(box.at) & 1;
    if (box?.type === "av1C") bits = [8, 8, 10, 12][view.getUint8(box.at + 2) >> 5 & 3];
  }
  if (size === undefined) throw new PictureError("is damaged: it does not say its size");
  const orientation = orientations[turns][mirror === undefined ? 0 : 1 + mirror];
  return { format: "avif", ...size, components: 4, bits, orientation, sampling: "" };
}

function* boxesIn(view: DataView, box: Box): Generator<Box, void> {
  yield* boxesOf(view, box.at, box.end);
}

/**
 * EXIF orientations of turning anticlockwise by 0, 90, 180 and 270 degrees and then not mirroring, mirroring top to
 * bottom (axis 0), or left to right.
 */
const orientations: readonly (readonly number[])[] = [[1, 4, 2], [8, 5, 7], [3, 2, 4], [6, 7, 5]];

function readPrimary(view: DataView, { at }: Box): number {
  return view.getUint8(at) === 0 ? view.getUint16(at + 4) : view.getUint32(at + 4);
}

/** Numbers, from 1, of the properties that an item has. */
function readAssociations(view: DataView, { at, end }: Box, item: number): number[] {
  const version = view.getUint8(at);
  const isWide = (view.getUint8(at + 3) & 1) === 1;
  const count = view.getUint32(at + 4);
  let from = at + 8;
  for (let i = 0; i < count && from < end; i++) {
    const id = version === 0 ? view.getUint16(from) : view.getUint32(from);
    from += version === 0 ? 2 : 4;
    const several = view.getUint8(from++);
    const found: number[] = [];
    for (let k = 0; k < several; k++) {
      found.push(isWide ? view.getUint16(from) & 0x7fff : view.getUint8(from) & 0x7f);
      from += isWide ? 2 : 1;
    }
    if (id === item) return found;
  }
  return [];
}
