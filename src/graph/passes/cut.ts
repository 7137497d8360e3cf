/**
 * Cutting: a device binds tensors up to some size only. WebGPU promises 128 MiB, and Mesa's llvmpipe has no more.
 * VGG16's first dense layer takes 392. What is larger is held, computed and used in equal parts along its first axis.
 * Each op says how a call of it is computed in parts ({@link Cut}). Slices, and joins along the first axis, move rows
 * between parts. Kernels never know.
 *
 * A part of an input or a state is a window of its buffer; a part of a temporary is a temporary of its own. Tensors
 * that meet are cut into the same parts, so that nothing is copied on the way from one to another. A state that is
 * larger than a buffer lies in several ({@link piecesOf}), each of which holds whole parts.
 *
 * Cutting comes before fusion, and on WebGPU only. A call's `cuts` say which axis of each input is cut, and whether the
 * parts' results lie side by side or are added up. A product cut along k, for example, is added up. Parts of states and
 * inputs are windows of one buffer (attributes `start` and `of`). An output in parts is a `join`, which only reading
 * back puts together. A product with an operand that is cut is left to its kernel, and a choice is asked for part by
 * part.
 *
 * `tests/kernels/cuts_test.ts` tries every declared cut against the whole; `tests/device/limits_test.ts` lays models
 * out for the limits that devices report, such as buffers of 256 MiB.
 *
 * @module
 */

import { opNamed } from "../../../kernels/mod.ts";
import { type Attrs, type Cut, type Shape, sizeOf, type Tensor } from "../../../kernels/op.ts";
import { GraphBuilder } from "../builder.ts";
import type { Chooser } from "../choices.ts";
import { callOf, type Graph, liveNodes, type Node, STRUCTURAL } from "../graph.ts";
import { ALIGNMENT } from "../place.ts";
import { rebuild } from "./lower.ts";

/**
 * The same lowered graph, in which no stored tensor is larger than `maxBytes` in float32. What is held in half
 * precision could be twice as large, but it meets State and inputs that are not. Parts are computed as `choices` say.
 *
 * @param maxBuffer Largest buffer of a state, in bytes.
 * @throws RangeError when a tensor cannot be cut so small.
 */
export function cut(graph: Graph, maxBytes: number, choices?: Chooser, maxBuffer = Infinity): Graph {
  const isLarge = (node: Node) => 4 * sizeOf(node.shape) > maxBytes;
  const nodes = liveNodes(graph);
  return nodes.some(isLarge) ? new Cutting(graph, nodes, isLarge, { maxBytes, maxBuffer }, choices).graph() : graph;
}

/**
 * In how many equal pieces a state of `length` numbers is held, so that each fits a buffer. Its length alone decides,
 * so that all programs of a session agree, whatever parts they use it in. Powers of 2 divide most first axes.
 */
export function piecesOf(length: number, maxBuffer: number): number {
  let pieces = 1;
  while (4 * length / pieces > maxBuffer) pieces *= 2;
  return pieces;
}

class Cutting {
  readonly #from: Graph;
  readonly #b: GraphBuilder;
  readonly #nodes: readonly Node[];
  readonly #isLarge: (node: Node) => boolean;
  readonly #maxBytes: number;
  readonly #maxBuffer: number;
  /** What is a window of a longer buffer when it is cut, and so begins at a multiple of {@link ALIGNMENT}. */
  readonly #isWindow: (node: Node) => boolean;
  /** In how many parts the tensors are cut whose first axis has some size. */
  readonly #counts: ReadonlyMap<number, number>;
  readonly #whole = new Map<Node, Tensor>();
  readonly #parts = new Map<Node, readonly Tensor[]>();

  constructor(
    from: Graph,
    nodes: readonly Node[],
    isLarge: (node: Node) => boolean,
    { maxBytes, maxBuffer }: { readonly maxBytes: number; readonly maxBuffer: number },
    choices?: Chooser,
  ) {
    this.#from = from;
    this.#b = new GraphBuilder({ primitives: true, choices, maxBytes, precision: from.precision });
    this.#nodes = nodes;
    this.#isLarge = isLarge;
    this.#maxBytes = maxBytes;
    this.#maxBuffer = maxBuffer;
    const assigned = new Set(from.assignments.map(({ value }) => value));
    this.#isWindow = (node) => isLeaf(node.op) || assigned.has(node);
    this.#counts = this.#count();
  }

