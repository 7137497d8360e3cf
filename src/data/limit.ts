/**
 * Takes some pictures of a data set, for a quick try.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import { randomStream, shuffle } from "../random.ts";
import type { Dataset } from "./dataset.ts";
import { counted } from "./names.ts";

/** Stream of the choice, so that it has nothing in common with a split by the same seed. */
const limitStream = 0x11317;

/**
 * Some pictures of a data set: each class keeps its share, in each part where the data set has parts of its own, and
 * has at least one picture there, or three to be split. Of several labels a picture, each label keeps so many pictures
 * with it, and the rest are chosen at random. The others are not read.
 *
 * @param data The data set.
 * @param limit How many pictures.
 * @param seed Names the choice.
 * @returns The pictures, in their order; the data set itself where it has no more.
 * @throws {UserError} If the limit leaves too few pictures of a class.
 *
 * @example
 * ```ts
 * import { limitDataset, openDataset } from "@fovea/fovea";
 *
 * const few = limitDataset(await openDataset("./pets"), 200, 1);
 * ```
 */
export function limitDataset(data: Dataset, limit: number, seed: number): Dataset {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`Cannot take ${limit} pictures: give 1 or more`);
  if (limit >= data.size) return data;
  const order = shuffle(data.samples.map((_, i) => i), randomStream(limitStream, seed));
  const least = data.hasOwnSplit ? 1 : 3;
  const chosen = data.task === "multilabel"
    ? ofLabels(data, order, limit, least)
    : ofClasses(data, order, limit, least);
  const few = data.only(chosen.sort((a, b) => a - b));
  return data.origin === undefined ? few : few.openedAs({ ...data.origin, limit });
}

function ofClasses({ samples }: Dataset, order: readonly number[], limit: number, least: number): number[] {
  const groups = [...Map.groupBy(order, (i) => `${samples[i].split} ${samples[i].label[0]}`).values()];
  const exact = groups.map(({ length }) => limit * length / order.length);
  const floors = groups.map(({ length }) => Math.min(least, length));
  const needed = floors.reduce((a, b) => a + b, 0);
  if (needed > limit) throw tooFew(limit, needed);
  const sizes = exact.map((share, g) => Math.max(floors[g], Math.floor(share)));
  let left = limit - sizes.reduce((a, b) => a + b, 0);
  // The largest fraction comes first; what is too much is taken from who has most above its share.
  for (const step = Math.sign(left); left !== 0; left -= step) {
    const may = groups.map((_, g) => g).filter((g) => step > 0 ? sizes[g] < groups[g].length : sizes[g] > floors[g]);
    const g = may.reduce((best, next) =>
      step * (exact[next] - sizes[next]) > step * (exact[best] - sizes[best]) ? next : best
    );
    sizes[g] += step;
  }
  return groups.flatMap((members, g) => members.slice(0, sizes[g]));
}

function ofLabels({ samples, classes }: Dataset, order: readonly number[], limit: number, least: number): number[] {
  const chosen = new Set<number>();
  for (const part of new Set(samples.map(({ split }) => split))) {
    const members = order.filter((i) => samples[i].split === part);
    for (const k of classes.keys()) {
      const having = members.filter((i) => samples[i].label[k] === 1);
      let missing = least - having.filter((i) => chosen.has(i)).length;
      for (const i of having) {
        if (missing <= 0) break;
        if (chosen.has(i)) continue;
        chosen.add(i);
        missing--;
      }
    }
  }
  if (chosen.size > limit) throw tooFew(limit, chosen.size);
  for (const i of order) {
    if (chosen.size === limit) break;
    chosen.add(i);
  }
  return [...chosen];
}

function tooFew(limit: number, needed: number): UserError {
  return new UserError(
    `Cannot take ${counted(limit, "picture")} so that each class has some in each part: give ${
      option("limit")
    } ${needed} or more`,
    2,
  );
}
