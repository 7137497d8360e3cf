/**
 * What Hugging Face's hub says of a repository before anything large is fetched: its files with their SHA-256, its
 * commit and its licence.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { joined } from "../../bytes.ts";
import { HUB_FILES, type Repository } from "./names.ts";
import { FetchError, type Patience, patiently, request } from "./request.ts";

/** A file of a repository's. */
export interface HubFile {
  /** Its path there. */
  readonly name: string;
  /** Its bytes. */
  readonly size?: number;
  /** SHA-256 of a large one. */
  readonly sha256?: string;
  /** git's hash of a small one. */
  readonly blob?: string;
}

/** What the hub says of a repository. */
export interface RepositoryFacts {
  /** Commit that the revision stands for: what is fetched is of it, whatever is pushed meanwhile. */
  readonly commit: string;
  /** Where it is stated. */
  readonly licence?: string;
  /** The file with the weights; its hash is known. */
  readonly weights: HubFile & { readonly sha256: string };
  /** Small files that say how pictures are prepared, where there are any. */
  readonly configs: readonly HubFile[];
}

/** Files that may say how pictures are prepared. */
export const CONFIGS = ["preprocessor_config.json", "config.json"] as const;
/** Bytes that a small answer may have. */
const SMALL = 16 * 2 ** 20;

/**
 * Asks the hub for a repository.
 *
 * @throws {FetchError} When it is not there, or has no file of weights that is known here.
 */
export async function askHub(
  hub: string,
  { id, revision }: Repository,
  patience: Patience,
  signal?: AbortSignal,
): Promise<RepositoryFacts> {
  const bytes = await fetchSmall(`${hub}/api/models/${id}/revision/${revision}?blobs=true`, patience, signal);
  const { sha, cardData, tags, siblings } = objectIn(bytes);
  const files = (Array.isArray(siblings) ? siblings : []).flatMap((sibling): HubFile[] => {
    const { rfilename: name, size, blobId: blob, lfs } = sibling ?? {};
    return typeof name === "string" ? [{ name, size: lfs?.size ?? size, sha256: lfs?.sha256, blob }] : [];
  });
  if (typeof sha !== "string" || !/^[0-9a-f]{40}$/.test(sha)) throw new FetchError("it does not say its commit");
  const weights = HUB_FILES.flatMap((wanted) => files.find(({ name }) => name === wanted) ?? [])[0];
  if (!weights) throw new FetchError(`it has neither ${HUB_FILES.join(" nor ")}${insteadOf(files)}`);
  const { sha256 } = weights;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new FetchError(`it states no SHA-256 of ${weights.name}`);
  }
  return {
    commit: sha,
    licence: licenceIn(cardData, tags),
    weights: { ...weights, sha256 },
    configs: files.filter(({ name }) => CONFIGS.some((config) => config === name)),
  };
}

/** A small file of a repository's, compared with git's hash. */
export async function fetchConfig(
  hub: string,
  { id }: Repository,
  { commit }: Pick<RepositoryFacts, "commit">,
  { name, blob }: HubFile,
  patience: Patience,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await fetchSmall(`${hub}/${id}/resolve/${commit}/${name}`, patience, signal);
  const hash = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  if (blob !== undefined && hash !== blob) throw new FetchError(`its ${name} was changed on its way`);
  objectIn(bytes);
  return bytes;
}

/** A small answer, whole; asked for as often as patience lasts. */
function fetchSmall(address: string, patience: Patience, signal?: AbortSignal): Promise<Uint8Array> {
  return patiently(
    async () => {
      const answer = await request(address, {}, patience, signal);
      const pieces: Uint8Array[] = [];
      let length = 0;
      for await (const piece of answer.body()) {
        pieces.push(piece);
        if ((length += piece.length) > SMALL) throw new FetchError("what the hub says of it is more than 16 MiB");
      }
      return joined(pieces);
    },
    patience,
    signal,
  );
}

/** An object in JSON. */
// deno-lint-ignore no-explicit-any -- what another program wrote; each field is looked at where it is used
function objectIn(bytes: Uint8Array): Record<string, any> {
  const text = new TextDecoder().decode(bytes);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  throw new FetchError(
    text.trimStart().startsWith("<")
      ? "it answers with a web page, as the login pages of networks do"
      : "what it answers with is not what the hub says of a repository",
  );
}

/** What there is in the place of weights that are known here. */
function insteadOf(files: readonly HubFile[]): string {
  if (files.some(({ name }) => name.endsWith(".index.json"))) {
    return "; its weights are in several files: fetch the folder by hand and give it";
  }
  const others = files.map(({ name }) => name).filter((name) => /\.(safetensors|bin|pth|pt|ckpt)$/.test(name));
  return others.length > 0 ? `; it has ${others.slice(0, 3).join(", ")}: fetch one by hand and give it` : "";
}

function licenceIn(card: unknown, tags: unknown): string | undefined {
  const stated = (card as { license?: unknown } | undefined)?.license;
  if (typeof stated === "string") return stated;
  if (Array.isArray(stated)) return stated.join(", ");
  const tag = Array.isArray(tags)
    ? tags.find((tag) => typeof tag === "string" && tag.startsWith("license:"))
    : undefined;
  return tag?.slice("license:".length);
}
