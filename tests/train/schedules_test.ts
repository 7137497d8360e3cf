import { assertAlmostEquals, assertThrows } from "@std/assert";
import { learningRateAt, type Schedule } from "../../src/train/schedules.ts";

const base = { learningRate: 2, totalSteps: 100 };

const cases: readonly [name: string, schedule: Schedule, rates: Readonly<Record<number, number>>][] = [
  ["constant", { ...base, name: "constant" }, { 0: 2, 50: 2, 99: 2, 150: 2 }],
  ["cosine", { ...base, name: "cosine" }, { 0: 2, 25: 1 + Math.SQRT1_2, 50: 1, 75: 1 - Math.SQRT1_2, 100: 0, 150: 0 }],
  ["step", { ...base, name: "step", fallEvery: 30 }, { 0: 2, 29: 2, 30: 0.2, 59: 0.2, 60: 0.02, 90: 0.002 }],
  ["step by half", { ...base, name: "step", fallEvery: 10, gamma: 0.5 }, { 9: 2, 10: 1, 25: 0.5 }],
  ["step without falls", { ...base, name: "step" }, { 0: 2, 99: 2 }],
  ["warm-up", { ...base, name: "constant", warmupSteps: 4 }, { 0: 0.5, 1: 1, 2: 1.5, 3: 2, 4: 2 }],
  // The cosine takes what is left: from step 20 to step 100.
  ["warm-up and cosine", { ...base, name: "cosine", warmupSteps: 20 }, { 0: 0.1, 19: 2, 20: 2, 60: 1, 100: 0 }],
  ["warm-up and step", { ...base, name: "step", fallEvery: 30, warmupSteps: 10 }, { 9: 2, 29: 2, 30: 0.2 }],
  ["a function", { ...base, name: ({ step, totalSteps }) => step / totalSteps, warmupSteps: 10 }, { 9: 2, 50: 0.5 }],
  ["warm-up as long as the run", { ...base, name: "cosine", warmupSteps: 100 }, { 0: 0.02, 99: 2 }],
];

Deno.test("learningRateAt()", async (t) => {
  for (const [name, schedule, rates] of cases) {
    await t.step(name, () => {
      for (const [step, rate] of Object.entries(rates)) {
        assertAlmostEquals(learningRateAt(Number(step), schedule), rate, 1e-12, `step ${step}`);
      }
    });
  }
});

Deno.test("learningRateAt() refuses a rate of the user's that is none", () => {
  for (const rate of [NaN, -1, Infinity]) {
    assertThrows(
      () => learningRateAt(3, { ...base, name: () => rate }),
      RangeError,
      `${rate} at step 3: give a number`,
    );
  }
});
