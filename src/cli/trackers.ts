/**
 * What the terminal shows of a run: lines that stay, and a bar.
 *
 * @module
 */

import type {
  CheckpointFacts,
  LogFacts,
  LossScale,
  Note,
  RunFacts,
  RunProgress,
  Tracker,
  ValidationFacts,
} from "../track/tracker.ts";
import { budgetText, formatBytes } from "../train/budget.ts";
import { nameIn } from "./command.ts";
import { train } from "./flags.ts";
import { bar, clock, type ProgressLine, timesText } from "./progress.ts";

/** `2 steps skipped, loss scale 16384`. */
function lossScaleText({ overflows, scale }: LossScale): string {
  return `${overflows} ${overflows === 1 ? "step" : "steps"} skipped, loss scale ${scale}`;
}

/** Writes what is worth a line. */
export class TerminalTracker implements Tracker {
  readonly name = "terminal";
  readonly #progress: Pick<ProgressLine, "line">;
  #epochs = 0;
  /** When the run began or went on, at which step, and at which it ends. */
  #course = { time: performance.now(), from: 0, to: 0 };
  #hasSaidLimit = false;

  /** @param progress Where the lines go. */
  constructor(progress: Pick<ProgressLine, "line">) {
    this.#progress = progress;
  }

  /** Says where a run goes on, and what a step takes. */
  begin({ epochs, stepsPerEpoch, batch, dispatches, memory, learnt, resumedAt }: RunFacts): void {
    this.#epochs = epochs;
    const from = resumedAt ? resumedAt.epoch * stepsPerEpoch + resumedAt.step : 0;
    this.#course = { time: performance.now(), from, to: epochs * stepsPerEpoch };
    if (resumedAt) this.#progress.line(`resume after epoch ${resumedAt.epoch}, step ${resumedAt.step}`);
    this.#progress.line(
      `train  ${epochs} epochs of ${stepsPerEpoch} steps of ${batch} pictures; a step takes ` +
        `${dispatches} dispatches and ${formatBytes(memory)}, for ${learnt.toLocaleString("en")} learnt parameters`,
    );
  }

  /** Says how training goes. */
  log({ epoch, step, loss, learningRate, imagesPerSecond, lossScale, skipped }: LogFacts): void {
    if (loss !== null) {
      this.#progress.line(
        `epoch ${epoch}/${this.#epochs}  step ${step}  loss ${loss.toFixed(4)}  lr ${learningRate.toPrecision(2)}  ` +
          `${Math.round(imagesPerSecond)} images/s  ${this.#times(step)}` +
          (lossScale ? `  ${lossScaleText(lossScale)}` : ""),
      );
    }
    if (skipped > 0) {
      this.#warn(`${skipped} of ${step} steps were not finite and were left out (${flag("skipNonFinite")})`);
    }
  }

  /** Elapsed and remaining time, validations in both. */
  #times(step: number): string {
    const { time, from, to } = this.#course;
    return timesText(performance.now() - time, step - from, to - from);
  }

  /** Says how good the model is. */
  validation({ epoch, step, report: { accuracy, loss }, isBest }: ValidationFacts): void {
    const number = (value: number | null) => value === null ? "undefined" : value.toFixed(4);
    this.#progress.line(
      `epoch ${epoch}/${this.#epochs}  step ${step}  validation accuracy ${number(accuracy)}  ` +
        `loss ${number(loss)}${isBest ? "  best so far" : ""}`,
    );
  }

  /** Says where it is saved. */
  checkpoint({ path }: CheckpointFacts): void {
    this.#progress.line(`saved ${path}`);
  }

  /** Says what was found or went wrong. */
  note(note: Note): void {
    switch (note.type) {
      case "warning":
        return this.#warn(note.message);
      case "batch":
        return this.#progress.line(
          `batch  ${note.batch} pictures, which take ${formatBytes(note.memory)}` +
            (note.budget ? `; ${budgetText(note.budget, (option) => nameIn(train.flags, option))}` : "") +
            (note.budget?.from === "assumed" ? ` (${flag("memory")})` : ""),
        );
      case "tuned":
        return this.#progress.line(
          `tune   ${note.choices} choices; ${note.timed} timed now in ${clock(note.seconds)}` +
            (note.timed > 0 ? `, kept in ${note.path}` : "") +
            (note.isCut ? "; the next run times the rest" : ""),
        );
      case "trained": {
        const { lossScale, best, interrupted, isTested } = note;
        if (lossScale) this.#progress.line(`f16    ${lossScaleText(lossScale)}`);
        if (!best || interrupted) return;
        return this.#progress.line(
          `best   epoch ${best.epoch}, validation accuracy ${best.accuracy.toFixed(4)}` +
            (isTested ? "; it is tested now" : ""),
        );
      }
      default:
        note satisfies never;
    }
  }

  /** Says before the first call is timed that the user did not ask for. */
  progress(progress: RunProgress): void {
    if (progress.type !== "tuning" || progress.atMost === undefined || this.#hasSaidLimit) return;
    this.#hasSaidLimit = true;
    this.#progress.line(
      `tune   this adapter's kernels are timed, for at most ${progress.atMost} s (${flag("tune")} off: not at all)`,
    );
  }

  #warn(message: string): void {
    this.#progress.line(`warning: ${message}`);
  }
}

