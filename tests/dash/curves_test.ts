import { assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "node:path";
import { chartsOf } from "../../src/dash/charts.ts";
import { bounded, Curves, smoothed } from "../../src/dash/curves.ts";
import { inFolder } from "../data/sets.ts";
import { trained, validated, writeRun } from "./written.ts";

Deno.test("smoothed() is the debiased average, and passes over what is not finite", () => {
  // Weights 0.5: (0.5·4 + 0.25·2) / 0.75 of the first two, newest first.
  assertEquals([...smoothed([2, 4], 0.5)], [2, (0.5 * 4 + 0.25 * 2) / 0.75]);
  assertEquals([...smoothed([3, NaN, 3], 0.9)].map((value) => Math.round(value * 1e9) / 1e9), [3, NaN, 3]);
  assertEquals([...smoothed([1, 5, 2], 0)], [1, 5, 2]);
});

Deno.test("bounded() keeps peaks, gaps and the end of a long curve", () => {
  const n = 100_000;
  const y = Array.from({ length: n }, (_, i) => i === 777 ? 50 : i === 50_000 ? -50 : i === 60_001 ? NaN : i % 2);
  const points = bounded({ x: Array.from({ length: n }, (_, i) => i), unit: 1, y }, 300);
  const at = (x: number) => points.find(([own]) => own === x)?.[1];
  assertEquals([points.length <= 310, at(777), at(50_000), at(60_001), at(n - 1)], [true, 50, -50, null, 1]);
  assertEquals(points.every(([x], i) => i === 0 || x > points[i - 1][0]), true);
  assertEquals(bounded({ x: [2, 4], unit: 2, y: [1, NaN] }, 300), [[1, 1], [2, null]]);
});

Deno.test("Curves gives steps, epochs and the time of training alone, and follows a run that goes back", () =>
  inFolder(async (folder) => {
    const run = await writeRun(join(folder, "run"));
    // Two pictures a step, at 8 and then 4 a second: 0.25 s a step, then 0.5.
    await run.add(trained(2, 3), trained(4, "NaN", { imagesPerSecond: 4 }), validated(4, 0.5, { "own.cost": 7 }));
    const curves = new Curves(run.path);
    await curves.read(2);
    const of = (type: "train" | "val", key: string, x: "step" | "epoch" | "time") => {
      const curve = curves.curve(type, key, x);
      return curve && bounded(curve, 100);
    };
    assertEquals(of("train", "loss", "step"), [[2, 3], [4, null]]);
    assertEquals(of("train", "loss", "epoch"), [[0.5, 3], [1, null]]);
    assertEquals(of("train", "loss", "time"), [[0.5, 3], [1.5, null]]);
    assertEquals(of("val", "own.cost", "time"), [[1.5, 7]]);
    // No value of it is defined.
    assertEquals(of("val", "auroc", "step"), undefined);

    await run.add(trained(6, 2, { imagesPerSecond: 4 }));
    await curves.read(2);
    assertEquals(of("train", "loss", "time"), [[0.5, 3], [1.5, null], [2.5, 2]]);

    await Deno.remove(join(run.path, "metrics.jsonl"));
    await run.add(trained(2, 9));
    await curves.read(2);
    assertEquals([of("train", "loss", "step"), of("val", "accuracy", "step")], [[[2, 9]], undefined]);
  }));

Deno.test("chartsOf() overlays runs, the line as it was pale behind the smoothed one, and tells kinds of losses", () =>
  inFolder(async (folder) => {
    const chosen = await Promise.all(["a", "b"].map(async (name, place) => {
      const run = await writeRun(join(folder, name));
      const kind = place === 0 ? "plain" : "class weights";
      await run.add(
        ...Array.from({ length: 40 }, (_, i) => trained(i + 1, 2 - (i % 2), { lossKind: kind })),
        validated(40, 0.8),
        ...(place === 0 ? [] : [validated(80, 0.9, { "own.<cost>": 1 })]),
      );
      const curves = new Curves(run.path);
      await curves.read(2);
      return { name, place, curves };
    }));
    const charts = chartsOf(chosen, { x: "step", smoothing: 0.9, width: 700 });
    // deno-lint-ignore no-explicit-any -- an option object of ECharts
    const options = charts.map(({ option }) => option as any);
    assertEquals(options.map(({ title }) => title.text), [
      "Training loss (of different kinds)",
      "Validation loss",
      "Validation accuracy",
      "Validation F1",
      "Validation <cost>",
      "Learning rate",
      "Images per second",
    ]);
    const [loss, , accuracy] = options;
    assertEquals(
      loss.series.map((line: { name?: string; lineStyle: { opacity?: number } }) => [
        line.name,
        line.lineStyle.opacity,
      ]),
      [[undefined, 0.3], ["a", undefined], [undefined, 0.3], ["b", undefined]],
    );
    assertAlmostEquals(loss.series[1].data.at(-1)[1], 1.5, 0.06);
    // Few values are not smoothed.
    assertEquals(accuracy.series.map(({ data }: { data: unknown }) => data), [[[40, 0.8]], [[40, 0.8], [80, 0.9]]]);
    assertEquals(charts.map(({ width }) => width), charts.map(() => 700));
  }));
