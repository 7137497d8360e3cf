/**
 * Draws from a stream of random numbers.
 *
 * @module
 */

import type { RandomStream } from "../../random.ts";

/** A number from `low` to below `high`. */
export const uniform = (next: RandomStream, low = 0, high = 1): number => low + (high - low) * next() / 2 ** 32;

/** Whether something of this chance happens: never at 0, always at 1. */
export const chance = (next: RandomStream, p: number): boolean => uniform(next) < p;

/** 1 or −1. */
export const sign = (next: RandomStream): number => next() < 2 ** 31 ? 1 : -1;

/** A number of the normal distribution (Box and Muller 1958). */
export const gaussian = (next: RandomStream, mean = 0, deviation = 1): number =>
  mean + deviation * Math.sqrt(-2 * Math.log(1 - uniform(next))) * Math.cos(2 * Math.PI * uniform(next));
