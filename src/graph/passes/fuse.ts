/**
 * Fusion: decides which tensors are stored and groups the graph's primitives into steps.
 *
 * A step is a kernel (matmul, convolution, reduction, …) or a map over elements. Elementwise nodes are computed
 * where their value is used: before a kernel's reads (prologue), on its way to memory (epilogue), or in a map.
 *
 * An elementwise value must be stored when it is an output or new State. It must also be stored when a reader needs it
 * under another shape, or when a kernel reads it many times (an input that is not in its `prologue`). Otherwise
 * `#decide` compares the bytes of computing it at every reader with those of storing it once. A number made of
 * constants and scalar inputs is never stored.
 *
 * A kernel computes its elementwise producers where it reads (`prologue`), and one elementwise consumer of its own
 * shape where it writes (`emit`). So bias, batch norm, activation and residual ride with the convolution or pooling
 * around them.
 *
 * Maps of one shape are joined, such as those of a parameter and its momentum. So are equal calls of a kernel that
 * takes several (`joins`), which are the sums: both of batch norm's gradient are one pass over what they read.
 *
 * Limits: a dispatch has 8 tensors, an expression 64 operations. Where small dispatches are joined, they have as many
 * tensors as the device binds, up to 28 (on Metal a pipeline's buffers share 31 slots).
 *
 * @module
 */

import { elementwise } from "../../../kernels/elementwise.ts";
import { opNamed } from "../../../kernels/mod.ts";
import { sizeOf } from "../../../kernels/op.ts";
import {
  callOf,
  type Graph,
  isScalarInput,
  keyOf,
  liveNodes,
  type Node,
  partsOf,
  sameShape,
  storageOf,
  STRUCTURAL,
} from "../graph.ts";
import { type FusedStep, usesInPlace } from "../fused_step.ts";

/** What a device's kernels can take in. */
export interface FuseOptions {
  /** Elementwise producers are computed where a kernel reads them: every kernel that can, or those of these ops. */
  readonly prologues: boolean | ReadonlySet<string>;
  /** Elementwise consumers are applied where a kernel writes, likewise. */
  readonly epilogues: boolean | ReadonlySet<string>;
  /** A step may write several tensors. */
  readonly manyWrites: boolean;
  /** Most tensors a step may touch. */
  readonly maxBindings: number;
  /** Most tensors that a step of small ones may touch, where steps that need not be one are joined. */
  readonly maxJoined: number;
}

/**
 * Elements of the largest tensors that are small: what they take to compute is as long as a dispatch takes to start.
 */
const SMALL = 2 ** 18;

/** Longest chain computed on the fly: beyond it, registers spill and compilers slow down. */
const MAX_EXPRESSION = 64;

/** How far back a step looks for another to join. */
const JOIN_WINDOW = 16;

const isElementwise = (node: Node): boolean => elementwise.has(node.op);
const isPositional = (node: Node): boolean => elementwise.get(node.op)?.isPositional === true;
const isKernel = (node: Node): boolean => !STRUCTURAL.has(node.op) && !isElementwise(node);

/** Does a device fuse into this kernel? */
const allows = (option: boolean | ReadonlySet<string>, { op }: Node): boolean =>
  typeof option === "boolean" ? option : option.has(op);

/** The steps of a lowered graph, in an order in which every step comes after those it reads from. */
export function fuse(graph: Graph, options: FuseOptions): FusedStep[] {
  const steps = new Fusion(graph, options).steps();
  return options.manyWrites ? joinSteps(steps, options, updatesIn(graph)) : steps;
}

/** New values of State. */
const updatesIn = (graph: Graph): ReadonlySet<Node> => new Set(graph.assignments.map(({ value }) => storageOf(value)));

