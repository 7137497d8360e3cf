/**
 * The tuner: times the variants of a graph's calls, each by itself, and keeps the fastest.
 *
 * A graph is laid out with a chooser that notes what it is asked for. Each bucket that has no choice yet is timed as a
 * graph of that one call, whose own parts (the matrix products within a composition, say) are tuned before. A choice
 * among compositions brings new calls with it, so this is repeated until nothing new is asked for.
 *
 * A call is timed on the device's clock, or else the wall's. A first dispatch compiles and is not timed. A variant
 * must beat the heuristic's by 4%. Calls with less than a thousandth of the work are left to the heuristic.
 *
 * @module
 */

import type { Target } from "../../kernels/op.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { bucketOf, Choices, type Chooser } from "../graph/choices.ts";
import type { Graph } from "../graph/graph.ts";
import type { Plan } from "../graph/passes/plan.ts";
import type { Tuned, TuneOptions } from "./device.ts";
import { type Candidates, type Question, questionsIn, waysOf, workIn } from "./questions.ts";
import { Stopwatch, type Timed } from "./stopwatch.ts";

/** What the tuner asks of a device. */
export interface Tunable extends Timed {
  /** What its kernels are written for. */
  readonly target: Target;
  /**
   * Candidates of a kernel, and alternatives to it, that a quick tuning times beside the heuristic's variant.
   */
  readonly quick: number;
  /** Does it write an op's kernel in several ways? By default, is it in WGSL? */
  readonly hasCandidates?: (op: string) => boolean;
  /** In which; by default those in WGSL. */
  readonly candidates?: Candidates;
  /** Lays out a graph. */
  compile(graph: Graph, choices: Chooser): Plan;
}

/** Share of the rules' time that another way must save: less is noise, and choices would differ from day to day. */
const LEAST_GAIN = 0.04;

/**
 * Share of a graph's work below which a call is left to the heuristic: it would take longer to time than it ever saves.
 */
const LEAST_WORK = 1e-3;

/** Tunes graphs for one device. */
export class Tuner {
  readonly #device: Tunable;
  readonly #options: TuneOptions;
  /** Choices by bucket: known before, made here, or left to the heuristic. */
  readonly #decided: Map<string, string>;
  readonly #chooser: Chooser = { of: (op, call) => this.#decided.get(bucketOf(op, call)) };
  /** Buckets whose variants were timed here. */
  readonly #timed = new Set<string>();

  constructor(device: Tunable, options: TuneOptions) {
    this.#device = device;
    this.#options = options;
    this.#decided = new Map(Object.entries(options.known));
  }

  /** Makes all choices that these graphs ask for. */
  async tune(graphs: readonly Graph[]): Promise<Tuned> {
    for (const graph of graphs) await this.#settle(graph);
    const asked = new Set(graphs.flatMap((graph) => [...this.#ask(graph).keys()]));
    const chosen = (isWanted: (bucket: string) => boolean) =>
      Object.fromEntries([...this.#decided].filter(([bucket]) => isWanted(bucket)));
    const { known } = this.#options;
    return {
      choices: new Choices(chosen((bucket) => asked.has(bucket) && (this.#timed.has(bucket) || bucket in known))),
      learnt: chosen((bucket) => this.#timed.has(bucket)),
    };
  }

  #ask(graph: Graph): Map<string, Question> {
    const { hasCandidates } = this.#device;
    return questionsIn((chooser) => this.#device.compile(graph, chooser), this.#chooser, hasCandidates);
  }

  /**
   * Decides until a graph asks for nothing new. `isWhole` is false for a call that is timed as part of another choice.
   */
  async #settle(graph: Graph, isWhole = true): Promise<void> {
    const least = LEAST_WORK * workIn(graph);
    for (;;) {
      // The most work first, for what is timed before the signal comes.
      const open = [...this.#ask(graph)].filter(([bucket]) => !this.#decided.has(bucket))
        .sort(([, a], [, b]) => b.work - a.work);
      if (open.length === 0) return;
      for (const [done, [bucket, question]] of open.entries()) {
        // It may have been decided as part of another one.
        if (this.#decided.has(bucket)) continue;
        if (isWhole) this.#options.onProgress?.(bucket, done, open.length);
        const ways = this.#waysOf(question);
        const isWorthIt = ways.length > 1 && question.work >= least && !this.#options.signal?.aborted;
        if (isWorthIt) await this.#decide(bucket, question, ways);
        else this.#decided.set(bucket, ways[0]);
      }
    }
  }

  /** Names of the variants worth timing, the heuristic's first. */
  #waysOf(question: Question): string[] {
    const { rules, candidates, others } = waysOf(question, this.#device.target, this.#device.candidates);
    const most = this.#options.effort === "full" ? Infinity : this.#device.quick;
    return [rules, ...candidates.slice(0, most), ...others.slice(0, most)];
  }

  async #decide(bucket: string, question: Question, [byRules, ...others]: readonly string[]): Promise<void> {
    const graph = graphOf(question);
    this.#decided.set(bucket, byRules);
    let best = { way: byRules, seconds: await this.#time(graph, Infinity) * (1 - LEAST_GAIN) };
    for (const way of others) {
      if (this.#options.signal?.aborted) break;
      this.#decided.set(bucket, way);
      const seconds = await this.#time(graph, best.seconds);
      if (seconds < best.seconds) best = { way, seconds };
    }
    // What is half timed is not known.
    if (this.#options.signal?.aborted) return void this.#decided.set(bucket, byRules);
    this.#decided.set(bucket, best.way);
    this.#timed.add(bucket);
  }

  /** Seconds of a graph with the choices made so far; that it takes longer than `enough` is enough to know. */
  async #time(graph: Graph, enough: number): Promise<number> {
    await this.#settle(graph, false);
    using stopwatch = await Stopwatch.of(this.#device, graph, this.#chooser);
    return await stopwatch.seconds(enough, this.#options.signal);
  }
}

/** The call by itself, between states. */
function graphOf({ op, call: { inputs, attrs } }: Question): Graph {
  const b = new GraphBuilder();
  b.output("y", b.op(op, inputs.map((shape, k) => b.state(`x${k}`, shape)), attrs));
  return b.graph;
}
