/**
 * The packed cache: the pictures of a source, decoded and resized once, one after another in a file. Its name is a hash
 * of the pictures' contents and of the resizing. A changed picture, or another size, is another pack. Every split of a
 * data set shares one.
 *
 * A pack is written beside its name, synced and renamed: it is there whole or not at all. After the pixels stands a
 * JSON line with the pictures that could not be decoded.
 *
 * @module
 */

import { option, UserError } from "../../errors.ts";
import { sha256 } from "../../hash.ts";
import { cacheFolder, type CacheOptions, defaultBudgetBytes, makeRoom } from "./cache_folder.ts";
import { storedSize } from "./reader.ts";
import type { Resizing } from "../pictures/resize.ts";
import { type OnProgress, type Scan, scanPictures } from "./scan.ts";
import { type FileSource, pathOf } from "./source.ts";
import { runInWorkers, workerCount } from "../workers.ts";

/** Changes when the same pictures would be stored as other bytes: a new decoder, another way of resizing. */
const version = 2;

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
  /** Why a picture could not be decoded, by place in the source. */
  readonly problems: ReadonlyMap<number, string>;
}

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
const packs = new Map<string, Promise<Pack>>();

/**
 * Opens the pack of a source, making it first where there is none. What does not fit into the budget stays outside.
 *
 * @param source The pictures.
 * @param resizing How the run needs the pictures.
 * @param cache Folder and budget.
 * @param onProgress Is told how far it is.
 * @returns The pack.
 * @throws {UserError} If the disk has no room, with the bytes and the folder.
 */
export async function openPack(
  source: FileSource,
  resizing: Resizing,
  cache: CacheOptions,
  onProgress?: OnProgress,
): Promise<Pack> {
  const scan = await scanPictures(source, onProgress);
  const budget = cache.budgetBytes ?? defaultBudgetBytes;
  const layout = layOut(scan, resizing.square, budget);
  const directory = cache.directory ?? cacheFolder();
  const stored = scan.hashes.filter((_, i) => layout.offsets[i] >= 0);
  const { imageSize, square, interpolation, fit = "crop", range } = resizing;
  const shape = `${imageSize} of ${square}, ${interpolation}, ${fit}`;
  const form = [`fovea pictures ${version}`, range === undefined ? shape : `${shape}, ${range.join(":")}`];
  const key = sha256([...form, ...stored].join("\n"));
  const path = `${directory}/pictures-${key.slice(0, 32)}.pack`;
  let pack = packs.get(path);
  if (pack === undefined) {
    pack = openOrMake(source, resizing, path, layout, budget, onProgress);
    packs.set(path, pack);
  }
  try {
    // The places of one source are not those of another that happens to hold the same pictures.
    return { ...layout, path, problems: (await pack).problems };
  } finally {
    packs.delete(path);
  }
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
    if (bytes + width * height * 3 > budget) break;
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
): Promise<Pack> {
  const there = await readProblems(path, layout.bytes);
  if (there !== undefined) {
    const now = new Date();
    await Deno.utime(path, now, now); // the least recently used pack makes room first
    return { ...layout, path, problems: there };
  }
  const directory = path.slice(0, path.lastIndexOf("/"));
  await Deno.mkdir(directory, { recursive: true });
  await makeRoom(directory, layout.bytes, budget);
  const temporary = `${path.slice(0, -".pack".length)}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    const problems = await decodeInto({ file: temporary, resizing }, source, layout, onProgress);
    await finish(temporary, problems);
    await Deno.rename(temporary, path);
    return { ...layout, path, problems };
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    if (!isDiskFault(error)) throw error;
    throw new UserError(
      `Cannot write ${layout.bytes} bytes of decoded pictures to ${directory} (${error.message}); make room, ` +
        `set FOVEA_CACHE to another folder, or give ${option("cache")} off`,
    );
  }
}

/** Problems that a pack lists, or undefined where there is no pack of this length. */
async function readProblems(path: string, bytes: number): Promise<Map<number, string> | undefined> {
  try {
    using file = await Deno.open(path);
    if ((await file.stat()).size <= bytes) return undefined;
    await file.seek(bytes, Deno.SeekMode.Start);
    return new Map(JSON.parse(await new Response(file.readable).text()).problems);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function decodeInto(
  pack: NonNullable<PackJob["pack"]>,
  source: FileSource,
  layout: Layout,
  onProgress?: OnProgress,
): Promise<Map<number, string>> {
  const file = await Deno.open(pack.file, { write: true, createNew: true });
  await file.truncate(layout.bytes);
  file.close();
  const items = [...layout.offsets].flatMap((offset, position) =>
    offset < 0 ? [] : [{ position, path: pathOf(source, position), offset }]
  );
  return await decodeAll(items, { pack, maxPixels: source.maxPixels }, onProgress);
}

/**
 * Decodes pictures in Workers.
 *
 * @param items The pictures, and where their pixels go.
 * @param how The file that is written to, without which pictures are only decoded, to see whether they can be; and how
 * large they may be.
 * @param onProgress Is told how far it is.
 * @returns Why pictures could not be decoded, by place in the source.
 */
export async function decodeAll(
  items: PackJob["items"],
  how: Omit<PackJob, "items">,
  onProgress?: OnProgress,
): Promise<Map<number, string>> {
  const jobs: PackJob[] = [];
  for (let i = 0; i < items.length; i += chunk) {
    jobs.push({ ...how, items: items.slice(i, i + chunk) });
  }
  const problems = new Map<number, string>();
  let done = 0;
  await runInWorkers(
    new URL("./pack_worker.ts", import.meta.url),
    jobs,
    workerCount(items.length, 64),
    (found: [number, string][], job) => {
      for (const [position, problem] of found) problems.set(position, problem);
      onProgress?.(done += job.items.length, items.length, "decoding");
    },
  );
  return problems;
}

/** Appends what could not be decoded and makes sure that everything is on the disk. */
async function finish(temporary: string, problems: Map<number, string>): Promise<void> {
  const sorted = [...problems].sort(([a], [b]) => a - b);
  await Deno.writeTextFile(temporary, JSON.stringify({ problems: sorted }), { append: true });
  using file = await Deno.open(temporary, { write: true });
  await file.sync();
}

/** Whether an error is the disk's: full, over quota, or failing. Only some of these have a class or a code in Deno. */
function isDiskFault(error: unknown): error is Error {
  return error instanceof Error && /os error|ENOSPC|EFBIG|EDQUOT|EIO|No space left/.test(`${error.message}`);
}
