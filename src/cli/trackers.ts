/**
 * What the terminal shows of a run: lines that stay, and a bar.
 *
 * @module
 */

import { monitored } from "../metrics/monitored.ts";
import type {
  CheckpointFacts,
  LogFacts,
  LossScale,
  Note,
  RunFacts,
  RunProgress,
  TestFacts,
  Tracker,
  ValidationFacts,
} from "../track/tracker.ts";
import { budgetText, formatBytes } from "../train/budget.ts";
import { nameIn } from "./command.ts";
import { train } from "./flags.ts";
import { noteLine } from "./notes.ts";
import { bar, clock, type ProgressLine } from "./progress.ts";

/** `2 steps skipped, loss scale 16384`. */
function lossScaleText({ overflows, scale }: LossScale): string {
  return `${overflows} ${overflows === 1 ? "step" : "steps"} skipped, loss scale ${scale}`;
}

/** What is known of a run's training, as a line shows it. */
class Standing {
  readonly #hostMemory: () => number;
  readonly #now: () => number;
  #run?: RunFacts;
  /** When the run began or went on, in milliseconds. */
  #began = 0;
  #log?: LogFacts;
  #accuracy?: number | null;

  constructor(hostMemory: () => number = () => Deno.memoryUsage().rss, now: () => number = () => performance.now()) {
    this.#hostMemory = hostMemory;
    this.#now = now;
  }

  begin(run: RunFacts): void {
    this.#run = run;
    this.#began = this.#now();
  }

  log(facts: LogFacts): void {
    this.#log = facts;
  }

  validation({ report }: ValidationFacts): void {
    this.#accuracy = report.accuracy;
  }

  get epochs(): number {
    return this.#run?.epochs ?? 0;
  }

  /** Loss, validation accuracy and learning rate, as far as they are known. */
  get figures(): string[] {
    const { loss, learningRate, lossScale } = this.#log ?? {};
    return [
      ...typeof loss === "number" ? [`loss ${loss.toFixed(4)}`] : [],
      ...typeof this.#accuracy === "number" ? [`val ${this.#accuracy.toFixed(4)}`] : [],
      ...learningRate !== undefined ? [`lr ${learningRate.toPrecision(2)}`] : [],
      ...lossScale ? [lossScaleText(lossScale)] : [],
    ];
  }

  /** What the run takes on the device, and this process on the host. */
  get memory(): string {
    return `${formatBytes(this.#run?.memory ?? 0)} + ${this.hostMemory}`;
  }

