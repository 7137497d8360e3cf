/**
 * Published weights that are in the user's cache folder.
 *
 * @module
 */

import { basename, join } from "node:path";
import { cacheFolder } from "../../data/store/cache_folder.ts";
import { printable } from "../../data/names.ts";
import { UserError } from "../../errors.ts";
import { type PublishedWeights, publishedWeights } from "../../models/mod.ts";
import { hashOf } from "./download.ts";
import { addressOf, digitsIn, isPublishedName, placeOf, type PublishedName, weightsNamed } from "./names.ts";

/** What is written beside a file that was fetched. */
export interface FetchedRecord {
  /** By which it was asked for, in full. */
  readonly name: string;
  /** Where it was. */
  readonly address: string;
  /** Its bytes. */
  readonly size: number;
  /** Its SHA-256. */
  readonly sha256: string;
  /** Its licence, where one is stated. */
  readonly licence?: string;
  /** Commit of the hub's repository. */
  readonly commit?: string;
}

/** A file of published weights. */
export interface CachedWeights {
  /** The full name. */
  readonly name: string;
  /** Its row, where it has one. */
  readonly row?: PublishedWeights;
  /** Where it is. */
  readonly path: string;
  /** What was written down; none of a file that was put there by hand. */
  readonly record?: FetchedRecord;
}

/**
 * What is there of a name; its content is not looked at.
 *
 * @param named The name.
 * @param cache The cache folder; default the user's.
 */
export async function cachedWeights(
  named: PublishedName,
  cache: string = cacheFolder(),
): Promise<CachedWeights | undefined> {
  const { folder, files } = placeOf(named, cache);
  for (const file of files) {
    const path = join(folder, file);
    const found = await Deno.stat(path).catch(() => undefined);
    if (found?.isFile) return { name: named.name, row: named.row, path, record: await recordOf(path) };
  }
  return undefined;
}

/** What stands beside a file; undefined where nothing does that can be read. */
async function recordOf(path: string): Promise<FetchedRecord | undefined> {
  try {
    const record: FetchedRecord = JSON.parse(await Deno.readTextFile(`${path}.json`));
    return typeof record.sha256 === "string" && typeof record.size === "number" ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Hashes of files that were compared in this process, by path, time and size. */
const compared = new Map<string, string>();

/**
 * The file of published weights by its name, as `pretrained` and `teacher` take it. It is compared with the hash that
 * was written down when it was fetched, or with that in its name.
 *
 * @param text The name.
 * @param cache The cache folder; default the user's.
 * @throws UserError that names the command that fetches it, when it is not there or damaged.
 */
export async function publishedFile(text: string, cache: string = cacheFolder()): Promise<CachedWeights> {
  const named = weightsNamed(text);
  const there = await cachedWeights(named, cache);
  const command = `deno task weights ${printable(text)}`;
  if (!there) {
    const { folder, files } = placeOf(named, cache);
    throw new UserError(
      `${printable(text)} is not on this machine yet: run ${command}, or get ${addressOf(named)} and put it here as ${
        join(folder, files[0])
      }`,
    );
  }
  const wanted = there.record?.sha256 ?? ("file" in named.source ? digitsIn(named.source.file) : "");
  const sha256 = await hashOnce(there.path);
  if (!sha256.startsWith(wanted)) {
    throw new UserError(
      `Cannot use ${printable(text)}: ${there.path} is damaged (its SHA-256 is ${sha256.slice(0, 16)}…, not ${
        wanted.slice(0, 16)
      }); run ${command}, which fetches it again`,
    );
  }
  return there;
}

async function hashOnce(path: string): Promise<string> {
  const { mtime, size } = await Deno.stat(path);
  const key = JSON.stringify([path, mtime, size]);
  const known = compared.get(key) ?? await hashOf(path);
  compared.set(key, known);
  return known;
}

/** A file of weights: what `given` names, or the path that it is. */
export async function weightsPath(given: string): Promise<string> {
  return isPublishedName(given) ? (await publishedFile(given)).path : given;
}

/**
 * The row of what was given, where it is one of the tables': a name, or a file by the name under which torchvision
 * publishes it, which has the first digits of its hash.
 */
export function rowOf(given: string): PublishedWeights | undefined {
  if (isPublishedName(given)) return weightsNamed(given).row;
  const file = basename(given);
  return publishedWeights.find((row) => row.style === "torchvision" && row.file === file);
}
