/**
 * Who is told what happens in a run: one interface, from the first line of `metrics.jsonl` to a page that watches.
 *
 * ```text
 * note*  begin  [rewind]  ( log | validation | checkpoint | note )*  [note "trained"]  [test]  end
 * ```
 *
 * A tracker has those methods that it wants. What it is told:
 *
 * - **In order, one at a time.** A method that gives a promise is waited for before the same tracker is told the next
 *   thing. Trackers do not wait for each other.
 * - **Training goes on meanwhile.** A slow tracker stalls no step: what it is to be told waits in line. Training waits
 *   for the lines to empty where something must be written first: after `begin` and `rewind`, before a checkpoint is
 *   written, and at the end. So every tracker was told all that a checkpoint builds on, and a run that is killed and
 *   resumed loses no record.
 * - **It cannot stop a run.** The first time that a method throws, the other trackers are told so in a warning, or
 *   standard error where none of them hears it; later errors are not told. What follows it is told all the same. A
 *   tracker for which training has waited 30 seconds in vain is reported likewise, and not waited for any more.
 *
 * `progress` is outside of all this: it is told at once, many times a second, and nothing waits for what it gives.
 *
 * A resumed run tells `begin`, with where it goes on, and `rewind` with that step. A killed run may have told of later
 * steps, and these are taken again. Records are then the same as those of a run without the stop.
 *
 * @example A tracker that keeps the losses
 * ```ts
 * import type { Tracker } from "@fovea/fovea";
 *
 * const losses: number[] = [];
 * const tracker: Tracker = { name: "losses", log: ({ loss }) => void losses.push(loss ?? NaN) };
 * ```
 *
 * @module
 */

import type { Report } from "../metrics/mod.ts";
import type { Monitor } from "../metrics/monitored.ts";
import type { WorstPicture } from "../report/sheet.ts";

/** What a method of a tracker gives: nothing, now or later. */
export type Told = void | Promise<void>;

/** Is told what happens in a run; see the module's text for when, and for what becomes of errors. */
export interface Tracker {
  /** What it is called in warnings. */
  readonly name: string;
  /** Training is about to begin, or to go on. */
  begin?(run: RunFacts): Told;
  /** A resumed run goes on after this step: what was recorded of later ones counts no more. Comes after `begin`. */
  rewind?(step: number): Told;
  /** Every `logEvery` steps. */
  log?(facts: LogFacts): Told;
  /** At the end of each epoch, and every `valEvery` steps. */
  validation?(facts: ValidationFacts): Told;
  /** An epoch's checkpoint is on disk. */
  checkpoint?(facts: CheckpointFacts): Told;
  /** The best weights were tested, where `fit` was given a test split. */
  test?(facts: TestFacts): Told;
  /** The run is over, however it ended. Comes last, and always after a `begin`. */
  end?(facts: EndFacts): Told;
  /** Something that people should read, also before `begin`. */
  note?(note: Note): Told;
  /** What is being done and how far it is, also before `begin`. */
  progress?(progress: RunProgress): void;
}

/** A run, as it begins. */
export interface RunFacts {
  /** What repeats it: the content of `config.json`, every setting with its value under `settings`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Its run directory, where it has one. */
  readonly path?: string;
  /** Times through the training split. */
  readonly epochs: number;
  /** Steps in each of them. */
  readonly stepsPerEpoch: number;
  /** Pictures in a step. */
  readonly batch: number;
  /** Device memory of a training step in bytes: temporaries, state, inputs and textures. */
  readonly memory: number;
  /** Dispatches of a training step. */
  readonly dispatches: number;
  /** Numbers that are learnt: parameters that are not frozen. */
  readonly learnt: number;
  /** Of a resumed run: epochs that are done, and steps of the next one. */
  readonly resumedAt?: { readonly epoch: number; readonly step: number };
}

/**
 * What a loss is of. `plain` is the mean cross-entropy of labels and answers, as validation and test have it. The loss
 * that is learnt from may weigh classes, smooth labels, ask a teacher or be the user's own. Then its kind says so, as
 * in `class weights, label smoothing`. Only losses of one kind can be compared, or share an axis.
 */
export type LossKind = string;

/** The kind of a loss of which nothing is weighed, smoothed or taught. */
export const PLAIN: LossKind = "plain";

/** Where the loss scale of a run in half precision is. */
export interface LossScale {
  /** What the loss is multiplied by. */
  readonly scale: number;
  /** Steps that were left out so far because their gradient overflowed. */
  readonly overflows: number;
}