class Fusion {
  readonly #nodes: Node[];
  readonly #options: FuseOptions;
  readonly #wanted: ReadonlySet<Node>;
  readonly #consumers = new Map<Node, Node[]>();
  /** Elementwise nodes whose values are written to memory. */
  readonly #stored = new Set<Node>();
  /** Stored tensors that an elementwise node's value is computed from. */
  readonly #leaves = new Map<Node, Set<Node>>();
  /** Elementwise nodes made of constants and scalar inputs alone: the same number everywhere, so never stored. */
  readonly #uniform = new Set<Node>();
  /** Elementwise nodes that are computed where they are used, whatever the shape there. */
  readonly #cheap = new Set<Node>();
  /** Number of elementwise nodes computed to give a node's value. */
  readonly #length = new Map<Node, number>();

  constructor(graph: Graph, options: FuseOptions) {
    this.#nodes = liveNodes(graph);
    this.#options = options;
    const wanted = [
      ...Object.values(graph.outputs).flatMap(partsOf),
      ...graph.assignments.map(({ value }) => value),
    ];
    this.#wanted = new Set(wanted.map(storageOf));
    for (const node of this.#nodes) {
      for (const input of new Set(node.inputs)) this.#consumers.set(input, [...this.#consumers.get(input) ?? [], node]);
    }
    for (const node of this.#nodes) if (this.#isUniform(node)) this.#uniform.add(node);
    for (const node of this.#nodes) if (this.#isCheapScalar(node)) this.#cheap.add(node);
    const places = this.#places();
    for (const node of this.#nodes) {
      if (isElementwise(node)) this.#decide(node, places.get(node)!);
      else if (isKernel(node)) this.#relieve(node);
    }
  }

  #isUniform(node: Node): boolean {
    return isElementwise(node) && !isPositional(node) && node.inputs.length > 0 &&
      node.inputs.every((input) => input.op === "constant" || isScalarInput(input) || this.#uniform.has(input));
  }

  /**
   * One number, computed from at most one other that is stored: cheaper to compute wherever it is used. Not from what
   * gives another number for each element of what reads it.
   */
  #isCheapScalar(node: Node): boolean {
    if (this.#uniform.has(node)) return true;
    if (!isElementwise(node) || sizeOf(node.shape) !== 1 || isPositional(node)) return false;
    const others = new Set(
      node.inputs.filter((input) => input.op !== "constant" && !isScalarInput(input) && !this.#uniform.has(input)),
    );
    const isStored = (other: Node): boolean =>
      !isElementwise(other) || this.#cheap.has(other) || this.#mustStore(other);
    return others.size <= 1 && [...others].every(isStored);
  }

  /** Must the value be in memory whatever it costs? */
  #mustStore(node: Node): boolean {
    if (this.#wanted.has(node)) return true;
    return (this.#consumers.get(node) ?? []).some((consumer) => {
      if (isElementwise(consumer)) return !this.#cheap.has(node) && !sameShape(consumer, node);
      if (consumer.op === "reshape") return true;
      const prologue = allows(this.#options.prologues, consumer) ? opNamed(consumer.op).kernel!.prologue ?? [] : [];
      return consumer.inputs.some((input, k) => input === node && !prologue.includes(k));
    });
  }

  /** For each elementwise node, the stored nodes and kernels in which its value is used. */
  #places(): Map<Node, Set<Node>> {
    const places = new Map<Node, Set<Node>>();
    for (const node of this.#nodes.toReversed()) {
      if (!isElementwise(node)) continue;
      const users = (this.#consumers.get(node) ?? []).flatMap((consumer) =>
        isElementwise(consumer) && !this.#mustStore(consumer) ? [...places.get(consumer)!] : [consumer]
      );
      places.set(node, new Set(users));
    }
    return places;
  }

  #inputLeaves(node: Node): Set<Node> {
    const leaves = new Set<Node>();
    for (const input of node.inputs) for (const leaf of this.leavesOf(input)) leaves.add(leaf);
    return leaves;
  }

  /** Stored tensors from which the value of `node` is read or computed. */
  leavesOf(node: Node): ReadonlySet<Node> {
    if (node.op === "constant" || isScalarInput(node)) return new Set();
    return isElementwise(node) && !this.#stored.has(node) ? this.#leaves.get(node)! : new Set([storageOf(node)]);
  }

  #store(node: Node): void {
    this.#stored.add(node);
    this.#length.set(node, 0);
  }

