/**
 * Looks at every picture of a source once: a hash of its content, its size, and what is wrong with it by its header.
 * Where that is asked for, it is decoded in the same reading.
 *
 * @module
 */

import { sha256 } from "../../hash.ts";
import { decodeAny } from "../pictures/decode.ts";
import { readPictureFile } from "../pictures/file.ts";
import { namedFormat, type PictureFormat } from "../pictures/formats.ts";
import { type Decoding, PictureError, type PictureHeader, readHeader, uprightSize } from "../pictures/header.ts";
import { type FileSource, pathOf, type PictureSource, type PixelSource } from "./source.ts";
import { runInWorkers, workerCount } from "../workers.ts";

/** Tells how far a long job is. */
export type OnProgress = (done: number, total: number, what: string) => void;

/** What is known of the pictures of a source, by place. */
export interface Scan {
  /** SHA-256 of the file's bytes, or of the pixels; empty for files that cannot be read. */
  readonly hashes: readonly string[];
  /** Upright widths in pixels; 0 where there is a problem. */
  readonly widths: Uint32Array;
  /** Upright heights in pixels. */
  readonly heights: Uint32Array;
  /** Why a picture cannot be used. */
  readonly problems: ReadonlyMap<number, string>;
  /** Bits of a component; 0 where there is a problem. */
  readonly bits: Uint8Array;
  /** Format by content, where the file's name says another. */
  readonly misnamed: ReadonlyMap<number, string>;
  /** Formats of the files. */
  readonly formats: ReadonlySet<PictureFormat>;
}

/** Files that a Worker looks at. */
export interface ScanJob {
  /** Place of the first one. */
  readonly first: number;
  /** Paths as Deno opens them. */
  readonly paths: readonly string[];
  /** Largest picture that is decoded, in pixels. */
  readonly maxPixels?: number;
  /** Which of them are decoded, to see whether they can be. */
  readonly decodes?: readonly boolean[];
}

/** What is known of one file. */
export interface Scanned {
  /** SHA-256 of the bytes in hexadecimal; empty if it cannot be read. */
  readonly hash: string;
  /** Upright width in pixels. */
  readonly width: number;
  /** Upright height in pixels. */
  readonly height: number;
  /** Bits of a component. */
  readonly bits?: number;
  /** Format by content. */
  readonly format?: PictureFormat;
  /** Why it cannot be used. */
  readonly problem?: string;
  /** Format by content, where the name says another. */
  readonly misnamed?: string;
  /** Why it cannot be decoded, though nothing is wrong by its header. */
  readonly undecodable?: string;
}

/** Files a job: few enough for a smooth progress bar, enough to make messages cheap. */
const chunk = 64;

/** Scans in use or done, so that the parts of a split share one. */
const scans = new WeakMap<PictureSource, Promise<Scan>>();

/**
 * Scans a source in Workers; a source is scanned once, and later calls share the result.
 *
 * @param source The pictures.
 * @param onProgress Is told how far it is.
 * @returns What is known of each picture.
 */
export function scanPictures(source: PictureSource, onProgress?: OnProgress): Promise<Scan> {
  const known = scans.get(source);
  if (known !== undefined) return known;
  return keep(source, source.form === "files" ? scanFiles(source, new Map(), onProgress) : scanPixels(source));
}

/**
 * Scans a source and decodes pictures of it, reading each file once. Later scans of the source share what was found.
 *
 * @param source The pictures.
 * @param positions Places of those that are decoded.
 * @param onProgress Is told how far it is.
 * @returns Why pictures cannot be used, by their header or as they were decoded, by place in the source.
 */
export async function scanDecoding(
  source: FileSource,
  positions: readonly number[],
  onProgress?: OnProgress,
): Promise<ReadonlyMap<number, string>> {
  const undecodable = new Map(positions.map((position) => [position, undefined as string | undefined]));
  const { problems } = await keep(source, scanFiles(source, undecodable, onProgress));
  const found = [...undecodable].flatMap(([i, reason]) => reason === undefined ? [] : [[i, reason] as const]);
  return new Map([...found, ...problems]);
}

