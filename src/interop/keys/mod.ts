/**
 * Whose weights a file has, told by the names of its tensors.
 *
 * @module
 */

import { homeRank } from "../torch_contents.ts";
import {
  BOOKKEEPING,
  type Family,
  isKnown,
  type KeyStyle,
  keyStyles,
  namesIn,
  outlineOf,
  toStyle,
  translate,
  type Translation,
} from "./family.ts";

export { type Family, type KeyStyle, namesIn, toStyle };

/** A file's names, understood. */
export interface Recognised extends Translation {
  readonly family: Family;
  readonly style: KeyStyle;
  /** Names in the file by the names that {@link Translation} uses, which are without what wrappers put before them. */
  readonly inFile: ReadonlyMap<string, string>;
  /** What wrappers put before the model's names. */
  readonly prefix: string;
  /** What Hugging Face puts before all names but those of the heads, where the file has it. */
  readonly base: string;
  /** Names in the file that do not begin with the prefix: of what is beside the model. */
  readonly outside: readonly string[];
  /** Prefixes of other networks of the kind, such as moving averages. */
  readonly others: readonly string[];
}

/** What a file's names may be. */
export interface Recognising {
  /** The family, where the file itself says whose it is. */
  readonly named?: Family;
  /** Beginning of the names that are wanted, without a dot at its end. */
  readonly key?: string;
}

/** Names that begin alike, and how many of them a family knows in a style. */
interface Reading {
  readonly family: Family;
  readonly style: KeyStyle;
  readonly prefix: string;
  readonly known: number;
}

/**
 * Tells family, style and prefix from names: those by which the most names are known. A wrapper (data parallelism,
 * `torch.compile`, a training script) puts a prefix before the model's names, at any depth; what is beside them is
 * outside. Of several networks beside each other the one with the likeliest prefix is taken: `student` before
 * `teacher`.
 *
 * @param names The names in a file.
 * @param families Those that it may be of.
 * @param options What is known beforehand.
 * @returns What the names mean, or undefined if it is nothing for half of them and no family is named.
 */
export function recognise(
  names: Iterable<string>,
  families: readonly Family[],
  { named, key }: Recognising = {},
): Recognised | undefined {
  const all = [...names];
  const telling = all.filter((name) => !BOOKKEEPING.test(name) && (key === undefined || name.startsWith(`${key}.`)));
  const readings = readingsOf(telling, named ? [named] : families);
  const [most] = readings;
  if (!most) {
    return named && understood({ family: named, style: "torchvision", prefix: "", known: 0 }, all, []);
  }
  const apart = readings.filter(({ prefix }) => !prefix.startsWith(most.prefix) && !most.prefix.startsWith(prefix));
  // Some names of a part of a network are another network's, too.
  const isNetwork = (reading: Reading) =>
    reading.known >= Math.min(10, most.known / 4) && isWhole(understood(reading, telling, []));
  const networks = [most, ...apart.filter(isNetwork)];
  const best = networks.reduce((a, b) => homeRank(b.prefix) < homeRank(a.prefix) ? b : a);
  const others = networks.filter((network) => network !== best).map(({ prefix }) => prefix.replace(/\.$/, ""));
  const found = understood(best, all, others);
  return named || isConvincing(found, telling) ? found : undefined;
}

/** Whether a network's first layer is there. */
function isWhole({ family, sources }: Recognised): boolean {
  return sources.has(`${family.stem}.weight`);
}

/** Whether enough of the names are known: half of the model's, and half of all, unless its first layer is there. */
function isConvincing(found: Recognised, telling: readonly string[]): boolean {
  const { unknown, outside } = found;
  const inside = telling.length - outside.filter((name) => !BOOKKEEPING.test(name)).length;
  const known = inside - unknown.length;
  return isWhole(found) || (known > inside / 2 && known > telling.length / 2);
}

/** Most parts of a name before a model's own. */
const MAX_DEPTH = 12;

/** The best reading of each prefix after which any family knows names, that by which the most are known first. */
function readingsOf(telling: readonly string[], families: readonly Family[]): Reading[] {
  const ways = families.flatMap((family) =>
    keyStyles.map((style) => ({ family, style, known: new Map<string, number>() }))
  );
  for (const name of telling) {
    for (let start = 0, depth = 0; start >= 0 && depth < MAX_DEPTH; depth++) {
      const bare = name.slice(start);
      const outline = outlineOf(bare);
      for (const { family, style, known } of ways) {
        if (!isKnown(family, style, bare, outline)) continue;
        const prefix = outerPrefix(name.slice(0, start), family);
        known.set(prefix, (known.get(prefix) ?? 0) + 1);
      }
      start = name.indexOf(".", start) + 1 || -1;
    }
  }
  const best = new Map<string, Reading>();
  for (const { family, style, known } of ways) {
    for (const [prefix, count] of known) {
      if (count > (best.get(prefix)?.known ?? 0)) best.set(prefix, { family, style, prefix, known: count });
    }
  }
  return [...best.values()].sort((a, b) => b.known - a.known);
}

/** A prefix without what Hugging Face puts before names. */
function outerPrefix(prefix: string, { baseModels = [] }: Family): string {
  const base = baseModels.find((base) => prefix === base || prefix.endsWith(`.${base}`)) ?? "";
  return prefix.slice(0, prefix.length - base.length);
}

/** What all names mean, read so. */
function understood({ family, style, prefix }: Reading, all: readonly string[], others: readonly string[]): Recognised {
  const inside = all.filter((name) => name.startsWith(prefix));
  const bases = (family.baseModels ?? []).filter((base) => inside.some((name) => name.startsWith(prefix + base)));
  const inFile = new Map<string, string>();
  for (const name of inside) {
    const bare = name.slice(prefix.length);
    const base = bases.find((base) => bare.startsWith(base)) ?? "";
    const short = bare.slice(base.length);
    inFile.set(inFile.has(short) ? bare : short, name);
  }
  const telling = [...inFile.keys()].filter((name) => !BOOKKEEPING.test(name));
  return {
    ...{ family, style, prefix, inFile, base: bases[0] ?? "", others },
    outside: all.filter((name) => !name.startsWith(prefix)),
    ...translate(family, style, telling),
  };
}

/** A style for messages: `timm's names`. */
export function styleName(style: KeyStyle): string {
  const names: Readonly<Record<KeyStyle, string>> = {
    torchvision: "torchvision's",
    timm: "timm's",
    huggingface: "Hugging Face's",
    microsoft: "Microsoft's",
  };
  return `${names[style]} names`;
}
