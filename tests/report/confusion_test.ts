import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { multiclassReport, multilabelReport, type Report } from "../../src/metrics/mod.ts";
import { confusionPng } from "../../src/report/confusion.ts";
import { shade } from "../../src/report/palette.ts";
import { find, type Picture, pictureOf } from "./pictures.ts";

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

/** Has the picture a cell of this share, and where? */
function cellOf(picture: Picture, share: number) {
  const found = find(picture, shade(share));
  assertGreater(found.count, 300, `cell of ${share}`);
  return found;
}

Deno.test("shade() goes from white to blue", () => {
  assertEquals([shade(0), shade(0.5), shade(1)], [[255, 255, 255], [138, 169, 202], [20, 82, 148]]);
});

Deno.test("confusionPng() colours a cell by its share of the row, rows the truth", async () => {
  // Row shares 0.9, 0.1 and 0.36, 0.64: all four colours differ.
  const picture = await pictureOf(confusionPng(withMatrix([[9, 1], [36, 64]]), ["a", "b"]));
  const [tn, fp, fn, tp] = [0.9, 0.1, 0.36, 0.64].map((share) => cellOf(picture, share));
  assertGreater(fp.x, tn.x + 100);
  assertGreater(fn.y, tn.y + 100);
  for (const [a, b] of [[tn.y, fp.y], [fn.y, tp.y], [tn.x, fn.x], [fp.x, tp.x]]) {
    // Texts take a few pixels from a cell's middle.
    assertEquals(Math.abs(a - b) < 8, true, `${a} and ${b} should be in line`);
  }
});

Deno.test("confusionPng() is legible from 2 to 40 classes and draws any number", async () => {
  for (const classes of [2, 3, 5, 10, 25, 40, 41, 150]) {
    const picture = await pictureOf(confusionPng(withMatrix(mostlyRight(classes)), names(classes)));
    assertGreater(Math.min(picture.width, picture.height), 400, `${classes} classes`);
    assertGreater(2800, Math.max(picture.width, picture.height), `${classes} classes`);
    // A cell of 48 pixels is full but for its texts.
    if (classes <= 40) assertGreater(find(picture, shade(0.7)).count, 48 * 48 * 0.6, `${classes} classes`);
  }
});

Deno.test("confusionPng() draws a 2 × 2 matrix per label", async () => {
  const report = multilabelReport([1, -1, 1, -1, -1, -1, 1, 1], [1, 0, 0, 0, 0, 0, 0, 1], ["hat", "beard"]);
  assertEquals(report.confusion, [[[1, 2], [0, 1]], [[3, 0], [0, 1]]]);
  const picture = await pictureOf(confusionPng(report, ["hat", "beard"]));
  const [no, yes] = [1 / 3, 2 / 3].map((share) => cellOf(picture, share));
  assertGreater(yes.x, no.x);
  assertEquals(Math.abs(yes.y - no.y) < 8, true);
  // Blue: the hat's and the beard's true positives, the beard's true negatives, and the key's darkest row.
  assertGreater(find(picture, shade(1)).count, 3 * 96 * 96 * 0.7);
});

Deno.test("confusionPng() gives the same bytes for the same report", async () => {
  const report = withMatrix(mostlyRight(6));
  assertEquals(await confusionPng(report, names(6)), await confusionPng(report, names(6)));
});

Deno.test("confusionPng() shows a name that it cannot spell by number, without accents, and without control codes", async () => {
  const draw = (name: string) => confusionPng(withMatrix([[1, 0], [0, 1]]), [name, "b"]);
  assertEquals(await draw("黒髪"), await draw("class 1"));
  assertEquals(await draw("é\u0301vil"), await draw("evil"));
  assertEquals(await draw("\x1b[2J"), await draw("\\u{1b}[2J"));
  const long = await pictureOf(draw("long ".repeat(1000)));
  assertGreater(1400, long.width);
});

Deno.test("confusionPng() draws a report without samples, and wants a name for each class", async () => {
  const empty = await pictureOf(confusionPng(multiclassReport([], [], names(3)), names(3)));
  assertGreater(empty.width, 400);
  await assertRejects(
    () => confusionPng(withMatrix([[1, 0], [0, 1]]), ["a"]),
    TypeError,
    "matrix of 2 classes needs as many names, got 1",
  );
});
