import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { viewOf, VIEWS } from "../../src/augment/host/views.ts";
import { wholeOf } from "../../src/augment/host/picture_view.ts";
import { UserError } from "../../src/errors.ts";
import { calibrate, readCalibration, writeCalibration } from "../../src/run/calibration.ts";
import { averaged } from "../../src/run/predictions.ts";

const sure = { logits: Float32Array.of(9, 0, 9, 0, 9, 0, 9, 0), targets: Float32Array.of(1, 0, 1, 0, 1, 0, 0, 1) };

Deno.test("calibrate() cools a model that is too sure, and a run keeps it for the same weights", async () => {
  const run = await Deno.makeTempDir();
  try {
    const calibration = calibrate("multiclass", sure, 2, 3);
    // Three of four right: the odds of the mean probability are 3.
    assertAlmostEquals(calibration.temperature, 9 / Math.log(3), 1e-9);
    assert(calibration.after < calibration.before);
    assertEquals([calibration.pictures, calibration.epoch], [4, 3]);
    assertEquals(await readCalibration(run, 3), undefined);
    await writeCalibration(run, calibration);
    assertEquals(await readCalibration(run, 3), calibration);
    assertEquals(await readCalibration(run, 4), undefined);
    for (const text of ["{", "[]", '{"temperature": 0}', '{"temperature": "2"}']) {
      await Deno.writeTextFile(`${run}/calibration.json`, text);
      await assertRejects(() => readCalibration(run, 3), UserError, "calibration.json is damaged");
    }
  } finally {
    await Deno.remove(run, { recursive: true });
  }
  const none = { logits: new Float32Array(), targets: new Float32Array() };
  assertThrows(() => calibrate("binary", none, 1, 1), UserError, "the validation split is empty");
});

Deno.test("averaged() means probabilities, and one view is left as it is", () => {
  const targets = Float32Array.of(1, 0);
  const view = (...logits: number[]) => ({ logits: Float32Array.from(logits), targets });
  const one = view(1, 2);
  assertEquals(averaged("multiclass", [one], 2), one);
  const { logits } = averaged("multiclass", [view(0, Math.log(3)), view(Math.log(3), 0)], 2);
  assertAlmostEquals(logits[0], Math.log(0.5), 1e-6);
  assertAlmostEquals(logits[1], Math.log(0.5), 1e-6);
  const yes = averaged("binary", [view(Math.log(3)), view(0)], 1);
  assertAlmostEquals(yes.logits[0], Math.log(0.625 / 0.375), 1e-6);
  assert(averaged("binary", [view(99), view(99)], 1).logits.every(Number.isFinite));
});

Deno.test("the views of a picture are its middle, its corners, and their mirror images", () => {
  // Each pixel is its column, and ten times its row.
  const data = Uint8Array.from({ length: 16 }, (_, i) => i % 4 + 10 * Math.floor(i / 4));
  const whole = wholeOf({ width: 4, height: 4, channels: 1, data });
  const seen = Array.from({ length: VIEWS }, (_, v) => {
    const { start, acrossBy, downBy } = viewOf(whole, v, 2);
    return [0, 1, 2, 3].map((i) => data[start + (i % 2) * acrossBy + Math.floor(i / 2) * downBy]);
  });
  assertEquals(seen.slice(0, 4), [[11, 12, 21, 22], [12, 11, 22, 21], [0, 1, 10, 11], [1, 0, 11, 10]]);
  assertEquals(seen.filter((_, v) => v % 2 === 0).map(([first]) => first), [11, 0, 2, 20, 22]);
});
