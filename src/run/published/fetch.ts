/**
 * Fetches published weights into the user's cache folder, once.
 *
 * @module
 */

import { basename, join } from "node:path";
import { cacheFolder } from "../../data/store/cache_folder.ts";
import { printable } from "../../data/names.ts";
import { UserError } from "../../errors.ts";
import { writeAtomic } from "../../files.ts";
import { type CachedWeights, cachedWeights, type FetchedRecord } from "./cached.ts";
import { download, type DownloadOptions, hashOf } from "./download.ts";
import { askHub, fetchConfig, type RepositoryFacts } from "./hub.ts";
import {
  addressOf,
  digitsIn,
  type Hosts,
  HUB_FILES,
  placeOf,
  publicHosts,
  type PublishedName,
  type Repository,
  weightsNamed,
} from "./names.ts";
import { FetchError, usualPatience } from "./request.ts";

/** How to fetch published weights. */
export interface FetchOptions extends DownloadOptions {
  /** Told what is about to be fetched. */
  readonly onStart?: (what: { readonly address: string; readonly size?: number; readonly licence?: string }) => void;
  /** The cache folder; default the user's. */
  readonly cache?: string;
  /** Where they are fetched from; default the hosts that publish them. */
  readonly hosts?: Hosts;
}

/** What was fetched, or was there. */
export interface FetchedWeights extends CachedWeights {
  /** Was it there already? Without a record it was put there by hand, and the hub could not be asked for its hash. */
  readonly wasThere: boolean;
}

/**
 * Fetches published weights into the user's cache folder, unless they are there. It goes on where it broke off, and
 * what came is compared with the hash that was published.
 *
 * It needs the network permission for `download.pytorch.org`, or for `huggingface.co` and `*.hf.co`.
 *
 * @param name Such as `imagenet:resnet50`, `timm:resnet50.a1_in1k` or `hf:owner/name`.
 * @param options How.
 * @returns Where the file is, and what is known of it.
 * @throws UserError in one line that says which file to get by hand and how to name it.
 *
 * @example
 * ```ts
 * import { createModel, fetchWeights, loadWeights } from "@fovea/fovea";
 *
 * const { name } = await fetchWeights("imagenet:resnet18");
 * await loadWeights(createModel("resnet18", { classes: 5 }), name);
 * ```
 */
export async function fetchWeights(name: string, options: FetchOptions = {}): Promise<FetchedWeights> {
  const { cache = cacheFolder(), hosts = publicHosts } = options;
  const named = weightsNamed(name);
  const there = await wholeIn(named, cache);
  if (there) return there;
  let file: string | undefined;
  try {
    if ("file" in named.source) return await fetchFile(named, named.source.file, cache, hosts, options);
    const facts = await askHub(hosts.hub, named.source, options.patience ?? usualPatience, options.signal);
    file = facts.weights.name;
    return await fetchRepository(named, facts, cache, hosts, options);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    const byHand = await cachedWeights(named, cache);
    if (byHand && !byHand.record && error.status === undefined) return { ...byHand, wasThere: true };
    throw refusal(named, error, hosts, cache, file);
  }
}

/** A file of torchvision's, whose name has the first digits of its hash. */
async function fetchFile(
  named: PublishedName,
  file: string,
  cache: string,
  hosts: Hosts,
  options: FetchOptions,
): Promise<FetchedWeights> {
  const path = join(placeOf(named, cache).folder, file);
  const address = addressOf(named, hosts);
  const { licence } = named.row ?? {};
  options.onStart?.({ address, licence });
  const got = await download({ address, sha256: digitsIn(file) }, path, options);
  return await kept(named, path, { name: named.name, address, licence, ...got });
}

/** What a repository of the hub's has. */
async function fetchRepository(
  named: PublishedName,
  facts: RepositoryFacts,
  cache: string,
  hosts: Hosts,
  options: FetchOptions,
): Promise<FetchedWeights> {
  const repository = named.source as Repository;
  const { commit, weights: { name: file, sha256, size } } = facts;
  const licence = facts.licence ?? named.row?.licence;
  const { folder } = placeOf(named, cache);
  const path = join(folder, file);
  const address = `${hosts.hub}/${repository.id}/resolve/${commit}/${file}`;
  const patience = options.patience ?? usualPatience;
  // The small files first: where the weights stand, they do.
  await Deno.mkdir(folder, { recursive: true });
  for (const config of facts.configs) {
    const bytes = await fetchConfig(hosts.hub, repository, facts, config, patience, options.signal);
    await writeAtomic(join(folder, config.name), bytes);
  }
  const there = await wholeIn(named, cache, sha256);
  if (!there || basename(there.path) !== file) {
    options.onStart?.({ address, size, licence });
    await download({ address, sha256, size }, path, options);
  }
  // Of two that may be there the first is read: another one than was asked for is not to stand in its way.
  for (const other of HUB_FILES.filter((name) => name !== file)) await Deno.remove(join(folder, other)).catch(() => {});
  const record = { name: named.name, address, licence, commit, sha256, size: (await Deno.stat(path)).size };
  return { ...await kept(named, path, record), wasThere: there !== undefined };
}

/** Writes down what was fetched. */
async function kept(named: PublishedName, path: string, record: FetchedRecord): Promise<FetchedWeights> {
  await writeAtomic(`${path}.json`, JSON.stringify(record, undefined, 2) + "\n");
  return { name: named.name, row: named.row, path, record, wasThere: false };
}

/**
 * What is there, if its hash is right: the one in its name, the hub's, or else the one that was written down. What was
 * put there by hand is written down.
 */
async function wholeIn(named: PublishedName, cache: string, hub?: string): Promise<FetchedWeights | undefined> {
  const there = await cachedWeights(named, cache);
  const wanted = "file" in named.source ? digitsIn(named.source.file) : hub ?? there?.record?.sha256;
  if (!there || wanted === undefined) return undefined;
  const sha256 = await hashOf(there.path);
  if (!sha256.startsWith(wanted)) return undefined;
  if (there.record?.sha256 === sha256) return { ...there, wasThere: true };
  const { size } = await Deno.stat(there.path);
  const record = { name: named.name, address: addressOf(named), licence: named.row?.licence, sha256, size };
  return { ...await kept(named, there.path, record), wasThere: true };
}

/** One line: why, what to get where there is a network, and how to name it here. */
function refusal(
  named: PublishedName,
  { message, status }: FetchError,
  hosts: Hosts,
  cache: string,
  file?: string,
): UserError {
  const { folder, files } = placeOf(named, cache);
  const address = addressOf(named, hosts, file);
  const cannot = `Cannot fetch ${printable(named.name)} from ${new URL(address).host}: ${printable(message)}`;
  if (status === 404 || status === 410) return new UserError(`${cannot}; check the name on ${pageOf(named, hosts)}`);
  return new UserError(
    `${cannot}; where you can, get ${address} and put it here as ${join(folder, file ?? files[0])}`,
  );
}

/** Where people look the name up. */
function pageOf({ source }: PublishedName, hosts: Hosts): string {
  return "file" in source ? "https://docs.pytorch.org/vision/stable/models.html" : `${hosts.hub}/${source.id}`;
}
