/**
 * What the parts of the report share: the processes that are asked, the time that is left, and what was found so far.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Rates } from "../../src/device/rates.ts";
import type { Cell } from "../table.ts";
import { isSilence, LineProcess, type Silence } from "./lines.ts";
import type { Entries, Question, Timed, TunedAnswer, Work } from "./questions.ts";
import type { Sizes } from "./sizes.ts";
import type { Torch, TorchQuestion } from "./torch.ts";

/** Most seconds that one answer may take: a driver may take a minute to compile a network for the first time. */
const PATIENCE = 150;

/** What was asked and answered, for the JSON. */
export interface Exchange {
  readonly who: "Fovea" | "PyTorch";
  readonly question: Question | TorchQuestion;
  readonly answer: object;
}

/** How Deno runs Fovea's process. */
const WORKER = ["run", "-A", "--no-check", fileURLToPath(new URL("worker.ts", import.meta.url))];

/** Asks Fovea and PyTorch in turn until the time is over. */
export class Timing implements AsyncDisposable {
  readonly sizes: Sizes;
  readonly torch: Torch;
  /** Everything that was asked. */
  readonly records: Exchange[] = [];
  /** FLOP/s of the fastest product. */
  peak?: number;
  /** PyTorch's, in float32. */
  torchPeak?: number;
  /** Ways that were tuned so far: equal calls are not timed again. */
  known: Entries = {};
  /** Questions for which there was no time. */
  missed = 0;
  readonly #fovea: LineProcess;
  #rates?: Rates;
  readonly #start = performance.now();
  readonly #onAsk: (line: string) => void;
  readonly #patience: number;

  /**
   * @param onAsk Is told what is timed next.
   * @param worker Command line of Fovea's process, and `patience` the most seconds for an answer: other than by default
   * in tests of what a broken process does.
   */
  constructor(
    { sizes, torch, onAsk, worker = [Deno.execPath(), ...WORKER], patience = PATIENCE }: {
      readonly sizes: Sizes;
      readonly torch: Torch;
      readonly onAsk: (line: string) => void;
      readonly worker?: readonly string[];
      readonly patience?: number;
    },
  ) {
    const [command, ...args] = worker;
    this.sizes = sizes;
    this.torch = torch;
    this.#onAsk = onAsk;
    this.#patience = patience;
    this.#fovea = new LineProcess(command, args);
  }

  /** Seconds since the beginning. */
  get elapsed(): number {
    return (performance.now() - this.#start) / 1000;
  }

  get #left(): number {
    return 60 * this.sizes.minutes - this.elapsed;
  }

  async #ask<Answer extends object>(asked: Question): Promise<Answer | Silence> {
    const question = { ...asked, rates: this.#rates };
    const said = await this.#fovea.ask<Answer>(question, Math.min(this.#patience, this.#left));
    const isOver = isSilence(said) && this.#left <= 0;
    if (isOver) this.missed++;
    const answer = isOver ? { why: "not timed: the time was over" } : said;
    // What is known stands in the answers that it came from.
    this.records.push({ who: "Fovea", question: "known" in question ? { ...question, known: {} } : question, answer });
    return answer;
  }

  /** Times work with these choices over the device's own. */
  time(work: Work, choices: Entries = {}): Promise<Timed | Silence> {
    this.#onAsk(nameOf(work));
    return this.#ask<Timed>({ what: "time", work, choices });
  }

  /** Tunes the calls of some work, in so many seconds. */
  async tune(work: Work, seconds: number): Promise<TunedAnswer | Silence> {
    this.#onAsk(`${nameOf(work)}: tuning`);
    const answer = await this.#ask<TunedAnswer>({ what: "tune", work, known: this.known, seconds });
    if (!isSilence(answer)) this.known = { ...this.known, ...answer.learnt };
    return answer;
  }

  /** The device's rates by a short self-test; what is asked after it is cut by them. */
  async measureRates(): Promise<Rates | Silence> {
    this.#onAsk("the rates of the device");
    const rates = await this.#ask<Rates>({ what: "rates" });
    if (!isSilence(rates)) this.#rates = rates;
    return rates;
  }

  /** PyTorch's seconds, or why there are none. */
  async beside(question: TorchQuestion): Promise<{ readonly seconds: number } | Silence> {
    const answer = await this.torch.ask(question, this.#left);
    this.records.push({ who: "PyTorch", question, answer });
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#fovea[Symbol.asyncDispose]();
  }
}

function nameOf(work: Work): string {
  if (work.kind === "step") return `${work.network} ${work.imageSize}², batch ${work.batch}, ${work.precision}`;
  return `${work.op} ${work.inputs.map((shape) => shape.join("×")).join(", ")}`;
}

/** Seconds of an answer, if there is one. */
export const secondsIn = (answer: Timed | Silence | { readonly seconds: number } | undefined): number | undefined =>
  answer && !isSilence(answer) ? answer.seconds : undefined;

/** The smaller of two that may not be there. */
export function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

/** `over / under` as a cell, where both are there. */
export function ratio(over: number | undefined, under: number | undefined, factor = 1): number | undefined {
  return over === undefined || under === undefined ? undefined : factor * over / under;
}

/** A share as a percentage, where it is there. */
export const share = (value: number | undefined): Cell =>
  value === undefined ? undefined : `${Math.round(100 * value)}%`;
