/**
 * Data sets of labels alone.
 *
 * @module
 */

import { Dataset, type Sample } from "../../src/data/dataset.ts";
import type { Task } from "../../src/data/labels.ts";

/** A data set of labels alone: splitting never looks at pictures. */
export function labelled(task: Task, classes: string[], labels: number[][], parts: Partial<Sample>[] = []): Dataset {
  return new Dataset({
    kind: "csv",
    task,
    classes,
    samples: labels.map((label, i) => ({ file: `${i}.png`, label, ...parts[i] })),
    source: { form: "files", root: "nowhere", paths: labels.map((_, i) => `${i}.png`), channels: 3 },
    positions: labels.map((_, i) => i),
    warnings: [],
  });
}

/** Classes of so many pictures each. */
export const ofCounts = (counts: number[], parts?: Partial<Sample>[]): Dataset =>
  labelled("multiclass", counts.map((_, c) => `class${c}`), counts.flatMap((n, c) => new Array(n).fill([c])), parts);

/** Names of its pictures. */
export const files = (data: Dataset): string[] => data.samples.map(({ file }) => file);
