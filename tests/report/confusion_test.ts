import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { multiclassReport, multilabelReport, type Report } from "../../src/metrics/mod.ts";
import { confusionChart } from "../../src/report/confusion.ts";
import { draw } from "../../src/report/draw.ts";
import { shades } from "../../src/report/palette.ts";
import { count, optionOf, pictureOf } from "./pictures.ts";

const names = (count: number) => Array.from({ length: count }, (_, c) => `name ${c}`);

/** A report of which only the matrix matters. */
function withMatrix(confusion: number[][]): Report {
  return { ...multiclassReport([], [], names(confusion.length)), confusion };
}

/** A matrix of `classes` that is right but for class 0, three tenths of which are taken for class 1. */
function mostlyRight(classes: number): number[][] {
  return Array.from(
    { length: classes },
    (_, r) => Array.from({ length: classes }, (_, c) => r > 0 ? Number(r === c) * 10 : c === 0 ? 7 : c === 1 ? 3 : 0),
  );
}

/** Names along the rows. */
const rowNames = (names: string[]) => optionOf(confusionChart(withMatrix(mostlyRight(names.length)), names)).yAxis.data;

Deno.test("confusionChart() has a cell for each pair, rows the truth, coloured by its share of the row", () => {
  const option = optionOf(confusionChart(withMatrix([[9, 1], [36, 64]]), ["a", "b"]));
  const cells = option.series[0].data;
  assertEquals(cells.map(({ value }: { value: number[] }) => value), [[0, 0, 0.9], [1, 0, 0.1], [0, 1, 0.36], [
    1,
    1,
    0.64,
  ]]);
  assertEquals(cells.map(({ label }: { label: { formatter: string } }) => label.formatter), [
    "{n|9}\n{p|90.0 %}",
    "{n|1}\n{p|10.0 %}",
    "{n|36}\n{p|36.0 %}",
    "{n|64}\n{p|64.0 %}",
  ]);
  assertEquals([option.xAxis.name, option.yAxis.name, option.yAxis.inverse], ["predicted", "true", true]);
  assertEquals([option.xAxis.data, option.yAxis.data], [["a", "b"], ["a", "b"]]);
  assertEquals([option.visualMap.min, option.visualMap.max, option.visualMap.dimension], [0, 1, 2]);
  assertEquals(option.title.subtext, "73 of 110 right (66.4 %)");
});

Deno.test("shades darken all the way, in grey too, and the first are far from white", () => {
  const grey = shades.map((color) =>
    [0.299, 0.587, 0.114].reduce((sum, part, c) => sum + part * parseInt(color.slice(1 + 2 * c, 3 + 2 * c), 16), 0)
  );
  assertEquals(shades[0], "#ffffff");
  grey.slice(1).forEach((value, i) => assertLess(value, grey[i]));
  // A share of 1 in 32.
  assertLess(grey[1], 235);
});

Deno.test("confusionChart() is legible from 2 to 40 classes and charts any number", () => {
  for (const classes of [2, 3, 5, 10, 25, 40, 41, 100, 150, 1000]) {
    const { width, height, option } = confusionChart(withMatrix(mostlyRight(classes)), names(classes));
    assertGreater(Math.min(width, height), 400, `${classes} classes`);
    assertLess(Math.max(width, height), 2800, `${classes} classes`);
    const { grid, xAxis, series } = optionOf({ width, height, option });
    const cell = grid.width / classes;
    if (classes <= 40) assertGreater(cell, 47, `${classes} classes`);
    // Names down to 11 pixels, counts down to 11 as well; where no count is shown, only what is not nothing has a cell.
    assertEquals(xAxis.axisLabel.show, classes <= 100, `${classes} classes`);
    assertEquals(series[0].data.length, classes <= 41 ? classes * classes : classes + 1, `${classes} classes`);
  }
});

Deno.test("confusionChart() charts a 2 × 2 matrix per label", async () => {
  const report = multilabelReport([1, -1, 1, -1, -1, -1, 1, 1], [1, 0, 0, 0, 0, 0, 0, 1], ["hat", "beard"]);
  assertEquals(report.confusion, [[[1, 2], [0, 1]], [[3, 0], [0, 1]]]);
  const chart = confusionChart(report, ["hat", "beard"]);
  const option = optionOf(chart);
  assertEquals(option.title.map(({ text }: { text: string }) => text), ["Confusion matrices", "hat", "beard"]);
  assertEquals(
    option.series.map(({ data }: { data: { value: number[] }[] }) => data.map(({ value }) => value[2])),
    [[1 / 3, 2 / 3, 0, 1], [1, 0, 0, 1]],
  );
  // Blue: the hat's and the beard's true positives, and the beard's true negatives; texts take a little.
  const picture = pictureOf((await draw(chart)).png);
  assertEquals([picture.width, picture.height], [chart.width, chart.height]);
  assertGreater(count(picture, shades.at(-1)!), 3 * 96 * 96 * 0.7);
});

Deno.test("confusionChart() takes control codes out of names, shortens them, and numbers those that no font has", () => {
  const long = rowNames(["long ".repeat(1000), "b"])[0];
  assert(long.startsWith("long") && long.includes("…") && long.length < 40, long);
  assertEquals(rowNames(["\x1b[2J", "b"])[0], "\\u{1b}[2J");
  assertEquals(rowNames(["e\u0301", "黒髪", "Ω", "한국어 🐱", "བོད", "x བོད"]), [
    "é",
    "黒髪",
    "Ω",
    "한국어 🐱",
    "class 5: བོད",
    "class 6: x བོད",
  ]);
  const { title } = optionOf(confusionChart(multilabelReport([1, 1], [1, 0], ["a", "b"]), ["a", "བོད"]));
  assertEquals(title[2].text, "label 2: བོད");
});

Deno.test("confusionChart() charts a report without samples, and wants a name for each class", () => {
  const { title } = optionOf(confusionChart(multiclassReport([], [], names(3)), names(3)));
  assertEquals(title.subtext, "no samples");
  assertThrows(
    () => confusionChart(withMatrix([[1, 0], [0, 1]]), ["a"]),
    TypeError,
    "matrix of 2 classes needs as many names, got 1",
  );
});