  graph(): Graph {
    const { outputs, assignments } = this.#from;
    for (const node of this.#nodes) this.#add(node);
    for (const [name, node] of Object.entries(outputs)) {
      if (this.#isLarge(node)) this.#b.outputParts(name, this.#parts.get(node)!);
      else this.#b.output(name, this.#wholeOf(node));
    }
    for (const { state, value } of assignments) {
      if (!this.#isLarge(value)) {
        this.#b.assign(state, this.#wholeOf(value));
        continue;
      }
      const of = sizeOf(value.shape);
      const parts = this.#parts.get(value)!;
      parts.forEach((part, k) => this.#b.assignPart(state, part, k * of / parts.length, of));
    }
    return this.#b.graph;
  }

  /**
   * The fewest parts that are small enough, alike for all tensors whose first axes have one size or are reshaped into
   * each other.
   */
  #count(): Map<number, number> {
    const large = this.#nodes.filter(this.#isLarge);
    const groups = new Map<number, Set<Node>>();
    for (const node of large) {
      const alike = [node.shape[0], ...node.op === "reshape" ? [node.inputs[0].shape[0]] : []];
      const group = new Set([node, ...alike.flatMap((size) => [...groups.get(size) ?? []])]);
      for (const member of group) groups.set(member.shape[0], group);
      for (const size of alike) groups.set(size, group);
    }
    return new Map([...groups].map(([size, group]) => [size, this.#partsFor(group)]));
  }

  #partsFor(group: ReadonlySet<Node>): number {
    const members = [...group];
    const largest = members.reduce((a, b) => sizeOf(b.shape) > sizeOf(a.shape) ? b : a);
    const fits = (count: number) =>
      members.every((node) => {
        const bytes = 4 * sizeOf(node.shape) / count;
        return node.shape[0] % count === 0 && bytes <= this.#maxBytes && (!this.#isWindow(node) ||
          bytes % ALIGNMENT === 0 && count % piecesOf(sizeOf(node.shape), this.#maxBuffer) === 0);
      });
    for (let count = 2; count <= largest.shape[0]; count++) if (fits(count)) return count;
    throw new RangeError(
      `a tensor of [${
        largest.shape.join(", ")
      }] cannot be cut along its first axis into equal parts of at most ${this.#maxBytes} bytes`,
    );
  }

  #add(node: Node): void {
    const count = this.#counts.get(node.shape[0]);
    const { name } = node.attrs;
    if (isLeaf(node.op) && this.#isLarge(node)) {
      const of = sizeOf(node.shape);
      const shape = partShape(node.shape, 0, count!);
      const part = (k: number) => this.#b.part(node.op as "input", name as string, shape, k * of / count!, of);
      this.#parts.set(node, Array.from({ length: count! }, (_, k) => part(k)));
    } else if (node.op === "reshape" && this.#parts.has(node.inputs[0]) && node.shape[0] % count! === 0) {
      const parts = this.#parts.get(node.inputs[0])!;
      const shape = partShape(node.shape, 0, parts.length);
      const { again } = node.attrs;
      const renamed = parts.map((part) => again === undefined ? part : this.#b.again(part, again as number));
      this.#parts.set(node, renamed.map((part) => this.#b.reshape(part, shape)));
    } else if (!STRUCTURAL.has(node.op) && [node, ...node.inputs].some(this.#isLarge)) {
      const op = opNamed(node.op);
      const rows = op.kind === "kernel" ? op.rows?.(node.attrs) : undefined;
      if (rows === "taken") this.#slice(node);
      else if (rows === "joined") this.#join(node);
      else this.#compute(node);
    } else {
      this.#whole.set(node, rebuild(this.#b, node, node.inputs.map((input) => this.#wholeOf(input))));
    }
  }

  /** A box of a tensor, in as many pieces as there are parts that hold some of it. */
  #pieces(node: Node, start: Shape, size: Shape, attrs: Attrs = {}): Tensor[] {
    const parts = this.#parts.get(node) ?? [this.#wholeOf(node)];
    const each = node.shape[0] / parts.length;
    return parts.flatMap((part, k) => {
      const first = Math.max(start[0] - k * each, 0);
      const end = Math.min(start[0] + size[0] - k * each, each);
      if (first >= end) return [];
      const box = { start: [first, ...start.slice(1)], size: [end - first, ...size.slice(1)] };
      return `${box.size}` === `${part.shape}` ? [part] : [this.#b.op("slice", [part], { ...attrs, ...box })];
    });
  }

  /** Moves boxes of tensors to the rows of another, part by part. */
  #move(node: Node, piecesOf: (from: number, to: number) => Tensor[]): void {
    const count = this.#isLarge(node) ? this.#counts.get(node.shape[0])! : 1;
    const rows = node.shape[0] / count;
    const parts = Array.from({ length: count }, (_, k) => this.#b.concat(piecesOf(k * rows, (k + 1) * rows), 0));
    if (count === 1) this.#whole.set(node, parts[0]);
    else this.#parts.set(node, parts);
  }

  #slice(node: Node): void {
    const { start, size } = node.attrs as { start: Shape; size: Shape };
    this.#move(node, (from, to) =>
      this.#pieces(
        node.inputs[0],
        [start[0] + from, ...start.slice(1)],
        [to - from, ...size.slice(1)],
        node.attrs,
      ));
  }

  /** Two tensors along the first axis. */
  #join(node: Node): void {
    const [a, b] = node.inputs;
    const middle = a.shape[0];
    const rows = (side: Node, from: number, to: number) =>
      this.#pieces(side, side.shape.map((_, axis) => axis === 0 ? from : 0), [to - from, ...side.shape.slice(1)]);
    this.#move(node, (from, to) => [
      ...rows(a, from, Math.min(to, middle)),
      ...rows(b, Math.max(from, middle) - middle, to - middle),
    ]);
  }

