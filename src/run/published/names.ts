/**
 * Names of published weights: `imagenet:resnet50`, `torchvision:ResNet50_Weights.IMAGENET1K_V2`,
 * `timm:resnet50.a1_in1k`, `hf:owner/name`, and where a name's file is, there and here.
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../../data/store/cache_folder.ts";
import { printable } from "../../data/names.ts";
import { nearest, UserError } from "../../errors.ts";
import { modelNamed, models, type PublishedWeights, publishedWeights } from "../../models/mod.ts";

/** Where published weights are fetched from. */
export interface Hosts {
  /** Address over torchvision's files, with a slash at the end. */
  readonly torchvision: string;
  /** Address of Hugging Face's hub, without one. */
  readonly hub: string;
}

/** The hosts themselves; tests put a server of their own in their place. */
export const publicHosts: Hosts = {
  torchvision: "https://download.pytorch.org/models/",
  hub: "https://huggingface.co",
};

/** A repository of the hub's, at a revision. */
export interface Repository {
  /** Owner and name. */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

/** What a name means. */
export interface PublishedName {
  /** The full name: `imagenet:resnet50` is one of torchvision's. */
  readonly name: string;
  /** Its row, where it has one. */
  readonly row?: PublishedWeights;
  /** A file of torchvision's, or a repository of the hub's. */
  readonly source: { readonly file: string } | Repository;
}

const KINDS = ["imagenet", "torchvision", "timm", "hf"] as const;

/** Is it a name of published weights, and no path? A file whose name looks like one is written `./hf:x`. */
export function isPublishedName(text: string): boolean {
  return KINDS.some((kind) => text.startsWith(`${kind}:`));
}

/**
 * What a name means. Letter case is ignored, and a tag or version that is left out is the usual one.
 *
 * @param text Such as `imagenet:resnet50`.
 * @throws UserError with the nearest name when there is none.
 */
export function weightsNamed(text: string): PublishedName {
  const kind = KINDS.find((kind) => text.startsWith(`${kind}:`));
  if (!kind) {
    const bare = models.some(({ name }) => name === text) ? `; did you mean imagenet:${text}?` : "";
    throw new UserError(
      `${printable(text)} names no published weights${
        bare || ": give imagenet:MODEL, torchvision:…, timm:… or hf:OWNER/NAME"
      }`,
      2,
    );
  }
  const rest = text.slice(kind.length + 1);
  if (kind === "hf") return onHub(rest);
  if (kind === "imagenet") return usualOf(rest);
  const rows = publishedWeights.filter(({ name }) => name.startsWith(`${kind}:`));
  const spelt = kind === "timm" ? (word: string) => word.toLowerCase() : plain;
  // `resnet50` is the first of `resnet50.…`, and so is `DEFAULT` of torchvision's.
  const asked = spelt(rest.replace(/\.DEFAULT$/i, ""));
  const row = rows.find(({ name }) => {
    const full = spelt(name.slice(kind.length + 1));
    return full === asked || full.split(".")[0] === asked;
  });
  if (row) return ofRow(row);
  const near = nearest(text, rows.map(({ name }) => name));
  const hint = near
    ? `did you mean ${near}?`
    : kind === "timm"
    ? "the command weights lists what fits a model here; any other is hf:timm/NAME"
    : "the command weights lists what there is";
  throw new UserError(`There are no weights ${printable(text)}; ${hint}`, 2);
}

/** `ResNet50_Weights.IMAGENET1K_V2` as `resnet50.imagenet1kv2`. */
function plain(entry: string): string {
  return entry.toLowerCase().replace("_weights", "").replaceAll(/[_-]/g, "");
}

function ofRow(row: PublishedWeights): PublishedName {
  const source = row.style === "torchvision" ? { file: row.file } : { id: row.file, revision: "main" };
  return { name: row.name, row, source };
}

/** The first row of a model for ImageNet-1K's classes. */
function usualOf(model: string): PublishedName {
  const { name } = modelNamed(model);
  const row = publishedWeights.find((row) => row.model === name && row.classes === 1000);
  if (row) return ofRow(row);
  throw new UserError(`No weights of ${name} are published: the command weights lists the models that have some`, 2);
}

function onHub(text: string): PublishedName {
  const [, id, revision = "main"] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w-][\w.-]*))?$/.exec(text) ?? [];
  if (id === undefined || `${id}@${revision}`.includes("..")) {
    throw new UserError(`Cannot use hf:${printable(text)}: give hf:OWNER/NAME or hf:OWNER/NAME@REVISION`, 2);
  }
  const row = revision === "main" ? publishedWeights.find((row) => row.file === id) : undefined;
  return row ? ofRow(row) : { name: `hf:${text}`, source: { id, revision } };
}

/** Files that a repository of the hub's may have its weights in, the first that is there. */
export const HUB_FILES = ["model.safetensors", "pytorch_model.bin"] as const;

/**
 * Where a name's files are kept.
 *
 * @param named The name.
 * @param cache The user's cache folder.
 * @returns The folder, and the names that the file of weights may have in it.
 */
export function placeOf(
  { source }: PublishedName,
  cache: string = cacheFolder(),
): { readonly folder: string; readonly files: readonly string[] } {
  if ("file" in source) return { folder: join(cache, "weights", "torchvision"), files: [source.file] };
  const { id, revision } = source;
  const folder = join(cache, "weights", "hub", ...(revision === "main" ? id : `${id}@${revision}`).split("/"));
  return { folder, files: HUB_FILES };
}

/** `11ad3fa6` of `resnet50-11ad3fa6.pth`, a file of torchvision's: the first digits of its SHA-256. */
export function digitsIn(file: string): string {
  return /-([0-9a-f]{8,})\.\w+$/.exec(file)![1];
}

/** Where the file can be got by hand; of a repository, the first that it may be. */
export function addressOf({ source }: PublishedName, hosts: Hosts = publicHosts, file: string = HUB_FILES[0]): string {
  return "file" in source
    ? `${hosts.torchvision}${source.file}`
    : `${hosts.hub}/${source.id}/resolve/${source.revision}/${file}`;
}
