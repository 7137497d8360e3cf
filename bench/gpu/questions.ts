/**
 * What Fovea's process is asked and what it answers.
 *
 * @module
 */

import { opNamed } from "../../kernels/mod.ts";
import type { Attrs, Shape } from "../../kernels/op.ts";
import type { Rates } from "../../src/device/rates.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { callOf, type Graph, liveNodes, type Precision, STRUCTURAL } from "../../src/graph/graph.ts";
import { createModel } from "../../src/models/mod.ts";
import { trainingStep } from "../programs.ts";

/** A call of an op by itself. */
export interface CallWork {
  readonly kind: "call";
  readonly op: string;
  readonly inputs: readonly Shape[];
  readonly attrs: Attrs;
}

/** A training step. */
export interface StepWork {
  readonly kind: "step";
  readonly network: string;
  readonly imageSize: number;
  readonly batch: number;
  readonly precision: Precision;
}

/** What is timed. */
export type Work = CallWork | StepWork;

/** Ways to compute by bucket. */
export type Entries = Readonly<Record<string, string>>;

/** A question. What is timed is cut into command buffers by the device's rates, as the trainer does. */
export type Question = Asked & { readonly rates?: Rates };

type Asked =
  /** How long does work take with these choices over the device's own? */
  | { readonly what: "time"; readonly work: Work; readonly choices: Entries }
  /**
   * Which ways are the fastest? Those known are not timed again; after so many seconds the heuristic decides the rest.
   */
  | { readonly what: "tune"; readonly work: Work; readonly known: Entries; readonly seconds: number }
  /** What are the device's rates by a short self-test? */
  | { readonly what: "rates" };

/** How long work takes. */
export interface Timed {
  readonly seconds: number;
  /** Which clock: the device's own for calls, where it has one; the wall's for steps. */
  readonly clock: "device" | "wall";
  /** Seconds until the first run was done: compiling, and the upload of what is read. */
  readonly first: number;
  readonly dispatches: number;
  /** Bytes of device memory. */
  readonly memory: number;
  /** Of a step: its dispatches that take most time. */
  readonly slowest?: readonly {
    readonly name: string;
    readonly shapes: readonly Shape[];
    readonly seconds: number;
    readonly flops: number;
    readonly bytes: number;
  }[];
}

/** What tuning chose. */
export interface TunedAnswer {
  /** Ways of the calls that the work asks for. */
  readonly choices: Entries;
  /** Ways timed now. */
  readonly learnt: Entries;
  readonly seconds: number;
}

/** The graph of some work. */
export function graphOf(work: Work): Graph {
  if (work.kind === "step") {
    const { network, imageSize, batch, precision } = work;
    return trainingStep(createModel(network, { classes: 1000, imageSize }), batch, precision);
  }
  const b = new GraphBuilder();
  b.output("y", b.op(work.op, work.inputs.map((shape, k) => b.state(`x${k}`, shape)), work.attrs));
  return b.graph;
}

/** A square matrix product. */
export const productOf = (side: number): CallWork => ({
  kind: "call",
  op: "matmul",
  inputs: [[side, side], [side, side]],
  attrs: {},
});

/** An elementwise pass that reads and writes. */
export const copyOf = (elements: number): CallWork => ({ kind: "call", op: "neg", inputs: [[elements]], attrs: {} });

/** FLOPs of a graph as its ops are defined: Winograd's savings, and what fusion computes again, change nothing. */
export function flopsOf(graph: Graph): number {
  return liveNodes(graph).reduce(
    (sum, node) => STRUCTURAL.has(node.op) ? sum : sum + opNamed(node.op).cost(callOf(node)).flops,
    0,
  );
}
