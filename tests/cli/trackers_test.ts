import { assertEquals } from "@std/assert";
import { ProgressBarTracker, TerminalTracker } from "../../src/cli/trackers.ts";
import type { Report } from "../../src/metrics/mod.ts";
import type { LogFacts, Note, RunFacts, RunProgress, ValidationFacts } from "../../src/track/tracker.ts";

const run: RunFacts = {
  ...{ config: {}, epochs: 5, stepsPerEpoch: 30, batch: 64, memory: 3 * 2 ** 20, dispatches: 70, learnt: 1234567 },
};

const log: LogFacts = {
  ...{ epoch: 2, step: 40, loss: 0.12345, lossKind: "plain", learningRate: 0.00195, skipped: 0, imagesPerSecond: 99.6 },
};

const validation: ValidationFacts = {
  ...{ epoch: 2, step: 60, metrics: {}, lossKind: "plain", isBest: false },
  report: { accuracy: 0.87654, loss: 0.5 } as Report,
  predictions: { logits: new Float32Array(), targets: new Float32Array() },
  worst: () => Promise.resolve([]),
};

/** What this process takes, in place of what it does. */
const host = () => 200 * 2 ** 20;
/** (150 − 40) steps of 64 pictures at 99.6 a second. */
const rest = "100 images/s  memory 3.0 MiB + 200 MiB  0:00, 1:11 left";

const lossScale = { scale: 16384, overflows: 1 };

/** What the terminal's tracker is told, and the lines that it writes. */
const cases: readonly [what: string, tell: (tracker: TerminalTracker) => void, lines: readonly string[]][] = [
  ["a run that begins", (t) => t.begin(run), [
    "train  5 epochs of 30 steps of 64 pictures; a step takes 70 dispatches and 3.0 MiB, for 1,234,567 learnt parameters",
  ]],
  ["a run that goes on", (t) => t.begin({ ...run, epochs: 1, resumedAt: { epoch: 1, step: 7 } }), [
    "resume after epoch 1, step 7",
    "train  1 epochs of 30 steps of 64 pictures; a step takes 70 dispatches and 3.0 MiB, for 1,234,567 learnt parameters",
  ]],
  ["a window", (t) => t.log(log), [`epoch 2/5  step 40  loss 0.1235  lr 0.0019  ${rest}`]],
  ["a window after a validation", (t) => [t.validation(validation), t.log(log)], [
    "epoch 2/5  step 60  validation accuracy 0.8765  loss 0.5000",
    `epoch 2/5  step 40  loss 0.1235  val 0.8765  lr 0.0019  ${rest}`,
  ]],
  ["a window in half precision", (t) => t.log({ ...log, lossScale }), [
    `epoch 2/5  step 40  loss 0.1235  lr 0.0019  1 step skipped, loss scale 16384  ${rest}`,
  ]],
  ["a window with steps left out", (t) => t.log({ ...log, skipped: 2 }), [
    `epoch 2/5  step 40  loss 0.1235  lr 0.0019  ${rest}`,
    "warning: 2 of 40 steps were not finite and were left out (--on-nan)",
  ]],
  ["a window of which no step counts", (t) => t.log({ ...log, loss: null, skipped: 10 }), [
    "warning: 10 of 40 steps were not finite and were left out (--on-nan)",
  ]],
  ["a validation", (t) => t.validation(validation), ["epoch 2/5  step 60  validation accuracy 0.8765  loss 0.5000"]],
  ["the best validation", (t) => t.validation({ ...validation, isBest: true }), [
    "epoch 2/5  step 60  validation accuracy 0.8765  loss 0.5000  best so far",
  ]],
  [
    "a validation without values",
    (t) => t.validation({ ...validation, report: { accuracy: null, loss: null } as Report }),
    ["epoch 2/5  step 60  validation accuracy undefined  loss undefined"],
  ],
  ["a checkpoint", (t) => t.checkpoint({ epoch: 2, step: 60, path: "runs/a/epoch-002.safetensors", isBest: true }), [
    "saved runs/a/epoch-002.safetensors",
  ]],
  ["a note", (t) => t.note({ type: "info", message: "it is early" }), ["note   it is early"]],
  ["a warning", (t) => t.note({ type: "warning", message: "it is late" }), ["warning: it is late"]],
  ["a batch that was found", (t) => t.note({ type: "batch", batch: 48, memory: 2 ** 30 }), [
    "batch  48 pictures, which take 1.0 GiB",
  ]],
  [
    "a batch in memory that was given",
    (t) => t.note({ type: "batch", batch: 48, memory: 2 ** 30, budget: { bytes: 2 ** 31, from: "given" } }),
    ["batch  48 pictures, which take 1.0 GiB; --memory is 2.0 GiB"],
  ],
  [
    "a batch in memory that was guessed",
    (t) => t.note({ type: "batch", batch: 48, memory: 2 ** 30, budget: { bytes: 2 ** 32, from: "assumed" } }),
    [
      "batch  48 pictures, which take 1.0 GiB; 4.0 GiB are assumed, since WebGPU does not tell how much a GPU has (--memory)",
    ],
  ],
  [
    "tuning that was cut",
    (t) => t.note({ type: "tuned", choices: 9, timed: 4, seconds: 65, path: "cache/tuning.json", isCut: true }),
    ["tune   9 choices; 4 timed now in 1:05, kept in cache/tuning.json; the next run times the rest"],
  ],
  [
    "tuning that had nothing left to time",
    (t) => t.note({ type: "tuned", choices: 9, timed: 0, seconds: 0, path: "cache/tuning.json", isCut: false }),
    ["tune   9 choices; 0 timed now in 0:00"],
  ],
  ["a run that is trained", (t) => t.note(trained({ isTested: true })), [
    "best   epoch 3, validation accuracy 0.9000; it is tested now",
  ]],
  ["a run that is trained and has no test split", (t) => t.note(trained({})), [
    "best   epoch 3, validation accuracy 0.9000",
  ]],
  ["a run that was stopped, in half precision", (t) => t.note(trained({ interrupted: true, lossScale })), [
    "f16    1 step skipped, loss scale 16384",
  ]],
  [
    "tuning that nobody asked for, once",
    (t) => ["a", "b"].forEach((call) => t.progress({ type: "tuning", call, done: 0, total: 9, atMost: 20 })),
    ["tune   this adapter's kernels are timed, for at most 20 s (--tune off: not at all)"],
  ],
  ["a test", (t) => t.test({ ...validation }), ["tables"]],
  ["tuning that was asked for", (t) => t.progress({ type: "tuning", call: "a", done: 0, total: 9 }), []],
];

