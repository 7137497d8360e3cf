/**
 * The stored cases: what scikit-learn answers.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

/** A line of the fixture: what scikit-learn answers. */
export interface Case {
  task: "binary" | "multiclass" | "multilabel" | "ranks" | "curves" | "bins" | "temperature" | "intervals" | "paired";
  title: string;
  logits: number[];
  scores: number[];
  targets: number[];
  classes: number;
  probabilities: number[];
  resamples: number;
  seed: number;
  /** Of intervals and pairs: whose. */
  of: "binary" | "multiclass" | "multilabel";
  expected: unknown;
}

export const text = Deno.readTextFileSync(new URL("../../fixtures/metrics/metrics.jsonl", import.meta.url));
const stored: Case[] = text.trimEnd().split("\n").map((line) => JSON.parse(line));

/** The stored cases of a kind; never none. */
export function cases(task: Case["task"]): Case[] {
  const found = stored.filter((each) => each.task === task);
  assert(found.length >= 3, `only ${found.length} cases of ${task}`);
  return found;
}

/** Compares trees of numbers, strings and nulls to 1e-12, naming the path that differs. */
export function assertClose(actual: unknown, expected: unknown, path: string, tolerance = 1e-12): void {
  if (typeof expected === "number" && typeof actual === "number") {
    return assertAlmostEquals(actual, expected, tolerance, path);
  }
  if (typeof expected === "object" && expected !== null && typeof actual === "object" && actual !== null) {
    assertEquals(Object.keys(actual).sort(), Object.keys(expected).sort(), path);
    for (const [key, value] of Object.entries(expected)) {
      assertClose((actual as Record<string, unknown>)[key], value, `${path}.${key}`, tolerance);
    }
    return;
  }
  assertEquals(actual, expected, path);
}
