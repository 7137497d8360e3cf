/**
 * Times a program for the tuner.
 *
 * @module
 */

import type { Chooser } from "../graph/choices.ts";
import { type Graph, stateSizes } from "../graph/graph.ts";
import type { Program, Session } from "./device.ts";

/** Most runs that are timed; of long ones three. */
const MOST_RUNS = 7;
const LEAST_RUNS = 3;
const ENOUGH_SECONDS = 0.3;

/** A program that is so much slower than the best is not run again. */
const HOPELESS = 1.5;

/** Wall time that runs must take together: waiting for the device costs over ten milliseconds in Deno. */
const LONG_ENOUGH = 0.2;

/** What is timed. */
export interface Timed {
  /** Is a profile by the device's own clock? Else it is timed by the wall's. */
  readonly hasClock: boolean;
  /** Opens a session whose programs are computed as choices say. */
  readonly open: (choices: Chooser) => Session;
}

/** Runs a graph without inputs again and again. Its first run, which compiles its pipelines, is not timed. */
export class Stopwatch implements Disposable {
  readonly #session: Session;
  readonly #program: Program;
  readonly #hasClock: boolean;
  /** Runs that are timed together by the wall's clock. */
  #together = 1;

  private constructor(session: Session, program: Program, hasClock: boolean) {
    this.#session = session;
    this.#program = program;
    this.#hasClock = hasClock;
  }

  /** Compiles a graph over states of plain numbers, and runs it once. */
  static async of({ open, hasClock }: Timed, graph: Graph, choices: Chooser): Promise<Stopwatch> {
    const session = open(choices);
    try {
      // What the numbers are changes no time, but denormal and infinite ones would.
      for (const [name, length] of stateSizes(graph)) {
        session.write(name, Float32Array.from({ length }, (_, i) => 0.25 + (i * 7919 % 1009) / 2018));
      }
      const program = session.compile(graph);
      program.run({});
      await session.settle();
      return new Stopwatch(session, program, hasClock);
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Median seconds of a run: by the device's own clock where it has one, else by the wall's.
   *
   * @param enough A run of much more than these ends the timing.
   * @param signal So does this, once a run is timed.
   */
  async seconds(enough = Infinity, signal?: AbortSignal): Promise<number> {
    const times: number[] = [];
    const start = performance.now();
    const isOver = () => times.length >= LEAST_RUNS && performance.now() - start > 1000 * ENOUGH_SECONDS;
    while (times.length < MOST_RUNS && !isOver()) {
      const seconds = this.#hasClock ? await this.#byDevice() : await this.#byWall();
      times.push(seconds);
      if (seconds > HOPELESS * enough || signal?.aborted) break;
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  }

  async #byDevice(): Promise<number> {
    const steps = await this.#program.profile({});
    return steps.reduce((sum, { seconds }) => sum + seconds, 0);
  }

  async #byWall(): Promise<number> {
    for (;; this.#together *= 2) {
      const start = performance.now();
      for (let k = 0; k < this.#together; k++) this.#program.run({});
      await this.#session.settle();
      const seconds = (performance.now() - start) / 1000;
      if (seconds >= LONG_ENOUGH) return seconds / this.#together;
    }
  }

  /** Frees the program and its states. */
  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }
}