function keep(source: PictureSource, scan: Promise<Scan>): Promise<Scan> {
  scans.set(source, scan);
  scan.catch(() => scans.delete(source));
  return scan;
}

/** Scans files. Those whose places are in `undecodable` are decoded, and what is wrong with them is put there. */
async function scanFiles(
  source: FileSource,
  undecodable: Map<number, string | undefined>,
  onProgress?: OnProgress,
): Promise<Scan> {
  const total = source.paths.length;
  const scan = {
    hashes: new Array<string>(total).fill(""),
    widths: new Uint32Array(total),
    heights: new Uint32Array(total),
    bits: new Uint8Array(total),
    problems: new Map<number, string>(),
    misnamed: new Map<number, string>(),
    formats: new Set<PictureFormat>(),
  };
  const jobs: ScanJob[] = [];
  for (let first = 0; first < total; first += chunk) {
    const count = Math.min(chunk, total - first);
    jobs.push({
      first,
      maxPixels: source.maxPixels,
      paths: Array.from({ length: count }, (_, i) => source.problems?.has(first + i) ? "" : pathOf(source, first + i)),
      ...undecodable.size > 0 && { decodes: Array.from({ length: count }, (_, i) => undecodable.has(first + i)) },
    });
  }
  let done = 0;
  const found: Scanned[] = [];
  await runInWorkers(
    new URL("./scan_worker.ts", import.meta.url),
    jobs,
    workerCount(total, undecodable.size > 0 ? 64 : 500),
    (results: Scanned[], job) => {
      results.forEach((result, i) => found[job.first + i] = result);
      onProgress?.(done += results.length, total, "reading");
    },
  );
  found.forEach((read, i) => {
    // What is known without opening the file comes first: a link that leads out is not followed.
    const known = source.problems?.get(i);
    const result: Scanned = known === undefined ? read : { hash: "", width: 0, height: 0, problem: known };
    scan.hashes[i] = result.hash;
    scan.widths[i] = result.width;
    scan.heights[i] = result.height;
    scan.bits[i] = result.bits ?? 0;
    if (result.problem !== undefined) scan.problems.set(i, result.problem);
    if (result.format !== undefined) scan.formats.add(result.format);
    if (result.misnamed !== undefined) scan.misnamed.set(i, result.misnamed);
    if (result.undecodable !== undefined) undecodable.set(i, result.undecodable);
  });
  return scan;
}

function scanPixels(source: PixelSource): Promise<Scan> {
  const { count, width, height } = source;
  const pixels = new Uint8Array(source.pixels);
  const size = width * height;
  return Promise.resolve({
    hashes: Array.from({ length: count }, (_, i) => sha256(pixels.slice(i * size, (i + 1) * size))),
    widths: new Uint32Array(count).fill(width),
    heights: new Uint32Array(count).fill(height),
    bits: new Uint8Array(count).fill(8),
    problems: new Map(),
    misnamed: new Map(),
    formats: new Set(),
  });
}

/**
 * Looks at one file.
 *
 * @param path The file; empty for one that is not to be opened.
 * @param decoding How large it may be.
 * @param decodes Whether it is decoded, too.
 * @returns Its hash, size and what is wrong with it.
 */
export async function scanFile(path: string, decoding: Decoding, decodes: boolean): Promise<Scanned> {
  if (path === "") return { hash: "", width: 0, height: 0 };
  let hash = "";
  try {
    const bytes = readPictureFile(path, decoding);
    hash = sha256(bytes);
    const header = readHeader(bytes, decoding);
    const { format, bits } = header;
    const scanned = { hash, ...uprightSize(header), bits, format, misnamed: misnaming(path, header) };
    return decodes ? { ...scanned, undecodable: await faultOf(bytes, decoding) } : scanned;
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { hash, width: 0, height: 0, problem: error.message };
  }
}

/** Why a picture cannot be decoded. */
async function faultOf(bytes: Uint8Array, decoding: Decoding): Promise<string | undefined> {
  try {
    await decodeAny(bytes, decoding);
    return undefined;
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return error.message;
  }
}

function misnaming(path: string, { format }: PictureHeader): string | undefined {
  const named = namedFormat(path) ?? format;
  return named === format ? undefined : format;
}
