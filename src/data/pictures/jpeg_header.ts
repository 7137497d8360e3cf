/**
 * The header of a JPEG file.
 *
 * @module
 */

import { ascii, PictureError, type PictureHeader, readOrientation, refuseBytes } from "./picture_error.ts";

type Frame = Pick<PictureHeader, "width" | "height" | "components" | "bits" | "sampling">;

/**
 * Reads segments up to the first scan, which give the size and the orientation (ITU-T T.81, annex B).
 *
 * @param view The file, or its beginning.
 * @param isWhole Whether it is the whole file: its scans are then counted and its end marker looked for.
 * @param limit Largest picture that is decoded, in pixels.
 * @returns The header.
 */
export function readJpeg(view: DataView, isWhole: boolean, limit: number): PictureHeader {
  let frame: Frame | undefined;
  let isProgressive = false;
  let orientation = 1;
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) throw new PictureError(`has no marker at byte ${at}, where a segment should begin`);
    while (view.getUint8(at) === 0xff) at++; // fill bytes may precede a marker
    const marker = view.getUint8(at++);
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue; // markers without a segment
    if (marker === 0xd9) throw new PictureError("ends before its first scan");
    const length = view.getUint16(at);
    if (length < 2) throw new PictureError(`has a segment of length ${length} at byte ${at}`);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      const bits = view.getUint8(at + 2);
      const components = view.getUint8(at + 7);
      const factors = Array.from({ length: components }, (_, i) => view.getUint8(at + 9 + 3 * i));
      const sampling = factors.map((factor) => `${factor >> 4}x${factor & 15}`).join();
      frame = { bits, height: view.getUint16(at + 3), width: view.getUint16(at + 5), components, sampling };
      isProgressive = marker === 0xc2;
      if (marker > 0xc2) throw new PictureError("is a lossless, hierarchical or arithmetic-coded JPEG");
    } else if (marker === 0xe1 && length >= 16 && ascii(view, at + 2, 6) === "Exif\0\0") {
      orientation = readOrientation(new DataView(view.buffer, view.byteOffset + at + 8, length - 8));
    } else if (marker === 0xda) {
      break;
    }
    at += length;
    if (frame !== undefined && !isWhole) break;
  }
  if (frame === undefined) throw new PictureError("has a scan before its frame header");
  if (![1, 3, 4].includes(frame.components)) throw new PictureError(`has ${frame.components} components`);
  if (frame.bits !== 8) throw new PictureError(`has ${frame.bits} bits a component; only 8 can be read`);
  if (isProgressive) refuseBytes(bytesOfCoefficients(frame), limit);
  if (!isWhole) return { format: "jpeg", ...frame, orientation };
  if (!hasEndMarker(view, at)) throw new PictureError("is cut short: its end marker is missing");
  refuseScans(view, at, frame, limit);
  return { format: "jpeg", ...frame, orientation };
}

/** Looks for the end-of-image marker from the back: cameras and viewers append bytes after it. */
function hasEndMarker(view: DataView, from: number): boolean {
  for (let i = view.byteLength - 2; i >= from; i--) {
    if (view.getUint8(i) === 0xff && view.getUint8(i + 1) === 0xd9) return true;
  }
  return false;
}

/** What a progressive JPEG holds until its last scan: the coefficients, 16 bits each, and the pixels. */
function bytesOfCoefficients({ width, height, components, sampling }: Frame): number {
  const areas = sampling.split(",").map((factors) => factors.split("x").map(Number)).map(([x, y]) => x * y);
  const share = areas.reduce((sum, area) => sum + area, 0) / Math.max(...areas, 1);
  return width * height * (2 * share + components);
}

/** Scans of a file that encoders write: at most a few dozen, in progressive ones. */
const maxScans = 100;

/**
 * Every scan of a progressive JPEG goes over the whole picture again, and takes but a few bytes: a small file can ask
 * for hours.
 */
function refuseScans(view: DataView, first: number, { width, height }: Frame, limit: number): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let scans = 0;
  for (let at = first - 2; at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1];
    if (marker === 0xd9) break;
    if (marker === 0xff) at++;
    else if (marker === 0 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else {
      if (marker === 0xda) scans++;
      if (at + 3 >= bytes.length) break;
      at += 2 + Math.max(2, view.getUint16(at + 2));
    }
  }
  const most = Math.min(maxScans, Math.max(20, Math.floor(20 * limit / (width * height))));
  if (scans > most) throw new PictureError(`has ${scans} scans; of its size ${most} are the most that are decoded`);
}
