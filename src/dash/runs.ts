/**
 * All runs in a folder, looked at as long as somebody listens: one look for all who do.
 *
 * @module
 */

import { findRuns } from "./find_runs.ts";
import { type RunRow, WatchedRun } from "./watched_run.ts";

/** What is new in the list. */
export interface Change {
  /** Runs that are new or have changed. */
  readonly rows: readonly RunRow[];
  /** Runs that are gone, by their ids. */
  readonly gone: readonly string[];
  /** Was everything looked at once? Until then the list grows. */
  readonly isWhole: boolean;
}

/** Milliseconds: curves are seen to move, and little is done for it. */
const PACE = 1000;

/** Looks at the runs at work for one at all of them: there may be a thousand. */
const SELDOM = 5;

/** Milliseconds after which what is new is told, though the look goes on: a thousand runs take a while. */
const HASTE = 200;

/** The runs in a folder. */
export class Runs {
  readonly #folder: string;
  readonly #depth: number;
  readonly #pace: number;
  readonly #runs = new Map<string, WatchedRun>();
  readonly #listeners = new Set<(change: Change) => void>();
  #timer?: ReturnType<typeof setTimeout>;
  #looks = 0;
  /** See {@link Change.isWhole}. */
  isWhole = false;
  /** The look that is under way. */
  #looking: Promise<void> = Promise.resolve();

  /**
   * Names the folder; it is looked at from when somebody listens.
   *
   * @param folder The folder.
   * @param depth How many folders deep runs may be in it.
   * @param pace Milliseconds from one look at the runs that are at work to the next.
   */
  constructor(folder: string, depth: number, pace = PACE) {
    this.#folder = folder;
    this.#depth = depth;
    this.#pace = pace;
  }

  /** A run by its id. */
  find(id: string): WatchedRun | undefined {
    return this.#runs.get(id);
  }

  /** All runs, as they were last looked at. */
  get rows(): RunRow[] {
    return [...this.#runs.values()].map(({ row }) => row).filter(({ version }) => version > 0);
  }

  /** Tells of changes from now on; gives what ends that. */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#looks = 0;
      this.#looking = this.#looking.then(() => this.#go());
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) clearTimeout(this.#timer);
    };
  }

  /** Looks at everything once more, as when a run has ended. */
  async lookAtAll(): Promise<void> {
    await this.#looking;
    await this.#look(true);
  }

  async #go(): Promise<void> {
    if (this.#listeners.size === 0) return;
    await this.#look(this.#looks++ % SELDOM === 0);
    if (this.#listeners.size === 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#looking = this.#go(), this.#pace);
  }

  async #look(all: boolean): Promise<void> {
    if (all) await this.#findAll();
    let changed: RunRow[] = [];
    let toldAt = performance.now();
    for (const run of this.#runs.values()) {
      if (!all && !run.isActive) continue;
      if (await run.look()) changed.push(run.row);
      if (changed.length === 0 || performance.now() - toldAt < HASTE) continue;
      this.#tell(changed);
      changed = [];
      toldAt = performance.now();
    }
    const isNews = all && !this.isWhole;
    this.isWhole ||= all;
    if (changed.length > 0 || isNews) this.#tell(changed);
  }

  /** Which runs there are now. */
  async #findAll(): Promise<void> {
    const there = new Set(await findRuns(this.#folder, this.#depth));
    const gone = [...this.#runs].filter(([, { path }]) => !there.has(path)).map(([id]) => id);
    for (const id of gone) this.#runs.delete(id);
    const known = new Set([...this.#runs.values()].map(({ path }) => path));
    for (const path of there) {
      if (known.has(path)) continue;
      const run = new WatchedRun(path, this.#folder);
      this.#runs.set(run.row.id, run);
    }
    if (gone.length > 0) this.#tell([], gone);
  }

  #tell(rows: readonly RunRow[], gone: readonly string[] = []): void {
    for (const listener of this.#listeners) listener({ rows, gone, isWhole: this.isWhole });
  }
}
