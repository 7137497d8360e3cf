/**
 * Shares samples out among parts, or folds: at random, in given ratios, with groups of samples that stay together.
 *
 * @module
 */

import { type RandomStream, shuffle } from "../random.ts";

/** A sample's place and its part's number. */
export type Share = readonly [sample: number, part: number];

/** Samples, and groups of them that stay together, each of which its first one stands for. */
export class Units {
  /** Those that stand for a group, or for themselves; ascending. */
  readonly firsts: readonly number[];
  readonly #length: number;
  readonly #groups = new Map<number, readonly number[]>();

  /**
   * @param length How many samples there are.
   * @param together Groups of them that stay together, by their places.
   */
  constructor(length: number, together: readonly (readonly number[])[] = []) {
    const others = new Set<number>();
    for (const group of together) {
      if (group.length < 2) continue;
      const [first, ...rest] = group.toSorted((a, b) => a - b);
      this.#groups.set(first, group);
      for (const other of rest) others.add(other);
    }
    this.#length = length;
    this.firsts = Array.from({ length }, (_, i) => i).filter((i) => !others.has(i));
  }

  /** Samples for which this one stands. */
  weight(first: number): number {
    return this.#groups.get(first)?.length ?? 1;
  }

  /** Samples for which some stand. */
  sizeOf(firsts: readonly number[]): number {
    return firsts.reduce((sum, first) => sum + this.weight(first), 0);
  }

  /** Number of the part of each sample, by those that stand for them. */
  partsBy(shares: readonly Share[]): number[] {
    const parts = new Array<number>(this.#length).fill(0);
    for (const [first, part] of shares) for (const i of this.#groups.get(first) ?? [first]) parts[i] = part;
    return parts;
  }
}

/**
 * Shuffles the members and cuts them in the ratios, by largest remainder and with at least `least` in each part. Groups
 * go first, the largest before the others, each to the part with the most room.
 *
 * @param units All samples.
 * @param members Those that are shared out.
 * @param ratios Share of each part.
 * @param next Random numbers.
 * @param least What each part gets at least.
 */
export function shareOut(
  units: Units,
  members: readonly number[],
  ratios: readonly number[],
  next: RandomStream,
  least: number,
): Share[] {
  const order = shuffle([...members], next);
  const room = largestRemainder(units.sizeOf(members), ratios, least);
  const groups = order.filter((first) => units.weight(first) > 1).sort((a, b) => units.weight(b) - units.weight(a));
  const shares = groups.map((first): Share => {
    const part = openParts(ratios).reduce((most, other) => room[other] > room[most] ? other : most);
    room[part] -= units.weight(first);
    return [first, part];
  });
  const single = order.filter((first) => units.weight(first) === 1);
  const free = room.map((size) => Math.max(0, size));
  // Without groups these are the sizes as they are.
  const sizes = single.length === 0 ? free : largestRemainder(single.length, free);
  let at = 0;
  sizes.forEach((size, part) => {
    for (const first of single.slice(at, at += size)) shares.push([first, part]);
  });
  return groups.length > 0 && least > 0 ? fillEmpty(shares, ratios) : shares;
}

/** Parts that are to get something. */
export function openParts(ratios: readonly number[]): number[] {
  return [...ratios.keys()].filter((part) => ratios[part] > 0);
}

/** Moves members from the parts with most of them to those with none. */
function fillEmpty(shares: readonly Share[], ratios: readonly number[]): Share[] {
  const filled = [...shares];
  const countOf = (part: number) => filled.filter(([, other]) => other === part).length;
  for (const part of openParts(ratios)) {
    if (countOf(part) > 0) continue;
    const from = openParts(ratios).reduce((most, other) => countOf(other) > countOf(most) ? other : most);
    const last = filled.findLastIndex(([, other]) => other === from);
    if (countOf(from) > 1) filled[last] = [filled[last][0], part];
  }
  return filled;
}

/**
 * Shares a whole number out in given ratios. Each part gets its share rounded down. What is left goes to the largest
 * fractions, the earlier part on a tie.
 *
 * @param total What is shared out.
 * @param ratios Ratio of each part, zero or more.
 * @param least What each part with a ratio above zero gets at least, taken from the largest parts.
 * @returns Sizes with the sum `total`.
 */
export function largestRemainder(total: number, ratios: readonly number[], least = 0): number[] {
  const sum = ratios.reduce((a, b) => a + b, 0);
  const exact = ratios.map((ratio) => total * ratio / sum);
  const sizes = exact.map(Math.floor);
  const left = total - sizes.reduce((a, b) => a + b, 0);
  const byFraction = ratios.map((_, i) => i).sort((a, b) => (exact[b] - sizes[b]) - (exact[a] - sizes[a]) || a - b);
  for (const part of byFraction.slice(0, left)) sizes[part]++;
  for (const part of sizes.keys()) {
    while (ratios[part] > 0 && sizes[part] < least) {
      const largest = sizes.indexOf(Math.max(...sizes));
      if (sizes[largest] <= least) break;
      sizes[largest]--;
      sizes[part]++;
    }
  }
  return sizes;
}

/**
 * Iterative stratification of labels (Sechidis et al. 2011). Ties go to the part that lacks most pictures, then to a
 * random one.
 *
 * @param labels 0 or 1 for each label, of each sample.
 * @param units The samples.
 * @param ratios Share of each part.
 * @param next Random numbers.
 */
export function stratifyLabels(
  labels: readonly (readonly number[])[],
  units: Units,
  ratios: readonly number[],
  next: RandomStream,
): Share[] {
  const sum = ratios.reduce((a, b) => a + b, 0);
  const lacking = ratios.map((ratio) => labels.length * ratio / sum);
  const lackingOf = Array.from(labels[0] ?? [], (_, k) => {
    const total = labels.reduce((count, label) => count + label[k], 0);
    return ratios.map((ratio) => total * ratio / sum);
  });
  const waiting = new Set(shuffle([...units.firsts], next));
  const holders = lackingOf.map((_, k) => new Set([...waiting].filter((i) => labels[i][k] === 1)));
  const shares: Share[] = [];
  const assign = (sample: number, wants: readonly number[]) => {
    const order = shuffle(openParts(ratios), next).sort((a, b) => wants[b] - wants[a] || lacking[b] - lacking[a]);
    const part = order[0];
    shares.push([sample, part]);
    lacking[part] -= units.weight(sample);
    waiting.delete(sample);
    labels[sample].forEach((value, k) => {
      if (value !== 1) return;
      lackingOf[k][part] -= units.weight(sample);
      holders[k].delete(sample);
    });
  };
  for (;;) {
    const left = holders.map((set, k) => ({ k, size: set.size })).filter(({ size }) => size > 0);
    if (left.length === 0) break;
    const { k } = left.reduce((rarest, candidate) => candidate.size < rarest.size ? candidate : rarest);
    for (const sample of [...holders[k]]) assign(sample, lackingOf[k]);
  }
  for (const sample of [...waiting]) assign(sample, lacking);
  return shares;
}
