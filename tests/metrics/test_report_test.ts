import { assert, assertEquals } from "@std/assert";
import {
  binaryTest,
  bootstrapCounts,
  fitTemperature,
  mcnemar,
  measureOf,
  multiclassTest,
  multilabelTest,
  pairedBootstrap,
  predictClasses,
  Ranking,
  reliability,
  type TestOptions,
  type TestReport,
  tunedThresholds,
} from "../../src/metrics/mod.ts";
import { assertClose, type Case, cases } from "./stored.ts";

const names = (count: number) => Array.from({ length: count }, (_, c) => `c${c}`);

function testOf(task: string, { logits, targets, classes }: Case, options: TestOptions): TestReport {
  if (task === "binary") return binaryTest(logits, targets, ["negative", "positive"], options);
  const test = task === "multiclass" ? multiclassTest : multilabelTest;
  return test(logits, targets, names(classes), options);
}

for (const task of ["binary", "multiclass", "multilabel"] as const) {
  Deno.test(`the report of a ${task} test agrees with scikit-learn, and says why values are undefined`, () => {
    for (const c of cases(task)) {
      const report = testOf(task, c, { resamples: 0 });
      const { task: _, undefined: notes, intervals, bootstrap, reliability: bins, temperature, thresholds, ...values } =
        report;
      assertClose(values, c.expected, c.title);
      assertEquals([intervals, bootstrap, temperature], [{}, null, 1]);
      assertEquals(bins.reduce((sum, { count }) => sum + count, 0), c.targets.length, c.title);
      assertEquals(thresholds?.every((threshold) => threshold === 0.5) ?? true, true);
      const nulls = [
        ...report.perClass.flatMap((row) =>
          Object.entries(row).filter(([, value]) => value === null).map(([key]) => `${row.name} ${key}`)
        ),
        ...Object.entries(values).filter(([key, value]) =>
          value === null && !(task === "binary" && ["precision", "recall", "f1", "auroc"].includes(key))
        ).map(([key]) => `null ${key}`),
      ];
      assertEquals(notes.map((note) => `${note.class} ${note.metric}`).sort(), nulls.sort(), c.title);
    }
  });
}

Deno.test("intervals are NumPy's percentiles of scikit-learn's answers on the same resamples", () => {
  for (const c of cases("intervals")) {
    const { resamples, seed, of, title } = c;
    assertClose(testOf(of, c, { resamples, seed }).intervals, c.expected, `${of}, ${title}`);
  }
});

Deno.test("curves and the threshold of the best F1 agree with scikit-learn", () => {
  for (const { scores, targets, expected, title } of cases("curves")) {
    const ranking = new Ranking(scores, targets);
    const [roc, pr] = [ranking.roc()!, ranking.precisionRecall()!];
    assertClose(
      {
        fpr: roc.map(({ fpr }) => fpr),
        tpr: roc.map(({ tpr }) => tpr),
        precision: pr.map(({ precision }) => precision),
        recall: pr.map(({ recall }) => recall),
        best: ranking.bestF1(),
      },
      expected,
      title,
    );
  }
});

Deno.test("bins of reliability agree with scikit-learn's calibration_curve", () => {
  for (const { probabilities, targets, expected, title } of cases("bins")) {
    const bins = reliability(probabilities, targets).filter(({ count }) => count > 0);
    assertClose(
      { frequency: bins.map((bin) => bin.frequency), confidence: bins.map((bin) => bin.confidence) },
      expected,
      title,
    );
  }
});

Deno.test("fitTemperature() finds the minimum that SciPy finds", () => {
  for (const { logits, targets, classes, expected, title } of cases("temperature")) {
    // A minimum is flat: its place is known to half the digits of its value.
    assertClose(fitTemperature(logits, targets, classes), expected, title, 1e-6);
  }
});

Deno.test("fitTemperature() stays in its range where every prediction is right, and where the logits say nothing", () => {
  assertClose(fitTemperature([9, -9], [1, 0], 1)?.temperature, 0.05, "right", 1e-12);
  assertClose(fitTemperature([9, -9], [0, 1], 1)?.temperature, 20, "wrong", 1e-12);
  assertEquals(fitTemperature([], [], 3), null);
});

Deno.test("a temperature changes probabilities, and no decision", () => {
  const [c] = cases("multiclass").slice(-1);
  const [plain, cool] = [1, 2].map((temperature) => testOf("multiclass", c, { resamples: 0, temperature }));
  assertEquals(plain.confusion, cool.confusion);
  assert(plain.brier !== cool.brier);
});

Deno.test("thresholds decide, and those tuned on other samples are taken for each label", () => {
  const logits = [3, -2, 1, -1, -3, 0.5, -4, 2];
  const targets = [1, 1, 0, 1, 0, 0, 0, 1];
  const tuned = tunedThresholds(logits, targets, 2);
  // Best of the first label: above 2, midway from 3 to 1; of the second: all from -2 on but what is lowest.
  assertClose(tuned, [1 / (1 + Math.exp(-2)), 1 / (1 + Math.exp(2))], "tuned");
  const { accuracy, confusion } = multilabelTest(logits, targets, ["a", "b"], { thresholds: tuned, resamples: 0 });
  assertEquals([accuracy, confusion], [7 / 8, [[[3, 0], [0, 1]], [[0, 1], [0, 3]]]]);
  // Where the sigmoid rounds to 1, too: midway from 80 to 60.
  const [sure] = tunedThresholds([90, 80, 60], [1, 1, 0], 1);
  const { recall } = multilabelTest([90, 80, 60, -3], [1, 1, 0, 0], ["a"], { thresholds: [sure], resamples: 0 });
  assertEquals([sure < 1, recall], [true, 1]);
  const strict = binaryTest([0, 1, 2, 3], [0, 1, 1, 1], ["no", "yes"], { thresholds: [0.9], resamples: 0 });
  assertEquals(strict.confusion, [[1, 0], [2, 1]]);
});

Deno.test("a resample draws as many samples as there are, and the same ones for the same seed", () => {
  const draw = (seed: number) => Array.from(bootstrapCounts(50, 3, seed), (counts) => [...counts]);
  for (const counts of draw(1)) assertEquals(counts.reduce((sum, count) => sum + count, 0), 50);
  assertEquals(draw(1), draw(1));
  assert(draw(1).join() !== draw(2).join());
});

Deno.test("differences of two models agree with NumPy's, McNemar's test with SciPy's", () => {
  for (const { of, logits, scores, targets, classes, resamples, seed, expected, title } of cases("paired")) {
    const [first, second] = [logits, scores].map((each) => measureOf(of, each, targets, classes));
    const right = (each: number[]) =>
      of === "binary" ? each.map((logit, i) => Number((logit >= 0) === (targets[i] === 1))) : Array.from(
        predictClasses(each, classes),
        (predicted, i) => Number(predicted === targets[i]),
      );
    const differences = pairedBootstrap(targets.length, first, second, { resamples, seed });
    assertClose({ mcnemar: mcnemar(right(logits), right(scores)), differences }, expected, title);
  }
});

Deno.test("mcnemar() holds at its ends", () => {
  assertEquals(mcnemar([1, 0], [1, 0]), { onlyFirst: 0, onlySecond: 0, p: 1 });
  assertEquals(mcnemar([1, 0], [0, 1]).p, 1);
  const all = new Uint8Array(5000).fill(1);
  assertEquals(mcnemar(all, new Uint8Array(5000)).p, 0);
});