function trained(more: Partial<Extract<Note, { type: "trained" }>>): Note {
  return {
    ...{ type: "trained", best: { epoch: 3, accuracy: 0.9 }, epochs: 5, interrupted: false, isTested: false },
    ...more,
  };
}

for (const [what, tell, lines] of cases) {
  Deno.test(`TerminalTracker tells of ${what}`, () => {
    const written: string[] = [];
    const line = (text: string) => void written.push(text);
    const progress = { line, step: line, clear: () => {}, isLive: false };
    const tracker = new TerminalTracker({
      progress,
      result: line,
      tables: () => "tables",
      hostMemory: host,
      now: () => 0,
    });
    tracker.begin(run);
    written.length = 0;
    tell(tracker);
    assertEquals(written, lines);
  });
}

/** A tracker of the bar on a terminal of so many columns, and what it has shown. */
function barTracker(columns = 160) {
  const shown: string[] = [];
  const tracker = new ProgressBarTracker({
    update: (text) => void shown.push(text(columns)),
    share: (what, { done, total }) => void shown.push(`${what} ${done}/${total}`),
    clear: () => void shown.push("cleared"),
  }, host);
  const train = (epoch: number, done: number) =>
    tracker.progress({ type: "training", epoch, done, total: 30, imagesPerSecond: 64 });
  return { tracker, shown, train };
}

Deno.test("ProgressBarTracker shows each kind of work with its share", () => {
  const { tracker, shown } = barTracker();
  const half = { done: 1, total: 2 };
  const told: RunProgress[] = [
    { type: "decoding", what: "training pictures", ...half },
    { type: "compiling", ...half },
    { type: "tuning", call: "matmul of 4×4", ...half },
    { type: "validating", ...half },
    { type: "testing", ...half },
  ];
  for (const progress of told) tracker.progress(progress);
  tracker.end();
  assertEquals(shown, [
    "decoding training pictures 1/2",
    "compiling kernels 1/2",
    "timing kernels: matmul of 4×4 1/2",
    "validating 1/2",
    "testing 1/2",
    "cleared",
  ]);
});

Deno.test("ProgressBarTracker shows a step with what is known, and the time that is left", () => {
  const { tracker, shown, train } = barTracker();
  tracker.begin({ ...run, epochs: 2, resumedAt: { epoch: 0, step: 2 } });
  train(1, 3);
  tracker.log(log);
  train(1, 15);
  tracker.log({ ...log, loss: null, lossScale });
  tracker.validation(validation);
  train(2, 30);
  const memory = "64 images/s  memory 3.0 MiB + 200 MiB";
  assertEquals(shown, [
    // A second a step: 27 of this epoch and 30 of the next.
    `epoch 1/2 [━───────────] step 3/30  0:57 left  ${memory}`,
    `epoch 1/2 [━━━━━━──────] step 15/30  0:45 left  loss 0.1235  lr 0.0019  ${memory}`,
    "epoch 2/2 [━━━━━━━━━━━━] step 30/30  0:00 left  val 0.8765  lr 0.0019  " +
    `1 step skipped, loss scale 16384  ${memory}`,
  ]);
});

Deno.test("ProgressBarTracker shows less where a terminal is narrow, and memory down to 80 columns", () => {
  const texts = {
    160:
      "epoch 1/5 [━━━━━━──────] step 15/30  2:15 left  loss 0.1235  val 0.8765  lr 0.0019  64 images/s  memory 3.0 MiB + 200 MiB",
    108: "epoch 1/5  step 15/30  2:15 left  loss 0.1235  val 0.8765  lr 0.0019  64 images/s  memory 3.0 MiB + 200 MiB",
    100: "epoch 1/5 step 15/30 2:15 left loss 0.1235 val 0.8765 lr 0.0019 64 images/s 3.0 MiB + 200 MiB",
    80: "epoch 1/5 15/30 2:15 left loss 0.1235 val 0.8765 lr 0.0019 64 images/s 200 MiB",
    60: "epoch 1/5 15/30 2:15 left loss 0.1235 val 0.8765 lr 0.0019 64 images/s",
  };
  for (const [columns, text] of Object.entries(texts)) {
    const { tracker, shown, train } = barTracker(Number(columns));
    tracker.begin(run);
    tracker.log(log);
    tracker.validation(validation);
    train(1, 15);
    assertEquals(shown, [text], columns);
  }
});
