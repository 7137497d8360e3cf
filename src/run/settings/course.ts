/**
 * Settings of the course of a training: what is learnt when and how fast, which weights are taken at its end, and when
 * that is.
 *
 * @module
 */

import type { Task } from "../../data/labels.ts";
import { type Monitor, monitored, monitors } from "../../metrics/monitored.ts";
import { choice, integer, number, several, toggle } from "../kinds.ts";
import { warmup } from "../values.ts";
import { type Facts, type NameOf, only, type Setting, setting } from "./setting.ts";

/** Applies to the moving average. */
const withEma = ({ settings }: Facts, nameOf: NameOf): string | undefined =>
  settings.ema === undefined ? `there is no ${nameOf("ema")}` : undefined;

/** A rate that is to be below the learning rate. */
const belowRate = (name: "warmupLearningRate" | "minLearningRate"): Setting["conflict"] => ({ settings }, nameOf) =>
  settings[name] === undefined || settings[name] as number < (settings.learningRate as number)
    ? undefined
    : `${nameOf("learningRate")} is ${settings.learningRate}; give less`;

/** The course of a training. */
export const courseSettings = {
  freezeEpochs: setting(integer({ min: 0 }), {
    help:
      "first epochs in which the head alone is learnt, all else being frozen as with freeze (a linear probe); then " +
      "all is, with moments that begin anew",
    default: 0,
  }),
  schedule: setting(
    choice([
      ...[
        "constant",
        "step",
        "multistep",
        "exponential",
        "polynomial",
        "cosine",
        "cosine-restarts",
        "onecycle",
      ] as const,
      "plateau",
    ]),
    { help: "of the learning rate", default: "cosine" },
  ),
  warmupEpochs: setting(warmup, {
    flag: "warmup",
    help: "epochs in which the rate rises to its height, or steps such as 500steps; of onecycle those up to its peak",
    byDefault: "0.3 of the epochs for onecycle, else 0.5",
    derive: ({ settings }) => settings.schedule === "onecycle" ? 0.3 * (settings.epochs as number) : 0.5,
  }),
  warmupLearningRate: setting(number({ min: 0 }), {
    flag: "warmupLr",
    help: "rate of the first step, from which the warm-up rises",
    byDefault: "what the warm-up rises by in a step",
    idle: ({ settings: { schedule, warmupEpochs } }, nameOf) =>
      schedule === "onecycle"
        ? `${nameOf("schedule")} onecycle has its own`
        : parseFloat(`${warmupEpochs}`) === 0
        ? `${nameOf("warmupEpochs")} is 0`
        : undefined,
    conflict: belowRate("warmupLearningRate"),
  }),
  minLearningRate: setting(number({ min: 0 }), {
    flag: "minLr",
    help: "where the rate stops falling",
    default: 0,
    idle: only("schedule", "step", "multistep", "exponential", "polynomial", "cosine", "cosine-restarts", "plateau"),
    conflict: belowRate("minLearningRate"),
  }),
  cooldownEpochs: setting(integer({ min: 0 }), {
    help: "last epochs at the least rate, before which the schedules cosine and polynomial end",
    default: 0,
    idle: only("schedule", "polynomial", "cosine"),
    conflict: ({ settings }, nameOf) => {
      const { cooldownEpochs, epochs, minLearningRate, swa = 0, swaLearningRate } = settings as {
        [name: string]: number;
      };
      const { warmupEpochs } = settings as { readonly warmupEpochs: number | string };
      if (cooldownEpochs === 0) return undefined;
      if (epochs === 1) return `the run has one epoch; give more ${nameOf("epochs")}`;
      if (cooldownEpochs >= epochs) return `the run has ${epochs} epochs; give fewer`;
      if (typeof warmupEpochs === "number" && warmupEpochs + cooldownEpochs > epochs) {
        return `with ${
          nameOf("warmupEpochs")
        } ${warmupEpochs} it is longer than the run of ${epochs} epochs; give fewer`;
      }
      if (swa >= cooldownEpochs && swaLearningRate !== undefined) {
        return `${nameOf("swaLearningRate")} is the rate of the last ${swa} epochs; give one`;
      }
      return minLearningRate > 0
        ? undefined
        : `nothing is learnt at the rate 0; give ${nameOf("minLearningRate")}, too`;
    },
  }),
  kDecay: setting(number({ min: 0.01 }), {
    flag: "lrKDecay",
    help:
      "power to which the schedules cosine and polynomial take the share of the steps that is done (k-decay): above 1 " +
      "the rate stays high for longer",
    default: 1,
    placeholder: "K",
    idle: only("schedule", "polynomial", "cosine"),
  }),
  fallEvery: setting(integer({ min: 1 }), {
    flag: "stepSize",
    help: "epochs between two falls of the schedule step",
    default: 30,
    idle: only("schedule", "step"),
  }),
  milestones: setting(several(integer({ min: 1 }), "numbers of epochs", "N…"), {
    help: "epochs after which the schedule multistep falls",
    byDefault: "half and three quarters of the epochs",
    derive: ({ settings }) => [0.5, 0.75].map((share) => Math.max(1, Math.floor(share * (settings.epochs as number)))),
    idle: only("schedule", "multistep"),
    conflict: ({ settings }) => {
      const milestones = settings.milestones as readonly number[];
      const late = milestones.find((epoch) => epoch >= (settings.epochs as number));
      if (late === undefined) return undefined;
      return `a run of ${settings.epochs} epochs has no epoch after ${late}; give less`;
    },
  }),
  gamma: setting(number({ min: 0, max: 1 }), {
    help: "factor of a fall of the schedules step, multistep and plateau; of exponential from epoch to epoch",
    byDefault: "0.95 for exponential, else 0.1",
    derive: ({ settings }) => settings.schedule === "exponential" ? 0.95 : 0.1,
    idle: only("schedule", "step", "multistep", "plateau", "exponential"),
  }),
  power: setting(number({ min: 0.01 }), {
    help: "of the schedule polynomial: 1 falls in a line",
    default: 1,
    idle: only("schedule", "polynomial"),
  }),
  cycleEpochs: setting(number({ min: 0.01 }), {
    help: "epochs of the first cycle of the schedule cosine-restarts",
    default: 10,
    idle: only("schedule", "cosine-restarts"),
  }),
  cycleMul: setting(number({ min: 1 }), {
    help: "factor on the epochs of a cycle from each to the next",
    default: 1,
    idle: only("schedule", "cosine-restarts"),
  }),
  cycleDecay: setting(number({ min: 0.01, max: 1 }), {
    help: "factor on the rate that a cycle begins with from each to the next",
    default: 1,
    idle: only("schedule", "cosine-restarts"),
  }),
  cycleMomentum: setting(toggle, {
    help:
      "in onecycle, let momentum, or Adam's first decay rate, fall from 0.95 to 0.85 while the rate rises, and rise again",
    default: false,
    idle: (facts, nameOf) =>
      only("schedule", "onecycle")!(facts, nameOf) ?? only("optimizer", "sgd", "adam", "adamw")!(facts, nameOf),
  }),
  plateauPatience: setting(integer({ min: 0 }), {
    help: "epochs that the monitored metric may be no better before the schedule plateau falls",
    default: 10,
    idle: only("schedule", "plateau"),
  }),
  ema: setting(number({ min: 0, below: 1 }), {
    help:
      "decay of an exponential moving average of the weights, such as 0.9998, which is validated, kept and tested " +
      "in their place",
    byDefault: "no average",
    placeholder: "DECAY",
  }),
  emaWarmup: setting(toggle, {
    help: "let the average's decay rise with the updates, so that it forgets the first ones",
    default: true,
    idle: withEma,
  }),
  emaAfter: setting(integer({ min: 0 }), {
    help: "updates after which the average begins",
    default: 0,
    idle: withEma,
  }),
  swa: setting(integer({ min: 0 }), {
    help: "last epochs whose weights are averaged (SWA), with batch norms' statistics counted anew; the average is " +
      "validated, kept and tested in their place",
    default: 0,
    conflict: ({ settings }, nameOf) => {
      const { swa, epochs, ema, patience } = settings as { [name: string]: number };
      if (swa === 0) return undefined;
      if (swa > epochs) return `the run has ${epochs} epochs; give fewer`;
      if (ema !== undefined) return `${nameOf("ema")} averages the weights already; give one`;
      return patience === undefined
        ? undefined
        : `${nameOf("patience")} may end the run before its last epochs; give ${nameOf("ema")} in its place`;
    },
  }),
  swaLearningRate: setting(number({ min: 0 }), {
    flag: "swaLr",
    help: "learning rate of the epochs that swa averages",
    byDefault: "the schedule's",
    idle: ({ settings }, nameOf) => settings.swa === 0 ? `there is no ${nameOf("swa")}` : undefined,
  }),
  monitor: setting(choice(monitors), {
    help: "metric of the validation by which the best epoch is chosen: accuracy, loss, balanced-accuracy, f1, auroc, …",
    default: "accuracy",
    placeholder: "METRIC",
    idle: ({ data, settings }) => {
      const task = data?.task ?? settings.task as Task | undefined;
      const isKnown = task === undefined || monitored[settings.monitor as Monitor].tasks.includes(task);
      return isKnown ? undefined : `the task is ${task}, whose reports have no such metric`;
    },
  }),
  patience: setting(integer({ min: 1 }), {
    help: "epochs without a better one after which the run ends",
    byDefault: "all epochs are run",
    conflict: ({ settings }) =>
      settings.patience === undefined || settings.patience as number < (settings.epochs as number)
        ? undefined
        : `the run has ${settings.epochs} epochs, so that it would never end early; give fewer`,
  }),
} as const;
