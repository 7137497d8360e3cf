/**
 * The packed cache: the pictures of a source, decoded and resized once, one after another in a file. Its name is a hash
 * of the pictures' contents and of the resizing. A changed picture, or another size, is another pack. Every split of a
 * data set shares one.
 *
 * A pack is written beside its name, synced and renamed: it is there whole or not at all. A run that is killed leaves
 * a half, with which the next one goes on (see `half_pack.ts`). After the pixels stand a JSON line, with the pictures
 * that could not be decoded and a checksum of each that could, and a checksum of that line. A disk may give other bytes
 * than it was given: who reads a picture compares its checksum (see `reader.ts`).
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
import { type Done, HalfPack } from "./half_pack.ts";
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

/** A picture that goes into a pack. */
export interface PackItem {
  /** Its file. */
  readonly path: string;
  /** Where its pixels begin in the pack. */
  readonly offset: number;
  /** Bytes of its pixels. */
  readonly bytes: number;
  /** Their checksum, where a run that was killed has written them: they are then compared, and not made again. */
  readonly checksum?: number;
}

/** Pictures that a Worker decodes into a pack. */
export interface PackJob {
  /** The file that is written to. */
  readonly file: string;
  /** How pictures are stored there. */
  readonly resizing: Resizing;
  /** Largest picture that is decoded, in pixels. */
  readonly maxPixels?: number;
  /** Pictures and where their pixels go. */
  readonly items: readonly PackItem[];
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
  const length = layout.offsets.length;
  await makeFolder(directory);
  using half = await HalfPack.open(
    path,
    layout.bytes,
    (name) => makeRoom(directory, layout.bytes + trailerBytes(length), budget, name),
  );
  try {
    const found = await decodeInto(half, source, resizing, layout, onProgress);
    await half.finish(path, layout.bytes, trailerOf(found));
    return found;
  } catch (error) {
    await half.discard();
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

/** What stands after the pixels: what is known of the pictures. */
function trailerOf({ problems, checksums }: Decoded): Uint8Array {
  const sorted = [...problems].sort(([a], [b]) => a - b);
  const line = JSON.stringify({ problems: sorted, checksums: new Uint8Array(checksums.buffer).toBase64() });
  return new TextEncoder().encode(`${line}\n${trailerSum(line)}`);
}

/** Bytes after the pixels, unless pictures could not be decoded: a run that finds such ends there. */
const trailerBytes = (pictures: number): number => 100 + Math.ceil(4 * pictures / 3) * 4;

const trailerSum = (line: string): string => checksumOf(new TextEncoder().encode(line)).toString(16).padStart(8, "0");

/** Decodes into a pack what is not there yet. */
async function decodeInto(
  half: HalfPack,
  source: FileSource,
  resizing: Resizing,
  { offsets, widths, heights }: Layout,
  onProgress?: OnProgress,
): Promise<Decoded> {
  const problems = new Map<number, string>();
  const checksums = new Uint32Array(offsets.length);
  const positions: number[] = [];
  for (const [position, offset] of offsets.entries()) {
    if (offset < 0) continue;
    const before = half.done.get(offset);
    if (typeof before === "string") problems.set(position, before);
    else positions.push(position);
  }
  const jobs: (PackJob & { readonly positions: readonly number[] })[] = [];
  for (let i = 0; i < positions.length; i += chunk) {
    const some = positions.slice(i, i + chunk);
    const items = some.map((position): PackItem => ({
      path: pathOf(source, position),
      offset: offsets[position],
      bytes: widths[position] * heights[position] * 3,
      checksum: half.done.get(offsets[position]) as number | undefined,
    }));
    jobs.push({ file: half.path, resizing, maxPixels: source.maxPixels, items, positions: some });
  }
  let done = 0;
  await runInWorkers(
    new URL("./pack_worker.ts", import.meta.url),
    jobs,
    workerCount(positions.length, 64),
    (results: (string | number)[], job) => {
      results.forEach((found, i) => {
        if (typeof found === "string") problems.set(job.positions[i], found);
        else checksums[job.positions[i]] = found;
      });
      const now = results.map((found, i): Done => [job.items[i].offset, found]);
      half.record(now.filter(([offset, found]) => half.done.get(offset) !== found));
      onProgress?.(done += job.items.length, positions.length, "decoding");
    },
  );
  return { problems, checksums };
}
