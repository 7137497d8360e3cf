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
};

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
  ["a window", (t) => t.log(log), ["epoch 2/5  step 40  loss 0.1235  lr 0.0019  100 images/s  0:00, 0:00 left"]],
  ["a window in half precision", (t) => t.log({ ...log, lossScale }), [
    "epoch 2/5  step 40  loss 0.1235  lr 0.0019  100 images/s  0:00, 0:00 left  1 step skipped, loss scale 16384",
  ]],
  ["a window with steps left out", (t) => t.log({ ...log, skipped: 2 }), [
    "epoch 2/5  step 40  loss 0.1235  lr 0.0019  100 images/s  0:00, 0:00 left",
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
    const tracker = new TerminalTracker({ line: (text) => void written.push(text) });
    tracker.begin(run);
    written.length = 0;
    tell(tracker);
    assertEquals(written, lines);
  });
}

/** A tracker of the bar, what it has shown, and its clock in milliseconds. */
function barTracker() {
  const shown: string[] = [];
  const clock = { now: 0 };
  const tracker = new ProgressBarTracker({
    update: (text) => void shown.push(text()),
    share: (what, { done, total }) => void shown.push(`${what} ${done}/${total}`),
    clear: () => void shown.push("cleared"),
  }, () => clock.now);
  const train = (epoch: number, done: number) =>
    tracker.progress({ type: "training", epoch, done, total: 30, imagesPerSecond: 99.6 });
  return { tracker, shown, clock, train };
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

Deno.test("ProgressBarTracker shows a step with the last loss and the time that is left", () => {
  const { tracker, shown, clock, train } = barTracker();
  tracker.begin({ ...run, epochs: 2 });
  clock.now = 3000;
  train(1, 3);
  tracker.log(log);
  clock.now = 15_000;
  train(1, 15);
  tracker.log({ ...log, loss: null });
  clock.now = 30_000;
  train(1, 30);
  assertEquals(shown, [
    // A second a step: 27 of this epoch and 30 of the next.
    "epoch 1/2 [━━──────────────────────] 3/30  100 images/s  0:03, 0:57 left",
    "epoch 1/2 [━━━━━━━━━━━━────────────] 15/30  loss 0.1235  100 images/s  0:15, 0:45 left",
    "epoch 1/2 [━━━━━━━━━━━━━━━━━━━━━━━━] 30/30  100 images/s  0:30, 0:30 left",
  ]);
});

Deno.test("ProgressBarTracker counts no validation, and of a resumed run no step before it", () => {
  const left = (texts: readonly string[]) => texts.map((text) => text.split("  ").at(-1));
  const { tracker, shown, clock, train } = barTracker();
  tracker.begin({ ...run, epochs: 2, resumedAt: { epoch: 0, step: 20 } });
  clock.now = 5000;
  train(1, 25);
  // The epoch's last steps, and a validation of a minute.
  clock.now = 10_000;
  train(1, 30);
  clock.now = 70_000;
  tracker.validation();
  clock.now = 72_000;
  train(2, 2);
  assertEquals(left(shown), ["0:05, 0:35 left", "0:10, 0:30 left", "1:12, 0:28 left"]);
});
