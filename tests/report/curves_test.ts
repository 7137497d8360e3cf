import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { BOLD, widthOf } from "../../src/report/chart.ts";
import type { Monitor } from "../../src/metrics/monitored.ts";
import { curvesChart } from "../../src/report/curves.ts";
import { draw } from "../../src/report/draw.ts";
import { blue, orange, paleBlue, red } from "../../src/report/palette.ts";
import { overlayChart, quantities } from "../../src/report/overlay.ts";
import { count, optionOf, pictureOf } from "./pictures.ts";

const train = (step: number, loss: unknown, skipped = 0, lossKind?: string) => ({
  ...{ type: "train", epoch: 1, step, loss, skipped, lossKind },
});
const val = (step: number, accuracy: unknown, loss: unknown, lossKind?: string) => ({
  ...{ type: "val", epoch: 1, step, accuracy, loss, lossKind },
});

/** Losses that wobble about `level`. */
const steady = (level: number) => Array.from({ length: 100 }, (_, i) => train(i + 1, level + (i % 2 ? 0.1 : -0.1)));

/** Names of the lines in each panel, under its title. */
function panels(records: unknown[], monitor?: Monitor): Record<string, string[]> {
  const { title, series } = optionOf(curvesChart(records, monitor));
  return Object.fromEntries(
    title.map(({ text }: { text: string }, p: number) => [
      text,
      series.filter(({ yAxisIndex }: { yAxisIndex: number }) => yAxisIndex === p)
        .map(({ name }: { name: string }) => name),
    ]),
  );
}

/** The points of a line. */
function pointsOf(records: unknown[], name: string): [number, number | null][] {
  const { series } = optionOf(curvesChart(records));
  const { data } = series.find((one: { name: string }) => one.name === name);
  return data.map((item: { value: [number, number] } | [number, number]) => "value" in item ? item.value : item);
}

Deno.test("curvesChart() puts losses on one axis only where they are the same quantity", () => {
  const kinds: [train: string | undefined, val: string | undefined, titles: string[]][] = [
    ["plain", "plain", ["Loss"]],
    ["class weights", "plain", ["Training loss (class weights)", "Validation loss (plain)"]],
    // Of a run of before.
    [undefined, undefined, ["Training loss", "Validation loss"]],
    [undefined, "plain", ["Training loss", "Validation loss (plain)"]],
  ];
  for (const [trained, validated, titles] of kinds) {
    const found = panels([train(1, 1, 0, trained), train(2, 1, 0, trained), val(2, 0.5, 1, validated)]);
    const lines = titles.length === 1 ? [["training", "validation"]] : [["training"], ["validation"]];
    assertEquals(Object.entries(found), [
      ...titles.map((title, p): [string, string[]] => [title, lines[p]]),
      ["Validation accuracy", ["accuracy"]],
    ]);
  }
  // The longest kind there is stays clear of the legend.
  const own = "a loss of one's own, class weights, label smoothing, teacher";
  const weighted = steady(0.5).map((record) => ({ ...record, lossKind: own }));
  const { title, legend } = optionOf(curvesChart([...weighted, val(100, 0.8, 1, "plain")]));
  const ends = title[0].left + widthOf(title[0].text, title[0].textStyle.fontSize) * BOLD;
  const begins = 1400 - legend[0].right -
    legend[0].data.reduce((sum: number, { name }: { name: string }) => sum + 44 + widthOf(name, 20), 28);
  assertLess(ends, begins);
  assertGreater(title[0].textStyle.fontSize, 11);
  // A run that was resumed with another version.
  const mixed = [train(1, 1), train(2, 1, 0, "plain"), val(2, 0.5, 1, "plain")];
  assertEquals(Object.keys(panels(mixed)), ["Training loss (plain)", "Validation loss (plain)", "Validation accuracy"]);

  const records = [...steady(0.5), val(50, 0.8, 0.9), val(100, 0.9, 0.9)];
  // Each panel has a grid and axes of its own, and steps that stand below each other.
  const { grid, xAxis, yAxis } = optionOf(curvesChart(records));
  assertEquals([grid.length, xAxis.length, yAxis.length], [3, 3, 3]);
  for (const { min, max } of xAxis) assertEquals([min, max], [0, 100]);
  for (const { left, right } of grid) assertEquals([left, right], [grid[0].left, grid[0].right]);
});

Deno.test("curvesChart() draws the monitored metric, on the accuracy's axis where that fits it", () => {
  const withMetric = (name: string, first: number | null, second: number | null) => [
    ...steady(0.5),
    { ...val(50, 0.8, 0.9), [name]: first },
    { ...val(100, 0.9, 0.9), [name]: second },
  ];
  const one = ["Validation accuracy", ["accuracy"]] as [string, string[]];
  const drawn: readonly (readonly [Monitor, number | null, number | null, [string, string[]][]])[] = [
    ["f1", 0.55, 0.6, [["Validation accuracy and F1", ["accuracy", "F1"]]]],
    ["balanced-accuracy", null, 0.6, [["Validation accuracy and balanced accuracy", [
      "accuracy",
      "balanced accuracy",
    ]]]],
    ["kappa", -0.1, 0.2, [one, ["Validation Cohen's kappa", ["Cohen's kappa"]]]],
    ["brier", 0.4, 0.2, [one, ["Validation Brier score", ["Brier score"]]]],
    ["top5", null, null, [one]],
    ["loss", 0.9, 0.9, [one]],
  ];
  for (const [monitor, first, second, wanted] of drawn) {
    assertEquals(Object.entries(panels(withMetric(monitor, first, second), monitor)).slice(2), wanted);
  }
  // The axis begins below the lower of the two.
  const { yAxis } = optionOf(curvesChart(withMetric("f1", 0.55, 0.6), "f1"));
  assertEquals([yAxis[2].min, yAxis[2].max], [0.5, 1]);
});

