/**
 * What the page says to the Workers of a pool, and what they answer. Every Worker handles its messages in order, so
 * what is asked for after a run sees what that run left.
 *
 * @module
 */

/** A loop over chunks, which all threads share: each takes the next chunk until none is left. */
export type Job = ModuleJob | ScriptJob | CopyJob;

interface Chunked {
  /** Parts of equal work; how many does not depend on the threads. */
  readonly chunks: number;
}

/** Chunks by a compiled module, which exports `run(chunk, scratch, …args)`. */
export interface ModuleJob extends Chunked {
  readonly kind: "module";
  /** Number of the module in its device. */
  readonly module: number;
  readonly args: readonly number[];
}

/** Chunks by a kernel's plain JavaScript, over the same memory. */
export interface ScriptJob extends Chunked {
  readonly kind: "script";
  /** A function expression: gpu.js's form of a kernel. */
  readonly source: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Tensors that it reads, in order. */
  readonly reads: readonly Numbers[];
  /** Constants that it takes after them. */
  readonly table: readonly number[];
  readonly write: Numbers;
}

/** Chunks of a copy. */
export interface CopyJob extends Chunked {
  readonly kind: "copy";
  readonly from: Numbers;
  readonly to: number;
}

/** Numbers in memory: the address of the first, and how many. */
export interface Numbers {
  readonly address: number;
  readonly length: number;
}

/** Values and where they go. */
export interface Written {
  readonly address: number;
  readonly values: Float32Array;
}

/** To a Worker. */
export type Request =
  /** The first message: who it is, and what the threads share. */
  | { readonly type: "open"; readonly thread: number; readonly threads: number; readonly control: SharedArrayBuffer }
  /** The memory of a session; each thread has {@link SCRATCH} bytes for itself from `scratch` on. */
  | {
    readonly type: "session";
    readonly session: number;
    readonly memory: WebAssembly.Memory;
    readonly scratch: number;
  }
  /** A program, new or with other addresses, and the modules that its steps name. */
  | {
    readonly type: "program";
    readonly session: number;
    readonly program: number;
    readonly modules: ReadonlyMap<number, WebAssembly.Module>;
    /** The jobs of each step. */
    readonly steps: readonly (readonly Job[])[];
  }
  /** Runs a program once. The first thread is given what is to be written before. */
  | { readonly type: "run"; readonly program: number; readonly writes: readonly Written[]; readonly timed?: number }
  /** To the first thread: writes values. */
  | { readonly type: "write"; readonly session: number; readonly write: Written }
  /** To the first thread: asks for values, or for nothing but an answer. */
  | { readonly type: "read"; readonly session: number; readonly question: number; readonly ranges: readonly Numbers[] }
  /** Drops a session and its programs. */
  | { readonly type: "drop"; readonly session: number; readonly programs: readonly number[] };

/** From a Worker. */
export type Answer =
  | { readonly type: "ready" }
  | { readonly type: "values"; readonly question: number; readonly values: readonly Float32Array[] }
  /** Milliseconds that each step of a timed run took. */
  | { readonly type: "times"; readonly question: number; readonly times: readonly number[] }
  | { readonly type: "failed"; readonly message: string };

/** Words that the threads share. */
export const CONTROL = { next: 0, arrived: 1, round: 2, failed: 3, words: 16 } as const;

/** Numbers that a chunk of a copy has. */
export const COPIED = 2 ** 16;

/** Bytes that a thread has for itself: two pictures of 700 × 700. What is not touched takes no memory. */
export const SCRATCH = 2 ** 22;

/** Bytes of them that a block of a product takes, since it is to stay in a cache. */
export const BLOCK_BYTES = 2 ** 20;
