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
import { type Kept, ScanIndex, type Scanned } from "./scan_index.ts";
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
  /** What told that each was not changed, when it was read before; without this that is not asked for. */
  readonly stamps?: readonly (string | undefined)[];
}

/** What a Worker says of a file: that it is as it was, or what was found in it and what tells whether it is changed. */
export type ScanAnswer = "same" | { readonly scanned: Scanned; readonly stamp?: string };

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
  return keep(source, source.form === "files" ? scanKept(source, onProgress) : scanPixels(source));
}

async function scanKept(source: FileSource, onProgress?: OnProgress): Promise<Scan> {
  using index = await ScanIndex.forSource(source);
  return await scanFiles(source, { index, onProgress });
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
  const { problems } = await keep(source, scanFiles(source, { undecodable, onProgress }));
  const found = [...undecodable].flatMap(([i, reason]) => reason === undefined ? [] : [[i, reason] as const]);
  return new Map([...found, ...problems]);
}

function keep(source: PictureSource, scan: Promise<Scan>): Promise<Scan> {
  scans.set(source, scan);
  scan.catch(() => scans.delete(source));
  return scan;
}

/** How files are scanned. */
export interface ScanOptions {
  /** What was found before: files that are as they were are not read. */
  readonly index?: ScanIndex;
  /** Those whose places are in it are decoded, and what is wrong with them is put there. */
  readonly undecodable?: Map<number, string | undefined>;
  /** Is told how far it is. */
  readonly onProgress?: OnProgress;
}

/**
 * Scans files, whether they were scanned before or not.
 *
 * @param source The files.
 * @param options How.
 * @returns What is known of each.
 */
export async function scanFiles(
  source: FileSource,
  { index, undecodable = new Map(), onProgress }: ScanOptions = {},
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
      ...index && { stamps: source.paths.slice(first, first + count).map((path) => index.of(path)?.[1]) },
      ...undecodable.size > 0 && { decodes: Array.from({ length: count }, (_, i) => undecodable.has(first + i)) },
    });
  }
  let done = 0;
  const found: Scanned[] = [];
  await runInWorkers(
    new URL("./scan_worker.ts", import.meta.url),
    jobs,
    workerCount(total, undecodable.size > 0 ? 64 : 500),
    (answers: ScanAnswer[], { first }) => {
      const anew: Kept[] = [];
      answers.forEach((answer, i) => {
        const path = source.paths[first + i];
        found[first + i] = answer === "same" ? index!.of(path)![2] : answer.scanned;
        if (answer !== "same" && answer.stamp !== undefined) anew.push([path, answer.stamp, answer.scanned]);
      });
      index?.keep(anew);
      onProgress?.(done += answers.length, total, "reading");
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
