/**
 * Makes the demo face set: drawn faces with hair colours Black : Blond : Brown : Gray : Others = 2 : 1 : 1 : 1 : 0.5,
 * in CelebA's file layout and with its attribute names. It needs no download and is the same on every machine for a
 * seed.
 *
 * @module
 */

import { systemFault, UserError } from "../../errors.ts";
import { makeFolder } from "../../files.ts";
import { cacheFolder } from "../store/cache_folder.ts";
import { demoAttributes, drawUpFace, type Hair, hairRatios } from "./demo_face.ts";
import { printable } from "../names.ts";
import { randomStream, shuffle } from "../../random.ts";
import type { OnProgress } from "../store/scan.ts";
import { largestRemainder } from "../share_out.ts";
import { runInWorkers, workerCount } from "../workers.ts";

/** What the demo set is like. */
export interface DemoOptions {
  /** How many pictures. 2,400 by default. */
  readonly count?: number;
  /** Side of a picture in pixels. 64 by default. */
  readonly size?: number;
  /** Names the set. 1 by default. */
  readonly seed?: number;
  /** Where it goes; by default a folder in the user's cache. */
  readonly directory?: string;
  /** Is told how far it is. */
  readonly onProgress?: OnProgress;
}

/** Faces that a Worker draws. */
export interface DemoJob {
  /** Names the set. */
  readonly seed: number;
  /** Side of a picture in pixels. */
  readonly size: number;
  /** The faces, and where their pictures go. */
  readonly faces: readonly { readonly index: number; readonly hair: Hair; readonly path: string }[];
}

/** Changes when the same options would give other pictures or labels. */
const version = 1;

/** Stands in a finished set and says what it is. */
const stampName = ".fovea-demo.json";

/** Faces a job. */
const chunk = 16;

/**
 * Makes the demo set, or finds it where it was made before. It is made beside its place and renamed: it is there whole
 * or not at all.
 *
 * @param options What it is like.
 * @returns The data folder, for `openDataset`.
 * @throws {UserError} If the folder holds something else.
 * @throws {RangeError} If the count is below 33, with which each class has 3 pictures, or the size below 16.
 *
 * @example
 * ```ts
 * import { makeDemo } from "@fovea/fovea";
 * import { openDataset } from "../open.ts";
 *
 * const target = ["Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"];
 * const data = await openDataset(await makeDemo(), { target, others: "Others" });
 * ```
 */
export async function makeDemo(options: DemoOptions = {}): Promise<string> {
  const { count = 2400, size = 64, seed = 1, onProgress } = options;
  if (!(Number.isInteger(count) && count >= 33)) {
    throw new RangeError(`Cannot make ${count} demo faces: give 33 or more`);
  }
  if (!(Number.isInteger(size) && size >= 16)) {
    throw new RangeError(`Cannot draw faces of ${size} pixels: give 16 or more`);
  }
  const stamp = JSON.stringify({ version, count, size, seed });
  const directory = options.directory ?? `${cacheFolder()}/demo-v${version}-${count}-${size}-${seed}`;
  try {
    if (!await holds(directory, stamp)) await make(directory, stamp, { count, size, seed }, onProgress);
  } catch (error) {
    const advice = options.directory === undefined ? "set FOVEA_CACHE to another folder" : undefined;
    throw systemFault(`Cannot make the demo faces in ${printable(directory)}`, error, advice);
  }
  return directory;
}

async function make(
  directory: string,
  stamp: string,
  facts: { readonly count: number; readonly size: number; readonly seed: number },
  onProgress?: OnProgress,
): Promise<void> {
  const parent = directory.replace(/[\\/]*[^\\/]*[\\/]*$/, "") || (directory.startsWith("/") ? "/" : ".");
  await makeFolder(parent);
  const temporary = await Deno.makeTempDir({ dir: parent, prefix: ".fovea-demo-" });
  try {
    await draw(temporary, facts, onProgress);
    await Deno.writeTextFile(`${temporary}/${stampName}`, stamp);
    await Deno.chmod(temporary, 0o755).catch(() => {}); // temporary folders are private; Windows has no modes
    await moveInto(temporary, directory, stamp);
  } catch (error) {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    throw error;
  }
}

/** Whether the folder holds this very set; refuses a folder that holds something else. */
async function holds(directory: string, stamp: string): Promise<boolean> {
  try {
    const there = await Deno.readTextFile(`${directory}/${stampName}`);
    if (there === stamp) return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
  }
  if (await isEmptyOrMissing(directory)) return false;
  throw new UserError(`Cannot make the demo set in ${printable(directory)}: the folder is not empty; give another one`);
}

async function isEmptyOrMissing(directory: string): Promise<boolean> {
  try {
    return (await Array.fromAsync(Deno.readDir(directory))).length === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    if (error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Renames the finished set into its place; where another run was quicker, its set is the same and ours goes. */
async function moveInto(temporary: string, directory: string, stamp: string): Promise<void> {
  try {
    await Deno.rename(temporary, directory); // replaces an empty folder
  } catch (error) {
    if (!await holds(directory, stamp)) throw error;
    await Deno.remove(temporary, { recursive: true });
  }
}

async function draw(
  directory: string,
  { count, size, seed }: { count: number; size: number; seed: number },
  onProgress?: OnProgress,
): Promise<void> {
  await Deno.mkdir(`${directory}/img_align_celeba`);
  const faces = assignHair(count, seed).map((hair, index) => {
    const file = `${`${index + 1}`.padStart(6, "0")}.jpg`;
    return { index, hair, file, path: `${directory}/img_align_celeba/${file}` };
  });
  const rows = faces.map(({ index, hair, file }) => {
    const { attributes } = drawUpFace(seed, index, hair);
    return `${file} ${demoAttributes.map((name) => attributes.has(name) ? " 1" : "-1").join(" ")}`;
  });
  await Deno.writeTextFile(
    `${directory}/list_attr_celeba.txt`,
    `${[count, demoAttributes.join(" "), ...rows].join("\n")}\n`,
  );
  const jobs: DemoJob[] = [];
  for (let i = 0; i < count; i += chunk) jobs.push({ seed, size, faces: faces.slice(i, i + chunk) });
  let done = 0;
  await runInWorkers(
    new URL("./demo_worker.ts", import.meta.url),
    jobs,
    workerCount(count, 64),
    (drawn: number) => onProgress?.(done += drawn, count, "drawing faces"),
  );
}

/** A hair class for each face, in the demo set's ratios and in random order. */
function assignHair(count: number, seed: number): Hair[] {
  const classes = Object.keys(hairRatios) as Hair[];
  const sizes = largestRemainder(count, Object.values(hairRatios), 3);
  const hair = classes.flatMap((name, c) => new Array<Hair>(sizes[c]).fill(name));
  return shuffle(hair, randomStream(0xde30, seed));
}
