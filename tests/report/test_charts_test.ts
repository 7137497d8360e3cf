import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import {
  binaryTest,
  multiclassTest,
  multilabelTest,
  sigmoid,
  softmax,
  type TestReport,
} from "../../src/metrics/mod.ts";
import { randomStream } from "../../src/random.ts";
import { svgOf } from "../../src/report/draw.ts";
import { thinned } from "../../src/report/plot.ts";
import { type Answers, testCharts } from "../../src/report/test_charts.ts";
import { optionOf } from "./pictures.ts";

/** A test of as many classes, with answers that are mostly right. */
function multiclass(classes: number, samples: number): [TestReport, Answers] {
  const next = randomStream(classes, samples);
  const truth = Uint16Array.from({ length: samples }, () => next() % classes);
  const logits = Float64Array.from(
    { length: samples * classes },
    (_, i) => next() / 2 ** 31 + (truth[Math.floor(i / classes)] === i % classes ? 1 : 0),
  );
  const targets = new Uint8Array(samples * classes);
  truth.forEach((c, i) => targets[i * classes + c] = 1);
  const names = Array.from({ length: classes }, (_, c) => `<b>class</b> ${c}`);
  return [multiclassTest(logits, truth, names, { resamples: 0 }), { probabilities: softmax(logits, classes), targets }];
}

function binary(logits: number[], targets: number[]): [TestReport, Answers] {
  const report = binaryTest(logits, targets, ["plain", "glasses"], { resamples: 0 });
  return [report, { probabilities: logits.map(sigmoid), targets }];
}

function chart(name: string, [report, answers]: [TestReport, Answers]) {
  return optionOf(testCharts(report, answers).get(name)!);
}

Deno.test("ROC and precision–recall curves of a binary task go through its thresholds", () => {
  const task = binary([2, 1, 0, -1], [1, 0, 1, 0]);
  const roc = chart("roc", task).series.at(-1);
  assertEquals([roc.name, roc.data], ["glasses  0.750", [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]]);
  const steps = chart("precision-recall", task).series.at(-1);
  // Steps: each threshold's precision reaches back to the recall before it.
  const expected = [[0, 1], [0.5, 1], [0.5, 0.5], [0.5, 2 / 3], [1, 2 / 3], [1, 0.5]];
  assertEquals(steps.data, expected);
  // The area below the steps is the average precision.
  const area = expected.slice(1).reduce((sum, [x, y], i) => sum + (x - expected[i][0]) * y, 0);
  assertAlmostEquals(area, task[0].averagePrecision!);
});

Deno.test("of many classes those with the most samples have names, and the others are said", () => {
  const { series, legend } = chart("roc", multiclass(30, 600));
  assertEquals(series.length, 1 + 30);
  assertEquals(legend.data.length, 9);
  assertEquals(legend.data[0], "22 smaller classes");
});

Deno.test("a class without samples has no curve, and the chart says so", () => {
  const [report, answers] = multiclass(4, 40);
  for (let i = 3; i < answers.targets.length; i += 4) (answers.targets as Uint8Array)[i] = 0;
  assertStringIncludes(chart("roc", [report, answers]).title.subtext, "undefined for 1 class");
});

Deno.test("histograms count every answer once", () => {
  const [report, answers] = multiclass(5, 200);
  const { series, title } = chart("scores", [report, answers]);
  const heights = series.flatMap(({ data }: { data: [number, number][] }) =>
    data.filter((_, i) => i % 4 === 1).map(([, height]) => height)
  );
  assertEquals(heights.reduce((sum: number, height: number) => sum + height, 0), 200);
  const right = Math.round(200 * report.accuracy!);
  assertEquals(title.subtext, `${right} right, ${200 - right} wrong`);
});

Deno.test("bars of 1000 classes show those with the lowest F1, and every chart stays small and inert", async () => {
  const task = multiclass(1000, 1000);
  const { series, title } = chart("classes", task);
  assertEquals(series[2].data.length, 40);
  assertStringIncludes(title.subtext, "the 40 of 1000 classes with the lowest F1");
  for (const [name, drawn] of testCharts(...task)) {
    const svg = await svgOf(drawn);
    assert(svg.length < 1.5e6, `${name}: ${svg.length}`);
    assert(!svg.includes("<b>"), name);
  }
});

Deno.test("charts of one picture, and of probabilities that are all equal, are drawn", async () => {
  const one = binary([0.3], [1]);
  const equal = binary([0, 0, 0, 0], [1, 0, 1, 0]);
  const labels: [TestReport, Answers] = [
    multilabelTest([0, 1], [0, 1], ["hat", "tie"], { resamples: 0 }),
    { probabilities: [0.5, sigmoid(1)], targets: [0, 1] },
  ];
  for (const task of [one, equal, labels]) {
    for (const [name, drawn] of testCharts(...task)) assertStringIncludes(await svgOf(drawn), "<svg", name);
  }
});

Deno.test("thinned() keeps the ends, and what can be told apart", () => {
  const many = Array.from({ length: 10_001 }, (_, i) => [i / 1e4, (i / 1e4) ** 2] as const);
  const few = thinned(many);
  assertEquals([few[0], few.at(-1)], [many[0], many.at(-1)]);
  assert(few.length > 300 && few.length < 1000, `${few.length}`);
});
