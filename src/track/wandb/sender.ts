/**
 * Tells a W&B server of a run as it goes. Nobody waits for it: lines and files stand in line until the server has them.
 * A server that fails is asked again, after longer and longer times; one that refuses is not. Either is reported once.
 *
 * @module
 */

import { Api, type LiveRun, type Place, Refusal, type StreamRequest } from "./api.ts";
import type { Server } from "./environment.ts";

/** Times in milliseconds. */
export interface Timing {
  /** Between two requests. */
  readonly every: number;
  /** Without lines, until one says that the run is alive. */
  readonly heartbeat: number;
  /** For an answer. */
  readonly timeout: number;
  /** Until a request that failed is made again, the first time. */
  readonly retry: number;
  /** The longest time until it is made again. */
  readonly longestRetry: number;
  /** For all that is left, at the end of the run. */
  readonly patience: number;
  /** The same for a server that has not answered yet, or not to the last request. */
  readonly lastChance: number;
}

/** Those of the official client, but for the end: training is not kept from ending. */
export const TIMING: Timing = {
  ...{ every: 15_000, heartbeat: 30_000, timeout: 20_000, retry: 2_000, longestRetry: 60_000 },
  ...{ patience: 15_000, lastChance: 5_000 },
};

/** Lines of a request: those of a long run that is sent afterwards go in several. */
const MOST_LINES = 2_000;

/** Files of the stream. */
const files = { history: "wandb-history.jsonl", events: "wandb-events.jsonl", output: "output.log" } as const;
type Kind = keyof typeof files;

/** A line of the history with its step. */
export interface HistoryLine {
  readonly step: number;
  readonly text: string;
}

/** Lines of a run that goes on, as its folder has them. */
export interface Backlog {
  readonly history: readonly HistoryLine[];
  readonly events: readonly string[];
  readonly output: readonly string[];
  /** Files that the server has not, by the name that the run knows them by. */
  readonly files: ReadonlyMap<string, string>;
}

/** What a run is sent with. */
export interface SenderParts {
  readonly server: Server;
  /** What the server is told of it. */
  readonly run: LiveRun;
  /** What happened before. */
  readonly backlog: Backlog;
  readonly timing?: Timing;
  /** Is told the first failure. */
  readonly onFault: (reason: string) => void;
  /** Is told the names of files that the server has now. */
  readonly onUploaded: (names: readonly string[]) => void;
}

