/**
 * What a terminal, a file and a program are shown of a run.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { JsonTracker } from "../../src/cli/json_tracker.ts";
import { ProgressLine } from "../../src/cli/progress.ts";
import { ProgressBarTracker, TerminalTracker } from "../../src/cli/trackers.ts";
import { formatReport } from "../../src/report/text.ts";
import { ConsoleOutput } from "../../src/track/console.ts";
import type { Tracker } from "../../src/track/tracker.ts";
import { logAt, run, test, validationAt } from "../track/facts.ts";

/** Tells trackers a short run. */
function tell(trackers: readonly Tracker[]): void {
  const each = (call: (tracker: Tracker) => unknown) => trackers.forEach(call);
  each((tracker) => tracker.begin?.(run));
  each((tracker) => tracker.log?.(logAt(3)));
  each((tracker) => tracker.validation?.(validationAt(4)));
  each((tracker) => tracker.checkpoint?.({ epoch: 1, step: 4, path: "runs/x/epoch-001", isBest: true }));
  each((tracker) => tracker.note?.({ type: "warning", message: "it is hot" }));
  each((tracker) => tracker.note?.({ type: "info", message: "it is late" }));
  each((tracker) => tracker.log?.(logAt(6, 0.125)));
  each((tracker) => tracker.progress?.({ type: "training", epoch: 2, done: 3, total: 4, imagesPerSecond: 2 }));
  each((tracker) => tracker.test?.(test));
  each((tracker) => tracker.end?.({ how: "done" }));
}

/** What is written on standard error and as results. */
function shown({ quiet = false, isTerminal = false }): { err: string; results: string[]; output: string[] } {
  let err = "";
  const results: string[] = [];
  const console = new ConsoleOutput();
  const progress = new ProgressLine(quiet, { isTerminal, write: (text) => void (err += text), columns: 120, console });
  tell([
    new TerminalTracker({
      progress,
      result: (text) => results.push(text),
      tables: ({ report }) => formatReport(report),
    }),
    new ProgressBarTracker(progress),
  ]);
  const output: string[] = [];
  console.follow(({ text, isFault }) => output.push(`${isFault ? "! " : ""}${text}`));
  return { err, results, output };
}

const figures = "val 0\\.6667  lr 0\\.10";

Deno.test("where there is no terminal each window is a line: loss, accuracy, rate, speed, memory and time left", () => {
  const { err, results, output } = shown({});
  const lines = err.trimEnd().split("\n");
  assertMatch(lines[0], /^train {2}2 epochs of 4 steps of 2 pictures; a step takes 9 dispatches/);
  assertMatch(
    lines[1],
    /^epoch 1\/2 {2}step 3 {2}loss 0\.3333 {2}lr 0\.10 {2}9 images\/s {2}memory \S+ KiB \+ \S+ MiB {2}0:00, 0:01 left$/,
  );
  assertMatch(lines[2], /^epoch 1\/2 {2}step 4 {2}validation accuracy 0\.6667 {2}loss \S+ {2}best so far$/);
  assertEquals(lines.slice(3, 6), ["saved runs/x/epoch-001", "warning: it is hot", "note   it is late"]);
  assertMatch(
    lines[6],
    new RegExp(`^epoch 2/2  step 6  loss 0\\.1250  ${figures}  9 images/s  memory .*  0:00, 0:00 left$`),
  );
  assertEquals([lines.length, err.includes("\r")], [7, false]);
  assertMatch(results[0], /^accuracy 0\.6667/);
  assertEquals(output, lines.map((line) => line.startsWith("warning") ? `! ${line}` : line));
});

Deno.test("on a terminal one line is rewritten, and lines of windows do not stay", () => {
  const { err } = shown({ isTerminal: true });
  // A line that is rewritten begins so.
  const plain = err.replaceAll("\r\x1b[K", "\r");
  const stay = plain.replaceAll(/\r[^\n\r]*(?=\r)/g, "").split(/[\n\r]+/);
  assertEquals(stay.filter((line) => line.includes("images/s")), []);
  assert(stay.includes("saved runs/x/epoch-001"));
  const rewritten = [...plain.matchAll(/\r([^\n\r]+)(?=\r)/g)].map(([, text]) => text);
  assertEquals(rewritten.length, 1);
  assertMatch(rewritten[0], new RegExp(`^epoch 2/2 .*step 3/4  0:01 left  loss 0\\.1250  ${figures}  2 images/s`));
});

for (const isTerminal of [false, true]) {
  Deno.test(`--quiet hides how far it is, and keeps what else is said${isTerminal ? ", on a terminal" : ""}`, () => {
    const { err, results } = shown({ quiet: true, isTerminal });
    const lines = err.trimEnd().split("\n");
    assertMatch(lines[0], /^train/);
    assertEquals(lines.slice(1), ["warning: it is hot", "note   it is late"]);
    assertEquals(results.length, 1);
  });
}

Deno.test("--json gives one object a line for all that happens", () => {
  const lines: string[] = [];
  tell([new JsonTracker((line) => lines.push(line))]);
  const objects = lines.map((line) => {
    assert(line.endsWith("\n") && !line.slice(0, -1).includes("\n"));
    return JSON.parse(line);
  });
  assertEquals(objects.map(({ type, about }) => about ?? type), [
    ...["begin", "train", "val", "checkpoint", "warning", "info", "train", "test", "end"],
  ]);
  assertEquals([objects[1].loss, objects[2].accuracy, objects[2].isBest], [
    1 / 3,
    validationAt(4).report.accuracy,
    true,
  ]);
  assertEquals([objects[7].f1, objects[8]], [test.report.f1, { type: "end", how: "done" }]);
  // All that a test says comes from whoever has computed it.
  const whole = new JsonTracker((line) => lines.push(line), ({ report }) => ({ ...report, kappa: 0.5 }));
  whole.test(test);
  assertEquals([JSON.parse(lines.at(-1)!).kappa, JSON.parse(lines.at(-1)!).metrics], [0.5, {}]);
  const failed: string[] = [];
  const tracker = new JsonTracker((line) => failed.push(line));
  tracker.log(logAt(3, NaN));
  tracker.end({ how: "failed", error: new Error("no room") });
  assertEquals(failed.map((line) => JSON.parse(line)).map(({ loss, error }) => loss ?? error), ["NaN", "no room"]);
});
