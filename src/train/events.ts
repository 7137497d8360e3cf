/**
 * What a trainer tells while it works.
 *
 * @module
 */

import type { Report } from "../metrics/mod.ts";
import type { Budget } from "./budget.ts";
import type { LossScale } from "./loss_scale.ts";

/** Something that happened. */
export type TrainEvent =
  | {
    readonly type: "batch";
    /** Pictures in a step, as `auto` has found. */
    readonly batch: number;
    /** Device memory of the run in bytes, by the plan. */
    readonly memory: number;
    /** What it may take, where that is known or assumed. */
    readonly budget?: Budget;
  }
  | { readonly type: "preparing"; readonly what: string; readonly done: number; readonly total: number }
  | {
    /** Kernels of a program that are compiled. */
    readonly type: "compiling";
    readonly done: number;
    readonly total: number;
  }
  | {
    readonly type: "tuning";
    readonly call: string;
    readonly done: number;
    readonly total: number;
    /** Seconds after which nothing further is timed; undefined for as long as it takes. */
    readonly atMost?: number;
  }
  | {
    readonly type: "tuned";
    /** Kinds of calls that were timed now, those within variants that were not chosen among them. */
    readonly timed: number;
    /** Kinds of calls of the run that were timed now or before. */
    readonly choices: number;
    readonly seconds: number;
    /** Where it is kept. */
    readonly path: string;
    /** Did the time end before all was timed? */
    readonly isCut: boolean;
  }
  | {
    readonly type: "start";
    readonly epochs: number;
    readonly stepsPerEpoch: number;
    readonly batch: number;
    /** Device memory of a training step in bytes: temporaries, state, inputs and textures. */
    readonly memory: number;
    /** Dispatches of a training step. */
    readonly dispatches: number;
    /** Numbers that are learnt: parameters that are not frozen. */
    readonly learnt: number;
    readonly resumedAt?: { readonly epoch: number; readonly step: number };
  }
  | { readonly type: "step"; readonly epoch: number; readonly step: number; readonly imagesPerSecond: number }
  | {
    readonly type: "log";
    readonly epoch: number;
    /** Steps since the run's start. */
    readonly step: number;
    /** Mean over the pictures since the last log. */
    readonly loss: number;
    readonly learningRate: number;
    /** In half precision. */
    readonly lossScale?: LossScale;
    readonly imagesPerSecond: number;
  }
  | { readonly type: "validating"; readonly done: number; readonly total: number }
  | {
    readonly type: "validation";
    readonly epoch: number;
    readonly step: number;
    readonly report: Report;
    readonly best: boolean;
  }
  | { readonly type: "checkpoint"; readonly path: string }
  | { readonly type: "warning"; readonly message: string };
