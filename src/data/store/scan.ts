/**
 * Looks at every picture of a source once: a hash of its content, its size, and what is wrong with it by its header.
 *
 * @module
 */

import { systemReason } from "../../errors.ts";
import { sha256 } from "../../hash.ts";
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
}

/** Files that a Worker looks at. */
export interface ScanJob {
  /** Place of the first one. */
  readonly first: number;
  /** Paths as Deno opens them. */
  readonly paths: readonly string[];
  /** Largest picture that is decoded, in pixels. */
  readonly maxPixels?: number;
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
  /** Why it cannot be used. */
  readonly problem?: string;
  /** Format by content, where the name says another. */
  readonly misnamed?: string;
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
  let scan = scans.get(source);
  if (scan === undefined) {
    scan = source.form === "files" ? scanFiles(source, onProgress) : Promise.resolve(scanPixels(source));
    scans.set(source, scan);
    scan.catch(() => scans.delete(source));
  }
  return scan;
}

async function scanFiles(source: FileSource, onProgress?: OnProgress): Promise<Scan> {
  const total = source.paths.length;
  const scan = {
    hashes: new Array<string>(total).fill(""),
    widths: new Uint32Array(total),
    heights: new Uint32Array(total),
    bits: new Uint8Array(total),
    problems: new Map<number, string>(),
    misnamed: new Map<number, string>(),
  };
  const jobs: ScanJob[] = [];
  for (let first = 0; first < total; first += chunk) {
    const count = Math.min(chunk, total - first);
    jobs.push({
      first,
      maxPixels: source.maxPixels,
      paths: Array.from({ length: count }, (_, i) => pathOf(source, first + i)),
    });
  }
  let done = 0;
  const found: Scanned[] = [];
  await runInWorkers(
    new URL("./scan_worker.ts", import.meta.url),
    jobs,
    workerCount(total, 500),
    (results: Scanned[], job) => {
      results.forEach((result, i) => found[job.first + i] = result);
      onProgress?.(done += results.length, total, "reading");
    },
  );
  found.forEach((result, i) => {
    scan.hashes[i] = result.hash;
    scan.widths[i] = result.width;
    scan.heights[i] = result.height;
    scan.bits[i] = result.bits ?? 0;
    if (result.problem !== undefined) scan.problems.set(i, result.problem);
    if (result.misnamed !== undefined) scan.misnamed.set(i, result.misnamed);
  });
  return scan;
}

function scanPixels(source: PixelSource): Scan {
  const { count, width, height } = source;
  const pixels = new Uint8Array(source.pixels);
  const size = width * height;
  return {
    hashes: Array.from({ length: count }, (_, i) => sha256(pixels.slice(i * size, (i + 1) * size))),
    widths: new Uint32Array(count).fill(width),
    heights: new Uint32Array(count).fill(height),
    bits: new Uint8Array(count).fill(8),
    problems: new Map(),
    misnamed: new Map(),
  };
}

/**
 * Looks at one file.
 *
 * @param path The file.
 * @param decoding How large it may be.
 * @returns Its hash, size and what is wrong with it.
 */
export function scanFile(path: string, decoding?: Decoding): Scanned {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { hash: "", width: 0, height: 0, problem: `cannot be read: ${systemReason(error)}` };
  }
  const hash = sha256(bytes);
  try {
    const header = readHeader(bytes, decoding);
    return { hash, ...uprightSize(header), bits: header.bits, misnamed: misnaming(path, header) };
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { hash, width: 0, height: 0, problem: error.message };
  }
}

function misnaming(path: string, { format }: PictureHeader): string | undefined {
  const named = /\.png$/i.test(path) ? "png" : /\.jpe?g$/i.test(path) ? "jpeg" : format;
  return named === format ? undefined : format;
}
