import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { optionOf } from "../report/pictures.ts";
import { parallelChart, spansDecades } from "../../src/report/parallel.ts";
import { MedianStop } from "../../src/study/median_stop.ts";
import { planSweep } from "../../src/study/sweep_file.ts";
import { type SweptRun, writeSweep } from "../../src/study/write_sweep.ts";

const settingsOf = (file: unknown) =>
  planSweep(file, "s.json").runs.map(({ settings }) => settings as Record<string, unknown>);

Deno.test("a random sweep draws from lists, ranges and logarithms of ranges, the same for the same seed", () => {
  const sweep = {
    learningRate: { log: [1e-4, 1e-1] },
    weightDecay: { uniform: [0, 0.05] },
    epochs: { uniform: [2, 4] },
    optimizer: ["sgd", "adam"],
  };
  const drawn = settingsOf({ sweep, runs: 400, settings: { model: "lenet" } });
  assertEquals(drawn, settingsOf({ sweep, runs: 400, settings: { model: "lenet" } }));
  assert(drawn[0].learningRate !== settingsOf({ sweep, runs: 1, seed: 2 })[0].learningRate);
  const values = (name: string) => drawn.map((one) => one[name] as number);
  assert(values("learningRate").every((rate) => rate >= 1e-4 && rate <= 0.1));
  // A third of the decades each.
  const share = values("learningRate").filter((rate) => rate < 1e-3).length / 400;
  assert(share > 0.25 && share < 0.42, `${share}`);
  assert(Math.max(...values("weightDecay")) <= 0.05 && Math.max(...values("weightDecay")) > 0.045);
  assertEquals([...new Set(values("epochs"))].toSorted(), [2, 3, 4]);
  assertEquals(new Set(drawn.map(({ optimizer }) => optimizer)).size, 2);
  assertEquals(new Set(drawn.map(({ model }) => model)), new Set(["lenet"]));
});

Deno.test("a grid has every combination of its lists", () => {
  const { runs, tried, stopsAtMedian } = planSweep(
    { method: "grid", sweep: { batch: [16, 32], seed: [1, 2, 3] }, stop: "none" },
    "s.json",
  );
  assertEquals([tried, stopsAtMedian], [["batch", "seed"], false]);
  assertEquals(runs.map(({ settings: { batch, seed } }) => [batch, seed]), [
    ...[[16, 1], [16, 2], [16, 3]],
    ...[[32, 1], [32, 2], [32, 3]],
  ]);
  assertEquals(runs.map(({ name }) => name), ["run-1", "run-2", "run-3", "run-4", "run-5", "run-6"]);
});

const faults: [file: unknown, message: string][] = [
  [[], "a sweep is an object with sweep"],
  [{ sweeps: {} }, "there is no key sweeps; did you mean sweep?"],
  [{}, "sweep has no settings to try"],
  [{ sweep: { lerningRate: [1] } }, "there is no setting lerningRate; did you mean learningRate?"],
  [{ sweep: { batch: [] } }, "the list of batch is empty"],
  [{ sweep: { batch: 3 } }, "batch is 3: give a list"],
  [{ sweep: { learningRate: { log: [0, 1] } } }, "learningRate goes from 0, which has no logarithm"],
  [{ sweep: { learningRate: { uniform: [1, 0] } } }, "learningRate goes from 1 to 0"],
  [{ sweep: { batch: [0] } }, "run-01: batch is 0"],
  [
    { sweep: { learningRate: { log: [1, 2] } }, method: "grid" },
    "learningRate is a range, of which a grid has no values",
  ],
  [{ sweep: { batch: [1] }, method: "grid", runs: 3 }, "runs has no meaning with the method grid"],
  [{ sweep: { batch: [1] }, method: "bayes" }, 'method is "bayes": give random or grid'],
  [{ sweep: { batch: [1] }, runs: 0 }, "runs is 0: give a whole number from 1"],
];
for (const [file, message] of faults) {
  Deno.test(`a sweep is refused: ${message}`, () => {
    assertThrows(() => planSweep(file, "s.json"), UserError, `s.json: ${message}`);
  });
}

