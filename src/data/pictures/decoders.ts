/**
 * The decoders of WebP, GIF, BMP and AVIF, all WebAssembly, which are loaded where such a picture is met, and not
 * fetched before.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { type Decode, lasting, type Rgba } from "./cwasm.ts";
import type { PictureFormat } from "./formats.ts";
import { firstFrameOf } from "./gif.ts";
import { PictureError, type PictureHeader } from "./picture_error.ts";
import { stillOf } from "./webp.ts";

/** Packages, in variables so that nothing is fetched before it is used. */
const packages: Readonly<Partial<Record<PictureFormat, string>>> = {
  webp: "npm:@cwasm/webp@0.1.5",
  gif: "npm:@cwasm/nsgif@0.1.2",
  bmp: "npm:@cwasm/nsbmp@0.1.3",
  avif: "npm:@jsquash/avif@2.1.1",
};

const loaded = new Map<PictureFormat, Decode>();

/**
 * Loads the decoders of formats; those of JPEG, PNG and TIFF are always there.
 *
 * @param formats The formats that were met.
 * @throws {UserError} When one can be neither found nor fetched.
 */
export async function loadDecoders(formats: Iterable<PictureFormat>): Promise<void> {
  for (const format of formats) {
    const specifier = packages[format];
    if (specifier === undefined || loaded.has(format)) continue;
    try {
      loaded.set(format, await (format === "avif" ? loadAvif(specifier) : loadWasm(specifier)));
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).split("\n")[0];
      throw new UserError(
        `Cannot decode ${format.toUpperCase()} without ${specifier.slice(4)}, which could not be loaded: ${reason}; ` +
          "without a network, fill Deno's cache once with one, or convert the pictures to PNG or JPEG",
      );
    }
  }
}

/** Whether a format's decoder has to be loaded before. */
export function needsLoading(format: PictureFormat): boolean {
  return packages[format] !== undefined;
}

async function loadWasm(specifier: string): Promise<Decode> {
  const { default: { decode } } = await import(specifier);
  return lasting(specifier, decode);
}

async function loadAvif(specifier: string): Promise<Decode> {
  const folder = `${specifier}/codec/dec`;
  const script = `${folder}/avif_dec.js`;
  const { default: start } = await import(script);
  const code = await Deno.readFile(new URL(import.meta.resolve(`${folder}/avif_dec.wasm`)));
  const compiled = new WebAssembly.Module(code);
  const instantiateWasm = (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => {
    const instance = new WebAssembly.Instance(compiled, imports);
    done(instance);
    return instance.exports;
  };
  const decoder = await start({ noInitialRun: true, instantiateWasm });
  return (bytes) => {
    // It takes an ArrayBuffer, not a view of one.
    const picture = decoder.decode(bytes.slice().buffer, 8);
    if (!picture) throw new PictureError("has damaged AVIF data");
    return picture;
  };
}

/**
 * What decodes a file of a format that was loaded by {@link loadDecoders}. Of several pictures the first is taken.
 *
 * @param header The file's header.
 * @returns A function of the whole file, which gives the picture as stored, not yet upright, and throws of a file that
 * is damaged.
 * @throws {TypeError} If the decoder is not loaded.
 */
export function loadedDecoder(header: PictureHeader): Decode {
  const decode = loaded.get(header.format);
  if (decode === undefined) throw new TypeError(`The decoder of ${header.format} is not loaded: await loadDecoders`);
  if (header.format === "webp") {
    return (bytes) => {
      const { bytes: still, x, y } = stillOf(bytes);
      return onCanvas(decode(still), header, x, y);
    };
  }
  if (header.format === "gif") {
    return (bytes) => {
      const { bytes: still, x, y, width, height } = firstFrameOf(bytes);
      const frame = decode(still);
      if (frame.width !== width || frame.height !== height) throw new PictureError("has a damaged first frame");
      return onCanvas(frame, header, x, y);
    };
  }
  return decode;
}

/** A frame on a transparent canvas. */
function onCanvas(frame: Rgba, { width, height }: PictureHeader, x: number, y: number): Rgba {
  if (frame.width === width && frame.height === height) return frame;
  if (x + frame.width > width || y + frame.height > height) {
    throw new PictureError(`decodes to ${frame.width}×${frame.height}, but its header says ${width}×${height}`);
  }
  const data = new Uint8Array(4 * width * height);
  for (let row = 0; row < frame.height; row++) {
    let to = ((y + row) * width + x) * 4;
    for (let i = row * frame.width * 4; i < (row + 1) * frame.width * 4; i++) data[to++] = frame.data[i];
  }
  return { width, height, data };
}
