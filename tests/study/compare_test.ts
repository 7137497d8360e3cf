import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { multiclassTest } from "../../src/metrics/mod.ts";
import { UserError } from "../../src/errors.ts";
import type { RunRecord } from "../../src/run/record.ts";
import { compareRuns, type Pair } from "../../src/study/compare.ts";
import { metricsTable, numbersTable, pairsTable, settingsTable } from "../../src/study/compare_tables.ts";
import { differenceText, verdictOf } from "../../src/study/verdict.ts";
import { comparisonMarkdown, csvOf, writeComparison } from "../../src/study/write_comparison.ts";

const CLASSES = ["cat", "dog"];

/** A run whose test has these answers for pictures of alternating classes. */
function runOf(path: string, answers: readonly number[], change: Partial<RunRecord> = {}): RunRecord {
  const logits = Float32Array.from(answers.flatMap((c, i) => CLASSES.map((_, k) => (k === c ? 2 : 0) + i / 100)));
  const truth = answers.map((_, i) => i % 2);
  const targets = Float32Array.from(truth.flatMap((c) => CLASSES.map((_, k) => Number(k === c))));
  return {
    ...{ path, name: path.split("/").at(-1)!, task: "multiclass", model: "lenet", balance: [] },
    config: {
      model: { name: "lenet", classes: 2, channels: 3, imageSize: 32 },
      settings: { batch: 4, learningRate: answers.length / 1000, seed: 1 },
    },
    log: [
      { type: "train", step: 10, imagesPerSecond: 40, loss: 1 },
      { type: "train", step: 30, imagesPerSecond: 80, loss: 0.5 },
      { type: "val", step: 30, accuracy: 0.5, loss: 0.6 },
    ],
    epochs: { done: 1, asked: 1 },
    test: {
      path: `${path}/test`,
      report: multiclassTest(logits, truth, CLASSES, { resamples: 50 }),
      predictions: { logits, targets },
      files: answers.map((_, i) => `${i}.png`),
    },
    ...change,
  };
}

/** Right on all but some of forty pictures. */
const answers = (wrong: number) => Array.from({ length: 40 }, (_, i) => i < wrong ? 1 - i % 2 : i % 2);

Deno.test("compareRuns() says which pictures each of two runs is right on alone, and what differs", () => {
  const comparison = compareRuns([runOf("a/good", answers(2)), runOf("a/bad", answers(20))], { resamples: 100 });
  const [pair] = comparison.pairs as [Pair];
  assertEquals([pair.mcnemar.onlyFirst, pair.mcnemar.onlySecond], [18, 0]);
  assertEquals(pair.differences.accuracy.difference?.toFixed(6), "0.450000");
  assertEquals(pair.differences.accuracy.holds, true);
  assertEquals(comparison.settings, []);
  assertEquals(comparison.runs[0].cost, {
    ...{ parameters: comparison.runs[1].cost.parameters, multiplyAdds: comparison.runs[1].cost.multiplyAdds },
    ...{ imagesPerSecond: 80, seconds: 10 * 4 / 40 + 20 * 4 / 80 },
  });
  assert(comparison.runs[0].cost.parameters! > 50_000);
});

Deno.test("pairs that cannot be compared picture by picture are refused, with the reason", () => {
  const good = runOf("a/good", answers(2));
  const others: [RunRecord, string][] = [
    [runOf("a/untested", answers(2), { test: undefined }), "untested has no test"],
    [runOf("a/short", answers(2).slice(1)), "they were tested on different pictures: their splits differ"],
    [
      runOf("a/renamed", answers(2), { test: { ...good.test!, files: good.test!.files!.toReversed() } }),
      "they were tested on different pictures: their splits differ",
    ],
    [
      runOf("a/old", answers(2), { test: { path: "", report: good.test!.report } }),
      "the test of old is of an earlier version: test it again with eval",
    ],
    [
      runOf("a/birds", answers(2), {
        test: {
          ...good.test!,
          report: { ...good.test!.report, perClass: good.test!.report.perClass.slice(1) } as never,
        },
      }),
      "their classes differ",
    ],
    [
      runOf("a/relabelled", answers(2), {
        test: { ...good.test!, predictions: { ...good.test!.predictions!, targets: new Float32Array(80).fill(1) } },
      }),
      "the labels of their test pictures differ",
    ],
  ];
  for (const [other, refused] of others) {
    assertEquals(compareRuns([good, other]).pairs, [{ names: ["good", other.name], refused }]);
  }
});