  get hostMemory(): string {
    return formatBytes(this.#hostMemory());
  }

  /** `0:30`, since the run began or went on. */
  get elapsed(): string {
    return clock((this.#now() - this.#began) / 1000);
  }

  /** `0:12 left`, after so many steps since the run's start; nothing before there is a speed. */
  left(steps: number, imagesPerSecond: number): string[] {
    if (!this.#run || !(imagesPerSecond > 0)) return [];
    const { epochs, stepsPerEpoch, batch } = this.#run;
    return [`${clock((epochs * stepsPerEpoch - steps) * batch / imagesPerSecond)} left`];
  }
}

/** How {@link TerminalTracker} writes. */
export interface TerminalOptions {
  /** Where the lines go. */
  readonly progress: Pick<ProgressLine, "line" | "step" | "clear" | "isLive">;
  /** Writes what the command gives: the test's tables. */
  readonly result: (text: string) => void;
  /** Those tables. */
  readonly tables: (facts: TestFacts) => string;
  /** Are notes shown whole? Default not. */
  readonly verbose?: boolean;
  /** Bytes that this process takes; default what it does. */
  readonly hostMemory?: () => number;
  /** The clock, in milliseconds; default since the process began. */
  readonly now?: () => number;
}

/** Writes what is worth a line. */
export class TerminalTracker implements Tracker {
  readonly name = "terminal";
  readonly #progress: TerminalOptions["progress"];
  readonly #result: TerminalOptions["result"];
  readonly #tables: TerminalOptions["tables"];
  readonly #standing: Standing;
  readonly #verbose: boolean;
  #hasSaidLimit = false;

  /** @param options Where lines and results go. */
  constructor({ progress, result, tables, verbose = false, hostMemory, now }: TerminalOptions) {
    this.#verbose = verbose;
    this.#standing = new Standing(hostMemory, now);
    this.#progress = progress;
    this.#result = result;
    this.#tables = tables;
  }

  /** Says where a run goes on, and what a step takes. */
  begin(run: RunFacts): void {
    const { epochs, stepsPerEpoch, batch, dispatches, memory, learnt, resumedAt } = run;
    this.#standing.begin(run);
    if (resumedAt) this.#progress.line(`resume after epoch ${resumedAt.epoch}, step ${resumedAt.step}`);
    this.#progress.line(
      `train  ${epochs} epochs of ${stepsPerEpoch} steps of ${batch} pictures; a step takes ` +
        `${dispatches} dispatches and ${formatBytes(memory)}, for ${learnt.toLocaleString("en")} learnt parameters`,
    );
  }

  /** Says how training goes: a line of its own where there is none that is rewritten. */
  log(facts: LogFacts): void {
    const { epoch, step, loss, skipped, imagesPerSecond } = facts;
    this.#standing.log(facts);
    if (loss !== null && !this.#progress.isLive) {
      this.#progress.step([
        ...[`epoch ${epoch}/${this.#standing.epochs}`, `step ${step}`, ...this.#standing.figures],
        ...[`${Math.round(imagesPerSecond)} images/s`, `memory ${this.#standing.memory}`],
        [this.#standing.elapsed, ...this.#standing.left(step, imagesPerSecond)].join(", "),
      ].join("  "));
    }
    if (skipped > 0) {
      this.#warn(`${skipped} of ${step} steps were not finite and were left out (${flag("skipNonFinite")})`);
    }
  }

  /** Says how good the model is. */
  validation(facts: ValidationFacts): void {
    const { epoch, step, report: { accuracy, loss }, isBest, monitored: other, average } = facts;
    this.#standing.validation(facts);
    const number = (value: number | null) => value === null ? "undefined" : value.toFixed(4);
    this.#progress.step(
      `epoch ${epoch}/${this.#standing.epochs}  step ${step}  validation accuracy ${number(accuracy)}  ` +
        `loss ${number(loss)}${other ? `  ${monitored[other.name].title} ${number(other.value)}` : ""}` +
        `${average ? `  of ${average.toUpperCase()}` : ""}${isBest ? "  best so far" : ""}`,
    );
  }

  /** Says where it is saved. */
  checkpoint({ path }: CheckpointFacts): void {
    this.#progress.step(`saved ${path}`);
  }

  /** Shows what the best weights do. */
  test(facts: TestFacts): void {
    this.#progress.clear();
    this.#result(this.#tables(facts));
  }

  /** Says what was found or went wrong. */
  note(note: Note): void {
    switch (note.type) {
      case "warning":
        return this.#warn(note.message);
      case "info":
        return this.#progress.line(noteLine(note.message, this.#verbose));
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
        const { lossScale, best, interrupted, isTested, monitor, endedEarly: early } = note;
        if (lossScale) this.#progress.line(`f16    ${lossScaleText(lossScale)}`);
        if (early) {
          const { title } = monitored[early.monitor];
          this.#progress.line(
            `early  the run ended after epoch ${note.epochs} of ${this.#standing.epochs}: no better ${title} in ` +
              `${early.patience} ${early.patience === 1 ? "epoch" : "epochs"} (${flag("patience")})`,
          );
        }
        if (!best || interrupted) return;
        const chosenBy = monitor && `${monitored[monitor].title} ${best.monitored!.toFixed(4)}, `;
        return this.#progress.line(
          `best   epoch ${best.epoch}, validation ${chosenBy ?? ""}accuracy ${best.accuracy.toFixed(4)}` +
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
    this.#progress.line(`warning: ${message}`, true);
  }
}

/** Shows what is being done in the line that is rewritten. */
export class ProgressBarTracker implements Tracker {
  readonly name = "progress bar";
  readonly #progress: Pick<ProgressLine, "update" | "share" | "clear">;
  readonly #standing: Standing;

  /**
   * Makes the tracker.
   *
   * @param progress Where it is shown.
   * @param hostMemory Bytes that this process takes; default what it does.
   */
  constructor(progress: Pick<ProgressLine, "update" | "share" | "clear">, hostMemory?: () => number) {
    this.#progress = progress;
    this.#standing = new Standing(hostMemory);
  }

  /** Keeps what is to be done. */
  begin(run: RunFacts): void {
    this.#standing.begin(run);
  }

  /** Keeps the figures. */
  log(facts: LogFacts): void {
    this.#standing.log(facts);
  }

  /** Keeps the accuracy. */
  validation(facts: ValidationFacts): void {
    this.#standing.validation(facts);
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
      case "averaging":
        return this.#progress.share("counting statistics of the averaged weights", progress);
      case "validating":
      case "testing":
        return this.#progress.share(progress.type, progress);
      case "training":
        return this.#progress.update((columns) => this.#stepText(progress, columns));
      default:
        progress satisfies never;
    }
  }

  /** All of it, or what a narrow terminal has room for. */
  #stepText(
    { epoch, done, total, imagesPerSecond }: Extract<RunProgress, { type: "training" }>,
    columns: number,
  ): string {
    const where = `epoch ${epoch}/${this.#standing.epochs}`;
    const step = `step ${done}/${total}`;
    const left = this.#standing.left((epoch - 1) * total + done, imagesPerSecond);
    const figures = [...left, ...this.#standing.figures, `${Math.round(imagesPerSecond)} images/s`];
    const { memory, hostMemory } = this.#standing;
    const texts = [
      [`${where} ${bar(done / total, 12)} ${step}`, ...figures, `memory ${memory}`].join("  "),
      [where, step, ...figures, `memory ${memory}`].join("  "),
      [where, step, ...figures, memory].join(" "),
      // On 80 columns.
      [where, `${done}/${total}`, ...figures, hostMemory].join(" "),
      [where, `${done}/${total}`, ...figures].join(" "),
    ];
    return texts.find((text) => text.length < columns) ?? texts.at(-1)!;
  }
}

/** A setting as a flag. */
function flag(setting: string): string {
  return nameIn(train.flags, setting);
}
