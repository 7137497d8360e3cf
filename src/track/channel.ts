/**
 * Tells trackers what happens, in order, and keeps training safe from them.
 *
 * @module
 */

import type { CheckpointFacts, EndFacts, LogFacts, Note, RunFacts, RunProgress } from "./tracker.ts";
import type { TestFacts, Told, Tracker, ValidationFacts } from "./tracker.ts";

/** Milliseconds that training waits for trackers where it waits for them. */
const PATIENCE = 30_000;

/** A tracker and what it is still to be told. */
class Listener {
  readonly tracker: Tracker;
  readonly #onFault: (reason: string) => void;
  /** Ends with the last thing that it was told; undefined where nothing is in line. */
  #line?: Promise<void>;
  #isSilent = false;
  /** Is it no more waited for? */
  #isLate = false;

  constructor(tracker: Tracker, onFault: (reason: string) => void) {
    this.tracker = tracker;
    this.#onFault = onFault;
  }

  /** Tells it now, or as soon as it is done with what came before. */
  tell(method: string, call: (tracker: Tracker) => Told): void {
    const safely = (): Told => {
      try {
        const told = call(this.tracker);
        if (told) return Promise.resolve(told).catch((error) => this.#fail(method, error));
      } catch (error) {
        this.#fail(method, error);
      }
    };
    const told = this.#line ? this.#line.then(safely) : safely();
    if (!told) return;
    const line = told.then(() => {
      if (this.#line === line) this.#line = undefined;
    });
    this.#line = line;
  }

  /** Shows it something at once. */
  show(progress: RunProgress): void {
    try {
      this.tracker.progress?.(progress);
    } catch (error) {
      this.#fail("progress", error);
    }
  }

  /** Waits until it was told everything, as long as it was never waited for in vain. */
  async settled(patience: number): Promise<void> {
    if (!this.#line || this.#isLate) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<true>((resolve) => timer = setTimeout(() => resolve(true), patience));
    this.#isLate = await Promise.race([this.#line.then(() => false), late]);
    clearTimeout(timer);
    if (this.#isLate) this.#report(`has not finished in ${patience / 1000} s and is not waited for any more`);
  }

  #fail(method: string, error: unknown): void {
    this.#report(`failed in ${method}: ${error instanceof Error ? error.message : error}`);
  }

  #report(reason: string): void {
    if (this.#isSilent) return;
    this.#isSilent = true;
    this.#onFault(`the tracker ${this.tracker.name} ${reason}; training goes on`);
  }
}

/** The trackers of one run, as one. */
export class Channel {
  readonly #listeners: readonly Listener[];
  readonly #patience: number;
  #hasBegun = false;

  /**
   * Makes the channel.
   *
   * @param trackers Told in this order.
   * @param patience Milliseconds that training waits for them.
   */
  constructor(trackers: readonly Tracker[] = [], patience = PATIENCE) {
    this.#patience = patience;
    this.#listeners = trackers.map((tracker) => new Listener(tracker, (message) => this.#warn(tracker, message)));
  }

  /** Tells that training begins, and where a resumed run goes on; waits until all have heard it. */
  async begin(run: RunFacts, rewindTo?: number): Promise<void> {
    this.#hasBegun = true;
    this.#tell("begin", (tracker) => tracker.begin?.(run));
    if (rewindTo !== undefined) this.#tell("rewind", (tracker) => tracker.rewind?.(rewindTo));
    await this.settled();
  }

  /** Tells of a window of steps. */
  log(facts: LogFacts): void {
    this.#tell("log", (tracker) => tracker.log?.(facts));
  }

  /** Tells of a validation. */
  validation(facts: ValidationFacts): void {
    this.#tell("validation", (tracker) => tracker.validation?.(facts));
  }

  /** Tells of a checkpoint. */
  checkpoint(facts: CheckpointFacts): void {
    this.#tell("checkpoint", (tracker) => tracker.checkpoint?.(facts));
  }

  /** Tells of the test. */
  test(facts: TestFacts): void {
    this.#tell("test", (tracker) => tracker.test?.(facts));
  }

  /** Tells that the run is over once all have heard the rest, and waits for them. One that never began has no end. */
  async end(facts: EndFacts): Promise<void> {
    await this.settled();
    if (!this.#hasBegun) return;
    this.#tell("end", (tracker) => tracker.end?.(facts));
    await this.settled();
  }

  /** Tells something that people should read. */
  note(note: Note): void {
    this.#tell("note", (tracker) => tracker.note?.(note));
  }

  /** Tells a warning. */
  warn(message: string): void {
    this.note({ type: "warning", message });
  }

  /** Shows how far something is. */
  progress(progress: RunProgress): void {
    for (const listener of this.#listeners) listener.show(progress);
  }

  /** Waits until every tracker was told everything. */
  async settled(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.settled(this.#patience)));
  }

  #tell(method: string, call: (tracker: Tracker) => Told): void {
    for (const listener of this.#listeners) listener.tell(method, call);
  }

  /** Says that a tracker failed to those that hear warnings, or else where every program can. */
  #warn(faulty: Tracker, message: string): void {
    const others = this.#listeners.filter(({ tracker }) => tracker !== faulty && tracker.note);
    if (others.length === 0) console.warn(`Warning: ${message}`);
    for (const listener of others) listener.tell("note", (tracker) => tracker.note?.({ type: "warning", message }));
  }
}
