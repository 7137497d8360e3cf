/**
 * Progress on the terminal: one line that is rewritten, and lines that stay. Where standard error is no terminal, only
 * the lines that stay.
 *
 * @module
 */

import { escaped } from "../data/names.ts";
import type { OnProgress } from "../data/store/scan.ts";
import { systemCode } from "../errors.ts";

/** The width that lines are cut to where the terminal does not tell its own. */
const DEFAULT_COLUMNS = 100;

/** Writes to standard error: what a command gives goes to standard output. */
export class ProgressLine {
  readonly #live: boolean;
  #shown = false;
  #last = 0;

  /** @param quiet Keeps everything but the lines that stay to itself. */
  constructor(quiet: boolean) {
    this.#live = !quiet && Deno.stderr.isTerminal();
  }

  /** Shows a line until the next one. At most ten a second are drawn. */
  update(text: () => string): void {
    const now = performance.now();
    if (!this.#live || now - this.#last < 100) return;
    this.#last = now;
    this.#write(`\r\x1b[K${cut(escaped(text()), columns())}`);
    this.#shown = true;
  }

  /** Shows a bar: `decoding training pictures [━━──] 40/80`. */
  share(what: string, { done, total }: { readonly done: number; readonly total: number }): void {
    this.update(() => `${what} ${bar(done / total)} ${done}/${total}`);
  }

  /** A bar for what is done before training. */
  readonly preparing = (what: string): OnProgress => (done, total) => this.share(what, { done, total });

  /** Writes a line that stays. */
  line(text: string): void {
    this.#write(`${this.#shown ? "\r\x1b[K" : ""}${escaped(text)}\n`);
    this.#shown = false;
  }

  /** Removes the line that is shown. */
  clear(): void {
    if (this.#shown) this.#write("\r\x1b[K");
    this.#shown = false;
  }

  #write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
    } catch (error) {
      // Nobody reads any more, as after a terminal is closed: what is being done goes on, and is saved.
      if (systemCode(error) === undefined) throw error;
    }
  }
}

function columns(): number {
  try {
    return Deno.consoleSize().columns;
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

/** `1:05` or `2:03:10`, of seconds. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
