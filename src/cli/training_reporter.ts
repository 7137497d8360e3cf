/**
 * Shows on the terminal what a trainer tells.
 *
 * @module
 */

import type { OnProgress } from "../data/store/scan.ts";
import { budgetText, formatBytes } from "../train/budget.ts";
import type { TrainEvent } from "../train/events.ts";
import type { LossScale } from "../train/loss_scale.ts";
import { flagName } from "./command.ts";
import { bar, clock, type ProgressLine } from "./progress.ts";

/** `2 steps skipped, loss scale 16384`. */
export function lossScaleText({ overflows, scale }: LossScale): string {
  return `${overflows} ${overflows === 1 ? "step" : "steps"} skipped, loss scale ${scale}`;
}

/** Turns events into lines. */
export class TrainingReporter {
  readonly #progress: ProgressLine;
  #epochs = 0;
  #stepsPerEpoch = 0;
  #hasSaidLimit = false;
  #loss?: number;
  #epochStarted = performance.now();

  constructor(progress: ProgressLine) {
    this.#progress = progress;
  }

  /** For what is done before training: `drawing the demo faces [━━──] 40%`. */
  readonly preparing = (what: string): OnProgress => (done, total) => this.#share(what, done, total);

  /** Shows one event. */
  on(event: TrainEvent): void {
    switch (event.type) {
      case "preparing":
        return this.#share(`decoding ${event.what}`, event.done, event.total);
      case "compiling":
        return this.#share("compiling kernels", event.done, event.total);
      case "tuning":
        this.#sayLimit(event.atMost);
        return this.#share(`timing kernels: ${event.call}`, event.done, event.total);
      case "tuned":
        return this.#progress.line(
          `tune   ${event.choices} choices; ${event.timed} timed now in ${clock(event.seconds)}` +
            (event.timed > 0 ? `, kept in ${event.path}` : "") +
            (event.isCut ? "; the next run times the rest" : ""),
        );
      case "batch":
        return this.#progress.line(
          `batch  ${event.batch} pictures, which take ${formatBytes(event.memory)}` +
            (event.budget ? `; ${budgetText(event.budget, flagName)}` : "") +
            (event.budget?.from === "assumed" ? " (--memory)" : ""),
        );
      case "start":
        return this.#start(event);
      case "step":
        return this.#progress.update(() => this.#stepText(event));
      case "log":
        this.#loss = event.loss;
        return this.#progress.line(
          `epoch ${this.#epoch(event.epoch)}  step ${event.step}  loss ${event.loss.toFixed(4)}  ` +
            `lr ${event.learningRate.toPrecision(2)}  ${Math.round(event.imagesPerSecond)} images/s` +
            (event.lossScale ? `  ${lossScaleText(event.lossScale)}` : ""),
        );
      case "validating":
        return this.#share("validating", event.done, event.total);
      case "validation":
        return this.#validation(event);
      case "checkpoint":
        return this.#progress.line(`saved ${event.path}`);
      case "warning":
        return this.#progress.line(`warning: ${event.message}`);
    }
  }

  /** Before the first call is timed that the user did not ask for. */
  #sayLimit(seconds?: number): void {
    if (seconds === undefined || this.#hasSaidLimit) return;
    this.#hasSaidLimit = true;
    this.#progress.line(`tune   this adapter's kernels are timed, for at most ${seconds} s (--tune off: not at all)`);
  }

  #share(what: string, done: number, total: number): void {
    this.#progress.update(() => `${what} ${bar(done / total)} ${done}/${total}`);
  }

  #start(event: Extract<TrainEvent, { type: "start" }>): void {
    this.#epochs = event.epochs;
    this.#stepsPerEpoch = event.stepsPerEpoch;
    this.#epochStarted = performance.now();
    const { resumedAt } = event;
    if (resumedAt) this.#progress.line(`resume after epoch ${resumedAt.epoch}, step ${resumedAt.step}`);
    this.#progress.line(
      `train  ${event.epochs} epochs of ${event.stepsPerEpoch} steps of ${event.batch} pictures; a step takes ` +
        `${event.dispatches} dispatches and ${formatBytes(event.memory)}, for ${event.learnt.toLocaleString("en")} ` +
        "learnt parameters",
    );
  }

  #stepText({ epoch, step, imagesPerSecond }: Extract<TrainEvent, { type: "step" }>): string {
    const elapsed = (performance.now() - this.#epochStarted) / 1000;
    const loss = this.#loss === undefined ? "" : `loss ${this.#loss.toFixed(4)}  `;
    const left = elapsed / step * (this.#stepsPerEpoch - step + (this.#epochs - epoch - 1) * this.#stepsPerEpoch);
    return `epoch ${this.#epoch(epoch)} ${bar(step / this.#stepsPerEpoch)} ${step}/${this.#stepsPerEpoch}  ${loss}` +
      `${Math.round(imagesPerSecond)} images/s  ${clock(left)} left`;
  }

  #validation({ epoch, step, report, best }: Extract<TrainEvent, { type: "validation" }>): void {
    const number = (value: number | null) => value === null ? "undefined" : value.toFixed(4);
    this.#progress.line(
      `epoch ${this.#epoch(epoch)}  step ${step}  validation accuracy ${number(report.accuracy)}  ` +
        `loss ${number(report.loss)}${best ? "  best so far" : ""}`,
    );
    this.#epochStarted = performance.now();
  }

  #epoch(epoch: number): string {
    return `${epoch + 1}/${this.#epochs}`;
  }
}
