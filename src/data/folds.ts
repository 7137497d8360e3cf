/**
 * Folds of a cross-validation: every picture is in the test part of one of them.
 *
 * As with scikit-learn's `StratifiedKFold`, each fold gets the same share of each class, and the sizes differ by
 * little. Labels are shared out by iterative stratification, equal pictures stay together. What is not of the fold is
 * split into train and val, which chooses the best epoch: the test part has no say in it.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { type RandomStream, randomStream } from "../random.ts";
import { counted } from "./names.ts";
import { type Share, shareOut, stratifyLabels, Units } from "./share_out.ts";
import { inRatios, partOf, refuseSmallClasses, smallClasses, type SplitIndices, type SplitInput } from "./split.ts";

/** A fold, counted from 1, and how many there are. */
export type Fold = readonly [fold: number, of: number];

/** Stream of folds, so that they have nothing in common with the split into train and val by the same seed. */
const foldStream = 0xf01d5;

/**
 * Splits with a fold as the test part. All folds of a number and a seed have no picture in common, and together have
 * all. The rest is split into train and val in their ratios.
 *
 * @param input What is split, and how.
 * @param fold Which fold of how many.
 * @returns Places of each part.
 * @throws {UserError} If there are fewer pictures, or fewer of a class, than folds.
 * @throws {RangeError} If there is no such fold.
 */
export function foldSplit(input: SplitInput, [fold, of]: Fold): SplitIndices {
  if (!Number.isInteger(of) || of < 2 || !Number.isInteger(fold) || fold < 1 || fold > of) {
    throw new RangeError(`Cannot take fold ${fold} of ${of}: give a fold of at least 2, counted from 1`);
  }
  const units = new Units(input.labels.length, input.together);
  if (units.firsts.length < of) {
    const different = units.firsts.length === input.labels.length ? "" : "different ";
    throw new UserError(
      `Cannot make ${of} folds of ${
        counted(units.firsts.length, `${different}picture`)
      }: each fold needs one of its own`,
    );
  }
  refuseSmallClasses(input.task, smallClasses(input, of), of);
  const parts = units.partsBy(sharesOf(input, units, of));
  const test = parts.flatMap((part, i) => part === fold - 1 ? [i] : []);
  const rest = parts.flatMap((part, i) => part === fold - 1 ? [] : [i]);
  const [train, val] = input.ratios;
  const carved = inRatios({ ...partOf(input, rest), ratios: [train, val, 0] });
  return { train: carved.train.map((i) => rest[i]), val: carved.val.map((i) => rest[i]), test };
}

/** Each sample's fold. Of each class the folds that have fewest pictures so far get what cannot be shared evenly. */
function sharesOf({ task, labels, stratify, seed }: SplitInput, units: Units, of: number): Share[] {
  const even = new Array<number>(of).fill(1);
  const streamOf = (c: number): RandomStream => randomStream(foldStream, seed, of, c);
  if (!stratify) return shareOut(units, units.firsts, even, streamOf(0), 0);
  if (task === "multilabel") return stratifyLabels(labels, units, even, streamOf(0));
  const sizes = [...even].fill(0);
  return [...Map.groupBy(units.firsts, (i) => labels[i][0])].flatMap(([c, members]) => {
    const order = [...sizes.keys()].sort((a, b) => sizes[a] - sizes[b] || a - b);
    return shareOut(units, members, even, streamOf(c + 1), 1).map(([first, place]): Share => {
      sizes[order[place]] += units.weight(first);
      return [first, order[place]];
    });
  });
}
