import { assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { curvesPng } from "../../src/report/curves.ts";
import { blue, orange, paleBlue, red } from "../../src/report/palette.ts";
import { find, pictureOf, pixel } from "./pictures.ts";

const train = (step: number, loss: unknown, skipped = 0) => ({ type: "train", epoch: 1, step, loss, skipped });
const val = (step: number, accuracy: unknown, loss: unknown) => ({ type: "val", epoch: 1, step, accuracy, loss });

/** Losses that wobble about `level`. */
const steady = (level: number) => Array.from({ length: 100 }, (_, i) => train(i + 1, level + (i % 2 ? 0.1 : -0.1)));

Deno.test("curvesPng() draws the losses, thin and smoothed, over the accuracy", async () => {
  const picture = await pictureOf(curvesPng([...steady(0.5), val(50, 0.8, 0.9), val(100, 0.9, 0.9)]));
  assertEquals([picture.width, picture.height], [1400, 1040]);
  for (const color of [blue, paleBlue, orange]) assertGreater(find(picture, color).count, 500, `${color}`);
  assertEquals(find(picture, red).count, 0);
});

Deno.test("curvesPng() stands values at their height", async () => {
  // Constant losses: the axis goes from 0 to 1 over 380 pixels from 80; the legend's stroke is above it.
  const high = await pictureOf(curvesPng([val(1, 0.5, 1), val(10, 0.5, 1)]));
  const low = await pictureOf(curvesPng([val(1, 0.5, 1), val(2, 0.5, 0), val(10, 0.5, 0)]));
  assertLess(find(high, orange).y, 85);
  assertGreater(find(low, orange).y, 300);
  // Accuracy 0.5 alone: from 0.5, the bottom, to 1. The rest of the blue is the legend's.
  const { y } = find(high, blue);
  assertAlmostEquals(y, 940, 60);
});

Deno.test("curvesPng() smooths: the thick line of a wobbling loss is level", async () => {
  const { count, y } = find(await pictureOf(curvesPng(steady(0.5))), blue);
  // About four pixels high over the whole width, near the middle of an axis from 0 to 0.6.
  assertGreater(count, 1200 * 2);
  assertAlmostEquals(y, 80 + 380 * (1 - 0.5 / 0.6), 12);
});

Deno.test("curvesPng() draws few losses once, and names no other line", async () => {
  const picture = await pictureOf(curvesPng(steady(0.5).slice(0, 49)));
  assertGreater(find(picture, blue).count, 500);
  assertEquals(find(picture, paleBlue).count, 0);
});

Deno.test("curvesPng() breaks the line and marks the step where a loss was not finite or steps were left out", async () => {
  const clean = Array.from({ length: 21 }, (_, i) => train(i * 10, 1));
  const bad: Record<string, unknown[]> = {
    "NaN as text": clean.with(10, train(100, "NaN")),
    "null": clean.with(10, train(100, null)),
    "a step left out": clean.map(({ step }) => train(step, 1, step < 100 ? 0 : 1)),
  };
  for (const [what, records] of Object.entries({ clean, ...bad })) {
    const picture = await pictureOf(curvesPng(records));
    // Step 100 of 200 is half way from 110 to 1360, beside the grid; the axis stands at 460, the legend far above.
    for (const y of [454, 466]) assertEquals(pixel(picture, 734, y), what === "clean" ? [255, 255, 255] : red, what);
    // One mark of 4 by 16 and a legend of 32 by 4.
    assertLess(find(picture, red).count, 250, what);
  }
  const whole = find(await pictureOf(curvesPng(clean)), blue).count;
  const broken = find(await pictureOf(curvesPng(bad["null"])), blue).count;
  // A twentieth of the line on either side.
  assertLess(broken, whole - 200);
});

Deno.test("curvesPng() draws a run without records, and passes over what it does not know", async () => {
  const empty = await curvesPng([]);
  assertEquals((await pictureOf(Promise.resolve(empty))).width, 1400);
  assertEquals(await curvesPng([null, 3, "x", { type: "other", step: 5, loss: 1 }, { type: "train", loss: 1 }]), empty);
});

Deno.test("curvesPng() gives the same bytes for the same records", async () => {
  assertEquals(await curvesPng(steady(2)), await curvesPng(steady(2)));
});

Deno.test("curvesPng() draws 20,000 records within seconds", async () => {
  const records = Array.from({ length: 20_000 }, (_, i) => train(i, 2 + Math.sin(i)));
  const started = performance.now();
  await curvesPng(records);
  assertLess(performance.now() - started, 10_000);
});
