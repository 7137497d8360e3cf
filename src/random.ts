/**
 * Random numbers as a function of their keys. Shuffles, splits and augmentation draw from a stream that is named by
 * numbers such as (seed, epoch, sample). Nothing depends on what was drawn before. A run that resumes in the middle of
 * an epoch sees the same pictures in the same crops.
 *
 * @module
 */

/** Draws the next whole number in [0, 2³²) of a stream. */
export type RandomStream = () => number;

/** Mixes one 32-bit word into a hash (the finaliser of MurmurHash3 over the sum). */
function mix(hash: number, word: number): number {
  let h = (hash + Math.imul(word, 0x9e3779b1) + 0x7f4a7c15) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * Opens the stream that the keys name: the same keys give the same numbers on every machine (Doty-Humphrey's sfc32,
 * seeded by a hash of the keys).
 *
 * @param keys Whole numbers, such as a seed, an epoch and a sample. Their order matters.
 * @returns A function that draws the next number in [0, 2³²).
 * @throws {RangeError} If a key is not a whole number below 2⁵³.
 *
 * @example
 * ```ts
 * import { randomStream } from "./random.ts";
 *
 * const next = randomStream(1, 0, 7);
 * const flip = next() >= 2 ** 31;
 * ```
 */
export function randomStream(...keys: number[]): RandomStream {
  let [a, b, c] = [0x243f6a88, 0x85a308d3, 0x13198a2e];
  for (const key of keys) {
    if (!Number.isSafeInteger(key)) throw new RangeError(`Cannot seed with ${key}: give a whole number below 2^53`);
    const low = key | 0;
    const high = Math.floor(key / 2 ** 32) | 0;
    a = mix(mix(a, low), high);
    b = mix(mix(b ^ a, high), low);
    c = mix(c ^ b, low);
  }
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next(); // sfc32's own warm-up: until then close seeds give close numbers
  return next;
}

/**
 * Draws a whole number in [0, bound) from a stream, each with the same chance.
 *
 * @param next The stream.
 * @param bound The first number that is never drawn, 1 to 2³².
 * @returns The number.
 */
export function randomBelow(next: RandomStream, bound: number): number {
  const limit = 2 ** 32 - (2 ** 32 % bound);
  let drawn = next();
  while (drawn >= limit) drawn = next(); // the last, incomplete round would favour small numbers
  return drawn % bound;
}

/**
 * Shuffles in place (Fisher and Yates), as the stream says.
 *
 * @param items What is shuffled.
 * @param next The stream.
 * @returns The same array.
 */
export function shuffle<T extends { length: number; [index: number]: unknown }>(items: T, next: RandomStream): T {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomBelow(next, i + 1);
    const held = items[i];
    items[i] = items[j];
    items[j] = held;
  }
  return items;
}
