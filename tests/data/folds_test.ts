import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Dataset } from "../../src/data/dataset.ts";
import { randomBelow, randomStream } from "../../src/random.ts";
import { UserError } from "../../src/errors.ts";
import { files, labelled, ofCounts } from "./labelled.ts";

const folds = (data: Dataset, of: number, options = {}) =>
  Array.from({ length: of }, (_, f) => data.split({ fold: [f + 1, of], ...options }));

Deno.test("every picture is in the test part of one fold, and of each fold all are in some part", () => {
  for (const [of, options] of [[2, {}], [5, {}], [7, { stratify: false }], [3, { seed: 9 }]] as const) {
    const data = ofCounts([40, 9, 13]);
    const all = folds(data, of, options);
    assertEquals(all.flatMap(({ test }) => files(test)).toSorted(), files(data).toSorted());
    for (const { train, val, test } of all) {
      assertEquals([train, val, test].flatMap(files).toSorted(), files(data).toSorted());
      assert(val.size > 0 && train.size > val.size);
    }
  }
});

Deno.test("folds are stratified, and their sizes differ by one, as scikit-learn's do", () => {
  const all = folds(ofCounts([51, 22, 12, 7]), 5);
  assertEquals(all.map(({ test }) => test.size).toSorted(), [18, 18, 18, 19, 19]);
  for (const { train, val, test } of all) {
    test.counts().forEach((count, c) => assert(Math.abs(count - [51, 22, 12, 7][c] / 5) < 1));
    assert(val.counts().every((count) => count > 0) && train.counts().every((count) => count > 0));
  }
});

Deno.test("folds are a function of the seed, and train and val share the rest as the ratios say", () => {
  const data = ofCounts([60, 60]);
  const test = (seed: number) => files(data.split({ fold: [1, 3], seed }).test).join();
  assertEquals(test(1), test(1));
  assert(test(1) !== test(2));
  const { train, val } = data.split({ fold: [2, 3], ratios: [3, 1, 7] });
  assertEquals([train.size, val.size], [60, 20]);
});

Deno.test("equal pictures are in one fold", () => {
  const together = [[0, 1, 2, 3, 4], [7, 30], [41, 42, 43]];
  for (const { train, val, test } of folds(ofCounts([40, 20]), 4, { together })) {
    for (const group of together) {
      const where = [train, val, test].map((part) => group.filter((i) => files(part).includes(`${i}.png`)).length);
      assertEquals(where.toSorted((a, b) => a - b), [0, 0, group.length]);
    }
  }
});

Deno.test("labels are shared out by iterative stratification", () => {
  const next = randomStream(5);
  const labels = Array.from(
    { length: 300 },
    () => [50, 20, 5].map((percent) => Number(randomBelow(next, 100) < percent)),
  );
  const data = labelled("multilabel", ["a", "b", "c"], labels);
  for (const { test } of folds(data, 5)) {
    assertEquals(Math.abs(test.size - 60) <= 1, true, `${test.size}`);
    test.counts().forEach((count, k) => assert(Math.abs(count - data.counts()[k] / 5) <= 1, `label ${k}: ${count}`));
  }
});

Deno.test("the data's own parts are taken together", () => {
  const parts = Array.from({ length: 30 }, (_, i) => ({ split: i % 3 === 0 ? "test" as const : "train" as const }));
  const data = ofCounts([15, 15], parts);
  assertEquals(folds(data, 3).flatMap(({ test }) => files(test)).toSorted(), files(data).toSorted());
});

Deno.test("folds that cannot be are refused, with the class that is too small", () => {
  const cases: [data: Dataset, fold: readonly [number, number], message: string][] = [
    [
      ofCounts([20, 4]),
      [1, 5],
      "Cannot make 5 folds: class class1 has 4 of the 5 pictures it needs, one for each fold; add pictures, give fewer " +
      "folds, or leave the class out with skipSmallClasses",
    ],
    [ofCounts([20, 3]), [1, 2], "Cannot make 2 folds: class class1 has 3 of the 4 pictures it needs, of which a fold"],
    [ofCounts([1, 2]), [1, 5], "Cannot make 5 folds of 3 pictures: each fold needs one of its own"],
    [labelled("binary", ["hat"], new Array(9).fill([0])), [1, 3], "class hat has 0 of the 3"],
  ];
  for (const [data, fold, message] of cases) assertThrows(() => data.split({ fold }), UserError, message);
  for (const fold of [[0, 3], [4, 3], [1, 1], [1.5, 3]] as const) {
    assertThrows(() => ofCounts([9, 9]).split({ fold }), RangeError, `Cannot take fold ${fold[0]} of ${fold[1]}`);
  }
});

Deno.test("a class may be as small as there are folds, and each run still has it in every part", () => {
  for (const count of [3, 4, 6]) {
    for (const parts of folds(ofCounts([30, count]), count)) {
      assertEquals([parts.train, parts.val, parts.test].every((part) => part.counts()[1] > 0), true);
    }
  }
});
