/**
 * The packed cache: the pictures of a source, decoded and resized once, one after another in a file. Its name is a hash
 * of the pictures' contents and of the resizing. A changed picture, or another size, is another pack. Every split of a
 * data set shares one.
 *
 * A pack is written beside its name, synced and renamed: it is there whole or not at all. After the pixels stand a JSON
 * line, with the pictures that could not be decoded and a checksum of each that could, and a checksum of that line. A
 * disk may give other bytes than it was given: who reads a picture compares its checksum (see `reader.ts`).
 *
 * Where no pack can be written, as on a full or read-only disk, runs do without.
 *
 * @module
 */

import { systemCode, systemReason, UserError } from "../../errors.ts";
import { makeFolder } from "../../files.ts";
import { sha256 } from "../../hash.ts";
import { cacheFolder, type CacheOptions, defaultBudgetBytes, makeRoom } from "./cache_folder.ts";
import { checksumOf } from "./checksum.ts";
import { storedSize } from "./reader.ts";
import type { Resizing } from "../pictures/resize.ts";
import { type OnProgress, type Scan, scanPictures } from "./scan.ts";
import { type FileSource, pathOf } from "./source.ts";
import { runInWorkers, workerCount } from "../workers.ts";

/**
 * Changes when the same pictures would be stored as other bytes: a new decoder, another way of resizing; or when a pack
 * is laid out in another way.
 */
const version = 3;

/** A pack that is open to readers. */
export interface Pack {
  /** The file. */
  readonly path: string;
  /** Where the pixels of each picture begin, by place in the source; −1 for those that are not in the pack. */
  readonly offsets: Float64Array;
  /** Widths as stored. */
  readonly widths: Uint32Array;
  /** Heights as stored. */
  readonly heights: Uint32Array;
  /** Checksum of each picture's pixels. */
  readonly checksums: Uint32Array;
  /** Why a picture could not be decoded, by place in the source. */
  readonly problems: ReadonlyMap<number, string>;
}

/** What is known of the pictures of a pack once they are decoded. */
interface Decoded {
  readonly checksums: Uint32Array;
  readonly problems: ReadonlyMap<number, string>;
}

/** What a Worker has found of a picture: why it could not be decoded, or the checksum of its pixels. */
export type PackedPicture = readonly [position: number, found: string | number];

/** Pictures that a Worker decodes into a pack. */
export interface PackJob {
  /** The file that is written to, and how pictures are stored there; without it they are only decoded. */
  readonly pack?: { readonly file: string; readonly resizing: Resizing };
  /** Largest picture that is decoded, in pixels. */
  readonly maxPixels?: number;
  /** Pictures and where their pixels go. */
  readonly items: readonly { readonly position: number; readonly path: string; readonly offset: number }[];
}

/** Pictures a job. */
const chunk = 32;

/** Packs in use or in the making, by file, so that the loaders of a split share one. */
const packs = new Map<string, Promise<Decoded>>();

/** Sources of which no pack can be kept, so that it is tried and said once. */
const refusals = new WeakSet<FileSource>();

/** Is told what was noticed on the way, a line each. */
export type OnNote = (note: string) => void;

/**
 * Opens the pack of a source, making it first where there is none. What does not fit into the budget stays outside.
 *
 * @param source The pictures.
 * @param resizing How the run needs the pictures.
 * @param cache Folder and budget.
 * @param onProgress Is told how far it is.
 * @param onNote Is told, once for a source, why there can be no pack.
 * @returns The pack; undefined where the disk has no room for it or refuses it.
 */
export async function openPack(
  source: FileSource,
  resizing: Resizing,
  cache: CacheOptions,
  onProgress?: OnProgress,
  onNote?: OnNote,
): Promise<Pack | undefined> {
  const scan = await scanPictures(source, onProgress);
  if (refusals.has(source)) return undefined;
  const budget = cache.budgetBytes ?? defaultBudgetBytes;
  const layout = layOut(scan, resizing.square, budget);
  try {
    const directory = cache.directory ?? cacheFolder();
    const path = `${directory}/pictures-${keyOf(scan, layout, resizing)}.pack`;
    let pack = packs.get(path);
    if (pack === undefined) {
      pack = openOrMake(source, resizing, path, layout, budget, onProgress);
      packs.set(path, pack);
    }
    try {
      // The places of one source are not those of another that happens to hold the same pictures.
      return { ...layout, path, ...await pack };
    } finally {
      packs.delete(path);
    }
  } catch (error) {
    if (!(error instanceof UserError) && systemCode(error) === undefined) throw error;
    refusals.add(source);
    const reason = error instanceof UserError ? error.message.replace(/; [^;]*$/, "") : systemReason(error);
    onNote?.(
      `decoded pictures are not kept, and are decoded in every epoch: ${reason}; FOVEA_CACHE names another folder`,
    );
    return undefined;
  }
}

function keyOf(
  scan: Scan,
  layout: Layout,
  { imageSize, square, interpolation, fit = "crop", range }: Resizing,
): string {
  const stored = scan.hashes.filter((_, i) => layout.offsets[i] >= 0);
  const shape = `${imageSize} of ${square}, ${interpolation}, ${fit}`;
  const form = [`fovea pictures ${version}`, range === undefined ? shape : `${shape}, ${range.join(":")}`];
  return sha256([...form, ...stored].join("\n")).slice(0, 32);
}

/** Where each picture goes. */
interface Layout {
  readonly offsets: Float64Array;
  readonly widths: Uint32Array;
  readonly heights: Uint32Array;
  /** Bytes of all pixels. */
  readonly bytes: number;
}