  /** Stores `node` or leaves it to be computed where it is used, whichever moves fewer bytes. */
  #decide(node: Node, places: ReadonlySet<Node>): void {
    // One binding is for the output; a kernel that takes the value in needs two more for operands of its own.
    const taken = !this.#mustStore(node) && [...places].some(isKernel) ? 3 : 1;
    const room = this.#options.maxBindings - taken;
    let leaves = this.#inputLeaves(node);
    let length = 1;
    for (const input of node.inputs) length += this.#length.get(input) ?? 0;
    while (leaves.size > room || length > MAX_EXPRESSION) {
      const inlined = node.inputs.filter((input) => isElementwise(input) && !this.#stored.has(input));
      if (inlined.length === 0) break;
      const largest = inlined.reduce((a, b) => this.#length.get(b)! > this.#length.get(a)! ? b : a);
      length -= this.#length.get(largest)!;
      this.#store(largest);
      leaves = this.#inputLeaves(node);
    }
    this.#leaves.set(node, leaves);
    this.#length.set(node, length);
    const large = [...leaves].filter((leaf) => sizeOf(leaf.shape) === sizeOf(node.shape)).length;
    const computed = large * places.size;
    const stored = large + 1 + places.size;
    if (this.#mustStore(node) || computed > stored) this.#store(node);
  }

  /** Stores what a kernel was to compute where it reads, until the tensors that it touches are few enough. */
  #relieve(kernel: Node): void {
    while (this.#kernelReads(kernel).size + 1 > this.#options.maxBindings) {
      const inlined = [...this.#prologueOf(kernel).values()];
      if (inlined.length === 0) return;
      this.#store(inlined.reduce((a, b) => this.leavesOf(b).size > this.leavesOf(a).size ? b : a));
    }
  }

  steps(): FusedStep[] {
    const maps = this.#nodes.filter((node) => this.#stored.has(node));
    const kernels = this.#nodes.filter(isKernel);
    const prologues = new Map(kernels.map((kernel) => [kernel, this.#prologueOf(kernel)]));
    const readers = new Map<Node, Set<Node>>();
    const noteReads = (reader: Node, leaves: Iterable<Node>): void => {
      for (const leaf of leaves) readers.set(leaf, (readers.get(leaf) ?? new Set()).add(reader));
    };
    for (const map of maps) noteReads(map, this.#leaves.get(map)!);
    for (const kernel of kernels) noteReads(kernel, this.#kernelReads(kernel));

    const steps: { at: number; step: FusedStep }[] = [];
    const absorbed = new Set<Node>();
    for (const map of maps) {
      const kernel = this.#epilogueOf(map, readers, absorbed);
      if (kernel) absorbed.add(kernel);
      const reads = new Set([...this.#leaves.get(map)!, ...kernel ? this.#kernelReads(kernel) : []]);
      if (kernel) reads.delete(kernel);
      const kernels = kernel ? [{ kernel, prologue: prologues.get(kernel)! }] : [];
      steps.push({ at: map.id, step: { kernels, roots: [map], reads: [...reads], writes: [map] } });
    }
    for (const kernel of kernels) {
      if (absorbed.has(kernel)) continue;
      const kernels = [{ kernel, prologue: prologues.get(kernel)! }];
      const reads = [...this.#kernelReads(kernel)];
      steps.push({ at: kernel.id, step: { kernels, roots: [], reads, writes: [kernel] } });
    }
    return steps.sort((a, b) => a.at - b.at).map(({ step }) => step);
  }

  #prologueOf(kernel: Node): Map<number, Node> {
    const inlined = kernel.inputs.flatMap((input, k): [number, Node][] =>
      isElementwise(input) && !this.#stored.has(input) ? [[k, input]] : []
    );
    return new Map(inlined);
  }

  #kernelReads(kernel: Node): Set<Node> {
    return new Set(kernel.inputs.flatMap((input) => [...this.leavesOf(input)]));
  }

  /** The kernel in whose write-out `map` can be computed: it has the same shape and nobody else reads it. */
  #epilogueOf(map: Node, readers: ReadonlyMap<Node, ReadonlySet<Node>>, absorbed: ReadonlySet<Node>): Node | undefined {
    const leaves = this.#leaves.get(map)!;
    return [...leaves].reverse().find((kernel) =>
      isKernel(kernel) && allows(this.#options.epilogues, kernel) && !absorbed.has(kernel) &&
      !this.#wanted.has(kernel) && sameShape(kernel, map) &&
      readers.get(kernel)!.size === 1 &&
      this.#consumers.get(kernel)!.every((consumer) => isElementwise(consumer) && sameShape(consumer, map)) &&
      new Set([...leaves, ...this.#kernelReads(kernel)]).size + 1 <= this.#options.maxBindings
    );
  }
}

/**
 * Joins maps of one shape, and equal calls of kernels that take several. What they share is read once, and one dispatch
 * is cheaper than two. So the two sums of batch norm's gradient are one pass, and so are the norms of gradients of one
 * shape.
 *
 * @param updates New values of State. Maps to those are joined where they share what they read, as a parameter's and
 *   its momentum's do; a device computes those of all parameters in few dispatches, of whatever shapes they are.
 */
function joinSteps(steps: readonly FusedStep[], options: FuseOptions, updates: ReadonlySet<Node>): FusedStep[] {
  const joined: FusedStep[] = [];
  for (const step of steps) {
    const at = joined.findLastIndex((earlier, i) =>
      i >= joined.length - JOIN_WINDOW && canJoin(earlier, step, options, updates) &&
      !joined.slice(i + 1).some((between) => step.reads.some((read) => between.writes.includes(read)))
    );
    if (at < 0) joined.push(step);
    else joined[at] = join(joined[at], step);
  }
  return joined;
}

function canJoin(
  a: FusedStep,
  b: FusedStep,
  { maxBindings, maxJoined }: FuseOptions,
  updates: ReadonlySet<Node>,
): boolean {
  if (a.kernels.length > 0 || b.kernels.length > 0 ? !areEqualCalls(a, b) : !sameShape(a.writes[0], b.writes[0])) {
    return false;
  }
  const isUpdate = a.kernels.length === 0 && [...a.writes, ...b.writes].some((write) => updates.has(write));
  if (isUpdate && !shareReads(a, b)) return false;
  const { reads, writes } = join(a, b);
  // What b reads of a, it must read at the element it is computing, not broadcast or under another shape.
  const crossing = b.reads.some((read) => a.writes.includes(read));
  const isSmall = [...reads, ...writes].every(({ shape }) => sizeOf(shape) <= SMALL);
  return reads.length + writes.length <= (isSmall ? maxJoined : maxBindings) &&
    (!crossing || a.writes.every((write) => usesInPlace(b, write)));
}

/**
 * Does b read what a writes, or a state that a reads? Where a is one map, whatever else it reads counts, too: both
 * moments read the gradient, but so may another parameter's. Single numbers do not count.
 */
function shareReads(a: FusedStep, b: FusedStep): boolean {
  return b.reads.some((read) =>
    sizeOf(read.shape) > 1 &&
    (a.writes.includes(read) || a.reads.includes(read) && (read.op === "state" || a.writes.length === 1))
  );
}

/** Do two steps make equal calls of a kernel that takes several, and write what they give as it is? */
function areEqualCalls(a: FusedStep, b: FusedStep): boolean {
  if (a.roots.length > 0 || b.roots.length > 0 || a.kernels.length === 0 || b.kernels.length === 0) return false;
  const [{ kernel: one }] = a.kernels;
  const [{ kernel: other }] = b.kernels;
  return one.op === other.op && opNamed(one.op).kernel!.joins === true && keyOf(callOf(one)) === keyOf(callOf(other));
}

function join(a: FusedStep, b: FusedStep): FusedStep {
  return {
    kernels: [...a.kernels, ...b.kernels],
    roots: [...a.roots, ...b.roots],
    reads: [...new Set([...a.reads, ...b.reads.filter((read) => !a.writes.includes(read))])],
    writes: [...a.writes, ...b.writes],
  };
}
