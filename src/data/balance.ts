/**
 * Classes and labels that are rare.
 *
 * @module
 */

import type { Dataset } from "./dataset.ts";
import { printable } from "./names.ts";

/** Classes this many times rarer than the most frequent one are worth a warning. */
const imbalance = 10;

/**
 * Names the classes that are rare: those ten times rarer than the most frequent one, and labels that fewer than one
 * picture in twenty has, or lacks.
 *
 * @param data The data set.
 * @returns A line each.
 */
export function balanceWarnings(data: Dataset): string[] {
  const counts = data.counts();
  if (data.task === "multilabel") {
    const rare = data.classes.flatMap((name, k) => {
      const share = Math.min(counts[k], data.size - counts[k]) / data.size;
      return share * imbalance * 2 < 1 ? [`${printable(name)} (${counts[k]} of ${data.size})`] : [];
    });
    return rare.length === 0 ? [] : [`Labels that are nearly always or nearly never there: ${rare.join(", ")}`];
  }
  const names = data.task === "binary" ? [`not ${data.classes[0]}`, data.classes[0]] : data.classes;
  const most = counts.indexOf(Math.max(...counts));
  const rare = names.flatMap((name, c) =>
    counts[c] * imbalance <= counts[most] ? [`${printable(name)} (${counts[c]})`] : []
  );
  if (rare.length === 0) return [];
  const weights = data.task === "binary" ? "posWeight" : "classWeights";
  return [
    `Imbalance: ${rare.join(", ")} against ${printable(names[most])} (${
      counts[most]
    }); consider option ${weights} balanced`,
  ];
}