/** Shows what is being done in the line that is rewritten. */
export class ProgressBarTracker implements Tracker {
  readonly name = "progress bar";
  readonly #progress: Pick<ProgressLine, "update" | "share" | "clear">;
  #epochs = 0;
  /** When the run began or went on. */
  #began: number;
  #loss?: number;
  readonly #now: () => number;
  /** When the steps of the epoch that are still to be done began to take their time. */
  #since: { readonly time: number; readonly done: number };
  /** Steps of the epoch that are done. */
  #done = 0;

  /**
   * Makes the tracker.
   *
   * @param progress Where it is shown.
   * @param now The clock, in milliseconds.
   */
  constructor(
    progress: Pick<ProgressLine, "update" | "share" | "clear">,
    now: () => number = () => performance.now(),
  ) {
    this.#progress = progress;
    this.#now = now;
    this.#began = now();
    this.#since = { time: this.#began, done: 0 };
  }

  /** Counts the time from here. */
  begin({ epochs, resumedAt }: RunFacts): void {
    this.#epochs = epochs;
    this.#began = this.#now();
    this.#since = { time: this.#began, done: resumedAt?.step ?? 0 };
  }

  /** Keeps the loss, for the bar. */
  log({ loss }: LogFacts): void {
    this.#loss = loss ?? undefined;
  }

  /** A validation is no part of a step's time. */
  validation(): void {
    this.#since = { time: this.#now(), done: this.#done };
  }

  /** Removes what is shown. */
  end(): void {
    this.#progress.clear();
  }

  /** Shows how far it is. */
  progress(progress: RunProgress): void {
    switch (progress.type) {
      case "decoding":
        return this.#progress.share(`decoding ${progress.what}`, progress);
      case "compiling":
        return this.#progress.share("compiling kernels", progress);
      case "tuning":
        return this.#progress.share(`timing kernels: ${progress.call}`, progress);
      case "validating":
      case "testing":
        return this.#progress.share(progress.type, progress);
      case "training":
        this.#done = progress.done;
        // A new epoch.
        if (progress.done < this.#since.done) this.#since = { ...this.#since, done: 0 };
        return this.#progress.update(() => this.#stepText(progress));
      default:
        progress satisfies never;
    }
  }

  #stepText({ epoch, done, total, imagesPerSecond }: Extract<RunProgress, { type: "training" }>): string {
    const seconds = (this.#now() - this.#since.time) / 1000 / Math.max(1, done - this.#since.done);
    const left = seconds * (total - done + (this.#epochs - epoch) * total);
    const loss = this.#loss === undefined ? "" : `loss ${this.#loss.toFixed(4)}  `;
    return `epoch ${epoch}/${this.#epochs} ${bar(done / total)} ${done}/${total}  ${loss}` +
      `${Math.round(imagesPerSecond)} images/s  ${clock((this.#now() - this.#began) / 1000)}, ${clock(left)} left`;
  }
}

/** A setting as a flag. */
function flag(setting: string): string {
  return nameIn(train.flags, setting);
}
