/**
 * Gets the pictures of a data set ready to be read by Workers, and refuses broken ones before anything runs.
 *
 * @module
 */

import { ifGiven, option, UserError } from "../../errors.ts";
import type { CacheOptions } from "./cache_folder.ts";
import type { Dataset } from "../dataset.ts";
import { counted, printable } from "../names.ts";
import { outsideReason } from "../paths.ts";
import { type OnNote, openPack, type Pack } from "./pack.ts";
import type { ReaderSource } from "./reader.ts";
import { needsLoading } from "../pictures/decoders.ts";
import type { Resizing } from "../pictures/resize.ts";
import { type OnProgress, scanPictures } from "./scan.ts";

/**
 * Scans the pictures of a data set, and decodes them into the cache where that is wanted.
 *
 * @param data The data set.
 * @param resizing How the run needs the pictures.
 * @param cache Whether decoded pictures are kept, where, and how many bytes of them.
 * @param onProgress Is told how far it is.
 * @param onNote Is told why decoded pictures cannot be kept.
 * @returns Where the Workers can read the pictures.
 * @throws {UserError} If a picture is broken: all are counted, the first ones named with their reasons.
 */
export async function prepareReader(
  data: Dataset,
  resizing: Resizing,
  cache: CacheOptions,
  onProgress?: OnProgress,
  onNote?: OnNote,
): Promise<ReaderSource> {
  const { source } = data;
  const positions = shared(Int32Array, data.positions);
  if (source.form === "pixels") {
    return { resizing, positions, pixels: { data: source.pixels, width: source.width, height: source.height } };
  }
  const scan = await scanPictures(source, onProgress);
  refuseBroken(data, scan.problems);
  const paths = data.samples.map((_, i) => source.paths[data.positions[i]]);
  const files = { root: source.root, paths, maxPixels: source.maxPixels };
  // Where a picture is not in the pack, or the pack is damaged, its file is decoded.
  const formats = [...scan.formats].filter(needsLoading);
  const read = formats.length === 0 ? { resizing, positions, files } : { resizing, positions, files, formats };
  if (cache.mode === "off") return read;
  const pack = await openPack(source, resizing, cache, onProgress, onNote);
  if (!pack) return read;
  refuseBroken(data, pack.problems);
  return { ...read, pack: packFor(data, pack) };
}

function packFor({ positions }: Dataset, pack: Pack): ReaderSource["pack"] {
  return {
    path: pack.path,
    offsets: shared(Float64Array, positions.map((i) => pack.offsets[i])),
    widths: shared(Uint32Array, positions.map((i) => pack.widths[i])),
    heights: shared(Uint32Array, positions.map((i) => pack.heights[i])),
    checksums: shared(Uint32Array, positions.map((i) => pack.checksums[i])),
  };
}

type NumberArray = {
  new (buffer: SharedArrayBuffer): { set(values: readonly number[]): void };
  BYTES_PER_ELEMENT: number;
};

function shared(array: NumberArray, values: readonly number[]): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(values.length * array.BYTES_PER_ELEMENT);
  new array(buffer).set(values);
  return buffer;
}

function refuseBroken(data: Dataset, problems: ReadonlyMap<number, string>): void {
  const broken = data.samples.flatMap(({ file }, i) => {
    const problem = problems.get(data.positions[i]);
    return problem === undefined ? [] : [`${printable(file)} ${problem}`];
  });
  if (broken.length === 0) return;
  const outside = broken.some((line) => line.endsWith(outsideReason))
    ? ifGiven("allowOutside", `, or set ${option("allowOutside")} to read what lies outside`)
    : "";
  const more = broken.length > 3 ? ` and ${broken.length - 3} more` : "";
  throw new UserError(
    `Cannot read ${counted(broken.length, "picture")} of ${data.size}: ${broken.slice(0, 3).join("; ")}${more}. ` +
      `Mend or remove them (the command data check lists all)${
        ifGiven("skipBroken", `, or set ${option("skipBroken")}`)
      }${outside}`,
  );
}
