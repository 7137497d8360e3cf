import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import {
  binaryReport,
  binaryTest,
  type MulticlassReport,
  multiclassReport,
  multilabelReport,
  multilabelTest,
  type Report,
} from "../../src/metrics/mod.ts";
import { formatReport, formatTest } from "../../src/report/text.ts";

/** A report with the given confusion matrix; each prediction has logit 1, the rest 0. */
function reportOf(confusion: readonly (readonly number[])[], names: readonly string[]): MulticlassReport {
  const pairs = confusion.flatMap((row, truth) =>
    row.flatMap((count, predicted) => Array.from({ length: count }, () => [truth, predicted]))
  );
  const logits = pairs.flatMap(([, predicted]) => names.map((_, c) => c === predicted ? 1 : 0));
  return multiclassReport(logits, pairs.map(([truth]) => truth), names);
}

/** A matrix whose rows hold `right` on the diagonal and one mistake each, for the next class. */
function cyclic(classes: number, right: number): number[][] {
  return Array.from(
    { length: classes },
    (_, r) => Array.from({ length: classes }, (_, c) => r === c ? right : c === (r + 1) % classes ? 1 : 0),
  );
}

const numbered = (count: number) => Array.from({ length: count }, (_, c) => `class_number_${c}`);

Deno.test("formatReport() shows a binary task", () => {
  const report = binaryReport([-2, -1, 1, 2, 3], [0, 0, 0, 1, 1], ["plain", "glasses"]);
  assertEquals(
    formatReport(report),
    `\
accuracy 0.8000   precision 0.6667   recall 1.0000   f1 0.8000   auroc 1.0000   loss 0.3858
precision, recall, f1 and auroc are those of glasses

class    precision  recall      f1   auroc  support
plain       1.0000  0.6667  0.8000  1.0000        3
glasses     0.6667  1.0000  0.8000  1.0000        2

confusion matrix (rows: truth, columns: predicted)
         plain  glasses
plain        2        1
glasses      0        2`,
  );
});

Deno.test("formatReport() shows a multi-class task, undefined values with their reasons, wide names aligned", () => {
  assertEquals(
    formatReport(reportOf([[3, 1, 0], [0, 2, 0], [0, 0, 0]], ["cat", "黒猫", "owl"])),
    `\
accuracy 0.8333   precision 0.8333   recall 0.8750   f1 0.8286   auroc 0.8750   loss 0.7181
precision, recall, f1 and auroc are means over the classes

class  precision  recall      f1   auroc  support
cat       1.0000  0.7500  0.8571  0.8750        4
黒猫      0.6667  1.0000  0.8000  0.8750        2
owl            –       –       –       –        0

confusion matrix (rows: truth, columns: predicted)
      cat  黒猫  owl
cat     3     1    0
黒猫    0     2    0
owl     0     0    0

undefined values (–)
precision of owl: no sample was predicted owl; left out of the macro average
recall of owl: no sample is owl; left out of the macro average
f1 of owl: no sample is or was predicted owl; left out of the macro average
auroc of owl: no sample is owl, so there is nothing to rank`,
  );
});

Deno.test("formatReport() shows a multi-label task with a row of counts per label", () => {
  const report = multilabelReport([1, -1, -1, 2, 1, 1, -1, 1], [1, 0, 0, 1, 0, 1, 1, 1], ["hat", "beard"]);
  assertEquals(
    formatReport(report),
    `\
accuracy 0.7500   precision 0.7500   recall 0.7500   f1 0.7500   auroc 0.7500   loss 0.5400
all are means over the labels

label  accuracy  precision  recall      f1   auroc  support
hat      0.5000     0.5000  0.5000  0.5000  0.5000        2
beard    1.0000     1.0000  1.0000  1.0000  1.0000        3

confusion matrices (true and false negatives and positives)
label  tn  fp  fn  tp
hat     1   1   1   1
beard   1   0   0   3`,
  );
});