  /** Computes a call in parts. */
  #compute(node: Node): void {
    const way = opNamed(node.op).cuts?.(callOf(node)).find((way) =>
      node.inputs.every((input, k) => !this.#isLarge(input) || way.inputs[k] === 0) &&
      (!this.#isLarge(node) || way.output === 0)
    );
    const along = [node, ...node.inputs].find(this.#isLarge)!;
    if (!way) {
      throw new RangeError(
        `Cannot ${node.op} [${along.shape.join(", ")}] in parts: the device binds at most ${this.#maxBytes} bytes`,
      );
    }
    const count = this.#counts.get(along.shape[0])!;
    const parts = Array.from({ length: count }, (_, k) =>
      this.#b.op(
        node.op,
        node.inputs.map((input, i) => {
          const axis = way.inputs[i];
          return axis === undefined ? this.#wholeOf(input) : this.#partOf(input, axis, k, count);
        }),
        { ...node.attrs, ...way.attrs?.(k, count) },
      ));
    if (way.output === 0) this.#parts.set(node, parts);
    else this.#whole.set(node, this.#combine(parts, way.output));
  }

  #combine(parts: readonly Tensor[], output: Cut["output"]): Tensor {
    if (typeof output === "number") return this.#b.concat(parts, output);
    return parts.reduce((sum, part) => output === "sum" ? this.#b.add(sum, part) : this.#b.maximum(sum, part));
  }

  #wholeOf(node: Node): Tensor {
    let whole = this.#whole.get(node);
    if (!whole) this.#whole.set(node, whole = this.#b.concat(this.#parts.get(node)!, 0));
    return whole;
  }

  #partOf(node: Node, axis: number, k: number, count: number): Tensor {
    const shape = partShape(node.shape, axis, count);
    const start = shape.map((size, other) => other === axis ? k * size : 0);
    return axis === 0
      ? this.#b.concat(this.#pieces(node, start, shape), 0)
      : this.#b.slice(this.#wholeOf(node), start, shape);
  }
}

const isLeaf = (op: string): boolean => op === "input" || op === "state";

function partShape(shape: Shape, axis: number, count: number): Shape {
  return shape.map((size, k) => k === axis ? size / count : size);
}
