/**
 * What a device is: it opens sessions; a session owns State and compiles graphs to programs over it.
 *
 * `Program.profile` runs a program once and gives each step's time on the device's own clock, its name, shapes and
 * work. The bench sets it against the roofline: Σ max(FLOPs / matmul rate, bytes / copy rate).
 *
 * A validation error of the device is fatal (`WebGpuContext.check`), since nothing after it can be believed.
 *
 * @module
 */

import type { Choices, Chooser } from "../graph/choices.ts";
import type { Graph, Precision } from "../graph/graph.ts";
import type { StepDescription } from "../graph/fused_step.ts";
import type { Rates } from "./rates.ts";

/** Values of tensors by name. */
export type Values = Readonly<Record<string, Float32Array>>;

/** A place where graphs run. */
export interface Device extends AsyncDisposable {
  /** Which implementation of the interface it is: `webgpu`, `gpujs`. */
  readonly kind: string;
  /** The same for people: `WebGPU`, `gpu.js`. */
  readonly name: string;
  /** What runs the kernels, for people: the adapter, or the mode of gpu.js. */
  readonly description: string;
  /** Does a processor do the work? By its names, or by its rates once they are set. */
  readonly isSoftware: boolean;
  /** How it can hold what a program stores on its way: `f32`, and perhaps `f16`. */
  readonly precisions: readonly Precision[];
  /** Largest tensor in bytes. */
  readonly maxTensorBytes: number;
  /** Bytes that programs may take, where that is known or assumed. */
  readonly memoryBytes?: number;
  /** Is {@link memoryBytes} a guess? WebGPU tells nothing of a GPU's memory. */
  readonly memoryIsAssumed?: boolean;
  /** Ways to compute that are known to be fast here; they come with Fovea. */
  readonly choices: Choices;
  /** What it was measured to do; undefined until it is set. What is compiled from then on goes by it. */
  rates?: Rates;
  /** Opens a session with no state. Its programs are computed as `choices` say, by default the device's own. */
  open(choices?: Chooser): Session;
  /** Lays out a graph without running it or taking memory: what it would need. */
  measure(graph: Graph, choices?: Chooser): MemoryUse;
  /** Times the variants of what graphs ask for. There is no such method where each has but one. */
  tune?(graphs: readonly Graph[], options: TuneOptions): Promise<Tuned>;
  /**
   * Makes a device usable again that ran out of memory, once all its sessions are closed; throws what else it has
   * complained of. There is no such method where nothing is to be done.
   */
  recover?(): Promise<void>;
}

/** What is to be timed. */
export interface TuneOptions {
  /** The variants nearest to what the heuristic chooses, or all. */
  readonly effort: "quick" | "full";
  /** Choices that were made before, by bucket: they are not timed again. */
  readonly known: Readonly<Record<string, string>>;
  /** Is told which call is timed next, and how many of those that are known of are done. */
  readonly onProgress?: (bucket: string, done: number, total: number) => void;
  /** Ends the timing: the heuristic decides what is left. */
  readonly signal?: AbortSignal;
}

/** Choices by measurement. */
export interface Tuned {
  /** Those that the graphs ask for, known or timed now; the heuristic decides the rest. */
  readonly choices: Choices;
  /** Those timed now, by bucket; some are of calls within compositions that were not chosen. */
  readonly learnt: Readonly<Record<string, string>>;
}

/** Device memory of a program, in bytes. */
export interface MemoryUse {
  /** Temporaries of one run. */
  readonly temporaries: number;
  /** The largest sum of temporaries alive at one time: the least any plan can take. */
  readonly lowerBound: number;
  /** States the program reads or writes. */
  readonly state: number;
  /** Values given at each run. */
  readonly inputs: number;
  /** Textures that tensors are copied into, where reading them from there is cheaper: on software adapters. */
  readonly textures: number;
  /** The largest single tensor. */
  readonly largest: number;
}

/** State and the programs that read and write it. */
export interface Session extends Disposable {
  /**
   * Creates a state, or gives one a new value. Throws TypeError for another size than it has, or than a program names
   * it in.
   */
  write(state: string, values: Float32Array): void;
  /** Values of states, in one read back. Throws TypeError for a name that was never written. */
  read(states: readonly string[]): Promise<Map<string, Float32Array>>;
  /** Waits until all that was run is done; throws what the device has complained of. */
  settle(): Promise<void>;
  /**
   * Makes a program of a graph. States that it names must have been written, in its sizes, before it runs. Those that
   * are written only now lie side by side, so that on WebGPU few dispatches update them all. Those from before lie each
   * by itself. Throws UserError where the device cannot hold tensors in the graph's precision, as {@link
   * Device.measure} does.
   */
  compile(graph: Graph): Program;
}

/** A compiled graph. */
export interface Program {
  /** What it takes on the device; the arena is shared with the session's other programs. */
  readonly memory: MemoryUse;
  /** Steps of one run: dispatches on WebGPU. */
  readonly steps: number;
  /**
   * Compiles what the first run would have to compile, many kernels at once where the host does so.
   *
   * @param onProgress Is told how many of the kernels that were not compiled before are done.
   */
  prepare(onProgress?: (done: number, total: number) => void): Promise<void>;
  /**
   * Runs once. Inputs are taken before it returns; the work itself may go on behind it.
   *
   * @param inputs A value for every input of the graph. Throws TypeError for one that is missing or of another size,
   *   and for such a state.
   */
  run(inputs: Values): void;
  /**
   * The outputs of the last run, in one read back. To be asked for before another program of the session is compiled or
   * runs, since they share memory. Throws Error after that.
   */
  outputs(): Promise<Record<string, Float32Array>>;
  /** Runs once and tells what each step took. Throws Error where the device cannot time its work. */
  profile(inputs: Values): Promise<StepTime[]>;
}

/** What one step of a program took. */
export interface StepTime extends StepDescription {
  /** Time on the device, copies of its operands included. */
  readonly seconds: number;
}
