/**
 * A short self-test: measures the rates of a device, in less than a second on a GPU and in about one on a software
 * adapter.
 *
 * By the wall's clock, since many devices have no other: of many runs together, less what waiting for an idle device
 * takes.
 *
 * It times a product, a copy, a read-back, and steps that are queued against steps that are waited for. The commands
 * `train` and `doctor` call it; opening a device never does. The result is data (`Rates`), kept for the adapter
 * (`src/train/rates.ts`) and in `config.json`, and set as `device.rates`, from which a resumed run has it.
 *
 * @module
 */

import { GraphBuilder } from "../graph/builder.ts";
import { type Chooser, RULES } from "../graph/choices.ts";
import type { Device, Program, Session } from "./device.ts";
import { isSlow } from "./registry.ts";
import { type Rates, UNPACED } from "./rates.ts";

/**
 * Sides of the matrices that are multiplied: the first of them that takes long enough to tell. A slow device gets
 * smaller ones.
 */
const SIDES = { whole: [512, 1024, 2048], small: [256] } as const;

/** Elements that are copied, likewise: what follows from few may be a cache's rate. */
const ELEMENTS = { whole: [2 ** 20, 2 ** 23], small: [2 ** 18] } as const;

/** A run that takes less seconds is too short to tell. */
const SHORT = 0.003;

/** Runs after which one is known to be too short. */
const FEW_RUNS = 4;

/** Seconds of runs that are timed together: waiting for them is off by ten milliseconds in Deno. */
const ENOUGH = 0.05;

/** Most runs that are timed together, and most times as many as the time before. */
const MOST_RUNS = 256;
const MOST_GROWTH = 16;

/** How a product is written for a processor: tiles whose accumulators would spill on every GPU. */
const FOR_PROCESSOR: Chooser = { of: (op) => op === "matmul" ? "16x16" : undefined };

/** A device that is so much faster by what is written for a processor is one. */
const PROCESSOR_GAIN = 2;

/** No processor multiplies so fast by what is written for a GPU, in operations a second: it is asked no further. */
const BEYOND_PROCESSORS = 5e11;

/** Steps that are queued, and the seconds that one of them takes at least: a training's take longer. */
const QUEUED = 8;
const STEP_SECONDS = 0.005;

/** Depths that are tried, beside no pacing. */
const DEPTHS = [1, 2, 4] as const;

/** Pacing must save such a share of the time to be worth it: less is noise. */
const LEAST_GAIN = 0.1;

/**
 * Measures a device. What it was set to before is not looked at, and not changed.
 *
 * @example
 * ```ts
 * import { measureRates, openDevice } from "@fovea/fovea";
 * await using device = await openDevice();
 * device.rates = await measureRates(device);
 * ```
 */
export async function measureRates(device: Device): Promise<Rates> {
  const sizes = isSlow(device) ? "small" : "whole";
  using byRules = await Timer.of(device, RULES);
  let product = await byRules.longEnough(SIDES[sizes].map(productOf));
  const played = device.isSoftware ? undefined : await secondsForProcessor(device, product);
  const isProcessor = played !== undefined && played * PROCESSOR_GAIN < product.seconds;
  if (isProcessor) product = { ...product, seconds: played };
  const copy = await byRules.longEnough(ELEMENTS[sizes].map(copyOf));
  return {
    flops: product.work / product.seconds,
    bytes: copy.work / copy.seconds,
    readBack: await byRules.readBack(),
    // What a processor is given is begun, if not done, before the call returns.
    queueDepth: device.isSoftware || isProcessor ? UNPACED : await byRules.queueDepth(product),
    isProcessor,
  };
}

/** Seconds of a product by what is written for a processor; undefined for a device that is too fast to be one. */
async function secondsForProcessor(device: Device, product: Timed): Promise<number | undefined> {
  if (product.work / product.seconds > BEYOND_PROCESSORS) return undefined;
  using timer = await Timer.of(device, FOR_PROCESSOR);
  return (await timer.longEnough([product])).seconds;
}

/** Something to time. */
interface Case {
  readonly graph: GraphBuilder["graph"];
  /** Sizes of its states. */
  readonly states: Readonly<Record<string, number>>;
  /** Operations, or bytes. */
  readonly work: number;
}

