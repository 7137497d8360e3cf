/**
 * A step: one dispatch of a fused graph.
 *
 * @module
 */

import { opNamed } from "../../kernels/mod.ts";
import { type Cost, type Shape, sizeOf } from "../../kernels/op.ts";
import { callOf, type Node, NUMBER_BYTES, type Precision, sameShape, storageOf } from "./graph.ts";

/** One dispatch. Elementwise nodes that are neither read nor written are computed on the fly. */
export interface Step {
  /** The primitive; none for a map. */
  readonly kernel?: Node;
  /** Kernel inputs that are computed on the fly, by position. */
  readonly prologue: ReadonlyMap<number, Node>;
  /** Elementwise values to compute for each element of the output; empty when a kernel's own value is written. */
  readonly roots: readonly Node[];
  /** Stored tensors the step reads. */
  readonly reads: readonly Node[];
  /** Stored tensors the step writes: the roots, or the kernel. */
  readonly writes: readonly Node[];
}

/**
 * Does `step` use the stored tensor `leaf` only element by element, at the very element it is writing? Then the
 * result may take the leaf's place in memory.
 */
export function usesInPlace(step: Step, leaf: Node): boolean {
  if (step.kernel) {
    const taken = [...step.prologue.values(), ...step.kernel.inputs.filter((_, k) => !step.prologue.has(k))];
    if (taken.some((input) => reaches(step, input, leaf))) return false;
  }
  const pending = [...step.roots];
  const seen = new Set<Node>();
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (seen.has(node) || node === step.kernel) continue;
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
function reaches(step: Step, node: Node, leaf: Node): boolean {
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
export function describeStep(step: Step, precisionOf: (node: Node) => Precision = () => "f32"): StepDescription {
  const { kernel, reads, writes } = step;
  const maps = mapsOf(step);
  const flops = kernel ? opNamed(kernel.op).cost(callOf(kernel)).flops : 0;
  const elements = [...maps].reduce((sum, node) => sum + sizeOf(node.shape), 0);
  const bytes = [...reads, ...writes].reduce(
    (sum, node) => sum + NUMBER_BYTES[precisionOf(node)] * sizeOf(node.shape),
    0,
  );
  return {
    name: kernel ? `${kernel.op}${maps.size > 0 ? ` +${maps.size}` : ""}` : `map of ${maps.size}`,
    shapes: [...kernel?.inputs ?? reads, ...writes].map(({ shape }) => shape),
    cost: { flops: flops + elements, bytes },
  };
}

/** Elementwise nodes that a step computes. */
function mapsOf({ kernel, prologue, roots, reads }: Step): Set<Node> {
  const seen = new Set<Node>();
  const pending = [...roots, ...prologue.values()];
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (seen.has(node) || node === kernel || node.inputs.length === 0 || reads.includes(storageOf(node))) continue;
    seen.add(node);
    pending.push(...node.inputs);
  }
  return seen;
}