/** Sends one run. */
export class Sender {
  readonly #parts: SenderParts;
  readonly #timing: Timing;
  readonly #api: Api;
  /** Lines that the server has not, and how many it has. */
  readonly #lines: Record<Kind, { texts: string[]; sent: number }> = {
    history: { texts: [], sent: 0 },
    events: { texts: [], sent: 0 },
    output: { texts: [], sent: 0 },
  };
  #summary?: string;
  /** Files that the server has not, and those that it has and was not told of. */
  readonly #files: Map<string, string>;
  #uploaded: string[] = [];
  #place?: Place;
  #lastSent = 0;
  #failures = 0;
  #hasFault = false;
  #exit?: number;
  #isOver = false;
  #isSent = false;
  #wake?: () => void;
  #loop?: Promise<void>;

  /** Sends nothing yet. */
  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#timing = parts.timing ?? TIMING;
    this.#api = new Api(parts.server, this.#timing.timeout);
    this.#files = new Map(parts.backlog.files);
  }

  /** Begins to send. */
  start(): void {
    this.#loop ??= this.#send();
  }

  /** Adds a line. */
  line(kind: Kind, text: string): void {
    if (!this.#isOver) this.#lines[kind].texts.push(text);
  }

  /** Gives the summary as it is now. */
  summary(text: string): void {
    this.#summary = text;
  }

  /** Adds a file, by the name that the run knows it by. */
  file(name: string, path: string): void {
    if (!this.#isOver) this.#files.set(name, path);
  }

  /**
   * Sends what is left, and how the run ended. What fails now is not tried again.
   *
   * @param exit Its exit code.
   * @returns Whether the server has all of it.
   */
  async finish(exit: number): Promise<boolean> {
    this.#exit = exit;
    this.#wake?.();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = this.#failures > 0 || !this.#place ? this.#timing.lastChance : this.#timing.patience;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, patience));
    await Promise.race([this.#loop, late]);
    clearTimeout(timer);
    if (!this.#isOver) this.#fault(`has not taken all within ${patience / 1000} s`);
    this.#isOver = true;
    this.#api.stop();
    this.#wake?.();
    await this.#loop;
    return this.#isSent;
  }

  async #send(): Promise<void> {
    while (!this.#isOver) {
      // Is it known that the run is over?
      const isLast = this.#exit !== undefined;
      try {
        this.#place ??= await this.#begin();
        await this.#turn(this.#place);
        this.#failures = 0;
      } catch (error) {
        if (this.#isOver) return;
        this.#failures++;
        const isFinal = error instanceof Refusal || isLast;
        this.#fault(`${(error as Error).message}${isFinal ? "" : ", and is asked again"}`);
        if (isFinal) this.#isOver = true;
      }
      if (this.#isSent) this.#isOver = true;
      if (!this.#isOver) await this.#pause();
    }
  }

  async #begin(): Promise<Place> {
    const place = await this.#api.begin(this.#parts.run);
    const { lines, lastStep } = place;
    const missing: Record<Kind, readonly string[]> = {
      history: this.#parts.backlog.history.filter(({ step }) => step > lastStep).map(({ text }) => text),
      events: this.#parts.backlog.events.slice(lines.events),
      output: this.#parts.backlog.output.slice(lines.output),
    };
    for (const kind of Object.keys(files) as Kind[]) {
      this.#lines[kind].sent = lines[kind];
      this.#lines[kind].texts = [...missing[kind], ...this.#lines[kind].texts];
    }
    return place;
  }

  /** Uploads the files that there are, and sends lines until none is left. */
  async #turn(place: Place): Promise<void> {
    let failed: unknown;
    const waiting = new Map(this.#files);
    if (waiting.size > 0) {
      try {
        await this.#api.upload(place, waiting);
        for (const name of waiting.keys()) this.#files.delete(name);
        this.#uploaded.push(...waiting.keys());
        this.#parts.onUploaded([...waiting.keys()]);
      } catch (error) {
        failed = error;
      }
    }
    // A storage that fails does not keep the lines.
    do await this.#streamOnce(place); while (this.#hasLines);
    if (failed !== undefined) throw failed;
  }

  get #hasLines(): boolean {
    return Object.values(this.#lines).some(({ texts }) => texts.length > 0);
  }

  async #streamOnce(place: Place): Promise<void> {
    const parts = (Object.keys(files) as Kind[]).map((kind) => {
      const { texts, sent } = this.#lines[kind];
      return { kind, offset: sent, content: texts.slice(0, MOST_LINES) };
    }).filter(({ content }) => content.length > 0);
    const summary = this.#summary;
    const uploaded = this.#uploaded;
    const isLast = parts.every(({ kind, content }) => content.length === this.#lines[kind].texts.length);
    const exit = isLast && this.#files.size === 0 ? this.#exit : undefined;
    const isDue = performance.now() - this.#lastSent >= this.#timing.heartbeat;
    const hasNews = parts.length > 0 || summary !== undefined || uploaded.length > 0 || exit !== undefined;
    if (!hasNews && !isDue) return;
    const content: Record<string, { offset: number; content: readonly string[] }> = Object.fromEntries(
      parts.map(({ kind, offset, content }) => [files[kind], { offset, content }]),
    );
    if (summary !== undefined) content["wandb-summary.json"] = { offset: 0, content: [summary] };
    const request: StreamRequest = {
      ...Object.keys(content).length > 0 && { files: content },
      ...uploaded.length > 0 && { uploaded },
      ...exit !== undefined && { complete: true, exitcode: exit },
    };
    await this.#api.stream(place, request);
    this.#lastSent = performance.now();
    for (const { kind, content } of parts) {
      this.#lines[kind].texts.splice(0, content.length);
      this.#lines[kind].sent += content.length;
    }
    if (this.#summary === summary) this.#summary = undefined;
    this.#uploaded = this.#uploaded.slice(uploaded.length);
    this.#isSent = exit !== undefined;
  }

  /** Waits for the next turn; the end of the run does not wait. */
  async #pause(): Promise<void> {
    if (this.#exit !== undefined) return;
    const { every, retry, longestRetry } = this.#timing;
    const wait = this.#failures === 0 ? every : Math.min(longestRetry, retry * 2 ** (this.#failures - 1));
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, wait);
      this.#wake = resolve;
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  #fault(reason: string): void {
    if (this.#hasFault) return;
    this.#hasFault = true;
    this.#parts.onFault(reason);
  }
}
