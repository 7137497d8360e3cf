/**
 * What the setting `augment` can be, and the transformations that each value is made of: a preset's name, terms with
 * commas between them, or both, such as `crop-flip,rand-m9-n2-mstd0.5`. A term is a row in `terms.ts`, a preset one in
 * `presets.ts`.
 *
 * All of these work on the host, in the Workers that make batches: bytes in, bytes out, one transformation after the
 * other, as Pillow does. A policy does other operations to each picture, and rounds to bytes between them, which no one
 * pass over a batch on the device can do without doing all operations to all pictures. What mixes the pictures of a
 * batch is in `device/`.
 *
 * Workers load this file: what it imports is of the host.
 *
 * @module
 */

import { GrammarError, readTerm, type Term } from "./grammar.ts";
import type { PictureFacts } from "./host/change.ts";
import type { HostTransformation } from "./host/transformation.ts";
import { views } from "./host/views.ts";
import { type PresetMixing, presets } from "./presets.ts";
import { terms, transformationOf } from "./terms.ts";

/** Random changes to training pictures, as text: `crop-flip,rand-m9-n2-mstd0.5`. */
export type Augment = string;

/** What a loader may do with pictures: an augmentation, or what a test averages over, a view an epoch (`views`). */
export type Views = Augment;

/** Names of the presets. */
export const augmentNames: readonly string[] = Object.keys(presets);

/** What an augmentation may be, in words that follow "give". */
export const augmentWants = `${augmentNames.join(", ")}, or terms such as rrc-s0.2:1,flip,rand-m9-n2-mstd0.5`;

/**
 * Reads an augmentation.
 *
 * @param augment Names of presets and terms, with commas between them.
 * @throws {GrammarError} If it is none: its message says what would do, in words that follow "give".
 */
export function readAugment(augment: Augment): readonly Term[] {
  const parts = augment.split(",").map((part) => part.trim());
  if (parts.length > 1 && parts.includes("none")) throw new GrammarError("none alone");
  const read = parts.flatMap((part) => {
    if (!Object.hasOwn(presets, part)) return [readTerm(part, allKinds)];
    return presets[part].terms.split(",").filter((term) => term !== "").map((term) => readTerm(term, terms));
  });
  for (const once of [cropping, (name: string) => name === "flip"]) {
    const [first, second] = read.filter(({ name }) => once(name)).map(({ name }) => name);
    if (second !== undefined) {
      throw new GrammarError(first === second ? `${first} once` : `${first} or ${second}, not both`);
    }
  }
  return read;
}

/** Presets are looked for first; here they are named. */
const allKinds = { ...Object.fromEntries(augmentNames.map((name) => [name, {}])), ...terms };

const cropping = (name: string): boolean => terms[name].crops ?? false;

/**
 * Why a text is no augmentation, in words that follow "give"; undefined where it is one.
 *
 * @param augment The text.
 */
export function augmentFault(augment: string): string | undefined {
  try {
    readAugment(augment);
  } catch (error) {
    if (error instanceof GrammarError) return error.message;
    throw error;
  }
}

/** What the recipes of presets mix of several pictures: the last preset's that mixes. */
export function mixingOf(augment: Augment): PresetMixing {
  const mixing = augment.split(",").map((part) => presets[part.trim()]?.mixing).findLast((one) => one !== undefined);
  return mixing ?? { mixup: 0, cutmix: 0 };
}

/** Terms of an augmentation that would change nothing of grey pictures. */
export function colourTerms(augment: Augment): readonly string[] {
  return readAugment(augment).map(({ name }) => name).filter((name) => terms[name].colours);
}

/** Pictures of which nothing is known. */
const UNKNOWN: PictureFacts = { mean: [0.5, 0.5, 0.5], interpolation: "bilinear" };

/**
 * The transformations on the host that an augmentation is made of, in the order in which they are applied.
 *
 * @param augment The augmentation.
 * @param facts What the pictures are like.
 * @throws {RangeError} If there is no such augmentation.
 */
export function hostTransformations(augment: Views, facts: PictureFacts = UNKNOWN): readonly HostTransformation[] {
  if (augment === "views") return [views];
  const fault = augmentFault(augment);
  if (fault !== undefined) throw new RangeError(`There is no augmentation ${augment}: give ${fault}`);
  return readAugment(augment).map((term, place) => transformationOf(term, place, facts));
}

/** Does an augmentation say nothing but where a picture is looked at, and which way round? */
export function onlyFrames(augment: Views): boolean {
  return hostTransformations(augment).every(({ frames = false }) => frames);
}

/** Does an augmentation take its pictures out of larger squares? */
export function cropsAtRandom(augment: Views): boolean {
  return hostTransformations(augment).some(({ crops = false }) => crops);
}