Deno.test("formatReport() puts numbers above columns when names are too wide, and lists confusions beyond", () => {
  const few = formatReport(reportOf(cyclic(10, 5), numbered(10)));
  assertStringIncludes(few, "                   1  2  3  4  5  6  7  8  9  10\n 1 class_number_0  5  1  0");
  assertStringIncludes(few, "\n10 class_number_9  1  0  0  0  0  0  0  0  0   5");
  const matrix = cyclic(40, 9);
  matrix[7][3] = 30;
  const many = formatReport(reportOf(matrix, numbered(40)));
  assertStringIncludes(
    many,
    `\
most frequent confusions (the matrix of 40 classes is too wide to show)
truth → predicted                  count  of the class
class_number_7 → class_number_3       30        75.0 %
class_number_0 → class_number_1        1        10.0 %`,
  );
  assertStringIncludes(many, "\n… and 21 more");
  assertStringIncludes(
    formatReport(reportOf(cyclic(40, 9).map((row) => row.map((n) => n > 1 ? n : 0)), numbered(40))),
    "\nnone",
  );
});

Deno.test("formatReport() stays within 100 columns and lets no control code through", () => {
  const hostile = ["a\x1b[2J\r\nb\u202ec\u2028", "long ".repeat(400), "👩‍👩‍👧‍👧".repeat(60), "$&$1", "é".repeat(90), ""];
  const reports: Report[] = [
    binaryReport([], [], ["not " + hostile[1], hostile[0]]),
    reportOf(hostile.map(() => hostile.map(() => 0)), hostile),
    { ...reportOf(cyclic(6, 1), hostile), confusion: cyclic(6, 1_234_567_890) },
    multilabelReport([], [], hostile),
  ];
  for (const report of reports) {
    const text = formatReport(report);
    assertEquals(text.match(/[\p{Cc}\p{Cf}\u2028]/gu)?.filter((c) => c !== "\n"), [], report.task);
    for (const line of text.split("\n")) assert(unicodeWidth(line) <= 100, `${unicodeWidth(line)} columns: ${line}`);
  }
  assertStringIncludes(formatReport(reports[1]), "recall of $&$1: no sample is $&$1;");
  assertStringIncludes(formatReport(reports[1]), "\nrecall of a\\u{1b}[2J\\u…e}c\\u{2028}: no sample is a");
});

Deno.test("formatReport() lists twenty reasons and counts the rest", () => {
  const text = formatReport(multiclassReport([], [], numbered(8)));
  assertEquals(text.split("undefined values (–)\n")[1].split("\n").length, 21);
  assert(text.endsWith("\n… and 18 more"), text);
});

Deno.test("formatTest() shows metrics with their intervals, averages, and what was decided by", () => {
  const report = binaryTest([-2, -1, 1, 2, 3, -1], [0, 0, 0, 1, 1, 1], ["plain", "glasses"], {
    resamples: 200,
    thresholds: [0.4],
    temperature: 2,
  });
  const [low, high] = report.intervals.accuracy!;
  const text = formatTest(report);
  assertStringIncludes(text, `accuracy               0.6667   ${low.toFixed(4)} to ${high.toFixed(4)}\n`);
  assertStringIncludes(text, "specificity            0.6667");
  assertStringIncludes(text, "precision, recall, f1 and auroc are those of glasses");
  assertStringIncludes(
    text,
    "logits divided by the temperature 2.0000\npredicted at a probability of\n  glasses from 0.400",
  );
  assertStringIncludes(text, "averages over 2 classes  precision  recall      F1   auROC  average precision\nmacro");
  for (const line of text.split("\n")) assert(unicodeWidth(line) <= 100, line);
  const labels = multilabelTest([1, -1, 2, 1], [1, 0, 0, 1], ["hat", "tie"], { resamples: 0 });
  assertStringIncludes(formatTest(labels), "subset accuracy    0.5000\n");
});
