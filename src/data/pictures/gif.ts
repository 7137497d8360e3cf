/**
 * The header of a GIF file (GIF89a), and its first frame as a file of its own.
 *
 * NetSurf's libnsgif as WebAssembly (`@cwasm/nsgif`) decodes: it gave Pillow's very bytes of 5 files and rejected every
 * cut. omggif 1.0.10 was tried, too: a damaged file kept it in an endless loop.
 *
 * @module
 */

import { joined } from "../../bytes.ts";
import { PictureError, type PictureHeader } from "./picture_error.ts";
import type { Still } from "./webp.ts";

/** The first frame: where its parts are in the file, and where it lies on the screen. */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** From its graphic control extension, where there is one, else from its descriptor on. */
  readonly control: number;
  /** Where its descriptor begins. */
  readonly at: number;
  /** After its data. */
  readonly end: number;
  /** Length of the header with the global colour table. */
  readonly head: number;
}

const tableBytes = (flags: number): number => flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;

/** Where the first frame is. */
function firstFrame(view: DataView): Frame {
  const head = 13 + tableBytes(view.getUint8(10));
  let at = head;
  let control = -1;
  for (;;) {
    const block = view.getUint8(at);
    if (block === 0x3b) throw new PictureError("has no picture");
    if (block === 0x21) {
      if (view.getUint8(at + 1) === 0xf9) control = at;
      at = skip(view, at + 2);
    } else if (block === 0x2c) {
      const [x, y, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true));
      const flags = view.getUint8(at + 9);
      if (view.getUint8(10) < 0x80 && flags < 0x80) throw new PictureError("has no colours");
      const end = skip(view, at + 11 + tableBytes(flags));
      return { x, y, width, height, control: control === -1 ? at : control, at, end, head };
    } else throw new PictureError(`is damaged: it has the unknown block ${block} at byte ${at}`);
  }
}

/** The place after a row of sub-blocks. */
function skip(view: DataView, at: number): number {
  for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) at += 1 + length;
  return at + 1;
}

/**
 * Reads the header.
 *
 * @param view The file, or its beginning.
 * @param isWhole Whether it is the whole file: the first frame must then be there.
 * @returns The header.
 */
export function readGif(view: DataView, isWhole: boolean): PictureHeader {
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  if (isWhole) {
    const frame = firstFrame(view);
    if (frame.x + frame.width > width || frame.y + frame.height > height || frame.width * frame.height === 0) {
      throw new PictureError(`has a first frame of ${frame.width}×${frame.height} that does not fit into it`);
    }
  }
  return { format: "gif", width, height, components: 4, bits: 8, orientation: 1, sampling: "" };
}

/**
 * The first frame as a file whose screen is just as large: libnsgif guesses at screens that it finds unlikely.
 *
 * @param bytes The whole file, whose header was read.
 * @returns The file of the first frame.
 */
export function firstFrameOf(bytes: Uint8Array): Still & { readonly width: number; readonly height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { x, y, width, height, control, at, end, head } = firstFrame(view);
  const body = control === at ? [] : [bytes.subarray(control, skip(view, control + 2))];
  const out = joined([bytes.subarray(0, head), ...body, bytes.subarray(at, end), Uint8Array.of(0x3b)]);
  const to = new DataView(out.buffer);
  to.setUint16(6, width, true);
  to.setUint16(8, height, true);
  const descriptor = out.length - 1 - (end - at);
  to.setUint32(descriptor + 1, 0);
  return { bytes: out, x, y, width, height };
}
