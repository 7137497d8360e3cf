/**
 * The graph: plain data. A node is a symbolic tensor with the op and inputs that produce it; a graph adds what
 * is wanted of it: outputs to read and assignments to State.
 *
 * Tensors are float32, pictures [N, C, H, W], weights [O, I, H, W] and [out, in], as in PyTorch.
 *
 * A scalar that changes at every step (learning rate, random key, step) is an input of shape []. It is no tensor: it
 * stands in the uniform buffer, beside the sizes and constants of each layer. So an update of a parameter keeps its 8
 * bindings for tensors. Layers that differ only in size share the text and the pipeline, which takes up to half a
 * second to compile on llvmpipe.
 *
 * State is what outlives a run: parameters, moments, running statistics, counters. A graph ends in `assign(state,
 * value)`, which takes effect after every read of the old value.
 *
 * @module
 */

import { type Attrs, type Call, type Shape, sizeOf, type Tensor } from "../../kernels/op.ts";

/**
 * How a number is held: in 32 bits, or in the 16 of IEEE 754's binary16, which has 11 significant ones and reaches
 * 65504. What is held how is decided in `precision.ts`.
 */
export type Precision = "f32" | "f16";

/** Bytes of a number. */
export const NUMBER_BYTES: Readonly<Record<Precision, number>> = { f32: 4, f16: 2 };

/**
 * A symbolic tensor. Besides the ops of the registry, `op` may be: `input` (values given at every run), `state` (values
 * owned by the session), `constant` (one number, inlined where it is used), `reshape` (the same values under another
 * shape, or under another name, `again`: never a kernel), and, where a device cannot bind a tensor as a whole, `join`
 * (its parts along the first axis, in order: never stored, only an output).
 */
export interface Node extends Tensor {
  /** Name of the op in the registry, or one of the five above. */
  readonly op: string;
  /** Operands: nodes with a smaller id. */
  readonly inputs: readonly Node[];
  /**
   * Fixed arguments: `value` of a constant; `name` of an input or state, and where the node is only a part of it, the
   * part's first element `start` and the elements `of` the whole.
   */
  readonly attrs: Attrs;
}

/** An assignment that ends a run, ordered after every read of the old value. */
export interface Assignment {
  /** Name of the state. */
  readonly state: string;
  /** Its value after the run, of its shape, or of the part that begins at element `start`. */
  readonly value: Node;
  /** First element of the part that is assigned; undefined for the whole. */
  readonly start?: number;
  /** Elements of the whole state that `value` is a part of. */
  readonly of?: number;
}

/** A whole program: what one run computes. */
export interface Graph {
  /** Every node, in an order in which inputs come before their users. */
  readonly nodes: readonly Node[];
  /** Tensors that can be read after a run. */
  readonly outputs: Readonly<Record<string, Node>>;
  /** New values of State; at most one for each state. */
  readonly assignments: readonly Assignment[];
  /** How what a run stores on its way is held. */
  readonly precision: Precision;
}

/** Ops that are not in the registry. */
export const STRUCTURAL: ReadonlySet<string> = new Set(["input", "state", "constant", "reshape", "join"]);

/** A scalar given at every run (learning rate, random key): a number among the kernel's own, not a tensor in memory. */
export function isScalarInput(node: Node): boolean {
  return node.op === "input" && node.shape.length === 0;
}

/** The node whose storage `node` shares: itself, or what a chain of reshapes starts from. */
export function storageOf(node: Node): Node {
  while (node.op === "reshape") node = node.inputs[0];
  return node;
}

/** Stored tensors that hold an output: itself, or its parts in order. */
export function partsOf(output: Node): readonly Node[] {
  return output.op === "join" ? output.inputs : [output];
}

/** Number of elements of the input or state that `node` is, or is a part of. */
export function wholeSize(node: Node): number {
  return (node.attrs.of as number | undefined) ?? sizeOf(node.shape);
}

/** Number of elements of every state that a run reads or writes, by name. */
export function stateSizes(graph: Graph): Map<string, number> {
  const read = liveNodes(graph).filter((node) => node.op === "state");
  return new Map([
    ...read.map((node): [string, number] => [node.attrs.name as string, wholeSize(node)]),
    ...graph.assignments.map(({ state, value, of }): [string, number] => [state, of ?? sizeOf(value.shape)]),
  ]);
}

/** Nodes that the graph's outputs and assignments depend on, in order. */
export function liveNodes(graph: Graph): Node[] {
  const live = new Set<Node>();
  const pending = [...Object.values(graph.outputs), ...graph.assignments.map(({ value }) => value)];
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (live.has(node)) continue;
    live.add(node);
    pending.push(...node.inputs);
  }
  return [...live].sort((a, b) => a.id - b.id);
}

/** Do two nodes have the same shape, axis by axis? */
export function sameShape(a: Node, b: Node): boolean {
  return a.shape.length === b.shape.length && a.shape.every((size, axis) => size === b.shape[axis]);
}

/** Shapes of a node's inputs. */
export function inputShapes(node: Node): Shape[] {
  return node.inputs.map((input) => input.shape);
}

/**
 * Text that is the same for equal attributes or calls. JSON has no infinities, no NaN and no −0: as text they are told
 * apart.
 */
export function keyOf(value: Attrs | Call): string {
  return JSON.stringify(
    value,
    (_, part) => typeof part === "number" ? (Object.is(part, -0) ? "-0" : `${part}`) : part,
  );
}

/** The call that a node of an op is. */
export function callOf(node: Node): Call {
  return { inputs: inputShapes(node), output: node.shape, attrs: node.attrs };
}
