/**
 * Runs that are not as runs mostly are: without a test, of one picture, of forty labels, of many classes, with names
 * that would be markup. Pages must stay readable, small and harmless with each.
 */

import { randomStream } from "../../src/random.ts";
import type { Task } from "../../src/data/labels.ts";
import type { RunRecord } from "../../src/run/record.ts";
import { testOf } from "../../src/run/test_folder.ts";

/** A test that is drawn at random, better than chance. */
interface Strange {
  readonly task: Task;
  readonly classes: readonly string[];
  /** Label of each picture: binary and multilabel 0 or 1 for each, multiclass a class's number. */
  readonly labels: readonly (readonly number[])[];
  /** Are all logits the same? */
  readonly isFlat?: boolean;
}

/** Names that files and classes may have. */
export const HOSTILE = [
  "<script>alert(1)</script>",
  `"quoted" 'twice' & \`ticks\``,
  "مرحبا بالعالم",
  "שלום \u202eevil",
  "🙂 emoji 👩‍👩‍👧 日本語",
  "</title><img src=x onerror=alert(1)>",
  "a\nnew line\u0000",
  "x".repeat(300),
];

/** A run with such a test; without one, where none is given. */
export function strangeRun(path: string, seed: number, strange?: Strange): RunRecord {
  const { task = "multiclass", classes = ["cat", "dog"], labels = [], isFlat = false } = strange ?? {};
  const next = randomStream(seed);
  const noise = () => next() / 2 ** 32 * 4 - 2;
  const targets = Float32Array.from(
    labels.flatMap((label) => task === "multiclass" ? classes.map((_, c) => Number(c === label[0])) : label),
  );
  const logits = targets.map((target) => isFlat ? 0 : 2 * target - 1 + noise());
  const files = labels.map((_, i) => i < HOSTILE.length ? `${HOSTILE[i]}.png` : `${i}.png`);
  const name = path.split("/").at(-1)!;
  return {
    ...{ path, name, task, model: "lenet", classes },
    config: {
      task,
      classes: [...classes],
      model: { name: "lenet", classes: classes.length, channels: 3, imageSize: 32 },
      settings: { batch: 4, learningRate: seed / 1000, seed: 1, target: [...classes] },
    },
    log: strange
      ? [{ type: "train", step: 1, loss: 1 }, { type: "val", epoch: 1, step: 1, accuracy: 0.5, loss: null }]
      : [],
    epochs: { done: strange ? 1 : 0, asked: 1 },
    balance: classes.map((name) => ({ name, counts: { train: 3, val: 1, test: labels.length } })),
    ...(strange && {
      test: {
        path: `${path}/test`,
        report: testOf(task, { logits, targets }, classes, { resamples: 50 }),
        predictions: { logits, targets },
        files,
      },
    }),
  };
}

const numbered = (what: string, count: number) => Array.from({ length: count }, (_, i) => `${what} ${i + 1}`);
const labelsOf = (count: number, label: (i: number) => readonly number[]) =>
  Array.from({ length: count }, (_, i) => label(i));

/** By what is strange about it. */
export const STRANGE: Readonly<Record<string, Strange | undefined>> = {
  "no test": undefined,
  "a class that never occurs": {
    ...{ task: "multiclass", classes: ["cat", "dog", "eel"], labels: labelsOf(30, (i) => [i % 2]) },
  },
  "one class only": { task: "binary", classes: ["hat"], labels: labelsOf(20, () => [1]) },
  "probabilities all equal": {
    ...{ task: "multiclass", classes: ["cat", "dog", "eel"], labels: labelsOf(30, (i) => [i % 3]), isFlat: true },
  },
  "one picture": { task: "multiclass", classes: ["cat", "dog"], labels: [[1]] },
  "one picture of labels": { task: "multilabel", classes: ["cat", "dog"], labels: [[1, 0]] },
  "forty labels": {
    ...{ task: "multilabel", classes: numbered("label", 40) },
    labels: labelsOf(200, (i) => numbered("", 40).map((_, l) => Number((i * 7 + l * l) % (l + 2) === 0))),
  },
  "sixty classes": {
    ...{ task: "multiclass", classes: numbered("class", 60), labels: labelsOf(90, (i) => [i % 60]) },
  },
  "hostile names": { task: "multiclass", classes: HOSTILE, labels: labelsOf(80, (i) => [i % HOSTILE.length]) },
  "hostile labels": {
    ...{ task: "multilabel", classes: HOSTILE },
    labels: labelsOf(80, (i) => HOSTILE.map((_, l) => Number(i % (l + 2) === 0))),
  },
};
