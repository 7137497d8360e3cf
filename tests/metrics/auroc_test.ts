import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { auroc, meanOfDefined, oneVsRestAuroc } from "../../src/metrics/auroc.ts";

/** A small generator with a seed (mulberry32), uniform in [0, 1). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

Deno.test("auroc() counts won pairs and half of the tied ones", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = random(seed);
    const samples = 1 + Math.floor(next() * 30);
    const scores = Array.from({ length: samples }, () => Math.floor(next() * 8) - 4);
    const targets = scores.map(() => Number(next() < 0.4));
    let won = 0;
    let pairs = 0;
    for (let p = 0; p < samples; p++) {
      for (let n = 0; n < samples; n++) {
        if (targets[p] !== 1 || targets[n] !== 0) continue;
        won += scores[p] > scores[n] ? 1 : scores[p] === scores[n] ? 0.5 : 0;
        pairs++;
      }
    }
    const area = auroc(scores, targets);
    if (pairs === 0) assertEquals(area, null, `seed ${seed}`);
    else assertAlmostEquals(area ?? NaN, won / pairs, 1e-15, `seed ${seed}`);
  }
});

Deno.test("auroc() takes 0 and -0 for a tie, and ranks infinities", () => {
  assertEquals(auroc([0, -0], [1, 0]), 0.5);
  assertEquals(auroc([-0, 0], [1, 0]), 0.5);
  assertEquals(auroc([-Infinity, 0, Infinity, Infinity], [0, 0, 0, 1]), 2.5 / 3);
});

Deno.test("auroc() of one kind of sample is null", () => {
  assertEquals([auroc([], []), auroc([1, 2], [1, 1]), auroc([1, 2], [0, 0])], [null, null, null]);
});

Deno.test("auroc() refuses NaN, naming the index", () => {
  assertThrows(() => auroc([0, 1, NaN, NaN], [0, 1, 0, 1]), RangeError, "scores[2] is NaN");
  assertThrows(() => oneVsRestAuroc([0, 1, NaN, 3], [0, 1], 2), RangeError, "scores[2] is NaN");
});

Deno.test("auroc() refuses lengths and targets that do not fit", () => {
  assertThrows(() => auroc([0, 1], [0]), TypeError, "expected 1 scores, got 2");
  assertThrows(() => auroc([0, 1], [0, 3]), RangeError, "targets[1]");
  assertThrows(() => oneVsRestAuroc([0, 1], [0], 3), TypeError, "expected 1 × 3 scores, got 2");
  assertThrows(() => oneVsRestAuroc([], [], 0), RangeError, "number of classes must be a positive integer, got 0");
});

Deno.test("meanOfDefined() leaves nulls out", () => {
  assertEquals([meanOfDefined([1, null, 0]), meanOfDefined([null]), meanOfDefined([])], [0.5, null, null]);
});
