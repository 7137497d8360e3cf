/**
 * Progress on the terminal: one line that is rewritten, and lines that stay. Where standard error is no terminal, only
 * the lines that stay.
 *
 * @module
 */

import { escaped } from "../data/names.ts";
import type { OnProgress } from "../data/store/scan.ts";
import { systemCode } from "../errors.ts";
import type { ConsoleOutput } from "../track/console.ts";

/** The width that lines are cut to where the terminal does not tell its own. */
const DEFAULT_COLUMNS = 100;

/** The width of a terminal that says it has none. */
const USUAL_COLUMNS = 80;

/** Milliseconds after which it is said how far something is where no line can be rewritten; then twice as long, … */
const FIRST_AFTER = 2000;

/** … but no longer than this. */
const MOST_BETWEEN = 60_000;

/** Where lines go. */
export interface LineTarget {
  /** Is standard error a terminal, on which a line can be rewritten? */
  readonly isTerminal: boolean;
  /** Writes to it. */
  readonly write: (text: string) => void;
  /** How wide the terminal is, where it is not asked. */
  readonly columns?: number;
  /** Is told the lines that stay. */
  readonly console?: ConsoleOutput;
}

const standardError: LineTarget = {
  isTerminal: Deno.stderr.isTerminal(),
  write(text) {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
    } catch (error) {
      // Nobody reads any more, as after a terminal is closed: what is being done goes on, and is saved.
      if (systemCode(error) === undefined) throw error;
    }
  },
};

/** Writes to standard error: what a command gives goes to standard output. */
export class ProgressLine {
  readonly #quiet: boolean;
  readonly #target: LineTarget;
  #shown = false;
  #last = 0;
  /** What is being done, since when, and when that is said again outside a terminal. */
  #work = { what: "", since: 0, wait: FIRST_AFTER, next: 0, done: 0 };

  /**
   * Writes nothing yet.
   *
   * @param quiet Keeps to itself how far something is; lines that say something else stay.
   * @param target Where lines go; default standard error.
   */
  constructor(quiet: boolean, target: Partial<LineTarget> = {}) {
    this.#quiet = quiet;
    this.#target = { ...standardError, ...target };
  }

  /** Is a line shown that is rewritten? */
  get isLive(): boolean {
    return !this.#quiet && this.#target.isTerminal;
  }

  /** Shows a line until the next one. At most ten a second are drawn. */
  update(text: (columns: number) => string): void {
    const now = performance.now();
    if (!this.isLive || now - this.#last < 100) return;
    this.#last = now;
    const width = this.#target.columns ?? columns();
    this.#write(`\r\x1b[K${cut(escaped(text(width)), width)}`);
    this.#shown = true;
  }

  /**
   * Shows a bar: `decoding training pictures [━━──] 40/80  0:03, 0:03 left`. Outside a terminal a line without the bar
   * is written after two seconds, and more seldom later.
   *
   * @param what What is being done now.
   * @param progress How much of it is.
   * @param work Of what it is a part, where that has other names on its way: its time counts.
   */
  share(
    what: string,
    { done, total }: { readonly done: number; readonly total: number },
    work: string = what,
  ): void {
    const now = performance.now();
    if (this.#work.what !== work || done <= this.#work.done) {
      this.#work = { what: work, since: now, wait: FIRST_AFTER, next: now + FIRST_AFTER, done };
    }
    this.#work.done = done;
    const text = (middle: string) =>
      `${what} ${middle}${done}/${total}  ${timesText(now - this.#work.since, done, total)}`;
    this.update(() => text(`${bar(done / total)} `));
    if (this.isLive || this.#quiet || now < this.#work.next) return;
    const wait = Math.min(2 * this.#work.wait, MOST_BETWEEN);
    this.#work = { ...this.#work, wait, next: now + wait };
    this.line(text(""));
  }

  /** A bar for what is done before training. */
  readonly preparing = (what: string): OnProgress => (done, total) => this.share(what, { done, total });

  /** Writes a line that stays. */
  line(text: string, isFault = false): void {
    const shown = escaped(text);
    this.#write(`${this.#shown ? "\r\x1b[K" : ""}${shown}\n`);
    this.#shown = false;
    this.#target.console?.write(shown, isFault);
  }

  /** Writes a line that stays and says how far something is. */
  step(text: string): void {
    if (!this.#quiet) this.line(text);
  }

  /** Removes the line that is shown. */
  clear(): void {
    if (this.#shown) this.#write("\r\x1b[K");
    this.#shown = false;
  }

  #write(text: string): void {
    this.#target.write(text);
  }
}

function columns(): number {
  try {
    return Deno.consoleSize().columns || USUAL_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

function cut(text: string, width: number): string {
  return text.length < width ? text : `${text.slice(0, width - 2)}…`;
}

/**
 * `[━━━━────]`, for a share that is done.
 *
 * @param share From 0 to 1.
 * @param width Characters between the brackets.
 */
export function bar(share: number, width = 24): string {
  const done = Math.round(Math.max(0, Math.min(1, share)) * width);
  return `[${"━".repeat(done)}${"─".repeat(width - done)}]`;
}

/** `0:03, 0:09 left`, of work of which a part took some milliseconds. */
export function timesText(milliseconds: number, done: number, total: number): string {
  const elapsed = clock(milliseconds / 1000);
  return done > 0 ? `${elapsed}, ${clock(milliseconds / 1000 * (total - done) / done)} left` : elapsed;
}

/** `1:05` or `2:03:10`, of seconds. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
