/**
 * A step of a fused graph: what one kernel computes, or one map over elements.
 *
 * @module
 */

import { opNamed } from "../../kernels/mod.ts";
import { type Cost, type Shape, sizeOf } from "../../kernels/op.ts";
import { callOf, type Node, NUMBER_BYTES, type Precision, sameShape, storageOf } from "./graph.ts";

/** A kernel and what is computed where it reads. */
export interface KernelUse {
  /** The primitive. */
  readonly kernel: Node;
  /** Its inputs that are computed on the fly, by position. */
  readonly prologue: ReadonlyMap<number, Node>;
}

/** A dispatch, or a part of one. Elementwise nodes that are neither read nor written are computed on the fly. */
export interface FusedStep {
  /**
   * The primitive; none for a map. Where there are several, they are equal calls on other operands, computed side by
   * side.
   */
  readonly kernels: readonly KernelUse[];
  /** Elementwise values to compute for each element of the output; empty when kernels' own values are written. */
  readonly roots: readonly Node[];
  /** Stored tensors the step reads. */
  readonly reads: readonly Node[];
  /** Stored tensors the step writes: the roots, or the kernels. */
  readonly writes: readonly Node[];
}

/**
 * Does `step` use the stored tensor `leaf` only element by element, at the very element it is writing? Then the
 * result may take the leaf's place in memory.
 */
export function usesInPlace(step: FusedStep, leaf: Node): boolean {
  const taken = step.kernels.flatMap(({ kernel, prologue }) =>
    kernel.inputs.map((input, k) => prologue.get(k) ?? input)
  );
  if (taken.some((input) => reaches(step, input, leaf))) return false;
  const pending = [...step.roots];
  const seen = new Set<Node>();
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (seen.has(node) || step.kernels.some(({ kernel }) => kernel === node)) continue;
    seen.add(node);
    for (const input of node.inputs) {
      if (storageOf(input) === leaf) {
        if (input !== leaf || !sameShape(input, step.writes[0])) return false;
      } else if (!step.reads.includes(storageOf(input))) {
        pending.push(input);
      }
    }
  }
  return true;
}

/** Is `leaf` among what `node` is computed from within the step? */
function reaches(step: FusedStep, node: Node, leaf: Node): boolean {
  const storage = storageOf(node);
  if (storage === leaf) return true;
  return !step.reads.includes(storage) && node.inputs.some((input) => reaches(step, input, leaf));
}

/** A step for people who look at what it costs. */
export interface StepDescription {
  /** Its kernel, and how many elementwise nodes ride with it. */
  readonly name: string;
  /** Shapes of the kernel's operands, or of what a map reads, and of what is written. */
  readonly shapes: readonly Shape[];
  /** The kernel's work and one operation for each elementwise node and element; each stored tensor's bytes once. */
  readonly cost: Cost;
}

/**
 * Name, shapes and work of a step.
 *
 * @param precisionOf How a stored tensor is held.
 */
export function describeStep(step: FusedStep, precisionOf: (node: Node) => Precision = () => "f32"): StepDescription {
  const { kernels, reads, writes } = step;
  const maps = mapsOf(step);
  const flops = kernels.reduce((sum, { kernel }) => sum + opNamed(kernel.op).cost(callOf(kernel)).flops, 0);
  const elements = [...maps].reduce((sum, node) => sum + sizeOf(node.shape), 0);
  const bytes = [...reads, ...writes].reduce(
    (sum, node) => sum + NUMBER_BYTES[precisionOf(node)] * sizeOf(node.shape),
    0,
  );
  return {
    name: nameOf(kernels, maps.size),
    shapes: [...kernels.length > 0 ? kernels.flatMap(({ kernel }) => kernel.inputs) : reads, ...writes].map(
      ({ shape }) => shape,
    ),
    cost: { flops: flops + elements, bytes },
  };
}

/** Name, shapes and work of steps that are computed together. */
export function describeSteps(steps: readonly FusedStep[], precisionOf?: (node: Node) => Precision): StepDescription {
  const described = steps.map((step) => describeStep(step, precisionOf));
  if (described.length === 1) return described[0];
  const sumOf = (what: keyof Cost) => described.reduce((sum, { cost }) => sum + cost[what], 0);
  return {
    name: `${described[0].name}, ${steps.length} times`,
    shapes: described.flatMap(({ shapes }) => shapes),
    cost: { flops: sumOf("flops"), bytes: sumOf("bytes") },
  };
}

/** `matmul`, `sum ×2 +3`, `map of 4`. */
function nameOf(kernels: readonly KernelUse[], maps: number): string {
  if (kernels.length === 0) return `map of ${maps}`;
  return `${kernels[0].kernel.op}${kernels.length > 1 ? ` ×${kernels.length}` : ""}${maps > 0 ? ` +${maps}` : ""}`;
}

/** Elementwise nodes that a step computes. */
function mapsOf({ kernels, roots, reads }: FusedStep): Set<Node> {
  const seen = new Set<Node>();
  const pending = [...roots, ...kernels.flatMap(({ prologue }) => [...prologue.values()])];
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (
      seen.has(node) || kernels.some(({ kernel }) => kernel === node) || node.inputs.length === 0 ||
      reads.includes(storageOf(node))
    ) continue;
    seen.add(node);
    pending.push(...node.inputs);
  }
  return seen;
}
