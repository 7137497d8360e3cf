import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import published from "../../fixtures/train/schedules.json" with { type: "json" };
import type { Plateau } from "../../src/run/checkpoint.ts";
import { learningRateAt, plateauAfter, type Schedule } from "../../src/train/schedules.ts";

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

Deno.test("learningRateAt() gives the rates of PyTorch's and timm's schedulers, step by step", async (t) => {
  const { learningRate, totalSteps } = published;
  for (const { name, schedule, rates } of published.cases) {
    await t.step(name, () => {
      rates.forEach((rate, step) => {
        const got = learningRateAt(step, { learningRate, totalSteps, ...schedule as Pick<Schedule, "name"> });
        assertAlmostEquals(got, rate, 1e-12 * learningRate, `step ${step}`);
      });
    });
  }
});

Deno.test("learningRateAt() stops falling at the least rate", () => {
  const least = { ...base, minLearningRate: 0.5 };
  for (const name of ["step", "multistep", "exponential", "plateau"] as const) {
    const schedule = { ...least, name, fallEvery: 10, milestones: [10], falls: 3 };
    assertAlmostEquals(learningRateAt(99, schedule), 0.5, 1e-12, name);
  }
});

Deno.test("plateauAfter() falls where PyTorch's ReduceLROnPlateau does, and keeps all that it knows", async (t) => {
  const { learningRate } = published;
  for (const { name, isLower, patience, gamma, minLearningRate, values, rates } of published.plateaus) {
    await t.step(name, () => {
      let plateau: Plateau | undefined;
      values.forEach((value, epoch) => {
        const schedule = { name: "plateau", learningRate, totalSteps: 1, gamma, minLearningRate } as const;
        const got = learningRateAt(epoch, { ...schedule, falls: plateau?.falls });
        assertAlmostEquals(got, rates[epoch], 1e-12, `epoch ${epoch}`);
        // As it comes back from a checkpoint.
        plateau = JSON.parse(JSON.stringify(plateauAfter(plateau, value, { patience, isLower })));
      });
    });
  }
  await t.step("a value that is undefined is no better", () => {
    const options = { patience: 0, isLower: false };
    assertEquals(plateauAfter(undefined, null, options), { bad: 0, falls: 1 });
    assertEquals(plateauAfter({ best: 0.5, bad: 0, falls: 1 }, null, options), { best: 0.5, bad: 0, falls: 2 });
  });
});
