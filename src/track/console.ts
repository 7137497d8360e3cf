/**
 * What a command line shows of a run, for trackers that keep it.
 *
 * @module
 */

/** A line that stays on the terminal. */
export interface ConsoleLine {
  /** Without a newline. */
  readonly text: string;
  /** Is it a warning or an error? */
  readonly isFault: boolean;
  /** When it was shown, in milliseconds since 1970. */
  readonly time: number;
}

/** Lines that are kept for who does not listen yet. */
const KEPT = 1000;

/** The lines of one run. */
export class ConsoleOutput {
  #kept: ConsoleLine[] = [];
  readonly #listeners: ((line: ConsoleLine) => void)[] = [];

  /** Adds a text of one line or several. */
  write(text: string, isFault = false): void {
    for (const part of text.replace(/\n$/, "").split("\n")) {
      const line = { text: part, isFault, time: Date.now() };
      if (this.#kept.length < KEPT) this.#kept.push(line);
      for (const listener of this.#listeners) listener(line);
    }
  }

  /** Tells the lines so far, and each that is to come. */
  follow(listener: (line: ConsoleLine) => void): void {
    this.#kept.forEach(listener);
    this.#listeners.push(listener);
  }

  /** Tells a listener no more. */
  leave(listener: (line: ConsoleLine) => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }
}
