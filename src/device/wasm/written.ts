/**
 * A step as it is written for this device: jobs whose operands are still named. A program puts addresses in their
 * place, which change when its arena moves.
 *
 * @module
 */

import type { Node } from "../../graph/graph.ts";

/** What a job takes: a number, the address of a stored tensor or of a scalar input, or one in the workspace. */
export type Arg =
  | number
  | { readonly tensor: Node }
  | { readonly scalar: string }
  | { readonly workspace: number };

/** A loop over chunks. */
export interface WrittenJob {
  readonly chunks: number;
  /** Text of a module that exports `run(chunk, scratch, …args)`, or a kernel's own JavaScript. */
  readonly code: string | Script;
  readonly args: readonly Arg[];
}

/** A kernel's JavaScript; the last of its job's args is where it writes, the others are what it reads. */
export interface Script {
  readonly source: string;
  readonly constants: Readonly<Record<string, number>>;
  readonly table: readonly number[];
  /** Numbers in each of the args. */
  readonly lengths: readonly number[];
}

/** The jobs of a step, one after the other, and the bytes that they share beyond its tensors. */
export interface WrittenStep {
  readonly jobs: readonly WrittenJob[];
  readonly workspace?: number;
}