Deno.test("a run below the median of the others at the same epoch is stopped, with three others at least", () => {
  const medians = new MedianStop();
  medians.add([0.5, 0.6, 0.55]);
  medians.add([0.4, 0.7]);
  assertEquals(medians.worse([0.1]), undefined);
  medians.add([0.3]);
  assertEquals(medians.worse([0.35]), 0.4);
  assertEquals(medians.worse([0.4]), undefined);
  // At the second epoch there are two others.
  assertEquals(medians.worse([0.1, 0.1]), undefined);
  medians.add([0.2, 0.8]);
  // What counts is the best so far, of it as of them.
  assertEquals(medians.worse([0.1, 0.65]), 0.7);
  assertEquals(medians.worse([0.75, 0.1]), undefined);
});

Deno.test("where less is better, a run above the median is stopped; undefined values count nothing", () => {
  const medians = new MedianStop(true);
  for (const losses of [[0.5, 0.6], [0.4, 0.3], [0.3]]) medians.add(losses);
  assertEquals([medians.worse([0.45]), medians.worse([0.4])], [0.4, undefined]);
  const withHole: number[] = [];
  withHole[1] = 0.9;
  medians.add(withHole);
  assertEquals(medians.worse([0.9, 0.55]), 0.5);
});

Deno.test("runs of a sweep are ranked by the metric that chooses their epochs", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const plan = planSweep(
      { method: "grid", sweep: { batch: [16, 32, 64] }, settings: { monitor: "brier" }, title: "By Brier" },
      "s.json",
    );
    const runs = plan.runs.map((planned, k): SweptRun => ({
      planned,
      record: {
        ...{ path: `${folder}/${planned.name}`, name: planned.name, task: "multiclass", model: "lenet", balance: [] },
        config: { model: { name: "lenet", classes: 2, channels: 3, imageSize: 32 }, settings: { ...planned.settings } },
        // The accuracy would choose the last.
        log: [0.5, 0.2 + 0.1 * ((k + 2) % 3)].map((brier, e) => ({
          ...{ type: "val", epoch: e + 1, step: e + 1, accuracy: 0.5 + k / 10, brier },
        })),
        epochs: { done: 2, asked: 2 },
      },
    }));
    await writeSweep(folder, plan, runs, []);
    const text = await Deno.readTextFile(`${folder}/sweep.md`);
    assertStringIncludes(text, "run-2 has the lowest validation Brier score, 0.2000: batch 32.");
    const rows = [...text.slice(text.indexOf("Runs by validation Brier score")).matchAll(/^\| (run-\d) /gm)];
    assertEquals(rows.slice(0, 3).map(([, name]) => name), ["run-2", "run-3", "run-1"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("parallelChart() has an axis for each setting, and a line for each run", () => {
  const { parallelAxis, series: [{ data }] } = optionOf(parallelChart("Sweep", "", [
    { name: "learningRate", values: [0.1, 0.0001, 0.01] },
    { name: "optimizer", values: ["sgd", "adam", "sgd"] },
    { name: "accuracy", values: [0.9, 0.5, null], isLog: false },
  ]));
  assertEquals(parallelAxis.map(({ type }: { type: string }) => type), ["log", "category", "value"]);
  assertEquals(data.map(({ value }: { value: unknown[] }) => value), [
    [0.1, "sgd", 0.9],
    [0.0001, "adam", 0.5],
    [0.01, "sgd", "–"],
  ]);
  assert(data[0].lineStyle.color < data[1].lineStyle.color, "the better one is darker");
  assertEquals([spansDecades([1, 19]), spansDecades([1, 21]), spansDecades([0, 100])], [false, true, false]);
});