/** A case that was timed. */
interface Timed extends Case {
  readonly program: Program;
  readonly seconds: number;
}

function productOf(side: number): Case {
  const b = new GraphBuilder();
  const [x, y] = [`a${side}`, `b${side}`];
  b.output("c", b.matmul(b.state(x, [side, side]), b.state(y, [side, side])));
  return { graph: b.graph, states: { [x]: side * side, [y]: side * side }, work: 2 * side ** 3 };
}

function copyOf(elements: number): Case {
  const b = new GraphBuilder();
  const x = `x${elements}`;
  b.output("y", b.neg(b.state(x, [elements])));
  return { graph: b.graph, states: { [x]: elements }, work: 8 * elements };
}

/** Times programs of one session. */
class Timer implements Disposable {
  readonly #session: Session;
  /** Seconds of waiting for an idle device. */
  readonly #idle: number;

  private constructor(session: Session, idle: number) {
    this.#session = session;
    this.#idle = idle;
  }

  static async of(device: Device, choices: Chooser): Promise<Timer> {
    const session = device.open(choices);
    return new Timer(session, await secondsOf(() => session.settle()));
  }

  /** Times the first of these that takes long enough, or else the last. */
  async longEnough(cases: readonly Case[]): Promise<Timed> {
    for (const [k, one] of cases.entries()) {
      const isLast = k + 1 === cases.length;
      const timed = await this.#time(one, isLast);
      if (isLast || timed.seconds >= SHORT) return timed;
    }
    throw new RangeError("Cannot time nothing: give a case");
  }

  /**
   * Seconds of a run, no more exactly than needed where a short one does not count. Its first run, which compiles, does
   * not either.
   */
  async #time({ graph, states, work }: Case, countsShort: boolean): Promise<Timed> {
    const program = this.#session.compile(graph);
    for (const [name, length] of Object.entries(states)) this.#session.write(name, new Float32Array(length).fill(0.5));
    program.run({});
    await this.#session.settle();
    for (let runs = 1;;) {
      const seconds = Math.max(await this.#together(program, runs) - this.#idle, 1e-6);
      const isShort = !countsShort && runs >= FEW_RUNS && seconds < runs * SHORT;
      if (seconds >= ENOUGH || runs >= MOST_RUNS || isShort) {
        return { graph, states, work, program, seconds: seconds / runs };
      }
      runs = Math.min(MOST_RUNS, runs * Math.min(MOST_GROWTH, Math.max(2, Math.ceil(ENOUGH / seconds))));
    }
  }

  #together(program: Program, runs: number): Promise<number> {
    return secondsOf(async () => {
      for (let k = 0; k < runs; k++) program.run({});
      await this.#session.settle();
    });
  }

  /** Seconds until a value of the idle device is read: the median of three. */
  async readBack(): Promise<number> {
    this.#session.write("one", new Float32Array(1));
    const times: number[] = [];
    for (let k = 0; k < 3; k++) times.push(await secondsOf(() => this.#session.read(["one"])));
    return times.sort((a, b) => a - b)[1];
  }

  /** The greatest depth that is about as fast as any. */
  async queueDepth({ program, seconds }: Timed): Promise<number> {
    const runs = Math.min(MOST_RUNS, Math.ceil(STEP_SECONDS / seconds));
    const unpaced = await this.#paced(program, runs, QUEUED);
    let best = { depth: UNPACED, seconds: unpaced * (1 - LEAST_GAIN) };
    for (const depth of [...DEPTHS].reverse()) {
      const seconds = await this.#paced(program, runs, depth);
      if (seconds < best.seconds) best = { depth, seconds: seconds * (1 - LEAST_GAIN) };
    }
    return best.depth;
  }

  /** Seconds of {@link QUEUED} steps of so many runs, where the device is waited for after every `depth`. */
  #paced(program: Program, runs: number, depth: number): Promise<number> {
    return secondsOf(async () => {
      for (let step = 1; step <= QUEUED; step++) {
        for (let k = 0; k < runs; k++) program.run({});
        if (step % depth === 0) await this.#session.settle();
      }
    });
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