/** A window of training steps. */
export interface LogFacts {
  /** Epoch of its last step, from 1. */
  readonly epoch: number;
  /** Steps since the run's start. */
  readonly step: number;
  /**
   * Mean over the pictures of the last `logEvery` steps, across the end of an epoch too; in a run that has fewer steps,
   * of all. Null where all of them were left out.
   */
  readonly loss: number | null;
  /** What the loss is of. */
  readonly lossKind: LossKind;
  /** Of the last step. */
  readonly learningRate: number;
  /** Steps since the run's start that were left out because they were not finite. */
  readonly skipped: number;
  /** In half precision. */
  readonly lossScale?: LossScale;
  /** Training alone: validations and checkpoints do not count. */
  readonly imagesPerSecond: number;
}

/** What was found on a split: the test of the best weights, and what a validation has of it. */
export interface TestFacts {
  /** Loss, metrics and confusion matrix. */
  readonly report: Report;
  /** Metrics of the user's own, by name; null where one is undefined. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** What the report's loss is of. */
  readonly lossKind: LossKind;
  /** What the model said, and what is true: [N, K], flat; one-hot for classes, 0 or 1 for labels. */
  readonly predictions: { readonly logits: Float32Array; readonly targets: Float32Array };
}

/** A validation. */
export interface ValidationFacts extends TestFacts {
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Steps since the run's start. */
  readonly step: number;
  /** Is it the end of the best epoch so far? */
  readonly isBest: boolean;
  /** The metric by which the best epoch is chosen, where that is not the accuracy. */
  readonly monitored?: { readonly name: Monitor; readonly value: number | null };
  /** What was validated in the weights' place: their moving average, or their mean over epochs. */
  readonly average?: "ema" | "swa";
  /**
   * The pictures with the highest loss, the highest first. They are made when they are first asked for, which is to be
   * done before the method gives its promise back: later the pictures may be closed.
   */
  readonly worst: (count: number) => Promise<readonly WorstPicture[]>;
}

/** A checkpoint of an epoch. */
export interface CheckpointFacts {
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Steps since the run's start. */
  readonly step: number;
  /** Where it is. */
  readonly path: string;
  /** Was it saved as `best`, too? */
  readonly isBest: boolean;
}

/** How a run ended. */
export interface EndFacts {
  /** All epochs are done; the signal came before that; or an error did. */
  readonly how: "done" | "interrupted" | "failed";
  /** What failed. */
  readonly error?: unknown;
}

/** How training went, before the best weights are tested. */
export interface Trained {
  /**
   * The epoch with the best value of the monitored metric, from 1; on a tie that with the lower loss, then the earlier.
   */
  readonly best?: {
    readonly epoch: number;
    readonly accuracy: number;
    /** Value of the monitored metric, where that is not the accuracy. */
    readonly monitored?: number;
    readonly loss?: number | null;
  };
  /** The monitored metric, where that is not the accuracy. */
  readonly monitor?: Monitor;
  /** Where no epoch was better for as many as the run has patience for: when it ended, before its last epoch. */
  readonly endedEarly?: { readonly step: number; readonly patience: number; readonly monitor: Monitor };
  /** Epochs that are done. */
  readonly epochs: number;
  /** Was it ended by the signal before the last epoch? */
  readonly interrupted: boolean;
  /** In half precision: the loss scale at the end, and the steps that were left out because they overflowed. */
  readonly lossScale?: LossScale;
}

/** Something that is said once. */
export type Note =
  | { readonly type: "warning"; readonly message: string }
  | { readonly type: "info"; readonly message: string }
  | {
    readonly type: "batch";
    /** Pictures in a step, as `auto` has found. */
    readonly batch: number;
    /** Device memory of the run in bytes, by the plan. */
    readonly memory: number;
    /** What it may take, where that is known: said by the user, told by the device, or a guess. */
    readonly budget?: { readonly bytes: number; readonly from: "given" | "free" | "assumed" };
  }
  | {
    readonly type: "tuned";
    /** Kinds of calls that were timed now, those within ways that were not chosen among them. */
    readonly timed: number;
    /** Kinds of calls of the run that were timed now or before. */
    readonly choices: number;
    readonly seconds: number;
    /** Where it is kept. */
    readonly path: string;
    /** Did the time end before all was timed? */
    readonly isCut: boolean;
  }
  | Trained & {
    readonly type: "trained";
    /** Are the best weights tested now? */
    readonly isTested: boolean;
  };

/** What is being done, and how much of it is. */
export type RunProgress =
  & { readonly done: number; readonly total: number }
  & (
    | { readonly type: "decoding"; readonly what: string }
    | { readonly type: "compiling" | "validating" | "testing" }
    /** Batches whose statistics are counted for averaged weights. */
    | { readonly type: "averaging" }
    | {
      readonly type: "tuning";
      readonly call: string;
      /** Seconds after which nothing further is timed; undefined for as long as it takes. */
      readonly atMost?: number;
    }
    | {
      /** Steps of an epoch. */
      readonly type: "training";
      /** Epoch, from 1. */
      readonly epoch: number;
      readonly imagesPerSecond: number;
    }
  );