Deno.test("curvesChart() says that a run has ended early", () => {
  const early = { type: "early", epoch: 3, step: 12, best: 1, monitor: "f1", patience: 2 };
  assertEquals(
    Object.keys(panels([...steady(0.5), val(12, 0.5, 1), early])).at(-1),
    "Validation accuracy; ended early after epoch 3: no better f1 in 2 since epoch 1",
  );
});

Deno.test("curvesChart() smooths many losses, and draws few once", () => {
  const smooth = pointsOf(steady(0.5), "training, smoothed");
  // Means of five, but for the first few and the last.
  for (const [, value] of smooth.slice(4, -2)) assertAlmostEquals(value!, 0.5, 0.021);
  assertEquals(pointsOf(steady(0.5), "training")[0], [1, 0.4]);
  assertEquals(panels(steady(0.5).slice(0, 49))["Loss"], ["training", "validation"]);
});

Deno.test("curvesChart() breaks the line and marks the step where a loss was not finite or steps were left out", () => {
  const clean = Array.from({ length: 21 }, (_, i) => train(i * 10, 1));
  assertEquals(panels(clean)["Loss"], ["training", "validation"]);
  const bad: Record<string, unknown[]> = {
    "NaN as text": clean.with(10, train(100, "NaN")),
    "null": clean.with(10, train(100, null)),
    "a step left out": clean.map(({ step }) => train(step, 1, step < 100 ? 0 : 1)),
  };
  for (const [what, records] of Object.entries(bad)) {
    assertEquals(pointsOf(records, "not finite"), [[100, 0]], what);
    assertEquals(pointsOf(records, "training")[10], [100, what === "a step left out" ? 1 : null], what);
  }
});

Deno.test("curvesChart() shows a value between gaps, and a single one, as a dot", () => {
  const records = [train(1, 1), train(2, 1), train(3, null), train(4, 2), train(5, null), val(5, 0.5, 0.7)];
  const { series } = optionOf(curvesChart(records));
  const dotted = series.map(({ data }: { data: unknown[] }) =>
    data.filter((item) => typeof item === "object" && item !== null && "symbol" in item).length
  );
  // training, the mark, validation, accuracy
  assertEquals(dotted, [1, 0, 1, 1]);
});

Deno.test("curvesChart() begins the axis of accuracies at a round number", () => {
  const cases: [accuracies: number[], min: number][] = [
    [[0.5], 0.5],
    [[0.35, 0.9], 0.2],
    [[0.913, 0.9876], 0.9],
    [[0.962], 0.96],
    [[0.8], 0.8],
    [[0.991, 0.996], 0.99],
    [[0.97], 0.97],
    [[0], 0],
    [[1], 0.99],
    [[0.05], 0],
    [[], 0],
  ];
  for (const [accuracies, min] of cases) {
    const { yAxis } = optionOf(curvesChart(accuracies.map((accuracy, i) => val(i, accuracy, 1))));
    assertEquals([yAxis.at(-1).min, yAxis.at(-1).max], [min, 1], `${accuracies}`);
    const steps = (1 - min) / yAxis.at(-1).interval;
    assertAlmostEquals(steps, Math.round(steps), 1e-6, `${accuracies}`);
    assert(steps > 2.5 && steps < 5.5, `${accuracies}: ${steps} steps`);
  }
});

Deno.test("the picture of curves has all lines and marks", async () => {
  const chart = curvesChart([...steady(0.5).with(30, train(31, "NaN")), val(50, 0.8, 0.9), val(100, 0.9, 0.9)]);
  const picture = pictureOf((await draw(chart)).png);
  assertEquals([picture.width, picture.height], [chart.width, chart.height]);
  for (const color of [blue, paleBlue, orange]) assertGreater(count(picture, color), 500, color);
  // A triangle of 14 by 18 on the axis and one in the legend.
  assertGreater(count(picture, red), 100);
  assertLess(count(picture, red), 400);
});

Deno.test("curvesChart() charts a run without records, and passes over what it does not know", async () => {
  const empty = curvesChart([]);
  assertEquals(curvesChart([null, 3, "x", { type: "other", step: 5, loss: 1 }, { type: "train", loss: 1 }]), empty);
  assertEquals(pictureOf((await draw(empty)).png).width, 1400);
});

Deno.test("20,000 records are drawn within seconds", async () => {
  const records = Array.from({ length: 20_000 }, (_, i) => train(i, 2 + Math.sin(i)));
  const started = performance.now();
  const { svg } = await draw(curvesChart(records));
  assertLess(performance.now() - started, 10_000);
  assert(svg.length < 2e6, `${svg.length} characters`);
});

Deno.test("overlayChart() draws losses by their logarithm where one begins at many times the others", () => {
  const run = (name: string, ...losses: number[]) => ({
    name,
    records: losses.map((loss, i) => ({ type: "val", step: i + 1, loss, accuracy: 0.5 })),
  });
  const [accuracy, loss] = quantities;
  const yOf = (quantity: typeof loss, ...runs: ReturnType<typeof run>[]) =>
    optionOf(overlayChart(quantity, runs)!).yAxis[0];
  const [calm, wild] = [run("calm", 1, 0.5, 0.3), run("wild", 900, 0.9, 0.2)];
  assertEquals([yOf(loss, calm).type, yOf(loss, calm).min], ["value", 0]);
  assertEquals([yOf(loss, calm, wild).type, yOf(accuracy, calm, wild).type], ["log", "value"]);
  const { series } = optionOf(overlayChart(loss, [calm, wild])!);
  assertEquals(series[1].data, [[1, 900], [2, 0.9], [3, 0.2]]);
});