Deno.test("runs of different tasks are not compared, and runs of one name are told apart", () => {
  assertThrows(
    () => compareRuns([runOf("a", answers(1)), runOf("b", answers(1), { task: "binary" })]),
    UserError,
    "Cannot compare a with b: the task of one is multiclass, of the other binary",
  );
  const named = (...paths: string[]) =>
    compareRuns(paths.map((path) => runOf(path, answers(1), { test: undefined }))).runs.map(({ name }) => name);
  assertEquals(named("x/hair", "y/hair"), ["x/hair", "y/hair"]);
  assertEquals(named("x/hair", "x/hair/"), ["x/hair (1)", "x/hair (2)"]);
});

Deno.test("the verdict says what is best, by how much, and whether it holds", () => {
  const verdict = (...runs: RunRecord[]) => verdictOf(compareRuns(runs, { resamples: 20 })).join(" ");
  const good = runOf("a/good", answers(2));
  const text = verdict(runOf("a/bad", answers(20)), good);
  assertStringIncludes(text, "good has the highest test accuracy of 2 runs: 0.9500 (95% interval");
  assertStringIncludes(text, "45.00 percentage points above bad with 0.5000.");
  assertStringIncludes(text, "The difference holds: good alone is right on 18 pictures, bad alone on 0");
  assertStringIncludes(verdict(good, runOf("a/near", answers(4))), "The difference may be chance");
  assertStringIncludes(verdict(good, runOf("a/same", answers(2))), "good and same have the highest test accuracy");
  assertStringIncludes(
    verdict(good, runOf("a/short", answers(4).slice(1))),
    "Whether the difference holds cannot be told",
  );
  assertEquals(verdict(runOf("a/x", answers(2), { test: undefined })), "1 of the 1 runs has no test.");
  // Runs that were chosen by another metric are ranked by it, those of several metrics by the accuracy.
  const by = (monitor: string, run: RunRecord): RunRecord => ({
    ...run,
    config: { ...run.config, settings: { ...run.config.settings, monitor } },
  });
  const bad = runOf("a/bad", answers(20));
  const byLoss = verdict(by("loss", bad), by("loss", good));
  assertStringIncludes(byLoss, `good has the lowest test loss of 2 runs: ${good.test!.report.loss!.toFixed(4)} (95%`);
  const gain = (bad.test!.report.loss! - good.test!.report.loss!).toFixed(4);
  assertStringIncludes(
    byLoss,
    `, ${gain} below bad with ${bad.test!.report.loss!.toFixed(4)}. The difference holds: its`,
  );
  assertStringIncludes(
    verdict(by("kappa", bad), by("kappa", good)),
    "good has the highest test Cohen's kappa of 2 runs",
  );
  assertStringIncludes(verdict(by("loss", bad), good), "good has the highest test accuracy of 2 runs");
  const head = (monitor: string) => metricsTable(compareRuns([by(monitor, good)])).heads;
  assertEquals([head("kappa"), head("f1")].map((heads) => heads.includes("Cohen's kappa")), [true, false]);
  // Of several labels, what is set beside each other is said.
  const labels = compareRuns([good, runOf("a/bad", answers(20))], { resamples: 20 });
  const asLabels = {
    ...labels,
    runs: labels.runs.map((run) => ({ ...run, record: { ...run.record, task: "multilabel" } })),
  };
  assertStringIncludes(
    differenceText(asLabels as typeof labels, "good", "bad"),
    "good alone has every label right on 18",
  );
});

Deno.test("tables of a comparison have a row a run, and all numbers in CSV", () => {
  const runs = [runOf("a/good", answers(2)), runOf("a/short", answers(2).slice(1))];
  const comparison = compareRuns(runs, { resamples: 20 });
  assertEquals(metricsTable(comparison).rows.map((row) => row.slice(0, 3)), [
    ["good", "lenet", "no"],
    ["short", "lenet", "no"],
  ]);
  assertEquals(settingsTable(comparison).rows, [["learningRate", "0.04", "0.039"]]);
  assertStringIncludes(pairsTable(comparison).rows[0][1], "their splits differ");
  const [header, row] = csvOf(numbersTable(comparison)).split("\n").map((line) => line.split(","));
  assertEquals(row[header.indexOf("accuracy")], "0.95");
  assertEquals(Number(row[header.indexOf("training seconds")]), 2);
});

Deno.test("a comparison is written as a page, Markdown and CSV, and names of runs are no markup there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const comparison = compareRuns([runOf("a/<b>|x", answers(2)), runOf("a/bad", answers(20))], { resamples: 20 });
    assertStringIncludes(comparisonMarkdown(comparison), "| \\<b\\>\\|x | lenet |");
    const page = await Deno.readTextFile(await writeComparison(`${folder}/out`, comparison));
    assert(!page.includes("<b>|x"));
    assertStringIncludes(page, "&lt;b&gt;|x has the highest test accuracy");
    const files = Array.from(Deno.readDirSync(`${folder}/out`), ({ name }) => name).toSorted();
    assertEquals(files, ["comparison.csv", "comparison.md", "report.html"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