function layOut(scan: Scan, square: number, budget: number): Layout {
  const count = scan.hashes.length;
  const offsets = new Float64Array(count).fill(-1);
  const widths = new Uint32Array(count);
  const heights = new Uint32Array(count);
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    if (scan.problems.has(i)) continue;
    const { width, height } = storedSize(scan.widths[i], scan.heights[i], square);
    if (bytes + width * height * 3 + trailerBytes(count) > budget) break;
    offsets[i] = bytes;
    widths[i] = width;
    heights[i] = height;
    bytes += width * height * 3;
  }
  return { offsets, widths, heights, bytes };
}

async function openOrMake(
  source: FileSource,
  resizing: Resizing,
  path: string,
  layout: Layout,
  budget: number,
  onProgress?: OnProgress,
): Promise<Decoded> {
  const there = await readTrailer(path, layout);
  if (there !== undefined) {
    const now = new Date();
    // The least recently used pack makes room first. Of a folder that is read-only, none does.
    await Deno.utime(path, now, now).catch((error) => {
      if (systemCode(error) === undefined) throw error;
    });
    return there;
  }
  const directory = path.slice(0, path.lastIndexOf("/"));
  await makeFolder(directory);
  await makeRoom(directory, layout.bytes + trailerBytes(layout.offsets.length), budget);
  const temporary = `${path.slice(0, -".pack".length)}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
  // Whoever makes a pack holds its lock, which tells others that it is not left behind.
  using file = Deno.openSync(temporary, { read: true, write: true, createNew: true });
  try {
    // A disk without locks goes by the file's age. On Windows a lock would keep the Workers out.
    if (Deno.build.os !== "windows") await file.tryLock(true).catch(() => false);
    await file.truncate(layout.bytes);
    const found = await decodeAll(itemsOf(source, layout), {
      pack: { file: temporary, resizing },
      maxPixels: source.maxPixels,
    }, onProgress);
    const checksums = new Uint32Array(layout.offsets.length);
    checksums.set(found.checksums);
    const decoded = { ...found, checksums };
    await appendTrailer(file, layout, decoded);
    await Deno.rename(temporary, path);
    return decoded;
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/**
 * What stands after the pixels of a pack; undefined where there is no pack, or it is of another length or damaged: it
 * is then made anew.
 */
async function readTrailer(path: string, { bytes, offsets }: Layout): Promise<Decoded | undefined> {
  try {
    if (!(await Deno.stat(path)).isFile) return undefined;
    using file = await Deno.open(path);
    if ((await file.stat()).size <= bytes) return undefined;
    await file.seek(bytes, Deno.SeekMode.Start);
    const [line, sum] = (await new Response(file.readable).text()).split("\n");
    if (sum !== trailerSum(line)) return undefined;
    const { problems, checksums } = JSON.parse(line);
    const sums = new Uint32Array(Uint8Array.fromBase64(checksums).buffer);
    return sums.length === offsets.length ? { problems: new Map(problems), checksums: sums } : undefined;
  } catch (error) {
    if (systemCode(error) !== undefined || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Appends what is known of the pictures, and makes sure that everything is on the disk. */
async function appendTrailer(file: Deno.FsFile, { bytes }: Layout, { problems, checksums }: Decoded): Promise<void> {
  const sorted = [...problems].sort(([a], [b]) => a - b);
  const line = JSON.stringify({ problems: sorted, checksums: new Uint8Array(checksums.buffer).toBase64() });
  const text = new TextEncoder().encode(`${line}\n${trailerSum(line)}`);
  await file.seek(bytes, Deno.SeekMode.Start);
  for (let at = 0; at < text.length;) at += await file.write(text.subarray(at));
  await file.sync();
}

/** Bytes after the pixels, unless pictures could not be decoded: a run that finds such ends there. */
const trailerBytes = (pictures: number): number => 100 + Math.ceil(4 * pictures / 3) * 4;

const trailerSum = (line: string): string => checksumOf(new TextEncoder().encode(line)).toString(16).padStart(8, "0");

/** The pictures that the pack holds, and where. */
function itemsOf(source: FileSource, { offsets }: Layout): PackJob["items"] {
  return [...offsets].flatMap((offset, position) =>
    offset < 0 ? [] : [{ position, path: pathOf(source, position), offset }]
  );
}

/**
 * Decodes pictures in Workers.
 *
 * @param items The pictures, and where their pixels go.
 * @param how The file that is written to, without which pictures are only decoded, to see whether they can be; and how
 * large they may be.
 * @param onProgress Is told how far it is.
 * @returns Why pictures could not be decoded, and checksums of the others, by place in the source.
 */
export async function decodeAll(
  items: PackJob["items"],
  how: Omit<PackJob, "items">,
  onProgress?: OnProgress,
): Promise<Decoded> {
  const jobs: PackJob[] = [];
  for (let i = 0; i < items.length; i += chunk) {
    jobs.push({ ...how, items: items.slice(i, i + chunk) });
  }
  const problems = new Map<number, string>();
  const checksums = new Uint32Array(items.reduce((most, { position }) => Math.max(most, position + 1), 0));
  let done = 0;
  await runInWorkers(
    new URL("./pack_worker.ts", import.meta.url),
    jobs,
    workerCount(items.length, 64),
    (results: PackedPicture[], job) => {
      for (const [position, found] of results) {
        if (typeof found === "string") problems.set(position, found);
        else checksums[position] = found;
      }
      onProgress?.(done += job.items.length, items.length, "decoding");
    },
  );
  return { problems, checksums };
}
