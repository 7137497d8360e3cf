import { assertEquals, assertThrows } from "@std/assert";
import {
  binaryReport,
  multiclassReport,
  multilabelReport,
  oneVsRestAuroc,
  type Report,
} from "../../src/metrics/mod.ts";
import { assertClose, cases, text } from "./stored.ts";

/** Compares what scikit-learn answered, of which a test says more, with a report. */
function compare(report: Report, expected: unknown, title: string): void {
  const { task: _, undefined: __, perClass, ...values } = report;
  const { perClass: rows, ...all } = expected as Record<string, unknown> & { perClass: Record<string, unknown>[] };
  assertClose(values, pick(all, values), title);
  assertClose(perClass, rows.map((row, c) => pick(row, perClass[c])), title);
  assertNotesFit(report, title);
}

/** Those values of an object of which another has the keys. */
function pick(values: Record<string, unknown>, keys: object): Record<string, unknown> {
  return Object.fromEntries(Object.keys(keys).map((key) => [key, values[key]]));
}

/** Asserts that every null is explained, once, and nothing else is. */
function assertNotesFit(report: Report, title: string): void {
  const notes = report.undefined;
  // Top-level values of a binary task are its positive class's.
  const nulls = report.perClass.flatMap((row) =>
    Object.entries(row).filter(([, value]) => value === null).map(([key]) => `${row.name} ${key}`)
  );
  for (const key of ["accuracy", "precision", "recall", "f1", "auroc", "loss"] as const) {
    const own = report.task !== "binary" || key === "accuracy" || key === "loss";
    if (own && report[key] === null) nulls.push(`null ${key}`);
  }
  assertEquals(notes.map((note) => `${note.class} ${note.metric}`).sort(), nulls.sort(), title);
}

const names = (count: number) => Array.from({ length: count }, (_, c) => `c${c}`);

Deno.test("binaryReport() agrees with scikit-learn", () => {
  for (const c of cases("binary")) compare(binaryReport(c.logits, c.targets), c.expected, c.title);
});

Deno.test("multiclassReport() agrees with scikit-learn", () => {
  for (const c of cases("multiclass")) {
    compare(multiclassReport(c.logits, c.targets, names(c.classes)), c.expected, c.title);
  }
});

Deno.test("multilabelReport() agrees with scikit-learn", () => {
  for (const c of cases("multilabel")) {
    compare(multilabelReport(c.logits, c.targets, names(c.classes)), c.expected, c.title);
  }
});

Deno.test("oneVsRestAuroc() agrees with scikit-learn on heavily tied scores", () => {
  for (const c of cases("ranks")) assertClose(oneVsRestAuroc(c.scores, c.targets, c.classes), c.expected, c.title);
});

Deno.test("the stored cases cover undefined values of every kind", () => {
  for (const metric of ["precision", "recall", "f1", "auroc"]) {
    assertEquals(text.includes(`"${metric}":null`), true, metric);
  }
});

Deno.test("multiclassReport() says why a value is undefined and what averages make of it", () => {
  const { undefined: notes, precision } = multiclassReport([3, 1, 0, 2, 1, 0], [0, 1], ["cat", "dog", "owl"]);
  assertEquals(precision, 0.25);
  assertEquals(notes, [
    {
      metric: "precision",
      class: "dog",
      reason: "no sample was predicted dog; counts as 0 in the macro average",
    },
    {
      metric: "precision",
      class: "owl",
      reason: "no sample was predicted owl; left out of the macro average",
    },
    { metric: "recall", class: "owl", reason: "no sample is owl; left out of the macro average" },
    { metric: "f1", class: "owl", reason: "no sample is or was predicted owl; left out of the macro average" },
    { metric: "auroc", class: "owl", reason: "no sample is owl, so there is nothing to rank" },
  ]);
});

Deno.test("reports of no samples are all null, with notes", () => {
  for (
    const report of [binaryReport([], []), multiclassReport([], [], ["a", "b"]), multilabelReport([], [], ["a", "b"])]
  ) {
    const { accuracy, precision, recall, f1, auroc, loss } = report;
    assertEquals([accuracy, precision, recall, f1, auroc, loss], [null, null, null, null, null, null]);
    assertNotesFit(report, report.task);
  }
});

Deno.test("reports refuse logits that are not finite and targets that are no class", () => {
  const cases: [() => unknown, string][] = [
    [() => binaryReport([0, NaN], [0, 1]), "logits[1] is NaN"],
    [() => binaryReport([-Infinity, 0], [0, 1]), "logits[0] is -Infinity"],
    [() => binaryReport([0, 0], [0, 2]), "targets[1] must be an integer from 0 to 1, got 2"],
    [() => multiclassReport([0, 1, 2, NaN], [0, 1], ["a", "b"]), "logits[3] is NaN"],
    [() => multiclassReport([0, 1, 2, 3], [0, 0.5], ["a", "b"]), "targets[1] must be an integer from 0 to 1, got 0.5"],
    [() => multilabelReport([0, NaN], [0, 1], ["a", "b"]), "logits[1] is NaN"],
    [() => multilabelReport([0, 0], [0, -1], ["a", "b"]), "targets[1] must be an integer from 0 to 1, got -1"],
  ];
  for (const [call, message] of cases) assertThrows(call, RangeError, message);
  assertThrows(() => binaryReport([0, 0], [0]), TypeError, "expected 1 logits, got 2");
  assertThrows(() => multiclassReport([0, 0, 0], [0], ["a", "b"]), TypeError, "expected 1 × 2 logits, got 3");
  assertThrows(() => multilabelReport([0, 0, 0], [0, 0, 0], ["a", "b"]), TypeError, "[N, 2], got 3 values");
});
