/**
 * What there is to choose in a graph: the calls that can be computed in several ways, and the names of these variants.
 *
 * @module
 */

import { opNamed } from "../../kernels/mod.ts";
import type { Call, Target } from "../../kernels/op.ts";
import { bucketOf, type Chooser } from "../graph/choices.ts";
import { callOf, type Graph, liveNodes, STRUCTURAL } from "../graph/graph.ts";
import type { Plan } from "../graph/passes/plan.ts";

/** A call for which lowering or the assembler asks for a choice. */
export interface Question {
  readonly op: string;
  readonly call: Call;
  /** Operations and bytes of all calls of its bucket. */
  readonly work: number;
}

/** What an op without candidates is lowered to by the heuristic: no alternative has this name. */
const BY_RULES = "rules";

/** Names of the variants in which a device writes an op's kernel, the heuristic's first; none where there is one. */
export type Candidates = (op: string, call: Call, target: Target) => readonly string[];

/** The variants in WGSL. */
const ofKernels: Candidates = (op, call, target) => opNamed(op).kernel?.candidates?.(call, target) ?? [];

/**
 * Everything that is asked for when a graph is compiled and assembled, by bucket.
 *
 * @param compiled Compiles the graph as a chooser says.
 * @param chooser Answers; what is asked further depends on it.
 * @param hasCandidates Is an op's kernel written in several ways? By default, is it in WGSL?
 */
export function questionsIn(
  compiled: (chooser: Chooser) => Plan,
  chooser: Chooser,
  hasCandidates = (op: string): boolean => opNamed(op).kernel?.candidates !== undefined,
): Map<string, Question> {
  const asked = new Map<string, Question>();
  const note = (op: string, call: Call): void => {
    const bucket = bucketOf(op, call);
    asked.set(bucket, { op, call, work: workOf(op, call) + (asked.get(bucket)?.work ?? 0) });
  };
  const plan = compiled({
    of(op, call) {
      note(op, call);
      return chooser.of(op, call);
    },
  });
  for (const { kernel } of plan.steps.flatMap(({ kernels }) => kernels)) {
    if (hasCandidates(kernel.op)) note(kernel.op, callOf(kernel));
  }
  return asked;
}

function workOf(op: string, call: Call): number {
  const { flops, bytes } = opNamed(op).cost(call);
  return flops + bytes;
}

/** Operations and bytes of a graph as it is, whatever is chosen. */
export function workIn(graph: Graph): number {
  return liveNodes(graph).reduce((sum, node) => STRUCTURAL.has(node.op) ? sum : sum + workOf(node.op, callOf(node)), 0);
}

/**
 * Names of the variants of a call, likely ones first: those of one op are written as kernels, by default in WGSL;
 * others are compositions.
 */
export function waysOf(
  { op, call }: Question,
  target: Target,
  candidatesOf: Candidates = ofKernels,
): { rules: string; candidates: string[]; others: string[] } {
  const [rules = BY_RULES, ...candidates] = candidatesOf(op, call, target);
  return { rules, candidates, others: [...opNamed(op).alternatives?.names(call, target) ?? []] };
}
